//! How a scenario is to be played: laws, seed, memory.

use clock::Chance;
use scenario::Scenario;
use throttle::Laws;

/// How a scenario is to be played.
#[derive(Clone, Debug)]
pub struct Order {
    /// A word for the laws in tables.
    pub law: String,
    /// Which laws the sender obeys.
    pub laws: Laws,
    /// Decides every draw; the same seed is the same run.
    pub seed: u64,
    /// Whether the sender played the same scenario before and remembers; `None`: as the scenario says.
    pub rehearsed: Option<bool>,
    /// Whether series for charts are taken.
    pub with_series: bool,
    /// Paths whose `carrier/source` holds this word tell what they hear, on the error output.
    pub trace: Option<String>,
}

impl Order {
    /// All laws, no series.
    pub fn seeded(seed: u64) -> Self {
        let law = Laws::names().next().unwrap_or_default().to_owned();
        Self { law, laws: Laws::default(), seed, rehearsed: None, with_series: false, trace: None }
    }

    /// Whether an earlier run is played first, and remembered.
    pub(crate) fn is_rehearsed(&self, scenario: &Scenario) -> bool {
        self.rehearsed.unwrap_or(scenario.learned)
    }

    /// The same with a named set of laws; `None` when there is none of that name.
    pub fn with_law(self, name: &str) -> Option<Self> {
        Some(Self { law: name.to_owned(), laws: Laws::named(name)?, ..self })
    }
}

/// A draw of its own for each purpose, so that one more draw here changes nothing there.
pub(crate) fn chance(seed: u64, purpose: u64) -> Chance {
    Chance::seeded(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ purpose)
}
