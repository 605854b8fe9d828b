//! How long what waits will take, carrier by carrier, for the metrics.

use std::collections::BTreeSet;

use mail_model::{CarrierName, UnixMs};
use queue::{LaneShape, Queue};
use scheduler::{Audience, Crowd, Scheduler};

/// Sets the gauge of every carrier that ever had mail: seconds until the last, 0 when nothing waits.
pub(crate) fn sample(queue: &Queue, scheduler: &Scheduler, now: UnixMs) {
    let lanes = queue.shape().lanes;
    let carriers: BTreeSet<CarrierName> = lanes.iter().map(|lane| lane.lane.carrier.clone()).collect();
    let crowds = lanes.into_iter().filter(|lane| lane.queued > 0).map(|lane| crowd(lane, now)).collect();
    let estimate = scheduler.estimate(&Audience { crowds, ..Audience::default() });
    for carrier in &carriers {
        let known = estimate.carriers.iter().find(|(name, _)| name == carrier);
        let seconds = known.map_or(0.0, |(_, forecast)| forecast.likely.all_s.unwrap_or(f64::INFINITY));
        telemetry::TimeLeftSample { carrier, seconds }.emit();
    }
}

fn crowd(lane: LaneShape, now: UnixMs) -> Crowd {
    let due = lane.next_due.filter(|due| *due > now);
    // Where the next one is due later, whatever is not in memory is.
    let waiting = due.map_or(0, |_| lane.queued.saturating_sub(lane.ready + lane.in_flight));
    Crowd { lane: lane.lane, mails: lane.queued, waiting, due, ahead: 0 }
}
