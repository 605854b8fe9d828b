//! What the engine foresaw of each wave, before anything of it was sent and when a quarter was through, beside what came.
//!
//! Only looks on: an estimate changes nothing, so a run with it is the run without it.

use scenario::Scenario;
use scheduler::Estimate;
use serde::Serialize;

/// The share whose time is foreseen.
const SHARE: f64 = 0.95;
/// Points of a curve of what was handed over.
const POINTS: u64 = 100;

/// One answer. Seconds from the wave's hand-in until 95 % of it are through; nothing: not within days.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Said {
    /// How sure it was: `learned`, `growing` or `unknown`.
    pub sureness: &'static str,
    /// Why it takes so long, as an id.
    pub reason: &'static str,
    /// Most likely.
    pub likely_s: Option<f64>,
    /// If all goes well.
    pub earliest_s: Option<f64>,
    /// If the carrier takes less than it did.
    pub latest_s: Option<f64>,
}

/// One wave.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Foreseen {
    /// Whose.
    pub carrier: String,
    /// Its mails.
    pub mails: u64,
    /// When it was handed in.
    pub before: Option<Said>,
    /// When a quarter of it had ended.
    pub at_quarter: Option<Said>,
    /// What came.
    pub came_s: Option<f64>,
}

/// Answers and outcomes closer to the hand-in than this mean one session more or less, and no law.
const SOON_S: f64 = 20.0;

impl Said {
    /// How far it was off, as a share of what came: 0.1 is a tenth too late. Infinite when one of the two never comes.
    pub fn error(&self, came_s: Option<f64>) -> Option<f64> {
        match (self.likely_s, came_s) {
            (None, None) => None,
            (Some(said_s), Some(came_s)) if said_s.max(came_s) < SOON_S => Some(0.0),
            (Some(said_s), Some(came_s)) => Some((said_s - came_s) / came_s.max(1.0)),
            (None, Some(_)) => Some(f64::INFINITY),
            (Some(_), None) => Some(f64::NEG_INFINITY),
        }
    }

    /// An estimate in short.
    pub(crate) fn of(estimate: &Estimate) -> Self {
        let all = &estimate.all;
        Self {
            sureness: all.sureness.as_str(),
            reason: all.reason.id(),
            likely_s: all.likely.p95_s,
            earliest_s: all.earliest.p95_s,
            latest_s: all.latest.p95_s,
        }
    }

    /// Of two nodes the later one.
    pub(crate) fn later(self, other: Self) -> Self {
        let end = |said: &Self| said.likely_s.unwrap_or(f64::INFINITY);
        if end(&other) > end(&self) { other } else { self }
    }
}

/// The waves of one run.
#[derive(Debug, Default)]
pub(crate) struct Foresight(Vec<Wave>);

#[derive(Debug)]
struct Wave {
    foreseen: Foreseen,
    ended: u64,
    settled: u64,
    settled_mark: u64,
    /// Mails that had ended after so many seconds.
    curve: Vec<(f64, u64)>,
}

impl Foresight {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of fewer than 2^32 mails"
        )]
        let mark = |mails: u64| (mails as f64 * SHARE).ceil() as u64;
        let wave = |wave: &scenario::Wave| Wave {
            foreseen: Foreseen {
                carrier: scenario.carriers[wave.carrier].name.to_string(),
                mails: wave.mails,
                before: None,
                at_quarter: None,
                came_s: None,
            },
            ended: 0,
            settled: 0,
            settled_mark: mark(wave.mails),
            curve: Vec::new(),
        };
        Self(scenario.waves.iter().map(wave).collect())
    }

    /// What was said of a wave before it was sent.
    pub(crate) fn before(&mut self, wave: usize, said: Option<Said>) {
        self.0[wave].foreseen.before = said;
    }

    /// What was said of a wave when a quarter was through.
    pub(crate) fn at_quarter(&mut self, wave: usize, said: Option<Said>) {
        self.0[wave].foreseen.at_quarter = said;
    }

    /// A mail of a wave has ended, settled or given up. Whether a quarter of the wave has, just now.
    pub(crate) fn ended(&mut self, wave: usize, is_settled: bool, after_s: f64) -> bool {
        let wave = &mut self.0[wave];
        let mails = wave.foreseen.mails;
        wave.ended += 1;
        if wave.ended.is_multiple_of((mails / POINTS).max(1)) {
            wave.curve.push((after_s, wave.ended));
        }
        if is_settled {
            wave.settled += 1;
            if wave.settled == wave.settled_mark {
                wave.foreseen.came_s = Some(after_s);
            }
        }
        wave.ended == mails.div_ceil(4)
    }

    /// A wave's mails, and how many of them have ended.
    pub(crate) fn count(&self, wave: usize) -> (u64, u64) {
        (self.0[wave].foreseen.mails, self.0[wave].ended)
    }

    /// How many of a wave's mails had ended after so many seconds.
    pub(crate) fn curve(&self, wave: usize) -> &[(f64, u64)] {
        &self.0[wave].curve
    }

    pub(crate) fn into_waves(self) -> Vec<Foreseen> {
        self.0.into_iter().map(|wave| wave.foreseen).collect()
    }
}
