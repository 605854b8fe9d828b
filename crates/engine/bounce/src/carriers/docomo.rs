//! docomo (`docomo.ne.jp`, NTT docomo): the command decides what "Unknown user" means.

use crate::rule::{CONTENT, Rule, says};
use mail_model::Cause::{AddressUnknown, ConnectionFailed, ContentRejected, MailboxFull, RateLimited};

/// Words that mean something particular here.
pub(crate) const RULES: &[Rule] = &[
    // Observed in bounces of docomo: the same 550 after the content is the subscriber's 受信拒否 or ドメイン指定受信.
    says("unknown-user-after-data", &["unknown user", "user unknown"])
        .at(CONTENT)
        .means(mail_model::Cause::RecipientFiltered),
    // The name was refused before any content was seen.
    says("unknown-user", &["unknown user", "user unknown"]).permanent().means(AddressUnknown),
    // note.com/sendmagic: 552 at DATA when the subscriber's box at the centre is full.
    says("too-much-mail-data", &["too much mail data"]).means(MailboxFull),
    // docomo documents 100 recipients a session; beyond it 552, older systems 554 and a closed session.
    says("too-many-recipients", &["too many recipients"]).means(RateLimited),
    says("session-of-over-100-recipients", &["transaction failed"]).code(&[554]).means(RateLimited),
    // nttdocomo.co.jp/service/imode_mail/notice: lines of more than 1,000 octets.
    says("line-too-long", &["line too long"]).means(ContentRejected),
    // Seen at connect and HELO when docomo limits connections.
    says("service-not-available", &["service not available"]).code(&[421]).means(ConnectionFailed),
];

/// What an answer without telling words means here: senders report 4xx as the sign of being held back.
pub(crate) const LAST: &[Rule] = &[says("held-back", &[]).transient().not_code(421).means(RateLimited)];
