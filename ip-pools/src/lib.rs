//! Which source address a lane's next mail leaves from: pools, weights, warm-up, rest. Pure.
#![doc = include_str!("../README.md")]

mod config;
mod pools;
mod rotation;
mod source;
mod status;
mod warmup;

pub use config::{HOURLY_CAP_BY_DAY, MemberConfig, PoolConfig, PoolsConfig, PoolsError, SourceConfig};
pub use pools::Pools;
pub use status::{AtCarrier, SourceStatus};
pub use warmup::WarmUp;
