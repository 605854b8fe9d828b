//! How often one address is answered, and how often everybody together. Pure: time is an argument.

use std::time::Duration;

use mail_model::{MonoUs, UnixMs};

/// How long an answer counts towards the limit of a day.
pub(crate) const DAY: Duration = Duration::from_secs(86_400);
/// Answers of a day that are remembered; the limit cannot be set higher.
const TIMES_MAX: usize = 100;

/// When one address was answered in the last 24 hours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answers(Vec<UnixMs>);

impl Answers {
    /// Reads what [`Answers::encode`] wrote; what cannot be read counts as nothing.
    pub(crate) fn decode(stored: Option<&[u8]>) -> Self {
        let number = |eight: &[u8]| eight.try_into().map(|bytes| UnixMs(u64::from_le_bytes(bytes))).ok();
        Self(stored.unwrap_or_default().chunks_exact(8).filter_map(number).collect())
    }

    /// Eight bytes for each answer.
    pub(crate) fn encode(&self) -> Vec<u8> {
        self.0.iter().flat_map(|at| at.0.to_le_bytes()).collect()
    }

    /// Whether another answer may go out: `interval` after the last one, at most `per_day` in 24 hours.
    pub(crate) fn may(&self, now: UnixMs, interval: Duration, per_day: u32) -> bool {
        let within = |span: Duration| self.0.iter().filter(move |at| now < **at + span).count();
        within(interval) == 0 && within(DAY) < usize::try_from(per_day).unwrap_or(usize::MAX)
    }

    /// Notes an answer.
    pub(crate) fn note(&mut self, now: UnixMs) {
        self.0.retain(|at| *at <= now && now < *at + DAY);
        self.0.push(now);
        let excess = self.0.len().saturating_sub(TIMES_MAX);
        self.0.drain(..excess);
    }
}

/// Answers to everybody: a bucket that fills at the allowed rate and holds ten seconds of it.
#[derive(Clone, Debug)]
pub(crate) struct Bucket {
    /// A token is a million, so that a microsecond's share is whole.
    micro_tokens: u64,
    full: u64,
    per_min: u64,
    at: MonoUs,
}

const TOKEN: u64 = 1_000_000;

impl Bucket {
    /// A full bucket.
    pub(crate) fn new(per_min: u32, now: MonoUs) -> Self {
        let per_min = u64::from(per_min.max(1));
        let full = (per_min * TOKEN / 6).max(TOKEN);
        Self { micro_tokens: full, full, per_min, at: now }
    }

    /// Takes a token; else tells how long until there is one.
    pub(crate) fn take(&mut self, now: MonoUs) -> Result<(), Duration> {
        let passed_us = now.0.saturating_sub(self.at.0);
        let grown = u128::from(passed_us) * u128::from(self.per_min) / 60;
        let grown = u64::try_from(grown).unwrap_or(u64::MAX);
        if grown > 0 {
            self.at = now;
            self.micro_tokens = self.micro_tokens.saturating_add(grown).min(self.full);
        }
        if self.micro_tokens >= TOKEN {
            self.micro_tokens -= TOKEN;
            return Ok(());
        }
        let missing = TOKEN - self.micro_tokens;
        Err(Duration::from_micros((missing * 60).div_ceil(self.per_min)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE_MS: u64 = 60_000;

    #[test]
    fn an_address_is_answered_once_an_interval_and_a_few_times_a_day() {
        let interval = Duration::from_secs(600);
        let mut answers = Answers::default();
        // (minute, answered)
        let table = [
            (0, true),
            (1, false),
            (9, false),
            (10, true),
            (30, true),
            (31, false),
            (60, true),
            (90, true),
            (120, false),
            (24 * 60 - 1, false),
            (24 * 60, true),
            (24 * 60 + 5, false),
            (24 * 60 + 10, true),
            (24 * 60 + 20, false),
        ];
        for (minute, answered) in table {
            let now = UnixMs(1_000_000 + minute * MINUTE_MS);
            assert_eq!(answers.may(now, interval, 5), answered, "minute {minute}");
            if answered {
                answers.note(now);
            }
            assert_eq!(Answers::decode(Some(&answers.encode())), answers);
        }
    }

    #[test]
    fn what_was_written_by_a_clock_ahead_of_ours_is_dropped_with_the_next_answer() {
        let mut answers = Answers::default();
        answers.note(UnixMs(1_000_000));
        assert!(!answers.may(UnixMs(5), Duration::from_secs(600), 5));
        answers.note(UnixMs(5));
        assert_eq!(answers.0, [UnixMs(5)]);
    }

    #[test]
    fn everybody_together_gets_the_allowed_rate_and_a_small_burst() {
        let mut bucket = Bucket::new(600, MonoUs(0));
        let burst = (0..1_000).take_while(|_| bucket.take(MonoUs(0)).is_ok()).count();
        assert_eq!(burst, 100);
        assert_eq!(bucket.take(MonoUs(0)), Err(Duration::from_millis(100)));
        assert_eq!(bucket.take(MonoUs(100_000)), Ok(()));
        let hour = (1..=3_600_000_u64).filter(|ms| bucket.take(MonoUs(100_000 + ms * 1_000)).is_ok()).count();
        assert_eq!(hour, 36_000);
        let mut slow = Bucket::new(1, MonoUs(0));
        assert_eq!((slow.take(MonoUs(0)), slow.take(MonoUs(0))), (Ok(()), Err(Duration::from_secs(60))));
    }
}
