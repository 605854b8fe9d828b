//! Draws between 0 and 1.

use clock::Chance;

/// A draw from 0 up to 1.
pub(crate) fn unit(chance: &mut Chance) -> f64 {
    chance.below(1 << 53) as f64 / (1u64 << 53) as f64
}
