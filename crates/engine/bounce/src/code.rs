//! The last resort: the reply code and the command it answers, RFC 5321 4.2.2 and 4.2.3 and the codes registered since.

use std::borrow::Cow;

use mail_model::Cause;

use crate::facts::Facts;
use crate::rule::{CONTENT, HELLO, MAIL, RCPT};

/// What a reply without telling words and status means.
pub(crate) fn class(facts: &Facts) -> (Cause, Cow<'static, str>) {
    let cause = match facts.code {
        454 | 523 | 530 | 534 | 535 | 538 => Cause::AuthFailed,
        525 => Cause::MailboxDisabled,
        552 => Cause::MailboxFull,
        556 => Cause::DomainUnknown,
        500..=504 | 555 => Cause::ServerError,
        421 => Cause::ConnectionFailed,
        400..=499 => Cause::ServerError,
        // RFC 7504: a host that takes no mail answers 521 or 554 in its greeting; we see it as being shut out.
        500..=599 if facts.is_at(HELLO) || facts.is_at(MAIL) => Cause::SenderBlocked,
        500..=599 if facts.is_at(CONTENT) => Cause::ContentRejected,
        550 | 551 | 553 if facts.is_at(RCPT) => Cause::AddressUnknown,
        554 => Cause::SenderBlocked,
        _ => Cause::Other,
    };
    let rule = match facts.stage {
        Some(stage) => format!("code/{}/{}", facts.code, slug(stage.as_str())),
        None => format!("code/{}", facts.code),
    };
    (cause, Cow::Owned(rule))
}

/// `end of DATA` as it stands in a rule's name: `end-of-data`.
pub(crate) fn slug(text: &str) -> String {
    text.to_ascii_lowercase().replace(' ', "-")
}
