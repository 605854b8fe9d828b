//! Yahoo Inc. (`yahoo.com`, `aol.com`, `ymail.com` …), by senders.yahooinc.com/smtp-error-codes.

use crate::rule::{Rule, says};
use mail_model::Cause::{AuthFailed, ContentRejected, SenderBlocked};

/// Words that mean something particular here. The codes in square brackets stand in `signatures`.
pub(crate) const RULES: &[Rule] = &[
    // 5.7.9 is used for missing authentication and for policy; the words tell which.
    says("unauthenticated", &["unauthenticated", "spf", "dkim", "dmarc*"]).means(AuthFailed),
    says("policy", &["not accepted for policy", "message not allowed"]).means(ContentRejected),
    says("mail-from-refused", &["vs1 mf", "vsp mf"]).means(SenderBlocked),
];
