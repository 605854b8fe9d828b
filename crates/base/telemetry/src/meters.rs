//! Metric handles of one egress path, looked up once: counting a mail takes no lock and no allocation.

use std::time::Duration;

use mail_model::{CarrierName, Cause, PoolName, SourceName};
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

use crate::metrics_table as table;
use crate::share;

/// The service label of everything that leaves.
pub(crate) const SMTP_CLIENT: &str = "smtp_client";

/// One outcome counted three ways, as KumoMTA does.
#[derive(Clone)]
struct Thrice([Counter; 3]);

impl Thrice {
    fn increment(&self) {
        for counter in &self.0 {
            counter.increment(1);
        }
    }
}

/// Handles for carrier × source × pool. Keep one per path; make it after [`crate::install_metrics`].
#[derive(Clone)]
pub struct PathMeters {
    delivered: Thrice,
    transfail: Thrice,
    fail: Thrice,
    bounces: [Counter; Cause::ALL.len()],
    deferrals: [Counter; Cause::ALL.len()],
    expired: Counter,
    replaced: Counter,
    duplicates_possible: Counter,
    delayed_by_rate: Counter,
    attempt: Histogram,
    send: Histogram,
    pub(crate) sessions: Gauge,
    pub(crate) sessions_by_provider: Gauge,
    pub(crate) sessions_total: Counter,
}

impl PathMeters {
    /// Registers the path's metrics.
    pub fn new(carrier: &CarrierName, source: &SourceName, pool: &PoolName) -> Self {
        let thrice = |all, by_provider, by_source| {
            let (provider, source, pool) = (carrier.to_string(), source.to_string(), pool.to_string());
            Thrice([
                counter!(all, "service" => SMTP_CLIENT),
                counter!(by_provider, "provider" => provider.clone()),
                counter!(by_source, "provider" => provider, "source" => source, "pool" => pool),
            ])
        };
        let by_cause = |name: &'static str| {
            Cause::ALL.map(|cause| counter!(name, "carrier" => carrier.to_string(), "cause" => cause.id()))
        };
        Self {
            delivered: thrice(table::DELIVERED, table::DELIVERED_BY_PROVIDER, table::DELIVERED_BY_SOURCE),
            transfail: thrice(table::TRANSFAIL, table::TRANSFAIL_BY_PROVIDER, table::TRANSFAIL_BY_SOURCE),
            fail: thrice(table::FAIL, table::FAIL_BY_PROVIDER, table::FAIL_BY_SOURCE),
            bounces: by_cause(table::BOUNCES),
            deferrals: by_cause(table::DEFERRALS),
            expired: counter!(table::EXPIRED),
            replaced: counter!(table::REPLACED),
            duplicates_possible: counter!(table::DUPLICATES_POSSIBLE),
            delayed_by_rate: counter!(table::DELAYED_BY_RATE, "queue" => carrier.to_string()),
            attempt: histogram!(table::DELIVER_LATENCY, "service" => SMTP_CLIENT),
            send: histogram!(table::SEND_DURATION),
            sessions: gauge!(table::CONNECTIONS, "service" => SMTP_CLIENT),
            sessions_by_provider: gauge!(table::CONNECTIONS_BY_PROVIDER, "provider" => carrier.to_string()),
            sessions_total: counter!(table::CONNECTIONS_TOTAL, "service" => SMTP_CLIENT),
        }
    }

    /// The carrier said 2xx. `attempt` is this attempt alone, `since_accepted` the whole way from the request.
    pub fn accepted(&self, attempt: Duration, since_accepted: Duration) {
        self.delivered.increment();
        self.attempt.record(attempt.as_secs_f64());
        self.send.record(since_accepted.as_secs_f64());
        share::count(since_accepted);
    }

    /// The carrier said 2xx to what was sent in place of a mail that was too late. It is a mail that left, and none of
    /// those whose time from the request is measured.
    pub fn replaced(&self, attempt: Duration) {
        self.delivered.increment();
        self.replaced.increment(1);
        self.attempt.record(attempt.as_secs_f64());
    }

    /// It will be tried again.
    pub fn deferred(&self, cause: Cause) {
        self.transfail.increment();
        increment(&self.deferrals, cause);
    }

    /// It was refused for good.
    pub fn failed(&self, cause: Cause) {
        self.fail.increment();
        increment(&self.bounces, cause);
    }

    /// Its deadline or last retry passed; `cause` is the last attempt's.
    pub fn expired(&self, cause: Cause) {
        self.failed(cause);
        self.expired.increment(1);
    }

    /// The final reply was lost after the whole mail was sent.
    pub fn in_doubt(&self) {
        self.duplicates_possible.increment(1);
    }

    /// A mail of this carrier waited for the rate.
    pub fn delayed_by_rate(&self) {
        self.delayed_by_rate.increment(1);
    }
}

fn increment(counters: &[Counter; Cause::ALL.len()], cause: Cause) {
    // Thirteen entries: a search is as quick as an index and cannot be off by one.
    let place = Cause::ALL.iter().position(|known| *known == cause);
    if let Some(counter) = place.and_then(|place| counters.get(place)) {
        counter.increment(1);
    }
}
