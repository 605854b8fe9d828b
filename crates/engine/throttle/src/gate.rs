//! What goes in and out of a throttle: signals, answers and the reasons for a closed path.

use std::fmt;
use std::time::Duration;

use mail_model::MonoUs;

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
    /// Whether the answer is [`Gate::Go`].
    pub fn is_go(self) -> bool {
        self == Self::Go
    }
}

/// What a path showed. One signal per reply, per connection attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// 2xx to the final dot.
    Accepted,
    /// Refused for the recipient's or the content's own fault; the path is fine.
    Refused,
    /// No such user; the path is fine, the ratio is [`UnknownGuard`](crate::UnknownGuard)'s business.
    UnknownUser,
    /// The carrier asks for less.
    Throttled {
        /// How long to keep still, from the carrier's profile; without it one reaction window.
        pause: Option<Duration>,
    },
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
