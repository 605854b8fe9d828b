//! When a campaign's mail will have been handed over, how sure that is, and what holds back the slowest carrier.
//!
//! `model` is what a forecast starts from, `fluid` plays it, `reason` says it in words; all of it is pure. `gather`
//! and `views` look at the scheduler's groups; `watch` remembers what they showed lately.

mod answer;
mod bet;
mod bind;
mod crowd_run;
mod curve;
mod fluid;
mod gather;
mod group_run;
mod hourly;
mod model;
mod reason;
#[cfg(test)]
mod tests;
pub(crate) mod views;
pub(crate) mod watch;
mod why;

use mail_model::{CarrierName, Lane, UnixMs};

pub use reason::Reason;

/// A campaign as a forecast needs it: mail that waits, and what has become of the rest.
#[derive(Clone, Debug, Default)]
pub struct Audience {
    /// Lane by lane; lanes with mail of others only belong to it where they share a carrier.
    pub crowds: Vec<Crowd>,
    /// What was handed over already, carrier by carrier.
    pub past: Vec<Past>,
    /// Seconds since the campaign was handed in; 0 for one that is only thought of.
    pub elapsed_s: f64,
    /// When its mail becomes useless.
    pub not_after: Option<UnixMs>,
}

/// What waits in one lane.
#[derive(Clone, Debug)]
pub struct Crowd {
    /// Which.
    pub lane: Lane,
    /// Mail of the campaign that has not ended.
    pub mails: u64,
    /// Of these, so many wait for another attempt …
    pub waiting: u64,
    /// … the first of them until then.
    pub due: Option<UnixMs>,
    /// Mail of others in this lane that goes first.
    pub ahead: u64,
}

impl Crowd {
    /// Mail that has just come, with nothing before it.
    pub fn fresh(lane: Lane, mails: u64) -> Self {
        Self { lane, mails, waiting: 0, due: None, ahead: 0 }
    }
}

/// What a carrier has taken.
#[derive(Clone, Debug)]
pub struct Past {
    /// Which carrier.
    pub carrier: CarrierName,
    /// Seconds since the campaign was handed in, and how many mails it had taken by then; both ascending.
    pub curve: Vec<(f64, u64)>,
}

/// How sure an estimate is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sureness {
    /// From limits that were found by sending, or that are configured.
    Learned,
    /// The rate still rises, and nobody knows how far.
    Growing,
    /// Nothing was ever sent there.
    Unknown,
}

impl Sureness {
    /// As written in JSON and labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Learned => "learned",
            Self::Growing => "growing",
            Self::Unknown => "unknown",
        }
    }
}

/// Seconds from the hand-in until that share of the mails was handed over; `None`: not within three days.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Times {
    /// Half of them.
    pub p50_s: Option<f64>,
    /// 95 of 100.
    pub p95_s: Option<f64>,
    /// 99 of 100.
    pub p99_s: Option<f64>,
    /// All of them.
    pub all_s: Option<f64>,
}

/// One carrier's forecast, or that of all together.
#[derive(Clone, Debug, PartialEq)]
pub struct Forecast {
    /// Mails of the campaign that were or will be answered.
    pub mails: u64,
    /// Of these, handed over already.
    pub done: u64,
    /// What will most likely be.
    pub likely: Times,
    /// If all goes well.
    pub earliest: Times,
    /// If carriers take less than they did.
    pub latest: Times,
    /// Mails that will be too late for `not_after`, most likely.
    pub late: u64,
    /// How sure it is.
    pub sureness: Sureness,
    /// What takes the longest.
    pub reason: Reason,
}

/// A campaign's forecast.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimate {
    /// When it was made.
    pub at: UnixMs,
    /// Seconds from the hand-in until then.
    pub elapsed_s: f64,
    /// All carriers together; reason and sureness are those of the slowest.
    pub all: Forecast,
    /// Carrier by carrier, slowest first.
    pub carriers: Vec<(CarrierName, Forecast)>,
    /// Seconds from the hand-in and the share (0–1) handed over by then, past and most likely future.
    pub curve: Vec<(f64, f64)>,
}

/// A fluid amount as a number of mails, seconds or milliseconds; never negative.
fn count(amount: f64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the cast saturates, and turns NaN into 0"
    )]
    let whole = amount.round() as u64;
    whole
}
