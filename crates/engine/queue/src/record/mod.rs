//! The records on disk: one file per kind, each with its version and its limits. FORMAT.md shows the layouts.

pub mod at_deadline;
pub mod attempt;
pub mod audit;
pub mod doubt;
pub mod due;
pub mod line;
pub mod mail;
pub mod memory;
pub mod message;
pub mod sums;
pub mod wire;
