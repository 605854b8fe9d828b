//! The records on disk: one file per kind, each with its version and its limits. FORMAT.md shows the layouts.

pub mod attempt;
pub mod doubt;
pub mod due;
pub mod message;
pub mod sums;
pub mod wire;
