//! SoftBank (`softbank.ne.jp`, `i.softbank.jp`, `vodafone.ne.jp`): filters drop silently, these refusals are spoken.

use crate::rule::{MAIL, Rule, says};
use mail_model::Cause::{AddressUnknown, AuthFailed, RateLimited};

/// Words that mean something particular here.
pub(crate) const RULES: &[Rule] = &[
    // note.com/sendmagic; seen in real bounces of softbank.ne.jp and vodafone.ne.jp.
    says("invalid-recipient", &["invalid recipient"]).permanent().means(AddressUnknown),
    // Follows the refusal of every recipient of the transaction.
    says("no-recipient-left", &["no recipients specified", "need rcpt"]).means(AddressUnknown),
    // note.com/sendmagic: the envelope sender's domain has no DNS record, so every mail is refused.
    says("sender-domain-missing", &["(does not|doesnt) exist"]).at(MAIL).means(AuthFailed),
];

/// What an answer without telling words means here; SoftBank refuses "for a certain time" without saying more.
pub(crate) const LAST: &[Rule] = &[says("held-back", &[]).transient().not_code(421).means(RateLimited)];
