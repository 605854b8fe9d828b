//! Whether a mail is tried again.

use mail_model::{Action, Cause, Reply};

/// How often a mail that a block on our source refused for good is tried, counting every attempt: another source may
/// be welcome where the first was not.
pub const BLOCKED_ATTEMPTS_MAX: u16 = 3;

/// What becomes of the mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Disposition {
    /// It stays queued for another attempt.
    Retry,
    /// It has failed for good.
    GiveUp,
}

/// Decides by the cause's actions and the reply's class. `attempts` counts the attempts made, this one included;
/// `reply` is `None` where the remote said nothing.
///
/// The deadline and the length of the retry schedule are the scheduler's to watch: `Retry` only means "not yet".
pub fn disposition(cause: Cause, reply: Option<&Reply>, attempts: u16) -> Disposition {
    let retried_always = match cause {
        Cause::RateLimited | Cause::ConnectionFailed => true,
        // docomo's and everybody's 552: the box may be emptied tomorrow.
        Cause::MailboxFull => cause.actions().contains(&Action::RetryLater),
        _ => false,
    };
    let refused_for_good = match reply {
        Some(reply) => reply.is_permanent(),
        // Without a reply only the DNS can condemn: a dead domain stays dead.
        None => cause.is_hard(),
    };
    let another_source_may_do = cause == Cause::SenderBlocked && attempts < BLOCKED_ATTEMPTS_MAX;
    if !refused_for_good || retried_always || another_source_may_do { Disposition::Retry } else { Disposition::GiveUp }
}
