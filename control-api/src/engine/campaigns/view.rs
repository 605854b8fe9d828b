//! The sums of a campaign in the form in which they leave.

use std::collections::BTreeMap;

use mail_model::{CarrierName, Cause, Outcome, UnixMs};
use queue::{Histogram, Tally};
use serde::Serialize;

use crate::engine::campaigns::deadline::DeadlineView;
use crate::engine::estimate::shown::Shown;
use crate::engine::time;

/// Time from the call to the hand-over, in seconds, within which that share of the accepted mails was handed over.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Percentiles {
    /// Half of them.
    pub p50: f64,
    /// 95 of 100.
    pub p95: f64,
    /// 99 of 100.
    pub p99: f64,
    /// All of them.
    pub all: f64,
}

/// How often one cause led to one outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CauseCount {
    /// The cause's id.
    pub cause: &'static str,
    /// What a school reads.
    pub label_ja: &'static str,
    /// The same in English.
    pub label_en: &'static str,
    /// What to do.
    pub advice_ja: &'static str,
    /// `deferred`, `failed`, `expired` or `bounced`.
    pub outcome: &'static str,
    /// How often.
    pub count: u64,
}

/// Counts. `deferred` counts attempts, of which one notification may have several; the others count notifications.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// The carrier said 2xx to the whole mail. It may still filter it without a word.
    pub accepted: u64,
    /// Too late, and the carrier said 2xx to the replacement; not counted as accepted.
    pub replaced: u64,
    /// Attempts that will be or were repeated.
    pub deferred: u64,
    /// Refused for good.
    pub failed: u64,
    /// Passed their deadline.
    pub expired: u64,
    /// Not sent by our own decision.
    pub withheld: u64,
    /// Accepted, and later returned by mail; not counted as accepted any more.
    pub bounced: u64,
    /// Accepted, and reported as spam by the recipient; not counted as accepted any more.
    pub complained: u64,
}

/// One carrier's part.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CarrierProgress {
    /// Whose mail system.
    pub carrier: CarrierName,
    /// Its counts.
    #[serde(flatten)]
    pub counts: Counts,
    /// Why.
    pub causes: Vec<CauseCount>,
    /// How long it took; absent until one was accepted.
    pub latency_s: Option<Percentiles>,
}

/// Where a campaign or message stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Progress {
    /// As asked for: a campaign's name or a message's id.
    pub id: String,
    /// Notifications taken.
    pub count: u64,
    /// Of these, not ended yet.
    pub queued: u64,
    /// The counts over all carriers.
    #[serde(flatten)]
    pub counts: Counts,
    /// Whether nothing is queued any more.
    pub finished: bool,
    /// When the first was handed over, RFC 3339 in UTC.
    pub started_at: Option<String>,
    /// When the last was handed over, once nothing is queued.
    pub finished_at: Option<String>,
    /// Mails a second, in the mean so far.
    pub rate_per_s: f64,
    /// Seconds until the last, if all goes on as it does; absent when nothing moves, 0 when finished.
    pub eta_s: Option<f64>,
    /// How long it took, over all carriers.
    pub latency_s: Option<Percentiles>,
    /// When the rest will have been handed over; absent once nothing is queued, and in the first moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimate: Option<Shown>,
    /// Why, over all carriers, most frequent first.
    pub causes: Vec<CauseCount>,
    /// Carrier by carrier.
    pub carriers: Vec<CarrierProgress>,
    /// By when it has to be done, if its sender said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline: Option<DeadlineView>,
}

/// Milliseconds as seconds. Times of years are far below 2^53 ms, so nothing is lost.
fn seconds(ms: u64) -> f64 {
    ms as f64 / 1_000.0
}

fn percentiles(histogram: &Histogram) -> Option<Percentiles> {
    let at = |percent| histogram.percentile_ms(percent).map(seconds);
    Some(Percentiles { p50: at(50.0)?, p95: at(95.0)?, p99: at(99.0)?, all: at(100.0)? })
}

