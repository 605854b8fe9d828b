//! The thread that reads lanes from disk into their windows, emergency lanes first, before anybody waits for them.

use std::sync::atomic::Ordering;
use std::time::Duration;

use mail_model::{Outcome, Withheld};

use crate::core::Core;
use crate::desk::Abort;
use crate::ending::end;
use crate::keys::{Family, LaneId, Spot, lane_end, message_key};
use crate::lanes::LaneCell;
use crate::record::due::DueRecord;
use crate::record::wire::Corrupt;
use crate::window::{Entry, ScanPlan, Scanned};

/// The longest sleep; a retry that falls due is in its window at most this late, or at once when somebody asks.
const SLEEP_MAX: Duration = Duration::from_secs(1);
/// Records removed by one batch.
const REMOVED_AT_ONCE: usize = 2_000;

/// Runs until it is asked to stop.
pub fn run(core: &Core) {
    let mut sleep = Duration::ZERO;
    while let Some((rung, aborts)) = core.bell.wait(sleep) {
        for abort in aborts {
            remove(core, &abort);
            // Only here, where no scan can be under way that has seen these records.
            core.intakes.lock().staging.remove(&abort.message);
        }
        sleep = round(core);
        if rung {
            // Also when nothing was loaded: whoever was told to wait looks again, with the time as it is now.
            core.announce();
        }
    }
}

/// Looks at every lane once. Gives the time until something falls due.
fn round(core: &Core) -> Duration {
    let mut cells = core.lanes.all();
    cells.sort_by_key(|cell| (cell.lane.class, cell.id));
    let (mut loaded, mut busy) = (false, 0);
    let mut sleep = SLEEP_MAX;
    for cell in &cells {
        if core.stopping.load(Ordering::Relaxed) {
            return sleep;
        }
        loaded |= fill(core, cell);
        let window = cell.window.lock();
        let now = core.clock.unix();
        busy += usize::from(!window.is_empty() || window.in_flight() > 0);
        if let Some(due) = window.next_due().filter(|due| *due > now) {
            sleep = sleep.min(Duration::from_millis(due.since_ms(now)));
        }
    }
    core.busy_lanes.store(busy, Ordering::Relaxed);
    if loaded {
        core.announce();
    }
    sleep
}

fn fill(core: &Core, cell: &LaneCell) -> bool {
    let room = core.room();
    let Some(plan) = cell.window.lock().begin_scan(core.clock.unix(), room) else { return false };
    let read = Reading::new(core, cell.id, plan).run();
    cell.window.lock().end_scan(read.scanned, room);
    if !read.cancelled.is_empty() {
        end(core, cell, &read.cancelled, |_| Outcome::Withheld(Withheld::Cancelled), |_| {});
    }
    true
}

struct Reading<'a> {
    core: &'a Core,
    lane: LaneId,
    plan: ScanPlan,
    scanned: Scanned,
    cancelled: Vec<Spot>,
}

impl<'a> Reading<'a> {
    fn new(core: &'a Core, lane: LaneId, plan: ScanPlan) -> Self {
        Self { core, lane, plan, scanned: Scanned::default(), cancelled: vec![] }
    }

    /// What is due by time goes in first, but only into half of the room while fresh records wait as well: neither a
    /// flood of retries nor a flood of new mail may keep the other out.
    fn run(mut self) -> Self {
        let room = self.plan.room;
        if let Some(from) = self.plan.timed {
            let share = if self.plan.fresh.is_some() { (room / 2).max(1) } else { room };
            self.scanned.timed_next = self.stream(from, lane_end(self.lane), share);
        }
        if let Some(from) = self.plan.fresh {
            let left = room.saturating_sub(self.scanned.entries.len()).max(1);
            self.scanned.fresh_next = self.stream(from, Spot::FIRST_TIMED.key(self.lane).to_vec(), left);
        }
        self
    }

    /// Reads one stream; gives the first spot that was not read.
    fn stream(&mut self, from: Spot, to: Vec<u8>, room: usize) -> Option<Spot> {
        let core = self.core;
        let mut scan = core.store.scan(Family::Due, &from.key(self.lane), Some(to));
        // After the scan has fixed what it sees: a message that leaves this set later was either accepted, and then its
        // lanes were lowered, or removed by this very thread.
        let staging = core.intakes.lock().staging.clone();
        let mut left = room;
        while let Some((key, value)) = scan.next_item() {
            let read =
                Spot::read(key).ok_or(Corrupt::Key).and_then(|(_, spot)| Ok((spot, DueRecord::decode(key, value)?)));
            let fault = |corrupt| crate::fatal::StoreFault::new(Family::Due.name(), corrupt);
            let (spot, mut record) = core.store.must("reading a lane", read.map_err(fault));
            if left == 0 || spot.due_ms > self.plan.now.0 {
                return Some(spot);
            }
            if staging.contains(&spot.message) {
                continue;
            }
            if record.cancelled {
                self.cancelled.push(spot);
                continue;
            }
            record.in_doubt |= core.doubts.lock().contains_key(&spot.id());
            self.scanned.entries.push(Entry { spot, record });
            left -= 1;
        }
        None
    }
}

/// Removes an intake's pages. Its staging record goes last, so that a crash in between leaves the rest to be found.
pub fn remove(core: &Core, abort: &Abort) {
    for (lane, first) in &abort.lanes {
        let past = Spot { message: first.message + 1, index: 0, ..*first };
        let mut scan = core.store.scan(Family::Due, &first.key(*lane), Some(past.key(*lane).to_vec()));
        loop {
            let mut batch = core.store.batch();
            let mut some = 0;
            while some < REMOVED_AT_ONCE
                && let Some((key, _)) = scan.next_item()
            {
                batch.delete(Family::Due, key);
                some += 1;
            }
            let end = batch.is_empty();
            batch.write();
            if end {
                break;
            }
        }
    }
    let key = message_key(mail_model::MessageId(abort.message));
    let mut batch = core.store.batch();
    batch.delete(Family::Content, &key);
    batch.delete(Family::Staging, &key);
    batch.write();
    core.desk.dirty();
}
