//! Smooth weighted rotation over the members of one pool, for one carrier.

/// A member that may be chosen now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate {
    /// Its place in the pool.
    pub(crate) member: usize,
    /// At least 1.
    pub(crate) weight: u32,
}

/// The credit of each member. nginx's smooth weighted round robin: each turn every candidate gains its weight, the
/// richest is chosen and pays what all gained. The sum of all credits is always 0, so nobody can save up for a flood.
#[derive(Clone, Debug)]
pub(crate) struct Rotation {
    credit: Vec<i64>,
    shut: Vec<bool>,
}

impl Rotation {
    pub(crate) fn new(members: usize) -> Self {
        Self { credit: vec![0; members], shut: vec![false; members] }
    }

    /// Asks candidates, richest first, whether they are open, and chooses the first that is. Equal ones come in the
    /// order of the pool.
    ///
    /// Those found shut gain nothing; those not asked are taken for open. So most picks ask once, and a source that
    /// comes back after a block holds at most the credit of the turns before it was first found shut.
    pub(crate) fn pick(&mut self, candidates: &[Candidate], mut is_open: impl FnMut(usize) -> bool) -> Option<usize> {
        self.shut.fill(false);
        let chosen = loop {
            let richest = self.richest(candidates)?;
            if is_open(richest) {
                break richest;
            }
            *self.shut.get_mut(richest)? = true;
        };
        let mut gained = 0;
        for candidate in candidates {
            if !self.is_shut(candidate.member)
                && let Some(credit) = self.credit.get_mut(candidate.member)
            {
                *credit += i64::from(candidate.weight);
                gained += i64::from(candidate.weight);
            }
        }
        *self.credit.get_mut(chosen)? -= gained;
        Some(chosen)
    }

    fn richest(&self, candidates: &[Candidate]) -> Option<usize> {
        let mut best: Option<(i64, usize)> = None;
        for candidate in candidates.iter().filter(|candidate| !self.is_shut(candidate.member)) {
            let wealth = self.credit.get(candidate.member)? + i64::from(candidate.weight);
            if best.is_none_or(|(most, _)| wealth > most) {
                best = Some((wealth, candidate.member));
            }
        }
        best.map(|(_, member)| member)
    }

    fn is_shut(&self, member: usize) -> bool {
        self.shut.get(member).copied().unwrap_or(true)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn candidates(weights: &[u32]) -> Vec<Candidate> {
        weights.iter().enumerate().map(|(member, weight)| Candidate { member, weight: *weight }).collect()
    }

    #[test]
    fn turns_are_interleaved_and_not_in_blocks() {
        let table: [(&[u32], &[usize]); 3] =
            [(&[5, 1, 1], &[0, 0, 1, 0, 2, 0, 0]), (&[1, 1, 1], &[0, 1, 2, 0, 1, 2]), (&[2, 1], &[0, 1, 0, 0, 1, 0])];
        for (weights, turns) in table {
            let mut rotation = Rotation::new(weights.len());
            let taken: Vec<_> = turns.iter().filter_map(|_| rotation.pick(&candidates(weights), |_| true)).collect();
            assert_eq!(taken, turns, "{weights:?}");
        }
    }

    #[test]
    fn most_picks_ask_one_source_only() {
        let mut rotation = Rotation::new(100);
        let all = candidates(&[1; 100]);
        let mut asked = 0;
        for _ in 0..1_000 {
            rotation.pick(&all, |_| {
                asked += 1;
                true
            });
        }
        assert_eq!(asked, 1_000);
    }

    proptest! {
        #[test]
        fn over_a_full_round_each_gets_exactly_its_weight(
            weights in prop::collection::vec(1_u32..50, 1..12),
            rounds in 1_u32..4,
        ) {
            let mut rotation = Rotation::new(weights.len());
            let mut turns = vec![0_u32; weights.len()];
            for _ in 0..weights.iter().sum::<u32>() * rounds {
                turns[rotation.pick(&candidates(&weights), |_| true).expect("all are open")] += 1;
            }
            let expected: Vec<u32> = weights.iter().map(|weight| weight * rounds).collect();
            prop_assert_eq!(turns, expected);
        }

        #[test]
        fn credit_sums_to_nothing_and_stays_small_however_sources_open_and_shut(
            weights in prop::collection::vec(1_u32..20, 1..8),
            masks in prop::collection::vec(any::<u8>(), 1..400),
        ) {
            let mut rotation = Rotation::new(weights.len());
            let round = i64::from(weights.iter().sum::<u32>());
            for mask in masks {
                let open = |member: usize| mask >> member & 1 == 1;
                let chosen = rotation.pick(&candidates(&weights), open);
                prop_assert_eq!(chosen.is_some(), (0..weights.len()).any(open));
                prop_assert!(chosen.is_none_or(open));
                prop_assert_eq!(rotation.credit.iter().sum::<i64>(), 0);
                let members = i64::try_from(weights.len()).expect("few");
                prop_assert!(rotation.credit.iter().all(|credit| credit.abs() <= round * members));
            }
        }
    }
}
