//! Everything of some messages that has not ended, read from the lanes.

use std::collections::{BTreeSet, HashSet};
use std::sync::atomic::Ordering;

use mail_model::{Cause, EmailAddress, Lane, MessageId, NotificationId, UnixMs};

use crate::core::Core;
use crate::fatal::StoreFault;
use crate::keys::{Family, Spot, Stream, lane_end};
use crate::lanes::LaneCell;
use crate::outbox::failure;
use crate::record::attempt::AttemptRecord;
use crate::record::due::DueRecord;
use crate::record::wire::Corrupt;

/// A notification that has not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Which one.
    pub id: NotificationId,
    /// Where it waits.
    pub lane: Lane,
    /// When it is due; a time in the past when it waits for its turn.
    pub due: UnixMs,
    /// Attempts so far.
    pub attempts: u16,
    /// Why the last one failed.
    pub last_cause: Option<Cause>,
    /// Whether it is being sent in this moment.
    pub in_hand: bool,
    /// Whether an earlier attempt may have arrived.
    pub in_doubt: bool,
    /// The last attempt, where one was made.
    pub last: Option<AttemptRecord>,
    /// The recipient.
    pub address: EmailAddress,
}

/// Hands all that waits of `messages` to `each`, until that says false.
pub fn waiting(core: &Core, messages: &BTreeSet<MessageId>, each: &mut dyn FnMut(Waiting) -> bool) {
    let counted = core.counted.load(Ordering::Acquire);
    for cell in core.lanes.all() {
        let is_empty = counted && cell.queued.load(Ordering::Relaxed) <= 0;
        if !is_empty && !in_lane(core, &cell, messages, each) {
            return;
        }
    }
}

/// Goes through a lane. False: enough.
fn in_lane(
    core: &Core,
    cell: &LaneCell,
    messages: &BTreeSet<MessageId>,
    each: &mut dyn FnMut(Waiting) -> bool,
) -> bool {
    let mut scan = core.store.scan(Family::Due, &Spot::FIRST_FRESH.key(cell.id), Some(lane_end(cell.id)));
    let claimed = cell.window.lock().claimed();
    loop {
        let next = {
            let Some((key, value)) = scan.next_item() else { return true };
            let read = Spot::read(key).map(|(_, spot)| spot).ok_or(Corrupt::Key);
            let read = read.and_then(|spot| match messages.contains(&MessageId(spot.message)) {
                true => Ok((spot, Some(DueRecord::decode(key, value)?))),
                false => Ok((spot, None)),
            });
            core.store.must("reading a lane", read.map_err(|corrupt| StoreFault::new(Family::Due.name(), corrupt)))
        };
        match next {
            (spot, Some(record)) => {
                if !each(shown(core, cell, spot, record, &claimed)) {
                    return false;
                }
            }
            // A fresh stream is in the order of messages: what stands between two of ours need not be read.
            (spot, None) if spot.stream() == Stream::Fresh => {
                let ours = messages.range(MessageId(spot.message)..).next();
                let to = ours.map_or(Spot::FIRST_TIMED, |id| Spot { due_ms: 0, message: id.0, index: 0 });
                scan.seek(&to.key(cell.id));
            }
            (_, None) => {}
        }
    }
}

fn shown(core: &Core, cell: &LaneCell, spot: Spot, record: DueRecord, claimed: &HashSet<Spot>) -> Waiting {
    Waiting {
        id: spot.id(),
        lane: cell.lane.clone(),
        due: if spot.due_ms == 0 { record.accepted_at } else { UnixMs(spot.due_ms) },
        attempts: record.attempts,
        last_cause: record.last_cause,
        in_hand: claimed.contains(&spot),
        in_doubt: record.in_doubt,
        last: (record.attempts > 0).then(|| failure(core, spot.id())).flatten(),
        address: record.address,
    }
}
