//! The rate at which a carrier takes no more, and how far below it a path rests.

/// Share of a measured ceiling at which a path rests: what was measured is never too much.
const HOLD: f64 = 0.98;
/// The same for a ceiling that is a guess.
const HOLD_BELOW_GUESS: f64 = 0.95;
/// The same after a block: asking for more too early costs the whole pause, and it may be the last time it is forgiven.
const HOLD_AFTER_BLOCK: f64 = 0.8;

/// A ceiling.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ceiling {
    pub(crate) rate_per_min: f64,
    /// Computed from what it took; otherwise only the rate that met a refusal, inherited, or old.
    pub(crate) confirmed: bool,
    /// Met with a block.
    pub(crate) by_block: bool,
}

impl Ceiling {
    /// A rate that is probably near it.
    pub(crate) fn guessed(rate_per_min: f64) -> Self {
        Self { rate_per_min, confirmed: false, by_block: false }
    }

    /// A rate that was borne for long enough to know.
    pub(crate) fn measured(rate_per_min: f64) -> Self {
        Self { rate_per_min, confirmed: true, by_block: false }
    }

    /// The ceiling below which one rests at this rate.
    pub(crate) fn resting_at(rate_per_min: f64) -> Self {
        Self::measured(rate_per_min / HOLD)
    }

    /// A rate that met a block.
    pub(crate) fn blocked(rate_per_min: f64) -> Self {
        Self { rate_per_min, confirmed: false, by_block: true }
    }

    /// The rate at which a path rests below it.
    pub(crate) fn hold(self) -> f64 {
        let share = match (self.by_block, self.confirmed) {
            (true, _) => HOLD_AFTER_BLOCK,
            (false, true) => HOLD,
            (false, false) => HOLD_BELOW_GUESS,
        };
        self.rate_per_min * share
    }
}
