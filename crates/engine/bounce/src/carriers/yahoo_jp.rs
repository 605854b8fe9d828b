//! Yahoo! JAPAN (`yahoo.co.jp`, `ymail.ne.jp`, `ybb.ne.jp`): LY Corporation, not Yahoo Inc.

use crate::rule::{Rule, says};
use mail_model::Cause::{AddressUnknown, ConnectionFailed, ContentRejected, MailboxDisabled, RateLimited};

/// Words that mean something particular here.
pub(crate) const RULES: &[Rule] = &[
    // KumoMTA's community settings suspend the carrier for an hour after two of these in an hour.
    says("held-back", &["vs98 ip0", "tss\\d+", "ipts\\d+", "deferred"]).means(RateLimited),
    // Refused as bulk mail or by the authentication policy, the reply links to help page 80870.
    says("refused-as-bulk", &["message not allowed", "not accepted for policy reasons"]).means(ContentRejected),
    says("session-too-slow", &["timeout waiting for command"]).means(ConnectionFailed),
    // Wordings of the bounces that yahoo.co.jp itself wrote.
    says("no-account", &["doesnt have an? (\\S+ )?account"]).means(AddressUnknown),
    says("account-closed", &["account has been disabled or discontinued"]).means(MailboxDisabled),
    says("resources", &["resources temporarily unavailable"]).means(ConnectionFailed),
];
