//! When a deferred mail is due again, and when it is given up. Pure.

use std::time::Duration;

use clock::Chance;
use mail_model::UnixMs;

/// What to do after an attempt that may be repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Try again then.
    At(UnixMs),
    /// No try could still arrive in time.
    TooLate,
}

/// The schedule of one carrier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Waiting time after the first, second, … attempt; the last one repeats.
    pub after_s: Vec<u64>,
    /// From acceptance until giving up, where the message has no deadline of its own.
    pub give_up_after_s: u64,
}

impl Schedule {
    /// The next due time after attempt number `attempts` (1 = the first) ended at `now`.
    ///
    /// The waiting time is spread by ±10 % so that mails deferred together do not come back together. A retry is
    /// only given if it is due before the deadline: a mail that cannot arrive in time is reported now, not later.
    pub fn next(
        &self,
        attempts: u16,
        accepted_at: UnixMs,
        not_after: Option<UnixMs>,
        now: UnixMs,
        chance: &mut Chance,
    ) -> Retry {
        let step = usize::from(attempts.saturating_sub(1)).min(self.after_s.len().saturating_sub(1));
        let wait_ms = self.after_s.get(step).copied().unwrap_or(60).saturating_mul(1_000);
        let spread_ms = wait_ms / 10;
        let due = now + Duration::from_millis(wait_ms - spread_ms + chance.below(2 * spread_ms + 1));
        let deadline = self.deadline(accepted_at, not_after);
        if due < deadline { Retry::At(due) } else { Retry::TooLate }
    }

    /// When a mail accepted at `accepted_at` is given up.
    pub fn deadline(&self, accepted_at: UnixMs, not_after: Option<UnixMs>) -> UnixMs {
        not_after.unwrap_or_else(|| accepted_at + Duration::from_secs(self.give_up_after_s))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule() -> Schedule {
        Schedule { after_s: vec![60, 120, 300], give_up_after_s: 3_600 }
    }

    #[test]
    fn waiting_times_follow_the_schedule_spread_by_a_tenth() {
        let mut chance = Chance::seeded(1);
        let now = UnixMs(10_000_000);
        for (attempts, wait_s) in [(1u16, 60u64), (2, 120), (3, 300), (4, 300), (900, 300)] {
            for _ in 0..100 {
                let Retry::At(due) = schedule().next(attempts, now, None, now, &mut chance) else {
                    panic!("not too late yet");
                };
                let waited = due.since_ms(now);
                assert!((wait_s * 900..=wait_s * 1_100).contains(&waited), "{attempts}: {waited}");
            }
        }
    }

    #[test]
    fn a_retry_that_cannot_arrive_before_the_deadline_is_not_promised() {
        let mut chance = Chance::seeded(1);
        let accepted = UnixMs(0);
        let table = [
            (None, 3_600_000 - 70_000, true),
            (None, 3_600_000 - 50_000, false),
            (Some(UnixMs(30_000)), 0, false),
            (Some(UnixMs(100_000)), 0, true),
            (Some(UnixMs(10_000_000)), 5_000_000, true),
        ];
        for (not_after, now, again) in table {
            let retry = schedule().next(1, accepted, not_after, UnixMs(now), &mut chance);
            assert_eq!(matches!(retry, Retry::At(_)), again, "{not_after:?} at {now}");
        }
    }
}
