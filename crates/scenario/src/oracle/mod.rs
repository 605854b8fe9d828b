//! How fast a sender could be that knows every hidden limit: a lower bound for every real run.
//!
//! Mails are a fluid that flows through a tree of valves: each source's limits, each netblock's, and those for all of ours.
//! Everything is rounded in the fluid's favour: fractions of mails flow, a burst is there at once, sessions begin full,
//! nobody is ever banned, an answer's jitter is lucky. What flowed until the end of a quarter of a second counts as there
//! at its beginning.

mod build;
mod fluid;
#[cfg(test)]
mod tests;
mod valve;

use crate::world::{Scenario, Wave};
use fluid::Fluid;
use valve::STEP_S;

/// Nobody waits longer than this for an answer to "how long", in horizons.
const HORIZONS: u64 = 8;

/// Seconds until a share of all mails (0–1) is answered for good, at best; recipients who do not exist are answered
/// too. Infinite when the carriers do not allow it within eight times the scenario's horizon.
///
/// A carrier whose limit is a tarpit, without a bound on sessions on either side, is taken as though the limit were hard.
pub fn time_to_share(scenario: &Scenario, share: f64) -> f64 {
    time_to_share_of(scenario, share, |_| true)
}

/// The same for some of the waves, as though the others did not exist.
pub fn time_to_share_of(scenario: &Scenario, share: f64, counts: impl Fn(&Wave) -> bool) -> f64 {
    let waves: Vec<&Wave> = scenario.waves.iter().filter(|wave| counts(wave)).collect();
    let mails: u64 = waves.iter().map(|wave| wave.mails).sum();
    // A whole number of mails; 0.99 × 200 are 198 however a fraction is rounded.
    let wanted = (mails as f64 * share.clamp(0.0, 1.0) - 1e-6).ceil();
    if wanted <= 0.0 {
        return 0.0;
    }
    let mut fluids: Vec<Fluid<'_>> =
        (0..scenario.carriers.len()).map(|carrier| Fluid::new(scenario, carrier, &waves)).collect();
    for step in 0..valve::steps(scenario.horizon_s.saturating_mul(HORIZONS)) {
        let done: f64 = fluids.iter_mut().map(|fluid| fluid.done_after(step)).sum();
        // A hair's breadth for sums of fractions.
        if done >= wanted - 1e-6 {
            return step as f64 * STEP_S;
        }
    }
    f64::INFINITY
}
