//! A sequential test on a share: how much more likely the row of recipients is with a bad list than with a good one.

/// Shares of the stop that are weighed against each other: a list that is fine, one just too bad, one that is very bad.
/// A carrier that blocks at eleven of two hundred leaves no time to find the middle one; a list of that kind in ten
/// thousand recipients does harm too.
const FINE: f64 = 2.0 / 3.0;
const BAD: f64 = 1.5;
const TERRIBLE: f64 = 8.0 / 3.0;

/// Strong enough: the row is so many times (e^5.3) more likely with a bad list. By Ville's inequality a fine list, however
/// long, reaches it from nothing with a chance of at most e^-5.3, 0.5 %, by each of the two alternatives.
const STRONG: f64 = 5.3;

/// A long good row counts so much at most (e^-6), or a bad patch after it would be found much later than one at the
/// beginning.
const TRUST_MAX: f64 = -6.0;

/// The suspicion against one netblock's recipients at one carrier.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Suspicion {
    bad: Weight,
    terrible: Weight,
}

/// The logarithm of a likelihood ratio, and what each recipient adds to it.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Weight {
    sum: f64,
    unknown: f64,
    known: f64,
}

impl Weight {
    fn between(fine: f64, bad: f64) -> Self {
        Self { sum: 0.0, unknown: (bad / fine).ln(), known: ((1.0 - bad) / (1.0 - fine)).ln() }
    }

    fn saw(&mut self, unknown: bool) {
        let more = if unknown { self.unknown } else { self.known };
        self.sum = (self.sum + more).max(TRUST_MAX);
    }
}

impl Suspicion {
    /// No suspicion yet, for a share that stops (0–1; nonsense is moved into 0.1–33 %).
    #[expect(clippy::manual_clamp, reason = "`f64::max` also turns NaN into the bound")]
    pub(crate) fn of(stop_ratio: f64) -> Self {
        let stop = stop_ratio.max(0.001).min(0.33);
        Self { bad: Weight::between(stop * FINE, stop * BAD), terrible: Weight::between(stop * FINE, stop * TERRIBLE) }
    }

    /// The same suspicion measured against another share.
    pub(crate) fn with_ratio(self, stop_ratio: f64) -> Self {
        let mut other = Self::of(stop_ratio);
        other.bad.sum = self.bad.sum;
        other.terrible.sum = self.terrible.sum;
        other
    }

    /// A recipient was answered.
    pub(crate) fn saw(&mut self, unknown: bool) {
        self.bad.saw(unknown);
        self.terrible.saw(unknown);
    }

    /// Whether the list is to be stopped.
    pub(crate) fn is_strong(&self) -> bool {
        self.bad.sum >= STRONG || self.terrible.sum >= STRONG
    }

    /// Whether nothing speaks against it.
    pub(crate) fn is_gone(&self) -> bool {
        self.bad.sum <= 0.0 && self.terrible.sum <= 0.0
    }

    /// After a pause: half of it stays, so that a list that is still bad is found in half the recipients.
    pub(crate) fn halve(&mut self) {
        for weight in [&mut self.bad, &mut self.terrible] {
            weight.sum = weight.sum.max(STRONG) / 2.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A small generator of chance with a seed, even in 0–1.
    struct Draw(u64);

    impl Draw {
        fn next(&mut self) -> f64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 11) as f64 / (1_u64 << 53) as f64
        }
    }

    /// Recipients until the stop, if it comes within `most`.
    fn stopped_at(share: f64, fine_first: u32, most: u32, seed: u64) -> Option<u32> {
        let mut draw = Draw(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let mut suspicion = Suspicion::of(0.03);
        for _ in 0..fine_first {
            suspicion.saw(draw.next() < 0.005);
        }
        (1..=most).find(|_| {
            suspicion.saw(draw.next() < share);
            suspicion.is_strong()
        })
    }

    fn median(share: f64, fine_first: u32) -> u32 {
        let mut at: Vec<u32> =
            (0..401).map(|seed| stopped_at(share, fine_first, 30_000, seed).unwrap_or(u32::MAX)).collect();
        at.sort_unstable();
        at[at.len() / 2]
    }

    #[test]
    fn a_list_of_two_in_a_hundred_is_almost_never_stopped_in_thirty_thousand() {
        let stopped = (0..1_000).filter(|seed| stopped_at(0.02, 0, 30_000, *seed).is_some()).count();
        assert!(stopped <= 20, "{stopped} of 1000 runs");
        let stopped = (0..1_000).filter(|seed| stopped_at(0.015, 0, 30_000, *seed).is_some()).count();
        assert!(stopped <= 5, "{stopped} of 1000 runs");
    }

    #[test]
    fn a_bad_list_is_stopped_the_sooner_the_worse_it_is() {
        // (share, good recipients before, median of recipients until the stop, at most)
        let table = [(0.08, 0, 110), (0.12, 0, 60), (0.25, 0, 20), (0.5, 0, 9), (0.05, 0, 350), (0.08, 5_000, 240)];
        for (share, fine_first, most) in table {
            let median = median(share, fine_first);
            assert!(median <= most, "{share} after {fine_first}: {median}");
        }
    }

    #[test]
    fn of_two_hundred_recipients_fewer_than_eleven_unknown_are_needed_when_one_in_twelve_is() {
        let before_eleven = (0..1_000).filter(|seed| {
            let at = stopped_at(0.085, 0, 200, *seed);
            let mut draw = Draw(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
            let unknown = (0..at.unwrap_or(200)).filter(|_| draw.next() < 0.085).count();
            unknown <= 10
        });
        assert!(before_eleven.count() >= 800);
    }
}
