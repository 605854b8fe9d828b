//! How long replies take, and whether that grew with the rate.

use std::time::Duration;

/// A reply counts this much in the smoothed time (1/8, as TCP has it: a handful of replies, not one, not a hundred).
const SMOOTHING: f64 = 0.125;

/// Slow is more than so many times the least …
const SLOW_FACTOR: f64 = 3.0;
/// … and so much beyond that: small times vary by themselves.
const SLOW_EXTRA_S: f64 = 0.3;

/// One that waits alone may be longer on its way.
const SLOW_WAIT_S: f64 = 2.0;

/// A reply counts as at most so much more than usual.
const OUTLIER_FACTOR: f64 = 4.0;
const OUTLIER_EXTRA_S: f64 = 1.0;

/// The least is forgotten slowly: routes and hosts change.
const LEAST_GROWTH: f64 = 1.000_5;

/// A mail without an answer for so many usual times, and so long, is a sign of its own: carriers are known to fall silent
/// where others would say no.
const SILENT_FACTOR: f64 = 8.0;
const SILENT_MIN_S: f64 = 5.0;

/// Mails in flight at a mistake.
const IN_FLIGHT_BEYOND: f64 = 4.0;

/// Reply times of one path, seconds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Latency {
    smoothed: Option<f64>,
    least: Option<f64>,
}

impl Latency {
    /// With the least time that was learned earlier.
    pub(crate) fn resumed(least_ms: u32) -> Self {
        let least = (least_ms > 0).then(|| f64::from(least_ms) / 1_000.0);
        Self { smoothed: None, least }
    }

    /// A mail was answered.
    pub(crate) fn took(&mut self, took: Duration) {
        // One reply that comes after minutes is news of those minutes, not of now.
        let most = self.smoothed.map_or(f64::INFINITY, |smoothed| smoothed * OUTLIER_FACTOR + OUTLIER_EXTRA_S);
        let took = took.as_secs_f64().min(most);
        self.smoothed = Some(self.smoothed.map_or(took, |before| before + (took - before) * SMOOTHING));
        self.least = Some(self.least.map_or(took, |least| (least * LEAST_GROWTH).min(took)));
    }

    /// Least time, milliseconds; 0 when none is known.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
    pub(crate) fn least_ms(&self) -> u32 {
        self.least.map_or(0, |least| (least * 1_000.0).ceil() as u32)
    }

    /// Whether replies take much longer than they might.
    pub(crate) fn is_slow(&self) -> bool {
        match (self.smoothed, self.least) {
            (Some(smoothed), Some(least)) => smoothed > least * SLOW_FACTOR + SLOW_EXTRA_S,
            _ => false,
        }
    }

    /// Whether a mail that has waited so long will be slow.
    pub(crate) fn would_be_slow(&self, waited: Duration) -> bool {
        self.least.is_some_and(|least| waited.as_secs_f64() > least * SLOW_FACTOR + SLOW_WAIT_S)
    }

    /// How long to wait for an answer before the silence is taken for a sign; `None` while nothing is known.
    pub(crate) fn patience(&self) -> Option<Duration> {
        self.smoothed.map(|smoothed| Duration::from_secs_f64((smoothed * SILENT_FACTOR).max(SILENT_MIN_S)))
    }

    /// Most that a rate may grow at once, mails a minute, so that a mistake of the whole step has few mails in flight.
    pub(crate) fn step_max_per_min(&self) -> f64 {
        let time = self.smoothed.unwrap_or(0.0).max(0.001);
        IN_FLIGHT_BEYOND / time * 60.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_is_three_times_the_least_and_a_little() {
        // (usual ms, later ms, slow)
        let table = [(50, 300, false), (50, 500, true), (1_000, 2_500, false), (1_000, 4_000, true)];
        for (usual, later, slow) in table {
            let mut latency = Latency::default();
            for ms in [usual; 50].into_iter().chain([later; 50]) {
                latency.took(Duration::from_millis(ms));
            }
            assert_eq!(latency.is_slow(), slow, "{usual} ms, then {later} ms");
        }
        assert!(!Latency::default().is_slow());
    }

    #[test]
    fn the_slower_the_replies_the_smaller_the_step() {
        let step = |ms: u64| {
            let mut latency = Latency::default();
            latency.took(Duration::from_millis(ms));
            latency.step_max_per_min().round()
        };
        assert_eq!((step(100), step(1_000), step(10_000)), (2_400.0, 240.0, 24.0));
    }
}
