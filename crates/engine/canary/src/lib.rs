//! Mails to our own mailboxes at each carrier: accepted and arrived, or accepted and missed.
#![doc = include_str!("../README.md")]

mod canaries;
mod choose;
mod fate;
mod flight;
mod join;
mod marks;
mod mask;
mod report;
mod watch;
mod watcher;

pub use canaries::{Arrival, Canaries};
pub use join::{Joined, Joining, Reserved, Sample};
pub use report::{Report, Seen};
pub use watch::Alarm;
