//! Whether a mail arrives fast enough to be worth its seat.

use std::time::Duration;

use mail_model::MonoUs;

/// Counts the bytes of one mail by windows of equal length.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    window: Duration,
    least: u64,
    since: MonoUs,
    bytes: u64,
}

impl Pace {
    /// From `now` on at least `bytes_per_s` on average over every `window`.
    pub fn new(bytes_per_s: u64, window: Duration, now: MonoUs) -> Self {
        let window_ms = u64::try_from(window.as_millis()).unwrap_or(u64::MAX);
        Self { window, least: bytes_per_s.saturating_mul(window_ms) / 1_000, since: now, bytes: 0 }
    }

    /// So many bytes came.
    pub fn add(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    /// Until the window ends; zero when it is over.
    pub fn left(&self, now: MonoUs) -> Duration {
        self.window.saturating_sub(now.since(self.since))
    }

    /// At the end of a window: whether too few bytes came. Otherwise the next one begins.
    pub fn is_too_slow(&mut self, now: MonoUs) -> bool {
        if !self.left(now).is_zero() {
            return false;
        }
        let is_too_slow = self.bytes < self.least;
        (self.since, self.bytes) = (now, 0);
        is_too_slow
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_that_trickles_is_noticed_at_the_end_of_a_window_and_not_before() {
        let minute = Duration::from_secs(60);
        let at = |seconds: u64| MonoUs(1_000_000) + Duration::from_secs(seconds);
        let mut pace = Pace::new(100, minute, at(0));
        assert_eq!(pace.left(at(10)), Duration::from_secs(50));
        assert!(!pace.is_too_slow(at(59)));
        pace.add(6_000);
        assert!(!pace.is_too_slow(at(60)), "exactly the least is enough");
        pace.add(5_999);
        assert!(!pace.is_too_slow(at(119)));
        assert!(pace.is_too_slow(at(120)));
    }
}
