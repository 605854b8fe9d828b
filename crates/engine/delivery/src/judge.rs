//! What a reply or a failure means: outcome, when again, signal to the path. Pure.
//!
//! Public because a model of carriers must judge exactly as the engine does: whoever plays a session without sockets makes
//! the [`Failure`] that the session would have met and asks [`failure`].

use std::time::Duration;

use bounce::{Disposition, TransportTrouble};
use clock::Chance;
use mail_model::{CarrierName, Cause, Outcome, Reply, Stage, UnixMs, Verdict};
use scheduler::greylist::GreyLore;
use scheduler::retry::{Deadline, Retry, Schedule, by_another_path};
use scheduler::{Heard, Signal};
use smtp_client::{Failure, Scope, Trouble};

/// The decision on one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// What is recorded.
    pub outcome: Outcome,
    /// Why, and by which rule.
    pub verdict: Verdict,
    /// When it is due again; `None` is final.
    pub again: Option<UnixMs>,
    /// Whether the retry should leave from the same source, as greylisting wants.
    pub same_source: bool,
    /// What the path is to be told; `None`: the attempt says nothing about the path.
    pub signal: Option<Signal>,
}

/// What is known of the mail that is judged.
#[derive(Clone, Debug)]
pub struct Case<'a> {
    /// Whose mail system refused it.
    pub carrier: &'a CarrierName,
    /// The carrier's waiting times.
    pub schedule: &'a Schedule,
    /// Number of this attempt, from 1.
    pub attempt: u16,
    /// When its message was handed in.
    pub accepted_at: UnixMs,
    /// Until when its message is of use.
    pub deadline: Deadline,
    /// When the attempt ended.
    pub now: UnixMs,
    /// How its carrier greylists, as far as that is known …
    pub grey: GreyLore,
    /// … and for how long this mail has been greylisted; zero before the first time.
    pub grey_for: Duration,
    /// … and in which steps it is probed.
    pub grey_probe: Duration,
    /// Whether an "unknown user" of this path is not believed now.
    pub doubts_unknown: bool,
}

impl<'a> Case<'a> {
    /// A mail without deadline, of a carrier and a path of which nothing special is known.
    pub fn new(
        carrier: &'a CarrierName,
        schedule: &'a Schedule,
        attempt: u16,
        accepted_at: UnixMs,
        now: UnixMs,
    ) -> Self {
        Self {
            carrier,
            schedule,
            attempt,
            accepted_at,
            deadline: Deadline::default(),
            now,
            grey: GreyLore::default(),
            grey_for: Duration::ZERO,
            grey_probe: Duration::from_secs(60),
            doubts_unknown: false,
        }
    }
}

/// How often a mail is put off because its "unknown user" is not believed. Each try is by another path if there is one; a
/// path that is not doubted, or so many that are, have the last word.
pub const DOUBTED_ATTEMPTS_MAX: u16 = 6;

/// Judges a failure of any stage.
pub fn failure(case: &Case<'_>, failure: &Failure, chance: &mut Chance) -> Judgement {
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
    let mut judgement = if is_greylisting(&verdict) {
        greylisted(case, verdict, chance)
    } else if verdict.cause == Cause::AddressUnknown && case.doubts_unknown && case.attempt < DOUBTED_ATTEMPTS_MAX {
        // The words of a path that is being blocked condemn nobody: not the address, and not this mail either.
        let verdict = Verdict { rule: format!("{}+doubted", verdict.rule).into(), ..verdict };
        again(case, verdict, false, chance)
    } else {
        decide(case, verdict, reply, not_its_own, chance)
    };
    judgement.signal = Some(signal);
    judgement.same_source = same_source && judgement.again.is_some();
    judgement
}

/// Judges a look-up that gave no host.
pub fn no_route(case: &Case<'_>, trouble: TransportTrouble, chance: &mut Chance) -> Judgement {
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
pub fn policy_unmet(case: &Case<'_>, why: &str, chance: &mut Chance) -> Judgement {
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
    let retry = if not_its_own {
        let soon = by_another_path(case.attempt, case.now, chance);
        case.schedule.in_time(soon, case.accepted_at, case.deadline, case.now, chance)
    } else {
        case.schedule.next(case.attempt, case.accepted_at, case.deadline, case.now, chance)
    };
    deferred(verdict, retry)
}

fn greylisted(case: &Case<'_>, verdict: Verdict, chance: &mut Chance) -> Judgement {
    let due = case.now + case.grey.wait(case.grey_for, case.grey_probe, chance);
    deferred(verdict, case.schedule.in_time(due, case.accepted_at, case.deadline, case.now, chance))
}

fn deferred(verdict: Verdict, retry: Retry) -> Judgement {
    let (outcome, again) = match retry {
        Retry::At(due) => (Outcome::Deferred(verdict.cause), Some(due)),
        Retry::TooLate => (Outcome::Expired(verdict.cause), None),
    };
    Judgement { outcome, verdict, again, same_source: false, signal: None }
}

/// The reply in a failure, where the remote said something.
pub fn reply_of(failure: &Failure) -> Option<&Reply> {
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
pub fn is_greylisting(verdict: &Verdict) -> bool {
    verdict.rule.contains("greylist")
}

/// What the path is told. Words that are clear go before what the connection did; vague words and wordless ends are told
/// as such, for they may be about the rate, the session or the carrier's own trouble.
fn signal(verdict: &Verdict, failure: &Failure) -> Signal {
    let in_session = failure.scope != Scope::Destination;
    match (verdict.cause, &failure.trouble) {
        _ if is_greylisting(verdict) => Signal::Refused,
        // The carrier was not asked, so its patience with unknown users is as it was.
        (_, Trouble::NeedsSmtpUtf8) => Signal::Refused,
        (Cause::RateLimited, _) => Signal::Throttled { pause: None },
        (Cause::SenderBlocked, _) => Signal::Blocked { pause: None },
        (Cause::AddressUnknown, _) => Signal::UnknownUser,
        (Cause::ServerError | Cause::ConnectionFailed | Cause::Other, Trouble::Reply(reply))
            if reply.is_transient() =>
        {
            if reply.code == 421 {
                Signal::Throttled { pause: None }
            } else {
                Signal::Deferred
            }
        }
        (_, Trouble::Reset | Trouble::Closed) if in_session => Signal::Cut,
        (_, Trouble::TimedOut) if in_session => Signal::Silent,
        (_, Trouble::Reset) => Signal::ConnectReset,
        (_, Trouble::Refused | Trouble::Unreachable | Trouble::TimedOut | Trouble::Closed) => Signal::ConnectFailed,
        _ if !in_session => Signal::ConnectFailed,
        _ => Signal::Refused,
    }
}

/// What the path is told of a failure, with its circumstances. `took`: since the mail left.
pub fn heard(signal: Signal, failure: &Failure, took: Option<Duration>, attempt: u16) -> Heard {
    Heard {
        stage: Some(failure.stage),
        took,
        session_over: matches!(failure.scope, Scope::Session | Scope::Destination),
        retried: attempt > 1,
        ..Heard::from(signal)
    }
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
