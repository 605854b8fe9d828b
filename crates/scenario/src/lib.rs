//! Worlds as data: what is sent, our sources, carriers with hidden behaviour.
#![doc = include_str!("../README.md")]

pub mod behaviour;
mod draw;
pub mod fault;
pub mod hidden;
pub mod oracle;
mod read;
pub mod words;
pub mod world;

pub use behaviour::{Ban, Limit, Period, Rebuff};
pub use fault::{Fault, ReadError};
pub use hidden::counts::Counts;
pub use hidden::steps::Begun;
pub use hidden::{Answer, Greeting, HiddenCarrier, Recipient, Said, SessionId, Why};
pub use words::Style;
pub use world::{CarrierWorld, Scenario, Source, SourceGroup, Wave};

/// Microseconds in a second: the unit of [`mail_model::MonoUs`].
pub const SECOND: u64 = 1_000_000;
