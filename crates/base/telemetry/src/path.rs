//! What the controller of an egress path decides: slower, shut, open again.

use std::time::Duration;

use mail_model::{CarrierName, Cause, SourceName};
use metrics::{counter, gauge};
use tracing::{info, warn};

use crate::attempt::millis;
use crate::metrics_table::{PATH_RATE, SUSPENDED, THROTTLED};

/// Why a path rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockReason {
    /// The carrier refuses this source.
    Blocked,
    /// No connection comes about.
    Unreachable,
    /// Too many unknown recipients: going on would cost the source's good name.
    UnknownUsers,
}

impl BlockReason {
    const ALL: [Self; 3] = [Self::Blocked, Self::Unreachable, Self::UnknownUsers];

    /// As in the label and the record.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Blocked => "blocked",
            Self::Unreachable => "unreachable",
            Self::UnknownUsers => "unknown_users",
        }
    }
}

/// A carrier asked for less.
pub struct PathThrottled<'a> {
    /// Whose server.
    pub carrier: &'a CarrierName,
    /// Which source.
    pub source: &'a SourceName,
    /// What it said, as a cause.
    pub cause: Cause,
    /// The new rate, in mails per minute.
    pub rate_per_min: f64,
}

impl PathThrottled<'_> {
    /// Counts and logs.
    pub fn emit(&self) {
        let labels = || [("provider", self.carrier.to_string()), ("source", self.source.to_string())];
        counter!(THROTTLED, &labels()).increment(1);
        gauge!(PATH_RATE, &labels()).set(self.rate_per_min);
        info!(
            target: "todoke::path",
            carrier = self.carrier.as_str(),
            egress_source = self.source.as_str(),
            cause = self.cause.id(),
            rate_per_min = self.rate_per_min,
            "the carrier asked us to slow down; the rate was lowered and recovers by itself"
        );
    }
}

/// A source rests at a carrier.
pub struct PathBlocked<'a> {
    /// Whose server.
    pub carrier: &'a CarrierName,
    /// Which source.
    pub source: &'a SourceName,
    /// Why.
    pub reason: BlockReason,
    /// Until the next probe.
    pub pause: Duration,
}

impl PathBlocked<'_> {
    /// Counts and logs.
    pub fn emit(&self) {
        suspended(self.source, self.carrier, self.reason, 1.0);
        warn!(
            target: "todoke::path",
            carrier = self.carrier.as_str(),
            egress_source = self.source.as_str(),
            reason = self.reason.as_str(),
            pause_ms = millis(self.pause),
            "this source rests at this carrier; one mail will try it after the pause, other sources go on"
        );
    }
}

/// A source may send to a carrier again.
pub struct PathReopened<'a> {
    /// Whose server.
    pub carrier: &'a CarrierName,
    /// Which source.
    pub source: &'a SourceName,
}

impl PathReopened<'_> {
    /// Counts and logs.
    pub fn emit(&self) {
        for reason in BlockReason::ALL {
            suspended(self.source, self.carrier, reason, 0.0);
        }
        info!(
            target: "todoke::path",
            carrier = self.carrier.as_str(),
            egress_source = self.source.as_str(),
            "this source sends to this carrier again"
        );
    }
}

fn suspended(source: &SourceName, carrier: &CarrierName, reason: BlockReason, value: f64) {
    let reason = format!("{carrier}:{}", reason.as_str());
    gauge!(SUSPENDED, "source" => source.to_string(), "reason" => reason).set(value);
}
