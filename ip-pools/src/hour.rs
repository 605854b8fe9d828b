//! What was sent in the last hour, counted by the minute.

use std::collections::VecDeque;

use mail_model::UnixMs;

const MINUTE_MS: u64 = 60_000;
/// The running minute and the sixty before it: whatever second a mail went in, it counts for a full hour at least.
const MINUTES: u64 = 61;

/// A sliding hour. Empty minutes take no room.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hour {
    minutes: VecDeque<(u64, u32)>,
    sum: u32,
}

impl Hour {
    /// From minutes since 1970 with their counts, as [`Hour::minutes`] gave them. What lies ahead of `now` was written
    /// before the clock was set back and counts as sent now.
    pub(crate) fn restored(minutes: &[(u64, u32)], now: UnixMs) -> Self {
        let mut hour = Self::default();
        let mut sorted: Vec<_> =
            minutes.iter().map(|(minute, count)| ((*minute).min(now.0 / MINUTE_MS), *count)).collect();
        sorted.sort_unstable();
        for (minute, count) in sorted {
            hour.add(minute, count);
        }
        hour.forget(now.0 / MINUTE_MS);
        hour
    }

    pub(crate) fn count(&mut self, now: UnixMs) {
        let minute = now.0 / MINUTE_MS;
        self.set_back_to(minute);
        self.add(minute, 1);
        self.forget(minute);
    }

    /// Mails in the hour before `now`.
    pub(crate) fn sum(&self, now: UnixMs) -> u32 {
        let minute = now.0 / MINUTE_MS;
        let gone = self.minutes.iter().take_while(|(at, _)| at + MINUTES <= minute);
        self.sum.saturating_sub(gone.map(|(_, count)| count).sum())
    }

    /// When fewer than `cap` will be left if nothing more is sent; `None` when that is so now, or never.
    pub(crate) fn below(&self, cap: u32, now: UnixMs) -> Option<UnixMs> {
        let mut left = self.sum(now);
        if left < cap || cap == 0 {
            return None;
        }
        let minute = now.0 / MINUTE_MS;
        for (at, count) in self.minutes.iter().filter(|(at, _)| at + MINUTES > minute) {
            left = left.saturating_sub(*count);
            if left < cap {
                return Some(UnixMs((at + MINUTES) * MINUTE_MS));
            }
        }
        None
    }

    /// Every minute that still counts.
    pub(crate) fn minutes(&self, now: UnixMs) -> Vec<(u64, u32)> {
        let minute = now.0 / MINUTE_MS;
        self.minutes.iter().filter(|(at, _)| at + MINUTES > minute).copied().collect()
    }

    fn add(&mut self, minute: u64, count: u32) {
        self.sum = self.sum.saturating_add(count);
        match self.minutes.back_mut() {
            Some((last, sent)) if *last == minute => *sent = sent.saturating_add(count),
            _ => self.minutes.push_back((minute, count)),
        }
    }

    fn forget(&mut self, minute: u64) {
        while let Some((at, count)) = self.minutes.front().copied()
            && at + MINUTES <= minute
        {
            self.sum = self.sum.saturating_sub(count);
            self.minutes.pop_front();
        }
    }

    /// The clock was set back: what was sent keeps its age instead of lying in the future for hours.
    fn set_back_to(&mut self, minute: u64) {
        let Some(ahead) = self.minutes.back().map(|(last, _)| last.saturating_sub(minute)).filter(|ahead| *ahead > 0)
        else {
            return;
        };
        for (at, _) in &mut self.minutes {
            *at = at.saturating_sub(ahead);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOON: u64 = 29_000_000 * MINUTE_MS;

    fn second(s: u64) -> UnixMs {
        UnixMs(NOON + s * 1_000)
    }

    #[test]
    fn a_mail_counts_for_an_hour_and_leaves_within_the_minute_after() {
        let mut hour = Hour::default();
        hour.count(second(59));
        hour.count(second(61));
        let table = [(59, 2), (3_600, 2), (3_659, 2), (3_660, 1), (3_719, 1), (3_720, 0), (90_000, 0)];
        for (at, sum) in table {
            assert_eq!(hour.sum(second(at)), sum, "after {at} s");
        }
        assert_eq!(hour.below(2, second(100)), Some(second(3_660)));
        assert_eq!(hour.below(1, second(100)), Some(second(3_720)));
        assert_eq!((hour.below(3, second(100)), hour.below(0, second(100))), (None, None));
    }

    #[test]
    fn a_clock_set_back_neither_forgets_nor_blocks_for_hours() {
        let mut hour = Hour::default();
        for _ in 0..5 {
            hour.count(second(7_200));
        }
        assert_eq!(hour.sum(second(0)), 5);
        hour.count(second(0));
        assert_eq!((hour.sum(second(0)), hour.sum(second(3_660))), (6, 0));
    }

    #[test]
    fn what_was_stored_reads_back_and_the_future_counts_as_now() {
        let mut hour = Hour::default();
        hour.count(second(0));
        hour.count(second(600));
        let stored = hour.minutes(second(601));
        assert_eq!(Hour::restored(&stored, second(601)), hour);
        assert_eq!(Hour::restored(&stored, second(3_700)).sum(second(3_700)), 1);
        assert_eq!(Hour::restored(&stored, second(90_000)), Hour::default());
        let early = Hour::restored(&stored, UnixMs(NOON - 7_200_000));
        assert_eq!(early.sum(UnixMs(NOON - 7_200_000)), 2);
    }

    proptest! {
        #[test]
        fn no_hour_holds_more_than_the_cap_when_it_is_asked_before_each_mail(
            cap in 1_u32..40,
            gaps_ms in prop::collection::vec(0_u64..400_000, 1..400),
        ) {
            let mut hour = Hour::default();
            let (mut now, mut sent) = (UnixMs(NOON), Vec::new());
            for gap in gaps_ms {
                now = UnixMs(now.0 + gap);
                match hour.below(cap, now) {
                    None if hour.sum(now) < cap => {
                        hour.count(now);
                        sent.push(now.0);
                    }
                    told => prop_assert!(told.is_some_and(|at| at > now && hour.sum(at) < cap)),
                }
            }
            for (first, at) in sent.iter().enumerate() {
                let within = sent[first..].iter().take_while(|later| **later - at < 3_600_000).count();
                prop_assert!(within <= cap as usize, "{within} in an hour");
            }
        }
    }
}
