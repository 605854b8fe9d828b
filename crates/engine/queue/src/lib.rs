//! The durable queue on RocksDB.
#![doc = include_str!("../README.md")]

mod act;
mod book;
mod claim;
mod core;
mod deadline;
mod desk;
mod ending;
mod fatal;
#[doc(hidden)]
pub mod fuzzing;
mod history;
mod inbox;
mod index;
mod intake;
mod keys;
mod lanes;
mod late;
mod life;
mod lists;
mod logs;
mod open;
mod outbox;
mod postbox;
mod queue;
mod record;
mod recover;
mod refill;
mod reserved;
mod settings;
mod shape;
mod store;
mod stored;
mod sweep;
mod synced;
mod syncer;
mod takeout;
mod waiting;
mod window;
#[cfg(test)]
mod window_tests;
mod write;
mod writing;

pub use crate::act::{Next, Write};
pub use crate::claim::{Claim, Queued};
pub use crate::deadline::MessageDeadline;
pub use crate::intake::{Accepted, Begun, Idempotency, Intake, NewMessage};
pub use crate::keys::{InboxId, LaneId};
pub use crate::late::{BeingSent, Late, Revived, Told};
pub use crate::open::{FORMAT_VERSION, OpenError};
pub use crate::queue::Queue;
pub use crate::record::at_deadline::AtDeadline;
pub use crate::record::attempt::{AttemptRecord, REPLY_TEXT_BYTES_MAX, WORD_BYTES_MAX};
pub use crate::record::audit::AuditEntry;
pub use crate::record::doubt::InDoubt;
pub use crate::record::mail::{KeptMail, ReceivedMail};
pub use crate::record::sums::{Histogram, Tally};
pub use crate::settings::{IDEMPOTENCY_KEPT, IDEMPOTENCY_KEY_BYTES_MAX, Limits, QueueSettings, Refusal};
pub use crate::shape::{Inspection, LaneShape, Place, Shape};
pub use crate::stored::StoredMessage;
pub use crate::sweep::Filter;
pub use crate::waiting::Waiting;
pub use crate::window::{HINT_KEPT_MS, Peek};
