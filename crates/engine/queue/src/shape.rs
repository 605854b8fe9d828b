//! The queue as an operator sees it: lanes, counts, one notification.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use mail_model::{Cause, Lane, NotificationId, UnixMs};

use crate::core::Core;
use crate::fatal::StoreFault;
use crate::keys::{Family, LaneId, Spot, lane_end};
use crate::lanes::LaneCell;
use crate::outbox::{failure, head};
use crate::record::attempt::AttemptRecord;
use crate::record::doubt::InDoubt;
use crate::record::due::DueRecord;

/// One lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneShape {
    /// Its number.
    pub id: LaneId,
    /// Which one.
    pub lane: Lane,
    /// Unsettled notifications.
    pub queued: u64,
    /// Of these, in memory and ready.
    pub ready: u64,
    /// Of these, being sent.
    pub in_flight: u64,
    /// When the next one falls due that is not in memory; a time in the past means that it is being read.
    pub next_due: Option<UnixMs>,
}

/// The whole queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Lanes, by number.
    pub lanes: Vec<LaneShape>,
    /// Unsettled notifications.
    pub queued: u64,
    /// Stored messages, finished ones included.
    pub messages: u64,
    /// Whether `queued` and `messages` are exact. Until the queue has been counted, shortly after a start, what it was
    /// opened with is missing from them.
    pub counted: bool,
    /// Notifications in doubt.
    pub in_doubt: u64,
    /// Number of the last attempt that is durable.
    pub outbox_last: u64,
    /// Attempts up to this one were trimmed.
    pub outbox_trimmed: u64,
    /// Memory of the store.
    pub store_bytes: u64,
    /// Free bytes on the disk, where that can be told.
    pub disk_free_bytes: Option<u64>,
}

fn positive(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}

fn size(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

/// Looks at everything.
pub fn shape(core: &Core) -> Shape {
    // Read first: counts that are read later can only be more exact than it says.
    let counted = core.counted.load(Ordering::Acquire);
    let lanes = core.lanes.all().iter().map(|cell| lane_shape(cell)).collect();
    Shape {
        lanes,
        queued: positive(core.queued.load(Ordering::Relaxed)),
        messages: positive(core.messages.load(Ordering::Relaxed)),
        counted,
        in_doubt: size(core.doubts.lock().len()),
        outbox_last: core.seqs.synced.load(Ordering::Acquire),
        outbox_trimmed: core.seqs.trimmed.load(Ordering::Relaxed),
        store_bytes: core.store.memory_bytes(),
        disk_free_bytes: core.disk_free_bytes(),
    }
}

fn lane_shape(cell: &LaneCell) -> LaneShape {
    let window = cell.window.lock();
    LaneShape {
        id: cell.id,
        lane: cell.lane.clone(),
        queued: positive(cell.queued.load(Ordering::Relaxed)),
        ready: size(window.len()),
        in_flight: size(window.in_flight()),
        next_due: window.next_due(),
    }
}

/// Notifications in doubt, oldest mark first.
pub fn in_doubt(core: &Core) -> Vec<InDoubt> {
    let mut all: Vec<_> = core.doubts.lock().values().cloned().collect();
    all.sort_by_key(|mark| (mark.at, mark.id));
    all
}

/// Where a notification is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// It waits, or is being sent.
    Queued {
        /// In this lane.
        lane: Lane,
        /// Until this time; in the past when it waits for its turn.
        due: UnixMs,
        /// Attempts so far.
        attempts: u16,
        /// Why the last one failed.
        last_cause: Option<Cause>,
        /// Whether it is being sent right now.
        in_flight: bool,
    },
    /// It has ended.
    Ended,
}

/// Everything the queue knows about one notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// Where it is.
    pub place: Place,
    /// Its mark, when it is in doubt.
    pub in_doubt: Option<InDoubt>,
    /// Its last outcome, unless it is accepted or was never tried.
    pub last_failure: Option<AttemptRecord>,
}

/// Looks for one notification. `None`: there is none with this id, or its message is forgotten.
///
/// One that waits for a retry is looked for from end to end, which takes a second for a million of them.
pub fn inspect(core: &Core, id: NotificationId) -> Option<Inspection> {
    let head = head(core, id.message)?;
    if id.index >= head.count {
        return None;
    }
    let cells = core.lanes.all();
    let first_due = head.not_before.filter(|t| *t > head.accepted_at).map_or(0, |t| t.0);
    let first = Spot { due_ms: first_due, message: id.message.0, index: id.index };
    let place = cells
        .iter()
        .find_map(|cell| queued_at(core, cell, first))
        .or_else(|| cells.iter().find_map(|cell| search(core, cell, id)))
        .unwrap_or(Place::Ended);
    Some(Inspection { place, in_doubt: core.doubts.lock().get(&id).cloned(), last_failure: failure(core, id) })
}

fn queued_at(core: &Core, cell: &Arc<LaneCell>, spot: Spot) -> Option<Place> {
    let record = core.store.read(Family::Due, &spot.key(cell.id), DueRecord::decode)?;
    Some(Place::Queued {
        lane: cell.lane.clone(),
        due: if spot.due_ms == 0 { record.accepted_at } else { UnixMs(spot.due_ms) },
        attempts: record.attempts,
        last_cause: record.last_cause,
        in_flight: cell.window.lock().is_in_flight(spot),
    })
}

fn search(core: &Core, cell: &Arc<LaneCell>, id: NotificationId) -> Option<Place> {
    let mut scan = core.store.scan(Family::Due, &Spot::FIRST_TIMED.key(cell.id), Some(lane_end(cell.id)));
    let spot = loop {
        let (key, _) = scan.next_item()?;
        let read = Spot::read(key).ok_or_else(|| StoreFault::new("due", crate::record::wire::Corrupt::Key));
        let (_, spot) = core.store.must("reading a lane", read);
        if spot.id() == id {
            break spot;
        }
    };
    queued_at(core, cell, spot)
}
