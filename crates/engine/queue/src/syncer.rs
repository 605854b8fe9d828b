//! The thread that makes things durable: one sync for all that waits, then whoever waited is told.
//!
//! Group commit without a timer: while one sync runs, the next group gathers. Commits are written unsynced by their own
//! threads and synced here, so that settling never waits behind somebody's sync inside RocksDB.

use std::sync::atomic::Ordering;
use std::time::Duration;

use mail_model::MonoUs;

use crate::core::Core;
use crate::desk::Placement;
use crate::inbox;
use crate::keys::{Family, META_TALLY_SEQ, message_key};

/// Sums are stored this often when anything changed.
const TALLY_INTERVAL: Duration = Duration::from_millis(500);

/// Runs until it is asked to stop; everything that was written is then durable.
pub fn run(core: &Core) {
    let mut stored_at = core.clock.mono();
    loop {
        let turn = core.desk.next_turn(core.settings.sync_interval);
        let arrived = inbox::store(core, turn.arrivals);
        let commits = turn.placements.len() + arrived.len();
        if turn.dirty || turn.last || commits > 0 || !turn.waiting.is_empty() {
            sync(core, commits);
        }
        place(core, turn.placements);
        inbox::show(core, arrived);
        for done in turn.waiting {
            // Whoever went away does not need to know.
            let _ = done.send(());
        }
        if turn.last || tallies_are_due(core, stored_at) {
            stored_at = core.clock.mono();
            store_tallies(core);
        }
        if turn.last {
            sync(core, 0);
            return;
        }
    }
}

fn sync(core: &Core, commits: usize) {
    let upto = core.written();
    let begun = core.clock.mono();
    core.store.sync();
    telemetry::StoreSynced { took: core.clock.mono().since(begun), writes: commits }.emit();
    if core.seqs.synced.fetch_max(upto, Ordering::Release) < upto {
        core.settled.notify_waiters();
        core.settled.notify_one();
    }
}

fn place(core: &Core, placements: Vec<Placement>) {
    if placements.is_empty() {
        return;
    }
    let room = core.room();
    let mut waiting = Vec::with_capacity(placements.len());
    for placement in placements {
        // Under this lock until all of it is placed: a sweep that no longer sees the message as being handed in must find
        // its records where they will be claimed, and a scan that still does must be followed by the lowering.
        let mut intakes = core.intakes.lock();
        intakes.staging.remove(&placement.message);
        if let Some(key) = &placement.key {
            intakes.keys.remove(key);
        }
        if placement.entries.is_empty() {
            for (lane, spot) in placement.lanes {
                if let Some(cell) = core.lanes.get(lane) {
                    cell.window.lock().lower(spot);
                }
            }
        }
        for (lane, entry) in placement.entries {
            if let Some(cell) = core.lanes.get(lane) {
                cell.window.lock().offer(entry, room);
            }
        }
        waiting.push(placement.done);
    }
    core.bell.ring();
    core.announce();
    for done in waiting {
        // Whoever went away does not need to know; the message is accepted all the same.
        let _ = done.send(());
    }
}

fn tallies_are_due(core: &Core, stored_at: MonoUs) -> bool {
    let next = core.seqs.next.load(Ordering::Relaxed);
    let behind = next - 1 - core.seqs.tally.load(Ordering::Relaxed).min(next - 1);
    behind >= core.settings.tally_every || (behind > 0 && core.clock.mono().since(stored_at) >= TALLY_INTERVAL)
}

/// Stores the changed sums together with the outbox number for which they are exact.
pub fn store_tallies(core: &Core) {
    let _one = core.snapshot.lock();
    let (upto, changed) = {
        let _alone = core.gate.write();
        (core.seqs.next.load(Ordering::Relaxed) - 1, core.book.take_changed())
    };
    let mut batch = core.store.batch();
    for (id, tally) in changed {
        let key = message_key(id);
        batch.put(Family::Tally, &key, &tally.encode(&key));
    }
    batch.put(Family::Meta, META_TALLY_SEQ, &upto.to_be_bytes());
    batch.write();
    core.seqs.tally.store(upto, Ordering::Relaxed);
    core.book.trim();
}
