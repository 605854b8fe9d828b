//! Which source address a lane's next mail leaves from: pools, weights, warm-up, rest. Pure.
#![doc = include_str!("../README.md")]

mod config;
mod hour;
mod memory;
mod pace;
mod plan;
mod pools;
mod rotation;
mod source;
mod status;
mod warmup;

pub use config::{HOURLY_CAP_BY_DAY, MemberConfig, PoolConfig, PoolKind, PoolsConfig, PoolsError, SourceConfig};
pub use memory::SourceMemory;
pub use pace::Pace;
pub use plan::Demand;
pub use pools::{Pools, Turn};
pub use status::{AtCarrier, SourceStatus};
pub use warmup::WarmUp;
