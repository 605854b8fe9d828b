//! What a search keeps of the rate it tries, and of refusals that may have nothing to do with the rate.

use mail_model::MonoUs;

use super::ceiling::Ceiling;

/// A rate that is being tried.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Trial {
    /// The ceiling below it.
    pub(super) base: f64,
    /// When it began, and how many mails had gone through until then.
    pub(super) from: (MonoUs, u64),
    /// The step from the base, where it goes upwards without a bound.
    pub(super) step: f64,
}

impl Trial {
    pub(super) fn growth(self) -> f64 {
        1.0 + self.step
    }
}

/// Refusals one after the other, each after a row of mails that went through, none at a higher rate than the one before.
/// A limit does not behave so: below it there are none.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Lonely {
    pub(super) count: u32,
    pub(super) last_rate: f64,
    /// Rate and ceiling before the first.
    pub(super) undisturbed: Option<(f64, Option<Ceiling>)>,
}
