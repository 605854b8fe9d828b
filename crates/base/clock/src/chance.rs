//! Seeded chance: jitter, rotation, scripted behaviour. Never secrets.

/// SplitMix64: eight bytes of state, good enough to spread retries, the same on every machine.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// The same seed gives the same draws.
    pub fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    /// A draw that differs between runs.
    pub fn from_system() -> Self {
        use std::hash::{BuildHasher, RandomState};
        Self(RandomState::new().hash_one(0u8))
    }

    /// Any 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`; 0 when `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        // Multiply-shift; its bias is below 2^-32 for the small bounds used here.
        u64::try_from((u128::from(self.next_u64()) * u128::from(bound)) >> 64).unwrap_or(0)
    }

    /// True `numerator` times in `denominator`.
    pub fn one_of(&mut self, numerator: u64, denominator: u64) -> bool {
        self.below(denominator) < numerator
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_replays_its_draws_and_stays_below_the_bound() {
        let (mut a, mut b) = (Chance::seeded(7), Chance::seeded(7));
        let mut seen = [0u32; 10];
        for _ in 0..10_000 {
            let draw = a.below(10);
            assert_eq!(draw, b.below(10));
            seen[usize::try_from(draw).unwrap()] += 1;
        }
        assert!(seen.iter().all(|n| (800..1200).contains(n)), "{seen:?}");
        assert_eq!(a.below(0), 0);
    }
}
