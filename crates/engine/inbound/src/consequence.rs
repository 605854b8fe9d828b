//! What follows from a late bounce: the actions of its cause, as far as an engine can do them. Pure.

use std::time::Duration;

use bounce::{AddressHistory, Noted};
use mail_model::{Action, Cause, EgressPath, UnixMs};
use scheduler::Signal;

const HOUR: Duration = Duration::from_secs(3_600);
/// How often one notification is sent again after it came back.
pub(crate) const AGAIN_MAX: u8 = 2;
/// A report that waited longer tells a path nothing about now.
const FRESH: Duration = Duration::from_secs(600);

/// What an operator is to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Alarm {
    /// A carrier refuses what we write.
    Content,
    /// A carrier refuses one of our addresses.
    Delist,
    /// A carrier finds SPF, DKIM, DMARC or reverse DNS wanting.
    Authentication,
    /// A carrier's server has a lasting fault.
    CarrierFault,
    /// No rule knows the words.
    Review,
    /// A recipient reported one of our mails as spam.
    Complaint,
    /// A path says "unknown" of so many that it is not believed.
    UnknownBurst,
}

impl Alarm {
    /// As written in labels.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Content => "content",
            Self::Delist => "delist",
            Self::Authentication => "authentication",
            Self::CarrierFault => "carrier_fault",
            Self::Review => "review",
            Self::Complaint => "complaint",
            Self::UnknownBurst => "unknown_burst",
        }
    }
}

/// What is known when a notification came back.
pub(crate) struct Known<'a> {
    /// Why it came back.
    pub cause: Cause,
    /// Whether the status or reply says 4xx.
    pub is_transient: bool,
    /// What is known of its address.
    pub history: AddressHistory,
    /// The path it left by; `None` when it left by none.
    pub path: Option<&'a EgressPath>,
    /// Whether that path's "unknown" is not believed now.
    pub is_doubted: bool,
    /// Whether the report speaks of somebody behind a forwarding.
    pub is_elsewhere: bool,
    /// How often it was sent again already.
    pub again: u8,
    /// Until when it may be sent.
    pub deadline: UnixMs,
    /// When the report came in.
    pub received_at: UnixMs,
    /// Now.
    pub now: UnixMs,
}

/// What is to be done.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Consequences {
    /// What is noted of the address, where that changes anything.
    pub noted: Option<Noted>,
    /// When the notification is sent again.
    pub again: Option<UnixMs>,
    /// What the path is told.
    pub signal: Option<Signal>,
    /// What operators are told.
    pub alarm: Option<Alarm>,
}

/// Every action of the cause, once.
pub(crate) fn consequences(known: &Known<'_>) -> Consequences {
    let mut history = known.history.clone();
    let mut follows = Consequences::default();
    let mut retried = false;
    let noted = noted(known);
    for action in known.cause.actions() {
        match action {
            Action::SuppressNow | Action::SuppressAfter2OnDifferentDays | Action::SuppressAfter5In30Days => {
                // Behind a forwarding another address is meant; the one we have took the mail.
                if !known.is_elsewhere && follows.noted.is_none() {
                    history.note(&noted);
                    follows.noted = (history != known.history).then(|| noted.clone());
                }
            }
            Action::RetryLater | Action::RetryAfterFix => retried = true,
            Action::RetryIf4xx => retried |= known.is_transient,
            Action::SlowDownCarrier => follows.signal = Some(Signal::Throttled { pause: None }),
            Action::PauseRoute => follows.signal = Some(Signal::Blocked { pause: None }),
            Action::AlertOperator => follows.alarm = Some(Alarm::Content),
            Action::AlertOperatorDelist => follows.alarm = Some(Alarm::Delist),
            Action::AlertOperatorFixAuth => follows.alarm = Some(Alarm::Authentication),
            Action::ReportIf5xx if !known.is_transient => follows.alarm = Some(Alarm::CarrierFault),
            Action::Review => follows.alarm = Some(Alarm::Review),
            Action::ReportIf5xx
            | Action::AskGuardianNewAddress
            | Action::ProposeCorrection
            | Action::NotifyGuardianOtherChannel
            | Action::NoRetry
            | Action::AskGuardianLiftFilter
            | Action::KeepAddress
            | Action::ReviseContent
            | Action::ShrinkMessage => {}
        }
    }
    if known.cause == Cause::AddressUnknown && !known.is_elsewhere {
        follows.signal = Some(Signal::UnknownUser);
    }
    if known.now.since_ms(known.received_at) > u64::try_from(FRESH.as_millis()).unwrap_or(u64::MAX) {
        follows.signal = None;
    }
    if retried && history.reason().is_none() {
        follows.again = due(known);
    }
    follows
}

fn noted(known: &Known<'_>) -> Noted {
    let (cause, at, path) = (known.cause, known.received_at, known.path.cloned());
    Noted::Bounce { cause, at, path, is_doubted: known.is_doubted }
}

fn due(known: &Known<'_>) -> Option<UnixMs> {
    let waits = match known.cause {
        // Somebody has to empty a mailbox or mend our DNS.
        Cause::MailboxFull | Cause::AuthFailed => [6 * HOUR, 24 * HOUR],
        _ => [HOUR, 4 * HOUR],
    };
    let due = known.now + *waits.get(usize::from(known.again))?;
    (known.again < AGAIN_MAX && due < known.deadline).then_some(due)
}

#[cfg(test)]
#[path = "consequence_tests.rs"]
mod tests;
