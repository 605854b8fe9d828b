//! From lanes, sums and snapshots to what the scheduler's forecast asks for.

use std::collections::BTreeMap;

use mail_model::{CarrierName, Lane, UnixMs};
use queue::{Histogram, LaneShape, Queue, Tally};
use scheduler::{Audience, Crowd, Past};

use crate::engine::estimate::snapshot::{Held, Snapshot, ended};

/// Points at which a histogram of times is read.
const POINTS: u32 = 50;

/// Mail of others in a lane that is due by now.
fn others(lane: &LaneShape, ours: &Held, now: UnixMs) -> u64 {
    let all_due = lane.next_due.is_none_or(|due| due <= now);
    let due = if all_due { lane.queued } else { lane.ready.saturating_add(lane.in_flight) };
    due.saturating_sub(ours.mails.saturating_sub(ours.waiting))
}

/// The lanes of these carriers, ours with what goes before it.
fn crowds(queue: &Queue, mut ours: BTreeMap<Lane, Held>, now: UnixMs) -> Vec<Crowd> {
    let carriers: Vec<CarrierName> = ours.keys().map(|lane| lane.carrier.clone()).collect();
    let mut crowds = Vec::new();
    for lane in queue.shape().lanes.into_iter().filter(|lane| carriers.contains(&lane.lane.carrier)) {
        let held = ours.remove(&lane.lane).unwrap_or_default();
        let ahead = if held.begun { 0 } else { others(&lane, &held, now) };
        let Held { mails, waiting, due, .. } = held;
        if mails > 0 || ahead > 0 {
            crowds.push(Crowd { lane: lane.lane, mails, waiting, due, ahead });
        }
    }
    crowds.extend(ours.into_iter().map(|(lane, held)| Crowd::fresh(lane, held.mails)));
    crowds
}

/// A list that is only thought of.
pub fn before(queue: &Queue, counts: BTreeMap<Lane, u64>, not_after: Option<UnixMs>, now: UnixMs) -> Audience {
    let ours = counts.into_iter().map(|(lane, mails)| (lane, Held { mails, ..Held::default() })).collect();
    Audience { crowds: crowds(queue, ours, now), past: Vec::new(), elapsed_s: 0.0, not_after }
}

/// A campaign on its way.
pub fn live(queue: &Queue, tally: &Tally, snapshot: &Snapshot, now: UnixMs) -> Audience {
    Audience {
        crowds: crowds(queue, left(tally, snapshot), now),
        past: tally.latency().map(|(carrier, times)| past(carrier, times)).collect(),
        elapsed_s: now.since_ms(snapshot.begun_at) as f64 / 1_000.0,
        not_after: snapshot.not_after,
    }
}

/// What the snapshot saw, less what has ended since.
fn left(tally: &Tally, snapshot: &Snapshot) -> BTreeMap<Lane, Held> {
    let mut gone = ended(tally);
    for (carrier, before) in &snapshot.ended {
        if let Some(gone) = gone.get_mut(carrier) {
            *gone = gone.saturating_sub(*before);
        }
    }
    let mut left = BTreeMap::new();
    for (lane, held) in &snapshot.lanes {
        let gone = gone.entry(lane.carrier.clone()).or_default();
        // First what did not wait; the lanes of a carrier one after the other, because its limits are theirs together.
        let mails = held.mails.saturating_sub(*gone);
        *gone = gone.saturating_sub(held.mails);
        let waiting = held.waiting.min(mails);
        left.insert(lane.clone(), Held { mails, waiting, begun: held.begun || mails < held.mails, ..*held });
    }
    left
}

fn past(carrier: &CarrierName, times: &Histogram) -> Past {
    let total = times.count();
    let point = |point: u32| {
        let percent = 100.0 * f64::from(point) / f64::from(POINTS);
        let at_ms = times.percentile_ms(percent)?;
        Some((at_ms as f64 / 1_000.0, total * u64::from(point) / u64::from(POINTS)))
    };
    Past { carrier: carrier.clone(), curve: (1..=POINTS).filter_map(point).collect() }
}
