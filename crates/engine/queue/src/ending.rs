//! Ending notifications that are not sent: taken out of everybody's reach, looked at on disk, settled.

use mail_model::{Outcome, SourceName, UnixMs};

use crate::act::{Next, Write};
use crate::claim::Queued;
use crate::core::Core;
use crate::keys::{Family, LaneId, Spot};
use crate::lanes::LaneCell;
use crate::record::attempt::AttemptRecord;
use crate::record::due::DueRecord;
use crate::window::{Entry, Seized};
use crate::write::write;

/// Notifications settled by one batch.
const BATCH: usize = 500;

/// What became of those that were to end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// Settled now.
    pub ended: u64,
    /// Being sent right now.
    pub in_flight: u64,
}

/// Ends the records at `spots` that nobody is sending. Records that are gone meanwhile are passed over. `in_flight` is
/// told of those that somebody is sending.
pub fn end(
    core: &Core,
    cell: &LaneCell,
    spots: &[Spot],
    outcome: impl Fn(&DueRecord) -> Outcome,
    mut in_flight: impl FnMut(Spot),
) -> Ended {
    let mut all = Ended::default();
    for part in spots.chunks(BATCH) {
        let mut batch = Write::new();
        for &spot in part {
            if cell.window.lock().seize(spot) == Seized::InFlight {
                all.in_flight += 1;
                in_flight(spot);
                continue;
            }
            let key = spot.key(cell.id);
            // Now nobody else can claim it; it may have been settled just before it was seized.
            match core.store.read(Family::Due, &key, DueRecord::decode) {
                None => cell.window.lock().finish(spot),
                Some(mut record) => {
                    // A crash may have left a mark that the record does not know of.
                    record.in_doubt |= core.doubts.lock().contains_key(&spot.id());
                    all.ended += 1;
                    batch = settle(batch, cell, Entry { spot, record }, &outcome, core.clock.unix());
                }
            }
        }
        write(core, batch);
    }
    all
}

/// Makes the records at `spots` that nobody is sending due at `due`. Gives how many.
pub fn bring_forward(core: &Core, cell: &LaneCell, spots: &[Spot], due: UnixMs) -> u64 {
    let mut moved = 0;
    for part in spots.chunks(BATCH) {
        let mut batch = Write::new();
        for &spot in part {
            if cell.window.lock().seize(spot) == Seized::InFlight {
                continue;
            }
            match core.store.read(Family::Due, &spot.key(cell.id), DueRecord::decode) {
                None => cell.window.lock().finish(spot),
                Some(record) => {
                    moved += 1;
                    if record.cancelled {
                        // So far only on disk; a claim does not carry the flag.
                        core.cancelled.lock().insert((cell.id, spot));
                    }
                    batch =
                        batch.postpone(Queued::seized(cell.id, Entry { spot, record }, &SourceName::nowhere()), due);
                }
            }
        }
        write(core, batch);
    }
    moved
}

fn settle(batch: Write, cell: &LaneCell, entry: Entry, outcome: impl Fn(&DueRecord) -> Outcome, at: UnixMs) -> Write {
    let outcome = outcome(&entry.record);
    let queued = Queued::seized(cell.id, entry, &SourceName::nowhere());
    let record = AttemptRecord::of(&queued, &cell.lane, outcome, at);
    batch.settle(queued, AttemptRecord { source: None, ..record }, Next::Done)
}

/// Flags a record that is being sent, so that it is not tried again; also after a crash. Gives whether it was there.
pub fn flag_in_flight(core: &Core, lane: LaneId, spot: Spot) -> bool {
    // Alone: whoever settles it has either written (and it is gone here) or will see the flag.
    let _alone = core.gate.write();
    let key = spot.key(lane);
    let Some(record) = core.store.read(Family::Due, &key, DueRecord::decode) else { return false };
    let mut batch = core.store.batch();
    batch.put(Family::Due, &key, &DueRecord { cancelled: true, ..record }.encode(&key));
    batch.write();
    core.cancelled.lock().insert((lane, spot));
    true
}
