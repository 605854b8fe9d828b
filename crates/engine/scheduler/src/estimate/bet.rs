//! What is assumed of paces nobody has measured, and how a pace moves under such an assumption. Pure.

use super::model::Pace;

/// An assumption about the carriers' limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bet {
    /// Measured ceilings hold; what is not measured grows a few times more.
    Likely,
    /// What is not measured grows up to the highest pace allowed.
    Fast,
    /// Nothing grows any more, and a measured ceiling is worth a little less.
    Slow,
}

/// Sending settles so far below a known ceiling.
const SETTLES: f64 = 0.95;
/// How far a measured ceiling may rise, as with a sender's standing, and fall while a campaign runs.
const FAST_MEASURED: f64 = 1.15;
const SLOW_MEASURED: f64 = 0.75;
/// A path about which nothing is known may be refused at its start value, and is then halved.
const SLOW_UNKNOWN: f64 = 0.5;
/// A pace that still grows meets its limit after one more doubling, in the mean. Whoever asks at a quarter of a campaign
/// that grows all the time has two doublings before its end. Start values are chosen to be too small.
const LIKELY_GROWTH: f64 = 2.0;
const LIKELY_GROWTH_UNKNOWN: f64 = 3.0;

impl Bet {
    /// Seconds a mail takes on an open session of a carrier nobody has timed: from one in the next rack to a filter that
    /// thinks.
    pub(crate) fn mail_s(self) -> f64 {
        match self {
            Self::Fast => 0.005,
            Self::Likely => 0.05,
            Self::Slow => 0.5,
        }
    }

    /// How many times as long a mail may take as it did.
    pub(crate) fn slowness(self) -> f64 {
        match self {
            Self::Fast => 0.7,
            Self::Likely => 1.0,
            Self::Slow => 1.4,
        }
    }

    /// Sessions at once, of those allowed now and those that may be allowed later.
    pub(crate) fn sessions(self, now: f64, max: f64) -> f64 {
        if self == Self::Fast { now.max(max) } else { now }
    }

    /// Where a pace ends under this assumption, mails a second.
    pub(crate) fn goal(self, pace: &Pace) -> f64 {
        let (now, max) = (pace.now_per_s, pace.max_per_s.max(pace.now_per_s));
        let grows = pace.growth > 1.0 && !pace.confirmed;
        let settles = pace.ceiling_per_s.map(|ceiling| match pace.growth > 1.0 {
            true => (ceiling * SETTLES).max(now.min(ceiling)).min(max),
            // It rests where it is: after a block that is further below.
            false => now.min(ceiling),
        });
        match (self, settles) {
            (Self::Slow, Some(settles)) if pace.confirmed => settles * SLOW_MEASURED,
            (Self::Slow, Some(settles)) => settles.min(now) * SLOW_MEASURED,
            (Self::Slow, None) if pace.known => now,
            (Self::Slow, None) => now * SLOW_UNKNOWN,
            (Self::Fast, _) if grows => max,
            (Self::Fast, Some(settles)) if pace.growth > 1.0 || pace.now_per_s < max => {
                (settles * FAST_MEASURED).min(max)
            }
            (_, Some(settles)) => settles,
            (Self::Likely, None) if grows && pace.known => (now * LIKELY_GROWTH).min(max),
            (Self::Likely, None) if grows => (now * LIKELY_GROWTH_UNKNOWN).min(max),
            (Self::Fast | Self::Likely, None) => now,
        }
    }
}

/// A pace on its way, in mails a second.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moving {
    per_s: f64,
    goal_per_s: f64,
    growth: f64,
    round_s: f64,
    round_ends_s: f64,
}

/// The shortest round. A longer one is long because it waits for a number of answers, so it shrinks as the pace grows.
const ROUND_S_MIN: f64 = 5.0;
/// A slower growth is not worth a loop.
const GROWTH_MIN: f64 = 1.001;

impl Moving {
    /// A pace that begins to move at `from_s`.
    pub(crate) fn new(pace: &Pace, bet: Bet, from_s: f64) -> Self {
        let goal_per_s = bet.goal(pace);
        let round_s = pace.round_s.max(0.5);
        // A known ceiling is approached without asking at each step.
        let growth = pace.growth.max(GROWTH_MIN);
        let per_s = pace.now_per_s.min(goal_per_s);
        Self { per_s, goal_per_s, growth, round_s, round_ends_s: from_s + round_s }
    }

    /// The pace at a time; times must not go backwards.
    pub(crate) fn at(&mut self, now_s: f64) -> f64 {
        while self.round_ends_s <= now_s && self.per_s < self.goal_per_s {
            let grown = (self.per_s * self.growth).min(self.goal_per_s);
            let shorter = self.round_s * self.per_s / grown.max(f64::MIN_POSITIVE);
            self.round_s = shorter.max(self.round_s.min(ROUND_S_MIN));
            self.per_s = grown;
            self.round_ends_s += self.round_s;
        }
        self.per_s
    }

    /// Whether it has arrived.
    pub(crate) fn stands(&self) -> bool {
        self.per_s >= self.goal_per_s
    }
}
