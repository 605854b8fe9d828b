//! What this face needs from the part of the engine that sends. The program implements it over scheduler and resolver.

use std::future::Future;
use std::pin::Pin;

use mail_model::{CampaignName, CarrierName, PoolName, SiteName, SourceName, TenantName, UnixMs};
use queue::AuditEntry;
use scheduler::{Audience, Estimate};
use serde::{Deserialize, Serialize};

use crate::engine::carrier_limits::Limits;

/// A boxed future, so that the port can be a trait object.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Number of a suspension, unique within the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SuspensionId(pub u64);

/// What a suspension stops: everything that matches each field given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SuspendScope {
    /// Only this campaign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign: Option<CampaignName>,
    /// Only this tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<TenantName>,
    /// Only this recipient domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<SiteName>,
    /// Only this carrier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carrier: Option<CarrierName>,
    /// Only this source; with it the suspension is of egress paths, and campaign and tenant are empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceName>,
}

/// A suspension in force. It stops sending, never accepting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspension {
    /// Its number.
    pub id: SuspensionId,
    /// What it stops.
    pub scope: SuspendScope,
    /// Why, in the operator's words.
    pub reason: String,
    /// When it ends by itself.
    pub until: UnixMs,
}

/// One egress path as it is now.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PathState {
    /// The carrier.
    pub carrier: CarrierName,
    /// The domain for carrier `other`, else empty.
    pub site: SiteName,
    /// The source.
    pub source: SourceName,
    /// Sessions open or being opened.
    pub connections: u32,
    /// Sessions that the throttle would allow.
    pub connections_allowed: u32,
    /// Mails a minute that the throttle would allow.
    pub rate_per_min: f64,
    /// `closed`, `open` (resting after a block) or `probing`.
    pub breaker: String,
    /// When it may be tried again, if it rests.
    pub resting_until: Option<UnixMs>,
}

/// One way for a mail to this address's domain to leave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ResolvedPath {
    /// The source.
    pub source: SourceName,
    /// KumoMTA's name of the ready queue: `source->site`.
    pub name: String,
}

/// Where mail to a domain goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Resolution {
    /// Whose mail system it is.
    pub carrier: CarrierName,
    /// Why: `domain`, `mx`, `route` or `other`.
    pub by: String,
    /// The hosts in order of preference, with their addresses; empty when the domain takes no mail.
    pub hosts: Vec<ResolvedHost>,
    /// Why there is no host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
    /// The sources of the pool asked for.
    pub paths: Vec<ResolvedPath>,
}

/// One host of a domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ResolvedHost {
    /// Its name.
    pub name: String,
    /// Its addresses with port.
    pub addresses: Vec<String>,
}

/// The sending part of the engine, as operators see it.
pub trait EnginePort: Send + Sync + 'static {
    /// Whether mail can be taken now; else the reason, a sentence without personal data.
    fn ready(&self) -> Result<(), String>;

    /// Stops sending what `scope` names until `until`.
    fn suspend(&self, scope: SuspendScope, reason: String, until: UnixMs) -> SuspensionId;

    /// The suspensions in force, oldest first.
    fn suspensions(&self) -> Vec<Suspension>;

    /// Ends one; false when there is none with this number.
    fn resume(&self, id: SuspensionId) -> bool;

    /// Every egress path that has had work since the start.
    fn paths(&self) -> Vec<PathState>;

    /// What is known of the carriers' limits.
    fn limits(&self) -> Limits {
        Limits::default()
    }

    /// Forgets what was learned of one source at a carrier, or of all and their netblocks, on disk too and together with
    /// `entry`. Gives of how many something was known.
    fn forget_limits(&self, carrier: &CarrierName, source: Option<&SourceName>, entry: AuditEntry) -> usize {
        let _ = (carrier, source, entry);
        0
    }

    /// Looks up where mail to `domain` would go, and by which sources of `pool`.
    fn resolve<'a>(&'a self, domain: &'a SiteName, pool: &'a PoolName) -> Answer<'a, Resolution>;

    /// When this mail will have been handed over; `None` when the engine has no view of its own, and the rate reached so
    /// far is shown instead.
    fn forecast(&self, audience: &Audience) -> Option<Estimate> {
        let _ = audience;
        None
    }

    /// Stops mail to whoever got this token in a mail's unsubscribe link; false when the token is none of ours. Durable
    /// when it returns.
    fn unsubscribe<'a>(&'a self, token: &'a str) -> Answer<'a, bool> {
        let _ = token;
        Box::pin(async { false })
    }

    /// What the reports of RFC 8460 would tell the domains that we sent to on the day (UTC) of `at`; two days are kept.
    fn tls_reports(&self, at: UnixMs) -> serde_json::Value {
        let _ = at;
        serde_json::Value::Array(Vec::new())
    }

    /// The metrics of this process in Prometheus' text format 0.0.4.
    fn metrics(&self) -> String;
}
