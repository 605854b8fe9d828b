//! How much a young source may send in an hour.

use mail_model::UnixMs;

pub(crate) const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;

/// Where a source stands in its warm-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WarmUp {
    /// As much as its carriers take.
    Warm,
    /// Capped.
    Warming {
        /// Whole days since the start, 0 on the first. Days of 24 hours from the start, not calendar days: a start
        /// late in the evening gets a full first day.
        day: usize,
        /// Mails an hour, to all carriers together.
        hourly_cap: u32,
    },
}

impl WarmUp {
    /// Where a source that `started` then stands now. A start that lies ahead counts as the first day.
    pub fn at(started: Option<UnixMs>, hourly_cap_by_day: &[u32], now: UnixMs) -> Self {
        let Some(started) = started else {
            return Self::Warm;
        };
        let day = usize::try_from(now.since_ms(started) / DAY_MS).unwrap_or(usize::MAX);
        match hourly_cap_by_day.get(day) {
            Some(cap) => Self::Warming { day, hourly_cap: *cap },
            None => Self::Warm,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cap_follows_days_of_24_hours_since_the_start_and_ends_after_the_table() {
        let start = UnixMs(1_000 * DAY_MS + 79_000_000);
        let table = [
            (start.0 - 1, WarmUp::Warming { day: 0, hourly_cap: 20 }),
            (start.0, WarmUp::Warming { day: 0, hourly_cap: 20 }),
            (start.0 + DAY_MS - 1, WarmUp::Warming { day: 0, hourly_cap: 20 }),
            (start.0 + DAY_MS, WarmUp::Warming { day: 1, hourly_cap: 28 }),
            (start.0 + 2 * DAY_MS, WarmUp::Warm),
            (u64::MAX, WarmUp::Warm),
        ];
        for (now, expected) in table {
            assert_eq!(WarmUp::at(Some(start), &[20, 28], UnixMs(now)), expected, "{now}");
        }
        assert_eq!(WarmUp::at(None, &[20], start), WarmUp::Warm);
        assert_eq!(WarmUp::at(Some(start), &[], start), WarmUp::Warm);
    }
}
