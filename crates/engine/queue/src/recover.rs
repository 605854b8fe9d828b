//! What an open does before anybody may use the queue: see the state table in FORMAT.md.

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use clock::Clock;
use mail_model::NotificationId;
use parking_lot::{Mutex, RwLock};

use crate::book::Book;
use crate::core::{Core, Seqs};
use crate::desk::{Abort, Intakes};
use crate::fatal::StoreFault;
use crate::keys::{Family, LaneId, META_OUTBOX_TRIMMED, META_TALLY_SEQ, Spot, read_u64};
use crate::lanes::LaneTable;
use crate::postbox::Postbox;
use crate::record::doubt::InDoubt;
use crate::record::line::Line;
use crate::record::mail::{KeptNote, decode_waiting};
use crate::record::message::Staged;
use crate::record::wire::Corrupt;
use crate::refill::remove;
use crate::settings::QueueSettings;
use crate::store::Store;

/// Brings the queue into the state in which it can go on.
pub fn recover(store: Store, settings: QueueSettings, clock: Clock) -> Result<Core, StoreFault> {
    let lanes = LaneTable::load(&store)?;
    let doubts = doubts(&store)?;
    let staged = staged(&store)?;
    let seqs = seqs(&store)?;
    let last_id = last_id(&store)?;
    let postbox = postbox(&store)?;
    let book = Book::default();
    replay(&store, &book, seqs.tally.load(Ordering::Relaxed) + 1)?;
    if !doubts.is_empty() {
        tracing::warn!(
            count = doubts.len(),
            "mails may be sent twice: a crash cut them off after their content was sent"
        );
    }
    let core = Core {
        store,
        settings,
        clock,
        lanes,
        book,
        gate: RwLock::default(),
        snapshot: Mutex::default(),
        seqs,
        intakes: Mutex::new(Intakes { last_id, ..Intakes::default() }),
        postbox,
        back: Mutex::default(),
        noting: Mutex::default(),
        doubts: Mutex::new(doubts),
        cancelled: Mutex::default(),
        queued: 0.into(),
        messages: 0.into(),
        counted: false.into(),
        busy_lanes: 1.into(),
        stopping: false.into(),
        activity: tokio::sync::Notify::new(),
        settled: tokio::sync::Notify::new(),
        received: tokio::sync::Notify::new(),
        bell: crate::desk::Bell::default(),
        desk: crate::desk::Desk::default(),
    };
    for abort in staged {
        remove(&core, &abort);
    }
    // What was recovered may have been in the log without a sync; nobody may see it before it is safe.
    core.store.sync();
    Ok(core)
}

fn number(store: &Store, key: &[u8]) -> Result<u64, StoreFault> {
    let fault = || StoreFault::new("meta", Corrupt::Length);
    store.try_get(Family::Meta, key)?.map_or(Ok(0), |value| read_u64(&value).ok_or_else(fault))
}

fn last_number(store: &Store, family: Family) -> Result<u64, StoreFault> {
    let fault = || StoreFault::new(family.name(), Corrupt::Key);
    store.try_last_key(family)?.map_or(Ok(0), |key| read_u64(&key).ok_or_else(fault))
}

fn seqs(store: &Store) -> Result<Seqs, StoreFault> {
    let trimmed = number(store, META_OUTBOX_TRIMMED)?;
    let tally = number(store, META_TALLY_SEQ)?;
    let last = last_number(store, Family::Outbox)?.max(trimmed).max(tally);
    Ok(Seqs {
        next: (last + 1).into(),
        synced: last.into(),
        tally: tally.into(),
        trimmed: trimmed.into(),
        audit: (last_number(store, Family::Audit)? + 1).into(),
    })
}

/// Counts what waits in the inbox and what is kept. What was received without having been synced counts, too: it is
/// synced before anybody may look.
fn postbox(store: &Store) -> Result<Postbox, StoreFault> {
    let postbox = Postbox::new(last_number(store, Family::Mail)?);
    let mut waiting = store.scan(Family::Inbox, &[], None);
    while let Some((key, value)) = waiting.try_next()? {
        let bytes = decode_waiting(key, value).map_err(|corrupt| StoreFault::new("inbox", corrupt))?;
        postbox.found(bytes);
    }
    let mut kept = store.scan(Family::Kept, &[], None);
    while let Some((key, value)) = kept.try_next()? {
        let note = KeptNote::decode(key, value).map_err(|corrupt| StoreFault::new("kept", corrupt))?;
        postbox.found_kept(note.content_bytes);
    }
    drop((waiting, kept));
    Ok(postbox)
}

fn last_id(store: &Store) -> Result<u64, StoreFault> {
    Ok(last_number(store, Family::Message)?.max(last_number(store, Family::Staging)?))
}

fn doubts(store: &Store) -> Result<HashMap<NotificationId, InDoubt>, StoreFault> {
    let mut doubts = HashMap::new();
    let mut scan = store.scan(Family::Doubt, &[], None);
    while let Some((key, value)) = scan.try_next()? {
        let mark = InDoubt::decode(key, value).map_err(|corrupt| StoreFault::new("doubt", corrupt))?;
        doubts.insert(mark.id, mark);
    }
    Ok(doubts)
}

fn staged(store: &Store) -> Result<Vec<Abort>, StoreFault> {
    let mut aborts = vec![];
    let mut scan = store.scan(Family::Staging, &[], None);
    while let Some((key, value)) = scan.try_next()? {
        let fault = |corrupt| StoreFault::new("staging", corrupt);
        let message = read_u64(key).ok_or(Corrupt::Key).map_err(fault)?;
        let Staged { due_ms, lanes } = Staged::decode(key, value).map_err(fault)?;
        let first = Spot { due_ms, message, index: 0 };
        aborts.push(Abort { message, lanes: lanes.into_iter().map(|lane: LaneId| (lane, first)).collect() });
    }
    Ok(aborts)
}

/// Sums up what was settled after the sums were stored.
fn replay(store: &Store, book: &Book, from: u64) -> Result<(), StoreFault> {
    let mut scan = store.scan(Family::Outbox, &from.to_be_bytes(), None);
    while let Some((key, value)) = scan.try_next()? {
        let line = Line::decode(key, value).map_err(|corrupt| StoreFault::new("outbox", corrupt))?;
        book.record(store, &[line])?;
    }
    Ok(())
}

/// Counts what the queue was opened with. `begun` is called once the moment that is counted is fixed: whatever changes
/// later is counted by whoever changes it.
pub fn count(core: &Core, begun: impl FnOnce()) {
    let mut due = core.store.scan(Family::Due, &[], None);
    let mut messages = core.store.scan(Family::Message, &[], None);
    begun();
    let mut stored = 0;
    while messages.next_item().is_some() {
        stored += 1;
    }
    core.messages.fetch_add(stored, Ordering::Relaxed);
    let (mut lane, mut queued) = (LaneId(0), 0);
    let mut rows: u64 = 0;
    while let Some((key, _)) = due.next_item() {
        let read = Spot::read(key).ok_or_else(|| StoreFault::new("due", Corrupt::Key));
        let (at, _) = core.store.must("counting", read);
        if at != lane {
            core.count(lane, queued);
            (lane, queued) = (at, 0);
        }
        queued += 1;
        rows += 1;
        if rows.is_multiple_of(1_024) && core.stopping.load(Ordering::Relaxed) {
            return;
        }
    }
    core.count(lane, queued);
    core.counted.store(true, Ordering::Release);
}
