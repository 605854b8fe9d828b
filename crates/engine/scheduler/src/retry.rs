//! When a deferred mail is due again, and when it is given up. Pure.

use std::time::Duration;

use clock::Chance;
use mail_model::UnixMs;
use queue::StoredMessage;

/// What to do after an attempt that may be repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Try again then.
    At(UnixMs),
    /// No try could still arrive in time.
    TooLate,
}

/// Until when a mail is of use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deadline {
    /// Its message's deadline.
    pub not_after: Option<UnixMs>,
    /// Until then something else is sent in its place, where its sender asked for that.
    pub replace_until: Option<UnixMs>,
}

impl From<&StoredMessage> for Deadline {
    fn from(message: &StoredMessage) -> Self {
        Self { not_after: message.not_after, replace_until: message.at_deadline.replace_until }
    }
}

impl Deadline {
    /// When nothing is to be sent any more, where the message says so.
    pub fn ends_at(self) -> Option<UnixMs> {
        self.not_after.map(|end| self.replace_until.map_or(end, |until| until.max(end)))
    }
}

/// Left of a mail's time, below this no further try is squeezed in before its deadline: the session has to be opened, and
/// other mail may be before it.
const LAST_TRY_LEFT_MS_MIN: u64 = 20_000;

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
    /// The waiting time is spread by a fifth either way, so that mails deferred together do not come back together.
    pub fn next(
        &self,
        attempts: u16,
        accepted_at: UnixMs,
        deadline: Deadline,
        now: UnixMs,
        chance: &mut Chance,
    ) -> Retry {
        let step = usize::from(attempts.saturating_sub(1)).min(self.after_s.len().saturating_sub(1));
        let wait_ms = self.after_s.get(step).copied().unwrap_or(60).saturating_mul(1_000);
        let spread_ms = wait_ms / 5;
        let due = now + Duration::from_millis(wait_ms - spread_ms + chance.below(2 * spread_ms + 1));
        self.in_time(due, accepted_at, deadline, now, chance)
    }

    /// `due`, or what the mail's deadline makes of it.
    ///
    /// A retry is only given if it is due before the deadline: a mail that cannot arrive in time is reported now, not
    /// later. A waiting time is our guess, though, and a deadline is somebody's word: rather than give up with minutes
    /// left, the retry is brought forward into them. Each one leaves less than half of the rest, so there are few.
    pub fn in_time(
        &self,
        due: UnixMs,
        accepted_at: UnixMs,
        deadline: Deadline,
        now: UnixMs,
        chance: &mut Chance,
    ) -> Retry {
        let aim = deadline.not_after.filter(|end| due >= *end);
        let left_ms = aim.map_or(0, |end| end.since_ms(now));
        if left_ms >= LAST_TRY_LEFT_MS_MIN {
            let share = left_ms / 10;
            return Retry::At(now + Duration::from_millis(6 * share + chance.below(3 * share)));
        }
        if due < self.gives_up_at(accepted_at, deadline) { Retry::At(due) } else { Retry::TooLate }
    }

    /// When a mail accepted at `accepted_at` is given up.
    pub fn gives_up_at(&self, accepted_at: UnixMs, deadline: Deadline) -> UnixMs {
        deadline.ends_at().unwrap_or_else(|| accepted_at + Duration::from_secs(self.give_up_after_s))
    }
}

/// Attempts after which a mail that meets nothing but troubles of paths stops changing paths at once.
const AT_ONCE_ATTEMPTS: u16 = 3;
/// Its longest waiting time. Short: the path's own pause does the rest, and the last mails of a campaign must not lie
/// about when the path is open again.
const OTHER_PATH_MS_MAX: u64 = 15_000;

