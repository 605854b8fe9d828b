//! What a reply or a failure means: outcome, when again, signal to the path. Pure.

use bounce::{Disposition, TransportTrouble};
use clock::Chance;
use mail_model::{CarrierName, Cause, Outcome, Reply, Stage, UnixMs, Verdict};
use scheduler::Signal;
use scheduler::retry::{Retry, Schedule};
use smtp_client::{Failure, Scope, Trouble};

/// The decision on one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Judgement {
    pub(crate) outcome: Outcome,
    pub(crate) verdict: Verdict,
    /// When it is due again; `None` is final.
    pub(crate) again: Option<UnixMs>,
    /// Whether the retry should leave from the same source, as greylisting wants.
    pub(crate) same_source: bool,
    pub(crate) signal: Option<Signal>,
}

/// What is known of the mail that is judged.
#[derive(Clone, Debug)]
pub(crate) struct Case<'a> {
    pub(crate) carrier: &'a CarrierName,
    pub(crate) schedule: &'a Schedule,
    /// Number of this attempt, from 1.
    pub(crate) attempt: u16,
    pub(crate) accepted_at: UnixMs,
    pub(crate) not_after: Option<UnixMs>,
    pub(crate) now: UnixMs,
}

/// Waiting time of a mail that met a trouble of the session or the source, not its own: another path takes it.
const OTHER_PATH_AFTER_MS: u64 = 1_000;

/// Judges a failure of any stage.
pub(crate) fn failure(case: &Case<'_>, failure: &Failure, chance: &mut Chance) -> Judgement {
    let verdict = match &failure.trouble {
        Trouble::Reply(reply) => bounce::classify_reply(reply, failure.stage, case.carrier),
        // Who does not announce SMTPUTF8 cannot have such a mailbox (RFC 6531 3.2): as good as an unknown user.
        Trouble::NeedsSmtpUtf8 => Verdict { cause: Cause::AddressUnknown, rule: "smtputf8/not-announced".into() },
        other => bounce::classify_trouble(transport(other), failure.stage),
    };
    let reply = reply_of(failure);
    let signal = signal(&verdict, failure);
    let not_its_own = matches!(failure.scope, Scope::Session) || verdict.cause == Cause::SenderBlocked;
    // Greylisting remembers source, sender and recipient: the same source must come back.
    let about_us = matches!(verdict.cause, Cause::RateLimited | Cause::SenderBlocked) && !is_greylisting(&verdict);
    let same_source = failure.stage == Stage::Rcpt && reply.is_some_and(Reply::is_transient) && !about_us;
    let mut judgement = decide(case, verdict, reply, not_its_own, chance);
    judgement.signal = Some(signal);
    judgement.same_source = same_source && judgement.again.is_some();
    judgement
}

/// Judges a look-up that gave no host.
pub(crate) fn no_route(case: &Case<'_>, trouble: TransportTrouble, chance: &mut Chance) -> Judgement {
    let verdict = bounce::classify_trouble(trouble, Stage::Dns);
    let dead = matches!(trouble, TransportTrouble::DnsNoDomain | TransportTrouble::DnsNoMx);
    // One wrong answer must not bounce every mail to a carrier we know: it has to be said twice, at two attempts.
    if dead && !case.carrier.is_other() && case.attempt < 2 {
        return again(case, verdict, false, chance);
    }
    decide(case, verdict, None, false, chance)
}

/// Judges hosts that do not meet what the recipient's domain demands of TLS. It concerns neither the recipient nor us:
/// the mail waits, and goes when the domain has put policy and hosts in order.
pub(crate) fn policy_unmet(case: &Case<'_>, why: &str, chance: &mut Chance) -> Judgement {
    let verdict = Verdict { cause: Cause::ConnectionFailed, rule: format!("tls-policy/{why}").into() };
    decide(case, verdict, None, false, chance)
}

fn decide(
    case: &Case<'_>,
    verdict: Verdict,
    reply: Option<&Reply>,
    not_its_own: bool,
    chance: &mut Chance,
) -> Judgement {
    match bounce::disposition(verdict.cause, reply, case.attempt) {
        Disposition::Retry => again(case, verdict, not_its_own, chance),
        Disposition::GiveUp => Judgement {
            outcome: Outcome::Failed(verdict.cause),
            verdict,
            again: None,
            same_source: false,
            signal: None,
        },
    }
}

fn again(case: &Case<'_>, verdict: Verdict, not_its_own: bool, chance: &mut Chance) -> Judgement {
    let soon = UnixMs(case.now.0 + OTHER_PATH_AFTER_MS);
    let deadline = case.schedule.deadline(case.accepted_at, case.not_after);
    let retry = match not_its_own {
        true if soon < deadline => Retry::At(soon),
        true => Retry::TooLate,
        false => case.schedule.next(case.attempt, case.accepted_at, case.not_after, case.now, chance),
    };
    let (outcome, again) = match retry {
        Retry::At(due) => (Outcome::Deferred(verdict.cause), Some(due)),
        Retry::TooLate => (Outcome::Expired(verdict.cause), None),
    };
    Judgement { outcome, verdict, again, same_source: false, signal: None }
}

/// The reply in a failure, where the remote said something.
pub(crate) fn reply_of(failure: &Failure) -> Option<&Reply> {
    match &failure.trouble {
        Trouble::Reply(reply) => Some(reply),
        _ => None,
    }
}

fn transport(trouble: &Trouble) -> TransportTrouble {
    match trouble {
        Trouble::TimedOut => TransportTrouble::TimedOut,
        Trouble::Closed => TransportTrouble::Closed,
        Trouble::Reset => TransportTrouble::Reset,
        Trouble::Refused => TransportTrouble::Refused,
        Trouble::Unreachable => TransportTrouble::Unreachable,
        Trouble::SourceUnusable => TransportTrouble::SourceUnusable,
        Trouble::Tls(_) => TransportTrouble::Tls,
        Trouble::Reply(_) | Trouble::NeedsSmtpUtf8 | Trouble::Protocol(_) => TransportTrouble::Protocol,
    }
}

/// A greylisting server asks for patience with one recipient, not for less mail.
fn is_greylisting(verdict: &Verdict) -> bool {
    verdict.rule.contains("greylist")
}

fn signal(verdict: &Verdict, failure: &Failure) -> Signal {
    let reply = reply_of(failure);
    match (verdict.cause, &failure.trouble) {
        _ if is_greylisting(verdict) => Signal::Refused,
        // The carrier was not asked, so its patience with unknown users is as it was.
        (_, Trouble::NeedsSmtpUtf8) => Signal::Refused,
        (Cause::RateLimited, _) => Signal::Throttled { pause: None },
        (Cause::SenderBlocked, _) => Signal::Blocked { pause: None },
        (Cause::AddressUnknown, _) => Signal::UnknownUser,
        (_, Trouble::Reset) => Signal::ConnectReset,
        _ if failure.scope == Scope::Destination => Signal::ConnectFailed,
        (_, Trouble::Refused | Trouble::Unreachable | Trouble::TimedOut | Trouble::Closed) => Signal::ConnectFailed,
        _ if reply.is_some_and(|r| r.code == 421) => Signal::Throttled { pause: None },
        _ => Signal::Refused,
    }
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
