//! How often somebody may come: a steady rate with room for a minute's burst, eight bytes for each who came lately.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use mail_model::MonoUs;

const MINUTE: Duration = Duration::from_secs(60);
/// Below this many entries nobody is swept out.
const SWEEP_MIN: usize = 1_024;

/// A pace of so many a minute.
///
/// The rate is kept as the time at which the next arrival would be due if all were evenly spaced (a "virtual schedule",
/// the same as a token bucket that holds one minute's tokens). Somebody who has been away for a minute has no entry.
#[derive(Clone, Copy, Debug)]
struct Pace {
    interval: Duration,
}

impl Pace {
    fn per_min(count: u32) -> Self {
        Self { interval: MINUTE / count.max(1) }
    }

    /// When the one after this is due, or nothing when this one is too early.
    fn take(self, due: Option<MonoUs>, now: MonoUs) -> Option<MonoUs> {
        let due = due.map_or(now, |due| due.max(now));
        let ahead = due.since(now) + self.interval;
        (ahead <= MINUTE).then(|| due + self.interval)
    }
}

/// Arrivals of each and of all.
#[derive(Debug)]
pub(crate) struct Arrivals<K> {
    each: Pace,
    all: Pace,
    due_by_key: HashMap<K, MonoUs>,
    due: Option<MonoUs>,
    sweep_at: usize,
}

/// Whose rate is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TooOften {
    /// This one comes too often.
    Each,
    /// All together come too often.
    All,
}

impl<K: Eq + Hash> Arrivals<K> {
    /// Rates per minute; 0 counts as 1.
    pub fn new(each_per_min: u32, all_per_min: u32) -> Self {
        let (each, all) = (Pace::per_min(each_per_min), Pace::per_min(all_per_min));
        Self { each, all, due_by_key: HashMap::new(), due: None, sweep_at: SWEEP_MIN }
    }

    /// Lets `key` in, or says whose rate is used up. Who is turned away uses nothing up.
    pub fn take(&mut self, key: K, now: MonoUs) -> Result<(), TooOften> {
        let all = self.all.take(self.due, now).ok_or(TooOften::All)?;
        let own = self.each.take(self.due_by_key.get(&key).copied(), now).ok_or(TooOften::Each)?;
        self.due = Some(all);
        self.due_by_key.insert(key, own);
        if self.due_by_key.len() >= self.sweep_at {
            self.due_by_key.retain(|_, due| *due > now);
            // The rate of all bounds what is left: at most one minute's arrivals.
            self.sweep_at = (self.due_by_key.len() * 2).max(SWEEP_MIN);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_minutes_worth_may_come_at_once_and_then_one_at_a_time() {
        let mut arrivals = Arrivals::new(6, 1_000);
        let start = MonoUs(1_000_000);
        let admitted = (0..10).filter(|_| arrivals.take("a", start).is_ok()).count();
        assert_eq!(admitted, 6);
        assert_eq!(arrivals.take("a", start + SECOND * 9), Err(TooOften::Each));
        assert_eq!(arrivals.take("a", start + SECOND * 10), Ok(()));
        assert_eq!(arrivals.take("a", start + SECOND * 10), Err(TooOften::Each));
        assert_eq!(arrivals.take("b", start), Ok(()), "another one is not concerned");
    }

    #[test]
    fn all_together_have_a_rate_of_their_own() {
        let mut arrivals = Arrivals::new(60, 100);
        let now = MonoUs(1_000_000);
        let admitted = (0..200).filter(|n| arrivals.take(*n, now).is_ok()).count();
        assert_eq!(admitted, 100);
        assert_eq!(arrivals.take(7, now), Err(TooOften::All));
    }

    #[test]
    fn those_who_stay_away_are_forgotten() {
        let mut arrivals = Arrivals::new(600, 6_000_000);
        let mut now = MonoUs(1_000_000);
        for n in 0..100_000u32 {
            now = now + Duration::from_micros(1_000);
            assert_eq!(arrivals.take(n, now), Ok(()));
            assert!(arrivals.due_by_key.len() <= SWEEP_MIN);
        }
    }
}
