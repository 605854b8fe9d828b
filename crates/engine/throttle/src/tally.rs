//! What the carrier took, and when it last had enough: from that the limit is computed.

use std::collections::VecDeque;
use std::time::Duration;

use mail_model::MonoUs;

/// Refusals remembered. More than a handful in [`HORIZON`] is a carrier that must be asked less anyway.
const MARKS_MAX: usize = 8;

/// What lies further back was another carrier: limits move with its load.
const HORIZON: Duration = Duration::from_secs(300);

/// Below this time and number the estimate is mostly rounding.
const SPAN_MIN: Duration = Duration::from_secs(15);
const MAILS_MIN: u64 = 5;
/// … of which the number may be smaller when the time is long.
const LONG: Duration = Duration::from_secs(60);
const MAILS_MIN_LONG: u64 = 2;

/// A door that has let nothing through for so long, and for three usual distances, was shut before.
const STALE: Duration = Duration::from_secs(3);

/// The span in which most carriers that count do so.
const MINUTE_S: u64 = 60;

/// Mails that went through.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    total: u64,
    /// By second, for as long as a minute.
    seconds: VecDeque<(u64, u32)>,
    /// Refusals: when, and how many had gone through until then.
    marks: VecDeque<(MonoUs, u64)>,
    last: Option<MonoUs>,
}

impl Tally {
    /// A mail went through.
    pub(crate) fn took(&mut self, now: MonoUs) {
        self.total += 1;
        self.last = Some(now);
        let second = now.0 / 1_000_000;
        match self.seconds.back_mut() {
            Some((last, count)) if *last >= second => *count = count.saturating_add(1),
            _ => self.seconds.push_back((second, 1)),
        }
        while self.seconds.front().is_some_and(|(first, _)| first + MINUTE_S <= second) {
            self.seconds.pop_front();
        }
    }

    /// The carrier had enough.
    pub(crate) fn refused(&mut self, now: MonoUs) {
        self.marks.push_back((now, self.total));
        if self.marks.len() > MARKS_MAX {
            self.marks.pop_front();
        }
    }

    /// How many went through in the last minute.
    pub(crate) fn last_minute(&self, now: MonoUs) -> u32 {
        self.lately(now, MINUTE_S)
    }

    /// How many went through in the last `seconds`, at most a minute.
    pub(crate) fn lately(&self, now: MonoUs, seconds: u64) -> u32 {
        let since = (now.0 / 1_000_000).saturating_sub(seconds - 1);
        let lately = self.seconds.iter().filter(|(second, _)| *second >= since);
        lately.fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }

    /// What it takes, mails a minute, were it refusing at this moment: what it took since an earlier refusal, divided
    /// by the time. A bucket of tokens is empty at both, so all that was taken between was its flow, whatever its size.
    ///
    /// The nearest refusal that is far enough away counts: the further the older. Too little when the carrier stood
    /// idle in between, never too much.
    ///
    /// Nothing, when nothing has gone through lately: then the door was shut before this refusal was heard.
    pub(crate) fn flow_per_min(&self, now: MonoUs) -> Option<f64> {
        let usual = self.seconds.len().min(usize::try_from(MINUTE_S).unwrap_or(usize::MAX));
        let apart_s = MINUTE_S.checked_div(usual as u64).unwrap_or(MINUTE_S);
        if self.last.is_none_or(|last| now.since(last) > STALE + Duration::from_secs(3 * apart_s)) {
            return None;
        }
        self.marks.iter().rev().take_while(|(at, _)| now.since(*at) <= HORIZON).find_map(|(at, total)| {
            let (span, mails) = (now.since(*at), self.total - total);
            let enough = if span >= LONG { MAILS_MIN_LONG } else { MAILS_MIN };
            (span >= SPAN_MIN && mails >= enough).then(|| mails as f64 * 60.0 / span.as_secs_f64())
        })
    }

    /// How many a bucket that fills with this rate must have held to let through what went through of late.
    pub(crate) fn above(&self, rate_per_min: f64, now: MonoUs) -> f64 {
        let now = now.0 / 1_000_000;
        let (mut level, mut last) = (0.0_f64, None);
        for (second, count) in self.seconds.iter().copied().chain([(now, 0)]) {
            let passed = last.map_or(0, |last: u64| second.saturating_sub(last)) as f64;
            level = (level - passed * rate_per_min / 60.0).max(0.0) + f64::from(count);
            last = Some(second);
        }
        level
    }

    /// Refusals in the last minute.
    pub(crate) fn refusals_lately(&self, now: MonoUs) -> usize {
        self.marks.iter().rev().take_while(|(at, _)| now.since(*at) <= Duration::from_secs(MINUTE_S)).count()
    }

    /// How many went through in all.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// How many went through since the last refusal.
    pub(crate) fn since_refusal(&self) -> u64 {
        self.total - self.marks.back().map_or(0, |(_, total)| *total)
    }

    /// Forgets the last refusal: it was no word on the rate.
    pub(crate) fn unmark(&mut self) {
        self.marks.pop_back();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(s: f64) -> MonoUs {
        MonoUs((s * 1e6) as u64)
    }

    #[test]
    fn what_was_taken_between_refusals_is_the_flow_whatever_the_size_of_the_bucket() {
        // (mails between, seconds between, flow a minute)
        let table = [
            (4, 59.0, None),
            (4, 60.0, Some(4.0)),
            (1, 60.0, None),
            (50, 14.0, None),
            (50, 30.0, Some(100.0)),
            (5, 60.0, Some(5.0)),
            (50, 301.0, None),
        ];
        for (mails, span_s, flow) in table {
            let mut tally = Tally::default();
            for _ in 0..1_000 {
                tally.took(second(9.0));
            }
            tally.refused(second(10.0));
            for n in 0..mails {
                tally.took(second(10.0 + span_s * f64::from(n) / f64::from(mails)));
            }
            assert_eq!(tally.flow_per_min(second(10.0 + span_s)), flow, "{mails} in {span_s} s");
        }
    }

    #[test]
    fn the_nearest_refusal_that_is_far_enough_away_counts() {
        let mut tally = Tally::default();
        for n in 0..200_u32 {
            let at = f64::from(n);
            // Two a second, from second 100 on one.
            tally.took(second(at));
            if n < 100 {
                tally.took(second(at + 0.5));
            }
            if [20, 100, 190].contains(&n) {
                tally.refused(second(at));
            }
        }
        let flow = tally.flow_per_min(second(200.0)).unwrap();
        assert!((flow - 60.0).abs() < 1.0, "{flow}");
        assert_eq!(tally.last_minute(second(199.0)), 60);
    }
}
