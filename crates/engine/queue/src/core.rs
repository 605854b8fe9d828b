//! What all parts of the queue share, and the order in which its locks are taken.
//!
//! Locks, outer before inner: `back`, `snapshot`, `noting`, `gate`, `intakes`, a lane's window; `book`, `doubts` and `cancelled` are
//! held alone or inside `gate`. No lock is held across an `await`, and no window's lock while RocksDB is read or written.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};

use clock::Clock;
use mail_model::NotificationId;
use parking_lot::{Mutex, RwLock};
use tokio::sync::Notify;

use crate::book::Book;
use crate::desk::{Bell, Desk, Intakes};
use crate::index::Index;
use crate::keys::{LaneId, Spot};
use crate::lanes::LaneTable;
use crate::postbox::Postbox;
use crate::record::doubt::InDoubt;
use crate::settings::{QueueSettings, Refusal};
use crate::store::Store;

/// Numbers of the outbox.
#[derive(Default)]
pub struct Seqs {
    /// The next to be given.
    pub next: AtomicU64,
    /// All up to this one are on disk.
    pub synced: AtomicU64,
    /// Stored sums are exact for this one.
    pub tally: AtomicU64,
    /// All up to this one were removed.
    pub trimmed: AtomicU64,
    /// The next number of the audit list.
    pub audit: AtomicU64,
}

/// The queue without its threads.
pub struct Core {
    /// The database.
    pub store: Store,
    /// Limits and sizes.
    pub settings: QueueSettings,
    /// Time.
    pub clock: Clock,
    /// Lanes.
    pub lanes: LaneTable,
    /// Sums.
    pub book: Book,
    /// Shared by whoever writes to the lanes or the outbox, taken alone by whoever needs a moment without writes.
    pub gate: RwLock<()>,
    /// Held while sums are stored, and while messages are forgotten.
    pub snapshot: Mutex<()>,
    /// Outbox numbers.
    pub seqs: Seqs,
    /// Intakes.
    pub intakes: Mutex<Intakes>,
    /// The inbox.
    pub postbox: Postbox,
    /// Where acceptances stand in the outbox. Held by whoever takes received mail out or writes what follows from it, so
    /// that what it looked at does not change before it has written; and while outcomes or messages are removed.
    pub back: Mutex<Index>,
    /// Held by whoever writes what is said of an address, from looking at it until it is written.
    pub noting: Mutex<()>,
    /// Notifications whose last attempt was cut off after its mark, by a crash or a dropped claim.
    pub doubts: Mutex<HashMap<NotificationId, InDoubt>>,
    /// Claimed records that were cancelled meanwhile: they end instead of being tried again.
    pub cancelled: Mutex<HashSet<(LaneId, Spot)>>,
    /// Unsettled notifications, as exact as `counted` says.
    pub queued: AtomicI64,
    /// Stored messages, as exact as `counted` says.
    pub messages: AtomicI64,
    /// Whether what was there at the start is counted.
    pub counted: AtomicBool,
    /// Lanes with something to do, at the last look.
    pub busy_lanes: AtomicUsize,
    /// Set when threads are to end.
    pub stopping: AtomicBool,
    /// Work was placed or loaded.
    pub activity: Notify,
    /// Outcomes became durable.
    pub settled: Notify,
    /// Mail came in.
    pub received: Notify,
    /// The refill's bell.
    pub bell: Bell,
    /// The syncer's desk.
    pub desk: Desk,
}

impl Core {
    /// Records of one lane that may be in memory.
    pub fn room(&self) -> usize {
        let share = self.settings.window_total / self.busy_lanes.load(Ordering::Relaxed).max(1);
        share.max(64).min(self.settings.window_per_lane)
    }

    /// Wakes everybody who waits for work; who comes next does not wait at all.
    pub fn announce(&self) {
        self.activity.notify_waiters();
        self.activity.notify_one();
    }

    /// Free bytes on the disk for somebody without privileges.
    pub fn disk_free_bytes(&self) -> Option<u64> {
        let disk = rustix::fs::statvfs(self.store.dir()).ok()?;
        Some(disk.f_bavail.saturating_mul(disk.f_frsize))
    }

    /// Refuses new work when the disk is nearly full. What cannot be measured is not refused: writing will tell.
    pub fn check_disk(&self) -> Result<(), Refusal> {
        let min = self.settings.limits.disk_free_bytes_min;
        match self.disk_free_bytes() {
            Some(free) if free < min => Err(Refusal::limit("disk_free_bytes_min", min)),
            _ => Ok(()),
        }
    }

    /// The number of the last line of the outbox that is written, synced or not.
    pub fn written(&self) -> u64 {
        // Whoever has a number has also written it once this lock is had.
        let _alone = self.gate.write();
        self.seqs.next.load(Ordering::Relaxed) - 1
    }

    /// Adds to the count of a lane and of the whole. The caller holds the gate.
    pub fn count(&self, lane: LaneId, by: i64) {
        self.lanes.count(lane, by);
        self.queued.fetch_add(by, Ordering::Relaxed);
    }
}
