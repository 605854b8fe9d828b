//! What was learned about carriers' limits, as gauges; and what of it was taken up at the start.

use mail_model::{CarrierName, SourceName};
use metrics::gauge;
use tracing::{info, warn};

use crate::metrics_table as table;

/// What the controller allows a path, and what it has learned.
pub struct PathSample<'a> {
    /// Whose server.
    pub carrier: &'a CarrierName,
    /// Which source.
    pub source: &'a SourceName,
    /// Mails per minute allowed now.
    pub rate_per_min: f64,
    /// Mails per minute at which the carrier takes no more from this source, where that is known.
    pub limit_per_min: Option<f64>,
}

impl PathSample<'_> {
    /// Sets the gauges.
    pub fn emit(&self) {
        let labels = [("provider", self.carrier.to_string()), ("source", self.source.to_string())];
        gauge!(table::PATH_RATE, &labels).set(self.rate_per_min);
        gauge!(table::PATH_LIMIT, &labels).set(self.limit_per_min.unwrap_or(0.0));
    }
}

/// What was learned of all sources of a netblock together.
pub struct NetblockSample<'a> {
    /// Whose server.
    pub carrier: &'a CarrierName,
    /// Which netblock of ours.
    pub netblock: &'a str,
    /// Mails per minute at which the carrier takes no more from all of them, where that is known.
    pub limit_per_min: Option<f64>,
}

impl NetblockSample<'_> {
    /// Sets the gauge.
    pub fn emit(&self) {
        let labels = [("provider", self.carrier.to_string()), ("netblock", self.netblock.to_owned())];
        gauge!(table::NETBLOCK_LIMIT, &labels).set(self.limit_per_min.unwrap_or(0.0));
    }
}

/// How much of its cap a young source has used in the last hour.
pub struct WarmUpSample<'a> {
    /// Which source.
    pub source: &'a SourceName,
    /// Mails of the last hour.
    pub sent: u32,
    /// Mails an hour that are allowed; `None` when it is warm.
    pub cap: Option<u32>,
}

impl WarmUpSample<'_> {
    /// Sets the gauge; 0 for a warm source, also for one that has just become it.
    pub fn emit(&self) {
        let used = self.cap.map_or(0.0, |cap| f64::from(self.sent) / f64::from(cap.max(1)));
        gauge!(table::WARMUP_USED, "source" => self.source.to_string()).set(used);
    }
}

/// What was learned before the last stop was taken up.
pub struct LimitsRecalled {
    /// How many paths, netblocks and sources know something.
    pub used: usize,
}

impl LimitsRecalled {
    /// Logs.
    pub fn emit(&self) {
        info!(
            target: "todoke::path",
            used = self.used,
            "what was learned about the carriers' limits before the last stop was taken up"
        );
    }
}

/// Some of what was learned before the last stop cannot be used. Sending begins there with the start values.
pub struct LimitsIgnored<'a> {
    /// How many.
    pub count: usize,
    /// Why, in words.
    pub why: &'a dyn std::fmt::Display,
}

impl LimitsIgnored<'_> {
    /// Logs.
    pub fn emit(&self) {
        warn!(
            target: "todoke::path",
            count = self.count,
            why = %self.why,
            "some of what was learned about the carriers' limits is not used; these paths begin anew"
        );
    }
}
