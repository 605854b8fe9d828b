//! When an address gets no more mail: what `bounces/causes.json` calls suppress_now, after_2_on_different_days and
//! after_5_in_30_days.

use mail_model::{Action, Cause, UnixMs};
use serde::{Deserialize, Serialize};

const DAY_MS: u64 = 24 * 3_600_000;
/// Japan Standard Time; Japan has no summer time, so days are counted without a time zone table.
const JST_OFFSET_MS: u64 = 9 * 3_600_000;
/// The window of `suppress_after_5_in_30_days`.
const WINDOW_MS: u64 = 30 * DAY_MS;
/// How many times within the window suppress.
const TIMES_IN_WINDOW: usize = 5;

/// The bounces of one address, as far as they count towards suppression.
///
/// At most a handful of numbers; times may arrive in any order. Once suppressed, an address stays so until
/// [`AddressHistory::forgive`]. Only final failures belong here: a 4xx that is tried again is not a bounce yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AddressHistory {
    suppressed: Option<Cause>,
    /// The JST day, counted from 1970-01-01, of the first "disabled".
    disabled_day: Option<u64>,
    /// Times of "full", ascending, none older than the window before the newest.
    full_at: Vec<UnixMs>,
}

impl AddressHistory {
    /// Notes a bounce. Causes that do not count (a filter above all) leave no trace.
    pub fn record(&mut self, cause: Cause, at: UnixMs) {
        for action in cause.actions() {
            let reached = match action {
                Action::SuppressNow => true,
                Action::SuppressAfter2OnDifferentDays => self.disabled_on_another_day(at),
                Action::SuppressAfter5In30Days => self.full_too_often(at),
                _ => continue,
            };
            // A dead address says more than a full one, so it replaces the reason.
            if reached && (self.suppressed.is_none() || cause.is_hard()) {
                self.suppressed = Some(cause);
            }
        }
    }

    /// Why the address gets no more mail; `None` while it does.
    pub fn suppressed_by(&self) -> Option<Cause> {
        self.suppressed
    }

    /// Forgets everything: somebody corrected or confirmed the address.
    pub fn forgive(&mut self) {
        *self = Self::default();
    }

    fn disabled_on_another_day(&mut self, at: UnixMs) -> bool {
        let day = at.0.saturating_add(JST_OFFSET_MS) / DAY_MS;
        *self.disabled_day.get_or_insert(day) != day
    }

    fn full_too_often(&mut self, at: UnixMs) -> bool {
        let place = self.full_at.partition_point(|earlier| *earlier <= at);
        self.full_at.insert(place, at);
        let newest = self.full_at.last().copied().unwrap_or(at);
        self.full_at.retain(|time| newest.since_ms(*time) <= WINDOW_MS);
        let excess = self.full_at.len().saturating_sub(TIMES_IN_WINDOW);
        self.full_at.drain(..excess);
        self.full_at.len() >= TIMES_IN_WINDOW
    }
}
