//! What a path and its netblock know of a carrier, in a form that outlives the process.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Half of the growth beyond the start value is believed after this time: reputation fades with silence.
const HALF_LIFE: Duration = Duration::from_secs(7 * 24 * 3_600);

/// Older than this nothing is believed.
const AGE_MAX: Duration = Duration::from_secs(30 * 24 * 3_600);

/// Written into every stored value. A value of another version is not read: beginning anew is the cautious side.
pub const LEARNED_VERSION: u16 = 1;

/// What one egress path knows. Holds no time of its own: whoever stores it stores when, and gives the age back.
///
/// Every field is checked again when it is taken up, so a damaged value does no harm.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Learned {
    /// [`LEARNED_VERSION`] when it was written.
    pub version: u16,
    /// The highest rate that a clean round has carried, mails a minute; 0 when there was none.
    pub proven_per_min: f64,
    /// The rate at which the carrier takes no more, as computed from what it took; mails a minute.
    pub ceiling_per_min: Option<f64>,
    /// Whether the ceiling was found by a block rather than by a refusal, and is to be kept further away from.
    pub ceiling_by_block: bool,
    /// Seconds of clean running before the ceiling is tried again; doubled by each failed trial.
    pub probe_after_s: u32,
    /// Sessions at once that it takes from this source.
    pub sessions_max: Option<u32>,
    /// Mails after which it cuts a session.
    pub session_mails_max: Option<u32>,
    /// Least reply time seen, milliseconds; 0 when none was.
    pub reply_least_ms: u32,
}

impl Default for Learned {
    fn default() -> Self {
        Self {
            version: LEARNED_VERSION,
            proven_per_min: 0.0,
            ceiling_per_min: None,
            ceiling_by_block: false,
            probe_after_s: 0,
            sessions_max: None,
            session_mails_max: None,
            reply_least_ms: 0,
        }
    }
}

impl Learned {
    /// Whether there is anything worth keeping.
    pub fn is_empty(&self) -> bool {
        *self == Self { version: self.version, ..Self::default() }
    }
}

/// What is known of all sources of one netblock together at one carrier.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GuardLearned {
    /// [`LEARNED_VERSION`] when it was written.
    pub version: u16,
    /// The highest rate that a path of this netblock has proved, mails a minute; 0 when none has.
    pub frontier_per_min: f64,
    /// What the sources carry together in a clean round at most, mails a minute; 0 when there was none.
    pub sum_proven_per_min: f64,
    /// The sum at which the carrier takes no more, mails a minute.
    pub sum_ceiling_per_min: Option<f64>,
    /// Seconds of clean running before that sum is tried again.
    pub probe_after_s: u32,
    /// Answered recipients that the verdict on unknown users rests on.
    pub recipients: u32,
    /// Those of them that were unknown.
    pub unknown: u32,
}

impl Default for GuardLearned {
    fn default() -> Self {
        Self {
            version: LEARNED_VERSION,
            frontier_per_min: 0.0,
            sum_proven_per_min: 0.0,
            sum_ceiling_per_min: None,
            probe_after_s: 0,
            recipients: 0,
            unknown: 0,
        }
    }
}

impl GuardLearned {
    /// Whether there is anything worth keeping.
    pub fn is_empty(&self) -> bool {
        *self == Self { version: self.version, ..Self::default() }
    }
}

/// Share of what was learned that is still believed, 0–1; `None` when it is too old.
pub(crate) fn faded(age: Duration) -> Option<f64> {
    (age <= AGE_MAX).then(|| 0.5_f64.powf(age.as_secs_f64() / HALF_LIFE.as_secs_f64()))
}
