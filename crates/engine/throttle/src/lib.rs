//! How much one egress path may do now: connections, rate, breaker, and what a netblock shares. Pure.
#![doc = include_str!("../README.md")]

mod breaker;
mod gate;
mod latency;
mod laws;
mod lead;
mod learned;
mod limits;
mod netblock;
mod noise;
mod outlook;
mod pacer;
mod path;
mod pause;
mod round;
mod search;
mod sessions;
mod status;
mod sum;
mod suspicion;
mod tally;
mod unknown;

pub use gate::{ClosedBecause, Gate, Heard, Signal};
pub use laws::{Laws, RateKind};
pub use learned::{GuardLearned, LEARNED_VERSION, Learned};
pub use limits::{PathLimits, RATE_PER_MIN_MAX, RATE_PER_MIN_MIN, UnknownLimits};
pub use netblock::NetblockGuard;
pub use outlook::Outlook;
pub use path::PathThrottle;
pub use status::{BreakerStatus, PathStatus, Shut};
pub use unknown::{UnknownGuard, UnknownState};
