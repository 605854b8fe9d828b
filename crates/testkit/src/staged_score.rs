//! How a scenario was played: crossings, bans, and the time against that of a sender who knows every limit.

use std::fmt;

use scenario::{Counts, Scenario, oracle};

/// The share of all mails by which a run is timed.
const PERCENT: u64 = 99;

/// The figures of one run.
#[derive(Clone, Debug, PartialEq)]
pub struct StagedScore {
    /// What the carriers counted, all together.
    pub counts: Counts,
    /// Mails of the scenario.
    pub mails: u64,
    /// Seconds until 99 % of them were answered for good; `None` when fewer were.
    pub seconds: Option<f64>,
    /// The same for a sender that knows every limit: a lower bound. Infinite when carriers never allow it.
    pub oracle_s: f64,
}

impl StagedScore {
    /// Scores a run. `counts` is [`World::hidden_total`]; `settled_s` are the seconds from the scenario's beginning to
    /// each final answer, in any order.
    ///
    /// [`World::hidden_total`]: crate::World::hidden_total
    pub fn of(scenario: &Scenario, counts: Counts, mut settled_s: Vec<f64>) -> Self {
        settled_s.sort_by(f64::total_cmp);
        let mails = scenario.mails();
        let last = usize::try_from((mails * PERCENT).div_ceil(100).saturating_sub(1)).unwrap_or(usize::MAX);
        let oracle_s = oracle::time_to_share(scenario, PERCENT as f64 / 100.0);
        Self { counts, mails, seconds: settled_s.get(last).copied(), oracle_s }
    }

    /// The run's time ÷ the oracle's.
    pub fn ratio(&self) -> Option<f64> {
        self.seconds.map(|seconds| seconds / self.oracle_s)
    }

    /// Requests beyond a hidden limit per 10,000 mails.
    pub fn crossings_per_10_000(&self) -> f64 {
        self.counts.crossings as f64 * 10_000.0 / self.mails.max(1) as f64
    }
}

impl fmt::Display for StagedScore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { crossings, bans, knocks, .. } = &self.counts;
        writeln!(f, "crossings of hidden limits {crossings:>6} ({:.1} per 10,000 mails)", self.crossings_per_10_000())?;
        writeln!(f, "bans                       {bans:>6} ({knocks} requests while banned)")?;
        match (self.seconds, self.ratio()) {
            (Some(seconds), Some(ratio)) => write!(
                f,
                "99 % answered after        {seconds:>6.1} s; who knows every limit needs {:.1} s: {ratio:.2} times that",
                self.oracle_s
            ),
            _ => write!(f, "99 % answered after         never; who knows every limit needs {:.1} s", self.oracle_s),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_to_99_percent_stands_beside_that_of_a_sender_who_knows_every_limit() {
        let text = r#"
            title = "x"
            about = "x"
            sources = [{ name = "a", count = 1 }]
            waves = [{ carrier = "docomo", mails = 200 }]
            [[carriers]]
            name = "docomo"
            [[carriers.periods]]
            latency = { connect_ms = 0, mail_ms = 0, jitter_ms = 0 }
            limits = [{ kind = "rate", per_min = 600, burst = 1 }]"#;
        let scenario = Scenario::parse("x.toml", text).unwrap();
        let seconds = |count: u32| (0..count).rev().map(|n| f64::from(n) / 5.0).collect::<Vec<f64>>();
        let counts = Counts { crossings: 3, ..Counts::default() };
        let score = StagedScore::of(&scenario, counts, seconds(200));
        assert_eq!((score.seconds, score.crossings_per_10_000()), (Some(39.4), 150.0));
        let ratio = score.ratio().unwrap();
        assert!((1.9..2.1).contains(&ratio), "{score}");
        assert_eq!(StagedScore::of(&scenario, Counts::default(), seconds(190)).ratio(), None);
    }
}
