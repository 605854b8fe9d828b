//! au and UQ (`au.com`, `ezweb.ne.jp`, KDDI): whether an address stands before "User unknown" decides.

use crate::rule::{CONTENT, RCPT, Rule, says};
use mail_model::Cause::{AddressUnknown, MessageTooLarge, RateLimited, RecipientFiltered};

/// Words that mean something particular here.
pub(crate) const RULES: &[Rule] = &[
    // Observed at the final dot: `550 : User unknown`, the refusing subscriber is not named.
    says("user-unknown-without-address", &["nobody user unknown", "^user unknown"]).means(RecipientFiltered),
    says("user-unknown-after-data", &["user unknown"]).at(CONTENT).means(RecipientFiltered),
    says("user-unknown", &["addr user unknown", "recipient address rejected"]).permanent().means(AddressUnknown),
    // note.com/sendmagic: a malformed local part, or a domain that is not au's.
    says("relay-access-denied", &["relay access denied"]).at(RCPT).means(AddressUnknown),
    // Follows the refusal of every recipient of the transaction.
    says("no-valid-recipients", &["no valid recipients"]).means(AddressUnknown),
    // au.com/mobile/service/attention/specification: 3 MB a mail.
    says("too-large", &["message size exceeds"]).means(MessageTooLarge),
];

/// What an answer without telling words means here: the texts of au's throttling are not published.
pub(crate) const LAST: &[Rule] = &[says("held-back", &[]).transient().not_code(421).means(RateLimited)];
