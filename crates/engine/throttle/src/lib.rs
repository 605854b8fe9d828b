//! How much one egress path may do now: connections, rate, breaker, unknown-user guard. Pure.
#![doc = include_str!("../README.md")]

mod breaker;
mod gate;
mod law;
mod limits;
mod minute;
mod pacer;
mod path;
mod status;
mod unknown;

pub use gate::{ClosedBecause, Gate, Signal};
pub use law::{HalveAndRecover, Pace, RateLaw};
pub use limits::{PathLimits, RATE_PER_MIN_MAX, RATE_PER_MIN_MIN, UnknownLimits};
pub use path::PathThrottle;
pub use status::{BreakerStatus, PathStatus, Shut};
pub use unknown::{UnknownGuard, UnknownState};
