//! Y!mobile and its forerunners EMOBILE and WILLCOM (`emnet.ne.jp`, `pdx.ne.jp`, `willcom.com`).

use crate::rule::{Rule, says};
use mail_model::Cause::{AddressUnknown, ConnectionFailed, RecipientFiltered};

/// Words that mean something particular here.
pub(crate) const RULES: &[Rule] = &[
    // Seen in bounces of emnet.ne.jp (EMOBILE).
    says("mailbox-unavailable", &["mailbox unavailable"]).permanent().means(AddressUnknown),
    // Seen in bounces of pdx.ne.jp and willcom.com.
    says("user-unknown", &["recipient address rejected user unknown"]).means(AddressUnknown),
    // WILLCOM's wording when the subscriber refuses the sender.
    says("refuses-to-receive", &["refuse to receive"]).means(RecipientFiltered),
];

/// ymx1.softbank.ne.jp defers with a bare 421.
pub(crate) const LAST: &[Rule] = &[says("bare-421", &[]).code(&[421]).means(ConnectionFailed)];
