//! One sender and one carrier on manual time, driven by a scenario file. Deterministic: no clock, no chance.

pub mod carrier;
pub mod outcome;
pub mod scenario;
pub mod sender;

pub use scenario::Scenario;
pub use sender::simulate;

/// Microseconds in a second.
pub const SECOND: u64 = 1_000_000;
