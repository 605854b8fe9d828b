//! Claiming: what a sender holds while it tries one notification, and what happens when it lets go.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use mail_model::{Cause, EmailAddress, NotificationId, Outcome, SourceName, UnixMs};

use crate::core::Core;
use crate::keys::{LaneId, Spot};
use crate::record::attempt::AttemptRecord;
use crate::record::doubt::InDoubt;
use crate::record::due::DueRecord;
use crate::window::{Entry, Peek, Take};

/// What [`crate::Queue::claim`] gives.
#[derive(Debug)]
pub enum Claim<I = Queued> {
    /// This one is the caller's until it is settled, moved or given back.
    Taken(Box<I>),
    /// Nothing before this time.
    Later(UnixMs),
    /// There is more; it is being read. Wait for [`crate::Queue::activity`].
    Loading,
    /// The lane is empty.
    Empty,
}

/// A claimed notification. Dropping it without settling it, as a panic or a cancelled future does, gives it back to the
/// queue; when it was marked in doubt it comes back in doubt.
#[derive(Debug)]
pub struct Queued {
    /// Which one.
    pub id: NotificationId,
    /// Where it waits.
    pub lane: LaneId,
    /// When it fell due.
    pub due: UnixMs,
    /// Attempts made so far.
    pub attempts: u16,
    /// When its message was handed in.
    pub accepted_at: UnixMs,
    /// The source it was claimed for.
    pub source: SourceName,
    /// The source the last attempt asked for.
    pub source_hint: Option<SourceName>,
    /// Why the last attempt failed.
    pub last_cause: Option<Cause>,
    /// An earlier attempt may have arrived without our knowing.
    pub in_doubt: bool,
    /// The recipient.
    pub address: EmailAddress,
    /// What the caller gave with the address.
    pub payload: Vec<u8>,
    pub(crate) returned: bool,
    pub(crate) guard: Guard,
}

/// Gives a claim back when it is dropped armed.
pub(crate) struct Guard {
    core: Weak<Core>,
    pub(crate) spot: Spot,
    mark: Option<InDoubt>,
    marked: AtomicBool,
    armed: bool,
}

impl std::fmt::Debug for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Guard")
    }
}

impl Guard {
    fn disarm(&mut self) {
        self.armed = false;
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if !self.armed {
            return;
        }
        let Some(core) = self.core.upgrade() else { return };
        let Some(mark) = self.mark.take() else { return };
        let lane = mark.lane;
        // Cancelled meanwhile: the flag is on disk, where the refill finds it.
        core.cancelled.lock().remove(&(lane, self.spot));
        if self.marked.load(Ordering::Relaxed) {
            core.doubts.lock().insert(mark.id, mark);
        }
        if let Some(cell) = core.lanes.get(lane) {
            cell.window.lock().let_go(self.spot);
        }
        core.bell.ring();
    }
}

impl Queued {
    fn new(core: Weak<Core>, lane: LaneId, entry: Entry, source: &SourceName, armed: bool) -> Self {
        let Entry { spot, record } = entry;
        let due = if spot.due_ms == 0 { record.accepted_at } else { UnixMs(spot.due_ms) };
        let attempt = record.attempts.saturating_add(1);
        let mark = InDoubt { id: spot.id(), lane, due, attempt, at: due, source: source.clone() };
        Self {
            id: spot.id(),
            lane,
            due,
            attempts: record.attempts,
            accepted_at: record.accepted_at,
            source: source.clone(),
            source_hint: record.source_hint,
            last_cause: record.last_cause,
            in_doubt: record.in_doubt,
            address: record.address,
            payload: record.payload,
            returned: record.returned,
            guard: Guard { core, spot, mark: Some(mark), marked: AtomicBool::new(false), armed },
        }
    }

    /// A record that the queue itself took in order to end it.
    pub(crate) fn seized(lane: LaneId, entry: Entry, source: &SourceName) -> Self {
        Self::new(Weak::new(), lane, entry, source, false)
    }

    /// The mark to set before the final dot.
    pub(crate) fn mark(&self) -> Option<InDoubt> {
        self.guard.marked.store(true, Ordering::Relaxed);
        self.guard.mark.clone()
    }

    /// The mark that was set, if one was.
    pub(crate) fn pending_mark(&self) -> Option<InDoubt> {
        self.guard.mark.clone().filter(|_| self.guard.marked.load(Ordering::Relaxed))
    }

    /// Ends the claim; the caller now answers for the record.
    pub(crate) fn release(mut self) -> (LaneId, Entry) {
        self.guard.disarm();
        let record = DueRecord {
            attempts: self.attempts,
            accepted_at: self.accepted_at,
            source_hint: self.source_hint,
            last_cause: self.last_cause,
            in_doubt: self.in_doubt,
            cancelled: false,
            returned: self.returned,
            address: self.address,
            payload: self.payload,
        };
        (self.lane, Entry { spot: self.guard.spot, record })
    }
}

impl AttemptRecord {
    /// The record of an attempt at `queued` with this outcome, everything else about it unknown yet.
    pub fn of(queued: &Queued, lane: &mail_model::Lane, outcome: Outcome, at: UnixMs) -> Self {
        Self {
            seq: 0,
            id: queued.id,
            attempt: queued.attempts.saturating_add(1),
            outcome,
            at,
            accepted_at: queued.accepted_at,
            carrier: lane.carrier.clone(),
            site: lane.site.clone(),
            source: Some(queued.source.clone()),
            mx_host: String::new(),
            stage: None,
            reply: None,
            rule: String::new(),
            address: queued.address.clone(),
            in_doubt: queued.in_doubt,
        }
    }
}

/// Gives a claimed notification back, before all others of its lane.
pub fn unclaim(core: &Core, queued: Queued) {
    let spot = queued.guard.spot;
    let cancelled = core.cancelled.lock().contains(&(queued.lane, spot));
    if cancelled || queued.guard.marked.load(Ordering::Relaxed) {
        // As if dropped: it is read from disk again, with its flag or in doubt.
        drop(queued);
        return;
    }
    let (lane, entry) = queued.release();
    if let Some(cell) = core.lanes.get(lane) {
        cell.window.lock().put_back(entry);
    }
}

/// Claims the next notification of a lane for a source. Memory only.
pub fn claim(core: &Arc<Core>, lane: LaneId, now: UnixMs, source: &SourceName) -> Claim {
    let Some(cell) = core.lanes.get(lane) else { return Claim::Empty };
    let room = core.room();
    let (take, wants) = {
        let mut window = cell.window.lock();
        let take = window.take(now, source);
        (take, window.wants_scan(now, room))
    };
    if wants {
        core.bell.ring();
    }
    match take {
        Take::Taken(entry) => Claim::Taken(Box::new(Queued::new(Arc::downgrade(core), lane, *entry, source, true))),
        Take::Later(at) => Claim::Later(at),
        Take::Loading => Claim::Loading,
        Take::Empty => Claim::Empty,
    }
}

/// What a claim of this lane would find. Memory only.
pub fn peek(core: &Core, lane: LaneId, now: UnixMs) -> Peek {
    let Some(cell) = core.lanes.get(lane) else { return Peek::Empty };
    let room = core.room();
    let (peek, wants) = {
        let window = cell.window.lock();
        (window.peek(now), window.wants_scan(now, room))
    };
    if wants {
        core.bell.ring();
    }
    peek
}
