//! What one run came to: figures for tables, series for charts. Plain data.

use serde::Serialize;

use crate::foresight::Foreseen;

/// Shares of all mails whose hand-over is timed.
pub const SHARES: [f64; 5] = [0.5, 0.95, 0.99, 0.999, 1.0];
/// The place of 99 % in [`SHARES`]: the share that laws are judged by.
pub const JUDGED: usize = 2;

/// One run.
#[derive(Clone, Debug, Serialize)]
pub struct Run {
    /// The scenario's name.
    pub scenario: String,
    /// Its sentence.
    pub title: String,
    /// Name of the laws.
    pub law: String,
    /// The seed.
    pub seed: u64,
    /// Whether the sender remembered an earlier campaign.
    pub rehearsed: bool,
    /// Whether bans are held against it.
    pub bans_expected: bool,
    /// Whether its time is held against it.
    pub time_judged: bool,
    /// Seconds from the beginning to the last event.
    pub ended_s: f64,
    /// Events played, as a measure of work.
    pub events: u64,
    /// Moments at which bells and dispatcher rang each other without end: in a process a core would burn there.
    pub spins: u64,
    /// Each carrier.
    pub carriers: Vec<Score>,
    /// All of them.
    pub total: Score,
    /// What was foreseen of each wave.
    pub foreseen: Vec<Foreseen>,
    /// What happened over time; empty unless asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub series: Option<Series>,
}

/// Figures of one carrier, or of all.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Score {
    /// The carrier; `all` for the sum.
    pub name: String,
    /// Mails handed in.
    pub mails: u64,
    /// Mails the carrier took.
    pub accepted: u64,
    /// Mails whose recipient does not exist, as the carrier said.
    pub unknown: u64,
    /// Mails that were refused for good for another reason.
    pub failed: u64,
    /// Mails whose time was over.
    pub expired: u64,
    /// Mails that were still waiting when the run ended.
    pub left: u64,
    /// Mails that arrived twice: the carrier took them and we did not hear it.
    pub doubled: u64,
    /// Seconds from the beginning until so many of its mails were settled, by [`SHARES`]; nothing where it never came to it.
    pub settled_s: Vec<Option<f64>>,
    /// The same for somebody who knows all limits.
    pub oracle_s: Vec<Option<f64>>,
    /// How much longer the judged share took than it takes the oracle; 1 is as fast.
    pub ratio: Option<f64>,
    /// Requests beyond a hidden limit.
    pub crossings: u64,
    /// Bans.
    pub bans: u64,
    /// Sessions that were opened.
    pub sessions: u64,
    /// Connections that came to nothing.
    pub not_opened: u64,
    /// Attempts at mails.
    pub attempts: u64,
    /// Attempts that were put off.
    pub deferred: u64,
}

impl Score {
    /// Crossings among 10,000 mails.
    #[expect(clippy::cast_precision_loss, reason = "counts of a run stay far below 2^52")]
    pub fn crossings_per_10k(&self) -> f64 {
        self.crossings as f64 * 10_000.0 / (self.mails.max(1)) as f64
    }

    /// Seconds until the judged share was settled.
    pub fn judged_s(&self) -> Option<f64> {
        self.settled_s.get(JUDGED).copied().flatten()
    }

    /// Share of the time of the judged share in which an oracle would have been busy; 1 is nothing wasted.
    pub fn utilisation(&self) -> Option<f64> {
        self.ratio.filter(|ratio| *ratio > 0.0).map(|ratio| 1.0 / ratio)
    }
}

/// What happened over time, in steps of equal length.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Series {
    /// Length of one step, seconds.
    pub step_s: f64,
    /// Each carrier.
    pub carriers: Vec<CarrierSeries>,
}

/// One carrier over time. Every list has an entry for each step.
#[derive(Clone, Debug, Default, Serialize)]
pub struct CarrierSeries {
    /// The carrier.
    pub name: String,
    /// Mails waiting at the end of the step.
    pub queue: Vec<u64>,
    /// Each source.
    pub paths: Vec<PathSeries>,
}

/// One path over time. Every list has an entry for each step.
#[derive(Clone, Debug, Default, Serialize)]
pub struct PathSeries {
    /// The source.
    pub source: String,
    /// Mails sent in the step.
    pub sent: Vec<u32>,
    /// Mails accepted in the step.
    pub accepted: Vec<u32>,
    /// Refusals, resets, cuts and silences in the step that were about the path and not about one mail.
    pub signals: Vec<u32>,
    /// Mails a minute that our own throttle allowed at the end of the step.
    pub allowed_per_min: Vec<f64>,
    /// Mails a minute that the carrier would have borne at the end of the step; nothing where it sets no rate.
    pub limit_per_min: Vec<Option<f64>>,
    /// Whether the source was banned at the end of the step.
    pub banned: Vec<bool>,
    /// Sessions open at the end of the step.
    pub open: Vec<u32>,
}

impl CarrierSeries {
    /// All paths together. A limit is nothing as soon as it is nothing for one path.
    pub fn sum(&self) -> PathSeries {
        let steps = self.queue.len();
        let mut sum = PathSeries {
            source: "all sources".to_owned(),
            sent: vec![0; steps],
            accepted: vec![0; steps],
            signals: vec![0; steps],
            allowed_per_min: vec![0.0; steps],
            limit_per_min: vec![Some(0.0); steps],
            banned: vec![false; steps],
            open: vec![0; steps],
        };
        for path in &self.paths {
            for step in 0..steps {
                sum.sent[step] += path.sent[step];
                sum.accepted[step] += path.accepted[step];
                sum.signals[step] += path.signals[step];
                sum.allowed_per_min[step] += path.allowed_per_min[step];
                sum.limit_per_min[step] =
                    sum.limit_per_min[step].zip(path.limit_per_min[step]).map(|(sum, own)| sum + own);
                sum.banned[step] |= path.banned[step];
                sum.open[step] += path.open[step];
            }
        }
        sum
    }
}
