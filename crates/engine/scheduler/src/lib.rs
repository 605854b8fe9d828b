//! What goes next, by which path, and when again.
#![doc = include_str!("../README.md")]

mod agreed;
mod burst;
mod estimate;
mod feedback;
pub mod greylist;
mod group;
mod holds;
mod learned;
mod limits;
mod netblock;
mod next;
mod nodes;
pub mod retry;
mod scheduler;
mod share;
mod status;
mod ticket;
mod work;

pub use burst::Burst;
pub use estimate::{Audience, Crowd, Estimate, Forecast, Past, Reason, Sureness, Times};
pub use feedback::{Heard, Signal};
pub use holds::{Hold, HoldId, HoldScope};
pub use learned::{Entry, Found, KEYS_BEGIN, Keeper, Lesson, Unusable};
pub use limits::{GroupLimits, GuardLimits, LimitsReport, LivePath, PathLimitsReport};
pub use netblock::SourceBlocks;
pub use next::{Assignment, Next};
pub use nodes::{AllOurs, Held, Local, NetblockAt, News, Node, OneProcess, Share, SharedGuard, SourceOwnership};
pub use scheduler::Scheduler;
pub use status::{GroupStatus, LaneStatus, PathReport};
pub use ticket::{CloseReason, NextMail, Ticket};
pub use work::Work;
