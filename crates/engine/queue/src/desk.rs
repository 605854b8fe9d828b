//! Where threads leave work for the syncer and the refill, and ring for them.

use std::collections::{HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use crate::keys::{InboxId, LaneId, Spot};
use crate::record::mail::ReceivedMail;
use crate::window::Entry;

/// A message whose last write waits for its sync, and what is to be done after it.
pub struct Placement {
    /// The message.
    pub message: u64,
    /// Its idempotency key, which may be used again from then on.
    pub key: Option<String>,
    /// Where its records begin in each of its lanes.
    pub lanes: Vec<(LaneId, Spot)>,
    /// Its records, when they are few: they go straight into the windows.
    pub entries: Vec<(LaneId, Entry)>,
    /// Told when all of this is done.
    pub done: oneshot::Sender<()>,
}

/// A received mail that is to be stored.
pub struct Arrival {
    /// The mail.
    pub mail: ReceivedMail,
    /// Told its number once a sync covers it.
    pub done: oneshot::Sender<InboxId>,
}

/// What the syncer finds on its desk.
pub struct Turn {
    /// Messages to be placed after the sync.
    pub placements: Vec<Placement>,
    /// Received mails to be stored before it.
    pub arrivals: Vec<Arrival>,
    /// Whoever waits for the sync alone.
    pub waiting: Vec<oneshot::Sender<()>>,
    /// Whether something was written.
    pub dirty: bool,
    /// Whether this is the last turn.
    pub last: bool,
}

/// Content of received mails that one sync covers, roughly: a flood of large ones must not keep an emergency waiting for
/// longer than it takes to write this much.
const ARRIVALS_BYTES: usize = 16 << 20;

#[derive(Default)]
struct Papers {
    placements: Vec<Placement>,
    arrivals: VecDeque<Arrival>,
    waiting: Vec<oneshot::Sender<()>>,
    stop: bool,
}

impl Papers {
    fn is_urgent(&self) -> bool {
        self.stop || !self.placements.is_empty() || !self.arrivals.is_empty() || !self.waiting.is_empty()
    }

    fn take_arrivals(&mut self) -> Vec<Arrival> {
        let (mut taken, mut bytes) = (vec![], 0);
        while bytes < ARRIVALS_BYTES
            && let Some(arrival) = self.arrivals.pop_front()
        {
            bytes += arrival.mail.content.len();
            taken.push(arrival);
        }
        taken
    }
}

/// The syncer's desk.
#[derive(Default)]
pub struct Desk {
    papers: Mutex<Papers>,
    rung: Condvar,
    dirty: AtomicBool,
}

/// How long the syncer sleeps when nothing happens.
const IDLE: Duration = Duration::from_millis(500);

impl Desk {
    /// Leaves a message whose last batch was written.
    pub fn submit(&self, placement: Placement) {
        self.papers.lock().placements.push(placement);
        self.rung.notify_one();
    }

    /// Leaves a received mail.
    pub fn receive(&self, arrival: Arrival) {
        self.papers.lock().arrivals.push_back(arrival);
        self.rung.notify_one();
    }

    /// Asks to be told when all that was written before is synced.
    pub fn tell_when_synced(&self, done: oneshot::Sender<()>) {
        self.papers.lock().waiting.push(done);
        self.rung.notify_one();
    }

    /// Says that something was written that is to be synced soon.
    pub fn dirty(&self) {
        // Only the first after a sync rings: a ring costs more than the write.
        if !self.dirty.swap(true, Ordering::AcqRel) {
            drop(self.papers.lock());
            self.rung.notify_one();
        }
    }

    /// Asks the syncer to finish.
    pub fn stop(&self) {
        self.papers.lock().stop = true;
        self.rung.notify_one();
    }

    /// Waits for work: at once for what somebody waits for, at most `interval` after the first write, and now and then
    /// for nothing.
    pub fn next_turn(&self, interval: Duration) -> Turn {
        let mut papers = self.papers.lock();
        if !papers.is_urgent() && !self.dirty.load(Ordering::Acquire) {
            self.rung.wait_for(&mut papers, IDLE);
        }
        if !papers.is_urgent() && self.dirty.load(Ordering::Acquire) {
            self.rung.wait_for(&mut papers, interval);
        }
        // Reset before the sync begins: what is written from now on rings again.
        let dirty = self.dirty.swap(false, Ordering::AcqRel);
        let arrivals = papers.take_arrivals();
        Turn {
            placements: std::mem::take(&mut papers.placements),
            arrivals,
            waiting: std::mem::take(&mut papers.waiting),
            dirty,
            last: papers.stop && papers.arrivals.is_empty(),
        }
    }
}

/// An intake that did not come to its end and left pages on disk.
pub struct Abort {
    /// The message.
    pub message: u64,
    /// Where its records begin in each of its lanes.
    pub lanes: Vec<(LaneId, Spot)>,
}

#[derive(Default)]
struct Calls {
    rung: bool,
    stop: bool,
    aborts: Vec<Abort>,
}

/// The refill's bell.
#[derive(Default)]
pub struct Bell {
    calls: Mutex<Calls>,
    rung: Condvar,
    ringing: AtomicBool,
}

impl Bell {
    /// Asks for a round.
    pub fn ring(&self) {
        if !self.ringing.swap(true, Ordering::AcqRel) {
            self.calls.lock().rung = true;
            self.rung.notify_one();
        }
    }

    /// Leaves pages to be removed.
    pub fn abort(&self, abort: Abort) {
        self.calls.lock().aborts.push(abort);
        self.ring();
    }

    /// Asks the refill to finish.
    pub fn stop(&self) {
        self.calls.lock().stop = true;
        self.rung.notify_one();
    }

    /// Waits for a ring, at most `longest`. Gives whether it rang, and what is to be removed; `None`: finish.
    pub fn wait(&self, longest: Duration) -> Option<(bool, Vec<Abort>)> {
        let mut calls = self.calls.lock();
        if !calls.rung && !calls.stop {
            self.rung.wait_for(&mut calls, longest);
        }
        let rung = std::mem::take(&mut calls.rung);
        self.ringing.store(false, Ordering::Release);
        if calls.stop { None } else { Some((rung, std::mem::take(&mut calls.aborts))) }
    }
}

/// Bits of a message's id that tell the node.
const NODE_BITS: u32 = 8;

/// Intakes under way, and the ids given away.
#[derive(Default)]
pub struct Intakes {
    /// Messages that are not accepted: their records on disk are nobody's.
    pub staging: HashSet<u64>,
    /// Idempotency keys of calls under way.
    pub keys: HashSet<String>,
    /// The last message id given away.
    pub last_id: u64,
}

impl Intakes {
    /// The next message id: the time, twelve bits for a counter, eight for the node; always greater than all before,
    /// whatever the clock says. The node makes it unique among nodes whose clocks agree: a bounce that comes to one of
    /// them must not be taken for another's mail.
    pub fn next_id(&mut self, now_ms: u64, node: u8) -> u64 {
        let node = u64::from(node);
        // A counter that is used up runs into the time, as if it were a millisecond later.
        let next = ((self.last_id >> NODE_BITS) + 1) << NODE_BITS;
        self.last_id = (now_ms << 20).max(next) | node;
        self.last_id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_grow_when_the_clock_stands_still_and_when_it_goes_back() {
        let mut intakes = Intakes::default();
        let ids: Vec<_> = [1_000, 1_000, 900, 0, 1_001].map(|now| intakes.next_id(now, 7)).into();
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]), "{ids:?}");
        assert_eq!(ids[0] >> 20, 1_000);
        assert_eq!(ids[4] >> 20, 1_001);
        assert!(ids.iter().all(|id| id & 0xff == 7), "{ids:?}");
    }

    #[test]
    fn two_nodes_never_give_the_same_id_and_go_on_behind_ids_of_any_form() {
        let (mut one, mut other) = (Intakes::default(), Intakes { last_id: (1_000 << 20) + 77, ..Intakes::default() });
        let mut seen = HashSet::new();
        for n in 0..10_000 {
            assert!(seen.insert(one.next_id(1_000 + n / 9_000, 0)));
            let id = other.next_id(1_000 + n / 9_000, 255);
            assert!(id > (1_000 << 20) + 77 && seen.insert(id));
        }
    }
}
