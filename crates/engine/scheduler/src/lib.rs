//! What goes next, by which path, and when again.
#![doc = include_str!("../README.md")]

mod burst;
mod feedback;
mod group;
mod holds;
mod next;
pub mod retry;
mod scheduler;
mod status;
mod ticket;

pub use burst::Burst;
pub use feedback::Signal;
pub use holds::{Hold, HoldId, HoldScope};
pub use next::{Assignment, Next};
pub use scheduler::Scheduler;
pub use status::{GroupStatus, LaneStatus, PathReport};
pub use ticket::{CloseReason, NextMail, Ticket};
