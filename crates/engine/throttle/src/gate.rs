//! What goes in and out of a throttle: signals and their circumstances, answers, the reasons for a closed path.

use std::fmt;
use std::time::Duration;

use mail_model::{MonoUs, Stage};

/// Whether something may be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a permit that was taken must be used"]
pub enum Gate {
    /// Now.
    Go,
    /// Not now. The time is always later than the `now` of the question; ask again then, it is no promise.
    WaitUntil(MonoUs),
}

impl Gate {
    /// The next gate's answer, where this one says go.
    pub fn and_then(self, next: impl FnOnce() -> Self) -> Self {
        match self {
            Self::Go => next(),
            wait @ Self::WaitUntil(_) => wait,
        }
    }

    /// Whether the answer is [`Gate::Go`].
    pub fn is_go(self) -> bool {
        self == Self::Go
    }
}

/// What a path showed. One signal for each mail that was handed over, and [`Signal::ConnectOk`] for each session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// 2xx to the final dot.
    Accepted,
    /// Refused for the recipient's or the content's own fault; the path is fine.
    Refused,
    /// No such user; the path is fine, the share of them is [`NetblockGuard`](crate::NetblockGuard)'s business.
    UnknownUser,
    /// The carrier asks for less, in words that mean it.
    Throttled {
        /// How long to keep still, from the carrier's profile; without it the path's own, short at first.
        pause: Option<Duration>,
    },
    /// Put off in words that may mean anything: a rate, a busy machine, a fault of theirs.
    Deferred,
    /// The session ended in the middle without a word: closed or reset.
    Cut,
    /// A command of an open session was not answered in time.
    Silent,
    /// The carrier refuses this source.
    Blocked {
        /// How long to stay away, from the carrier's profile; without it `pause_default`, doubled with every failed
        /// probe.
        pause: Option<Duration>,
    },
    /// No connection: refused, unreachable or timed out, up to and with the greeting.
    ConnectFailed,
    /// RST at connect. au documents it as the sign of a block or of congestion.
    ConnectReset,
    /// Connected and greeted.
    ConnectOk,
}

/// A signal with its circumstances. What is not known is left at its default: `Heard::from(signal)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard {
    /// What the path showed.
    pub signal: Signal,
    /// The command it answers.
    pub stage: Option<Stage>,
    /// From the hand-over of the mail to this. Tells news from answers to what was sent before the last reaction.
    pub took: Option<Duration>,
    /// Mails that the session had carried before this one.
    pub session_mails: u32,
    /// Other sessions of the path, those being opened included.
    pub others_open: u32,
    /// Whether the session is over with it.
    pub session_over: bool,
    /// Whether the mail was tried before.
    pub retried: bool,
}

impl From<Signal> for Heard {
    fn from(signal: Signal) -> Self {
        Self { signal, stage: None, took: None, session_mails: 0, others_open: 0, session_over: false, retried: false }
    }
}

impl Heard {
    /// Whether it was said before the first mail of a session: the session itself was refused.
    pub(crate) fn is_at_the_door(&self) -> bool {
        match self.signal {
            Signal::ConnectFailed | Signal::ConnectReset => true,
            Signal::Throttled { .. } | Signal::Deferred | Signal::Cut | Signal::Silent => {
                self.stage.is_some_and(|stage| stage < Stage::Mail)
            }
            // Words of a block mean the source, whatever else is open.
            Signal::Blocked { .. } | Signal::Accepted | Signal::Refused | Signal::UnknownUser | Signal::ConnectOk => {
                false
            }
        }
    }

    /// When the mail left, as far as it is known.
    pub(crate) fn left_at(&self, now: MonoUs) -> MonoUs {
        let took = self.took.unwrap_or_default();
        MonoUs(now.0.saturating_sub(u64::try_from(took.as_micros()).unwrap_or(u64::MAX)))
    }
}

/// Why a path sends nothing, for operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClosedBecause {
    /// The carrier asked for less and gets a pause.
    Throttled,
    /// The carrier refuses this source.
    Blocked,
    /// Connections failed several times in a row.
    ConnectFailed,
    /// A connection was reset as it was made.
    ConnectReset,
}

impl ClosedBecause {
    /// As written in JSON and metric labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Throttled => "throttled",
            Self::Blocked => "blocked",
            Self::ConnectFailed => "connect_failed",
            Self::ConnectReset => "connect_reset",
        }
    }
}

impl fmt::Display for ClosedBecause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Throttled => "the carrier asked for less",
            Self::Blocked => "the carrier refuses this source",
            Self::ConnectFailed => "connections failed several times in a row",
            Self::ConnectReset => "the carrier reset a connection as it was made",
        })
    }
}
