//! What of a campaign waits, lane by lane, as it was read from the queue a moment ago.
//!
//! Reading goes through the lanes on disk, so it is done now and then, off the async threads, and what has ended since is
//! taken away by the campaign's sums, which are in memory. *Rejected*: counting at injection, which forgets at a restart.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use mail_model::{CarrierName, Lane, MessageId, MonoUs, UnixMs};
use parking_lot::Mutex;
use queue::{Queue, Tally};

/// A snapshot is used for so long, and at least for so many times what it took to read it.
const AGE_MAX: Duration = Duration::from_secs(10);
const AGE_TO_READING: u32 = 20;
/// Campaigns of which one is kept; the oldest goes.
const KEPT_MAX: usize = 64;

/// One lane's mail of a campaign.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// That has not ended.
    pub mails: u64,
    /// Of these, waiting for another attempt.
    pub waiting: u64,
    /// The first of them until then.
    pub due: Option<UnixMs>,
    /// Some of it was tried, so nothing of others is before it.
    pub begun: bool,
}

/// A campaign at one moment.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Lane by lane.
    pub lanes: BTreeMap<Lane, Held>,
    /// Ended by then, carrier by carrier.
    pub ended: BTreeMap<CarrierName, u64>,
    /// Notifications taken by then; another number means that more was handed in.
    pub count: u64,
    /// When the first of its messages was handed in, or may be sent first.
    pub begun_at: UnixMs,
    /// The earliest deadline.
    pub not_after: Option<UnixMs>,
    taken: MonoUs,
    took: Duration,
}

/// Final outcomes, carrier by carrier.
pub fn ended(tally: &Tally) -> BTreeMap<CarrierName, u64> {
    let mut ended = BTreeMap::new();
    for (carrier, _, count) in tally.outcomes().filter(|(_, outcome, _)| outcome.is_final()) {
        *ended.entry(carrier.clone()).or_default() += count;
    }
    ended
}

impl Snapshot {
    fn read(queue: &Queue, messages: Vec<MessageId>, now: UnixMs) -> Self {
        let mut snapshot = Self { begun_at: now, ..Self::default() };
        for message in messages.iter().filter_map(|id| queue.message(*id)) {
            let begun = message.not_before.map_or(message.accepted_at, |first| first.max(message.accepted_at));
            snapshot.begun_at = snapshot.begun_at.min(begun);
            snapshot.not_after = [snapshot.not_after, message.not_after].into_iter().flatten().min();
        }
        // Before the lanes: what ends meanwhile is then counted once too often as waiting, and not lost.
        let mut tally = Tally::default();
        messages.iter().filter_map(|id| queue.tally_of(*id)).for_each(|one| tally.merge(&one));
        (snapshot.ended, snapshot.count) = (ended(&tally), tally.count);
        queue.waiting(&BTreeSet::from_iter(messages), &mut |waiting| {
            let held = snapshot.lanes.entry(waiting.lane).or_default();
            held.mails += 1;
            held.begun |= waiting.in_hand || waiting.attempts > 0;
            if waiting.due > now && !waiting.in_hand {
                held.waiting += 1;
                held.due = Some(held.due.map_or(waiting.due, |due| due.min(waiting.due)));
            }
            true
        });
        snapshot
    }

    fn is_fresh(&self, now: MonoUs, count: u64) -> bool {
        self.count == count && now.since(self.taken) < AGE_MAX.max(self.took * AGE_TO_READING)
    }
}

/// The snapshots of the campaigns asked for last.
#[derive(Clone, Debug, Default)]
pub struct Snapshots(Arc<Mutex<HashMap<String, Slot>>>);

#[derive(Clone, Debug, Default)]
struct Slot {
    last: Option<Arc<Snapshot>>,
    is_read: bool,
    asked: MonoUs,
}

impl Snapshots {
    /// The last one, if there is any, and whether somebody should read a new one now. Who is told so must call `read`.
    pub fn look(&self, id: &str, count: u64, now: MonoUs) -> (Option<Arc<Snapshot>>, bool) {
        let mut slots = self.0.lock();
        if !slots.contains_key(id) && slots.len() >= KEPT_MAX {
            let oldest = slots.iter().filter(|(_, slot)| !slot.is_read).min_by_key(|(_, slot)| slot.asked);
            if let Some(oldest) = oldest.map(|(id, _)| id.clone()) {
                slots.remove(&oldest);
            }
        }
        let slot = slots.entry(id.to_owned()).or_default();
        slot.asked = now;
        let fresh = slot.last.as_ref().is_some_and(|last| last.is_fresh(now, count));
        let should = !fresh && !slot.is_read;
        slot.is_read |= should;
        (slot.last.clone(), should)
    }

    /// Reads a new one. Goes through the lanes: not for an async thread.
    pub fn read(&self, id: &str, queue: &Queue, messages: Vec<MessageId>, clock: &clock::Clock) -> Arc<Snapshot> {
        // However reading ends, the next may try.
        let reading = Reading { slots: self, id };
        let begun = clock.mono();
        let mut snapshot = Snapshot::read(queue, messages, clock.unix());
        snapshot.taken = clock.mono();
        snapshot.took = snapshot.taken.since(begun);
        let snapshot = Arc::new(snapshot);
        if let Some(slot) = self.0.lock().get_mut(reading.id) {
            slot.last = Some(snapshot.clone());
        }
        snapshot
    }
}

struct Reading<'a> {
    slots: &'a Snapshots,
    id: &'a str,
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        if let Some(slot) = self.slots.0.lock().get_mut(self.id) {
            slot.is_read = false;
        }
    }
}
