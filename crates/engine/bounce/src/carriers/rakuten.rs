//! Rakuten Mobile (`rakumail.jp`).

use crate::rule::{Rule, says};
use mail_model::Cause::AddressUnknown;

/// Words that mean something particular here.
pub(crate) const RULES: &[Rule] = &[
    // Seen in a bounce of rakumail.jp after RCPT.
    says("user-not-found", &["user not found"]).means(AddressUnknown),
];
