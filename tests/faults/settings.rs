//! How often to kill, and the seed of every draw.

use clock::Chance;

/// Kills of one test when `TODOKE_KILLS` says nothing: what a change can wait for.
const KILLS: u32 = 5;

/// How a run was asked to be.
pub struct Run {
    pub kills: u32,
    pub seed: u64,
}

impl Run {
    /// Reads the environment. Prints the seed, so that a run that fails can be replayed.
    pub fn asked_for() -> Self {
        let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
        let kills = number("TODOKE_KILLS").and_then(|n| u32::try_from(n).ok()).unwrap_or(KILLS).max(1);
        let seed = number("TODOKE_SEED").unwrap_or_else(|| Chance::from_system().below(1 << 32));
        eprintln!("{kills} kills; replay with TODOKE_SEED={seed}");
        Self { kills, seed }
    }
}