fn count(counts: &mut Counts, outcome: Outcome, n: u64) {
    *match outcome {
        Outcome::Accepted => &mut counts.accepted,
        Outcome::Replaced => &mut counts.replaced,
        Outcome::Deferred(_) => &mut counts.deferred,
        Outcome::Failed(_) => &mut counts.failed,
        Outcome::Expired(_) => &mut counts.expired,
        Outcome::Withheld(_) => &mut counts.withheld,
        Outcome::Bounced(_) => &mut counts.bounced,
        Outcome::Complained => &mut counts.complained,
    } += n;
}

/// Sums of one carrier or of all while they are being collected.
#[derive(Default)]
struct Sums {
    counts: Counts,
    causes: BTreeMap<(Cause, &'static str), u64>,
}

impl Sums {
    fn add(&mut self, outcome: Outcome, n: u64) {
        count(&mut self.counts, outcome, n);
        if let Some(cause) = outcome.cause() {
            *self.causes.entry((cause, outcome.kind())).or_default() += n;
        }
    }

    fn causes(&self) -> Vec<CauseCount> {
        let shown = |(&(cause, outcome), &count): (&(Cause, &'static str), &u64)| CauseCount {
            cause: cause.id(),
            label_ja: cause.label_ja(),
            label_en: cause.label_en(),
            advice_ja: cause.advice_ja(),
            outcome,
            count,
        };
        let mut causes: Vec<CauseCount> = self.causes.iter().map(shown).collect();
        causes.sort_by_key(|cause| std::cmp::Reverse(cause.count));
        causes
    }
}

/// Mails a second since the first hand-over; for a single mail or a single moment there is no rate.
fn average_per_s(tally: &Tally, accepted: u64, now: UnixMs) -> f64 {
    let until = if tally.queued() == 0 { tally.last_accepted } else { Some(now) };
    let running_ms = match (tally.first_accepted, until) {
        (Some(first), Some(until)) => until.since_ms(first),
        _ => 0,
    };
    if running_ms == 0 { 0.0 } else { accepted as f64 / seconds(running_ms) }
}

/// Seconds until the last: as estimated, or as at the rate so far.
fn seconds_left(tally: &Tally, estimate: Option<&Shown>, rate_per_s: f64) -> Option<f64> {
    match estimate {
        _ if tally.queued() == 0 => Some(0.0),
        Some(shown) => shown.all.likely_s.all.map(|all| (all - shown.elapsed_s).max(0.0)),
        None => (rate_per_s > 0.0).then(|| tally.queued() as f64 / rate_per_s),
    }
}

/// The sums as shown. `estimate` is the engine's own view, if it has one.
pub fn progress(id: &str, tally: &Tally, estimate: Option<Shown>, now: UnixMs) -> Progress {
    let mut all = Sums::default();
    let mut by_carrier: BTreeMap<&CarrierName, Sums> = BTreeMap::new();
    for (carrier, outcome, n) in tally.outcomes() {
        all.add(outcome, n);
        by_carrier.entry(carrier).or_default().add(outcome, n);
    }
    let latency: BTreeMap<&CarrierName, &Histogram> = tally.latency().collect();
    let carrier = |(carrier, sums): (&CarrierName, Sums)| CarrierProgress {
        carrier: carrier.clone(),
        causes: sums.causes(),
        latency_s: latency.get(carrier).copied().and_then(percentiles),
        counts: sums.counts,
    };
    let finished = tally.queued() == 0;
    let rate_per_s = average_per_s(tally, all.counts.accepted, now);
    Progress {
        id: id.to_owned(),
        count: tally.count,
        queued: tally.queued(),
        finished,
        started_at: tally.first_accepted.and_then(time::shown),
        finished_at: tally.last_accepted.filter(|_| finished).and_then(time::shown),
        rate_per_s,
        eta_s: seconds_left(tally, estimate.as_ref(), rate_per_s),
        estimate,
        latency_s: percentiles(&tally.latency_of_all()),
        causes: all.causes(),
        carriers: by_carrier.into_iter().map(carrier).collect(),
        deadline: None,
        counts: all.counts,
    }
}
