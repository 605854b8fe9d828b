//! What became of one attempt, and why we say so.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::cause::Cause;

/// What became of one attempt to hand over one notification.
///
/// | outcome | final | meaning |
/// |---|---|---|
/// | `Accepted` | yes | the carrier said 2xx to the final dot; not "delivered", carriers filter silently |
/// | `Replaced` | yes | its deadline passed, and the carrier took what its sender wanted sent in its place |
/// | `Deferred` | no | will be tried again |
/// | `Failed` | yes | refused for good |
/// | `Expired` | yes | its deadline or the last retry passed; the cause is that of the last attempt |
/// | `Withheld` | yes | not sent by our own decision |
/// | `Bounced` | yes | accepted, and later returned by mail |
/// | `Complained` | yes | accepted, and the recipient reported it as spam |
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Handed over.
    Accepted,
    /// Too late, and its replacement was handed over. Counted apart: the notice itself did not reach anybody.
    Replaced,
    /// Again later.
    Deferred(Cause),
    /// Refused for good.
    Failed(Cause),
    /// Too late.
    Expired(Cause),
    /// Not sent by our own decision.
    Withheld(Withheld),
    /// Handed over, and returned by mail later: a final word that corrects an earlier `Accepted`.
    Bounced(Cause),
    /// Handed over, and reported as spam by the recipient. It arrived; nothing more is wanted.
    Complained,
}

/// Why we did not send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Withheld {
    /// The address is suppressed because of earlier bounces.
    Suppressed,
    /// An operator bounced the queue (`/admin/bounce/v1`) or the caller cancelled.
    Cancelled,
}

impl Outcome {
    /// Whether a mail of it was handed over, the notice itself or its replacement.
    pub fn is_handed_over(self) -> bool {
        matches!(self, Self::Accepted | Self::Replaced)
    }

    /// Whether no further attempt follows.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Deferred(_))
    }

    /// The cause, where there is one.
    pub fn cause(self) -> Option<Cause> {
        match self {
            Self::Deferred(cause) | Self::Failed(cause) | Self::Expired(cause) | Self::Bounced(cause) => Some(cause),
            Self::Accepted | Self::Replaced | Self::Withheld(_) | Self::Complained => None,
        }
    }

    /// `accepted`, `replaced`, `deferred`, `failed`, `expired`, `withheld`, `bounced` or `complained`.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Replaced => "replaced",
            Self::Deferred(_) => "deferred",
            Self::Failed(_) => "failed",
            Self::Expired(_) => "expired",
            Self::Withheld(_) => "withheld",
            Self::Bounced(_) => "bounced",
            Self::Complained => "complained",
        }
    }

    /// Whether it corrects an outcome that was final: known only from what came back.
    pub fn is_late(self) -> bool {
        matches!(self, Self::Bounced(_) | Self::Complained)
    }
}

impl Withheld {
    /// As written in JSON, labels and files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Suppressed => "suppressed",
            Self::Cancelled => "cancelled",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Withheld(why) => write!(f, "withheld ({})", why.as_str()),
            other => match other.cause() {
                Some(cause) => write!(f, "{} ({cause})", other.kind()),
                None => f.write_str(other.kind()),
            },
        }
    }
}

/// A cause with the rule that decided it, so that a verdict explains itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// What it means.
    pub cause: Cause,
    /// Name of the rule, `docomo/unknown-user-after-data`.
    pub rule: Cow<'static, str>,
}
