//! Enhanced status codes: RFC 3463 with the registry "SMTP Enhanced Status Codes" of IANA.

use std::borrow::Cow;

use mail_model::Cause;

use crate::facts::Facts;

/// What a status says by itself; `None` for the codes that servers use for anything.
pub(crate) fn telling(facts: &Facts) -> Option<(Cause, Cow<'static, str>)> {
    let status = facts.status?;
    // 5.4.1 to 5.4.3 beside a reply contradict themselves: somebody did answer. 5.7.9 is an AUTH error and a policy.
    let is_doubtful = match (status.class, status.subject, status.detail) {
        (5, 4, 1..=3) => true,
        (_, 7, 9) => !matches!(facts.code, 534 | 535),
        _ => false,
    };
    // RFC 7505 gives 5.1.10 to null MX, with 556; Exchange Online uses it for every name it does not know, with 550.
    if (status.subject, status.detail, facts.code) == (1, 10, 550) && !facts.words.is_empty() {
        return Some((Cause::AddressUnknown, Cow::Owned(format!("status/{status}"))));
    }
    let cause = registered(status.subject, status.detail).filter(|_| !is_doubtful)?;
    Some((cause, Cow::Owned(format!("status/{status}"))))
}

/// What a status leans to when nothing else told anything.
pub(crate) fn vague(facts: &Facts) -> Option<(Cause, Cow<'static, str>)> {
    let status = facts.status?;
    let cause = match (status.subject, status.detail) {
        (1, _) => Cause::AddressUnknown,
        (2, 0) => Cause::RecipientFiltered,
        (3 | 5, _) => Cause::ServerError,
        (4, _) => Cause::ConnectionFailed,
        (6, _) => Cause::ContentRejected,
        (7, _) => Cause::SenderBlocked,
        _ => return None,
    };
    Some((cause, Cow::Owned(format!("status-subject/{status}"))))
}

/// The registered meaning of subject and detail. x.y.0 is "other" in each subject and never
/// telling, but for the media errors, which all are about the content.
fn registered(subject: u16, detail: u16) -> Option<Cause> {
    Some(match (subject, detail) {
        (1, 1 | 3 | 4 | 6) => Cause::AddressUnknown,
        (1, 2 | 10) => Cause::DomainUnknown,
        (1, 7) => Cause::SenderBlocked,
        (1, 8) => Cause::AuthFailed,
        (2, 1) => Cause::MailboxDisabled,
        (2, 2) => Cause::MailboxFull,
        (2, 3) | (3, 4) | (7, 16) => Cause::MessageTooLarge,
        (1, 9) | (2, 4) | (3, 1 | 2 | 3 | 5 | 6) => Cause::ServerError,
        (4, 1 | 2 | 3 | 7) => Cause::ConnectionFailed,
        (4, 4) => Cause::DomainUnknown,
        (4, 5) | (5, 3) | (7, 28) => Cause::RateLimited,
        (4, 6) | (5, 1 | 2 | 4 | 5 | 6) | (7, 15 | 19) => Cause::ServerError,
        (6, 0..=10) | (7, 7) => Cause::ContentRejected,
        (7, 2) => Cause::SenderBlocked,
        (7, 3..=6 | 8..=12 | 14 | 20..=27 | 29..=32 | 40) => Cause::AuthFailed,
        (7, 13) => Cause::MailboxDisabled,
        (7, 17) => Cause::AddressUnknown,
        (7, 18) => Cause::DomainUnknown,
        _ => return None,
    })
}