/// When a mail is due again whose attempt number `attempts` met a trouble that is not its own, of the session or the
/// source: at once, by another path. Where all of a carrier's paths are in trouble that would be again and again, all
/// mails together; so the wait doubles from the third attempt on, and has a half of itself of chance in it.
pub fn by_another_path(attempts: u16, now: UnixMs, chance: &mut Chance) -> UnixMs {
    let doublings = u32::from(attempts.saturating_sub(AT_ONCE_ATTEMPTS)).min(10);
    let wait_ms = (1_000_u64 << doublings).min(OTHER_PATH_MS_MAX);
    let spread_ms = if doublings == 0 { 0 } else { chance.below(wait_ms / 2 + 1) };
    now + Duration::from_millis(wait_ms + spread_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule() -> Schedule {
        Schedule { after_s: vec![60, 120, 300], give_up_after_s: 3_600 }
    }

    fn until(not_after: Option<UnixMs>) -> Deadline {
        Deadline { not_after, replace_until: None }
    }

    #[test]
    fn waiting_times_follow_the_schedule_spread_by_a_fifth() {
        let mut chance = Chance::seeded(1);
        let now = UnixMs(10_000_000);
        for (attempts, wait_s) in [(1u16, 60u64), (2, 120), (3, 300), (4, 300), (900, 300)] {
            for _ in 0..100 {
                let Retry::At(due) = schedule().next(attempts, now, until(None), now, &mut chance) else {
                    panic!("not too late yet");
                };
                let waited = due.since_ms(now);
                assert!((wait_s * 800..=wait_s * 1_200).contains(&waited), "{attempts}: {waited}");
            }
        }
    }

    #[test]
    fn a_hundred_thousand_mails_deferred_in_one_second_do_not_come_back_in_one() {
        let mut chance = Chance::seeded(1);
        let now = UnixMs(0);
        let mut by_second = std::collections::BTreeMap::<u64, u32>::new();
        for _ in 0..100_000 {
            let Retry::At(due) = schedule().next(3, now, until(None), now, &mut chance) else { panic!() };
            *by_second.entry(due.0 / 1_000).or_default() += 1;
        }
        let busiest = by_second.values().max().copied().unwrap();
        assert!(busiest < 1_200 && by_second.len() >= 120, "{busiest} in {} seconds", by_second.len());
    }

    #[test]
    fn a_retry_that_cannot_arrive_before_the_deadline_is_not_promised() {
        let mut chance = Chance::seeded(1);
        let accepted = UnixMs(0);
        let table = [
            (None, 3_600_000 - 80_000, true),
            (None, 3_600_000 - 40_000, false),
            (Some(UnixMs(19_000)), 0, false),
            (Some(UnixMs(100_000)), 0, true),
            (Some(UnixMs(10_000_000)), 5_000_000, true),
        ];
        for (not_after, now, again) in table {
            let retry = schedule().next(1, accepted, until(not_after), UnixMs(now), &mut chance);
            assert_eq!(matches!(retry, Retry::At(_)), again, "{not_after:?} at {now}");
        }
    }

    #[test]
    fn the_last_retries_are_brought_forward_before_the_deadline_and_are_few() {
        let mut chance = Chance::seeded(1);
        let end = UnixMs(200_000);
        for replace_until in [None, Some(UnixMs(900_000))] {
            let deadline = Deadline { not_after: Some(end), replace_until };
            let (mut now, mut tries) = (UnixMs(0), 0);
            while let Retry::At(due) = schedule().next(3, UnixMs(0), deadline, now, &mut chance) {
                if due >= end {
                    break;
                }
                assert!(due > now);
                now = due;
                tries += 1;
            }
            assert!((1..=4).contains(&tries) && end.since_ms(now) < 80_000, "{tries} tries until {now}");
        }
    }

    #[test]
    fn after_the_deadline_a_mail_with_a_replacement_is_tried_until_that_is_useless_too() {
        let mut chance = Chance::seeded(1);
        let deadline = Deadline { not_after: Some(UnixMs(100_000)), replace_until: Some(UnixMs(400_000)) };
        assert_eq!(deadline.ends_at(), Some(UnixMs(400_000)));
        for (now, again) in [(90_000, true), (110_000, true), (390_000, false)] {
            let retry = schedule().next(1, UnixMs(0), deadline, UnixMs(now), &mut chance);
            assert_eq!(matches!(retry, Retry::At(_)), again, "at {now}");
        }
        let useless = Deadline { not_after: Some(UnixMs(100_000)), replace_until: Some(UnixMs(50_000)) };
        assert_eq!(useless.ends_at(), Some(UnixMs(100_000)));
    }

    #[test]
    fn another_path_is_tried_at_once_three_times_and_then_ever_more_slowly() {
        let now = UnixMs(0);
        for (attempts, least_ms, most_ms) in
            [(1, 1_000, 1_000), (3, 1_000, 1_000), (4, 2_000, 3_000), (6, 8_000, 12_000), (60_000, 15_000, 22_500)]
        {
            let mut chance = Chance::seeded(1);
            let all: Vec<u64> = (0..200).map(|_| by_another_path(attempts, now, &mut chance).0).collect();
            assert!(all.iter().all(|due| (least_ms..=most_ms).contains(due)), "{attempts}: {all:?}");
        }
    }
}
