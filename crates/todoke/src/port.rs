//! The engine as its HTTP face sees it: suspensions, paths, look-ups, estimates.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use carriers::{Directory, Resolver, Route};
use control_api::{
    Answer, EnginePort, PathState, Resolution, ResolvedHost, ResolvedPath, SuspendScope, Suspension, SuspensionId,
};
use engine_config::{EngineConfig, QueueConfig};
use inbound::{Addresses, Unsubscribed};
use mail_model::{CarrierName, EgressPath, PoolName, SiteName, SourceName, UnixMs};
use queue::{AuditEntry, Queue};

use scheduler::{Audience, Estimate, Hold, HoldId, HoldScope, Scheduler};
use telemetry::MetricsHandle;
use tls_policy::TlsPolicies;

use crate::holds_file::HoldsFile;
use crate::limits::Limits;

/// Implements the face's port over scheduler and resolver.
pub(crate) struct Port {
    queue: Queue,
    limits: QueueConfig,
    scheduler: Scheduler,
    known: Limits,
    resolver: Arc<Resolver>,
    directory: Arc<Directory>,
    clock: clock::Clock,
    pools: HashMap<PoolName, Vec<SourceName>>,
    addresses: Arc<Addresses>,
    /// Set once the engine runs; the face is there before it.
    tls_policies: OnceLock<TlsPolicies>,
    metrics: MetricsHandle,
    holds_file: HoldsFile,
}

impl Port {
    pub(crate) fn new(
        queue: Queue,
        scheduler: Scheduler,
        known: Limits,
        resolver: Arc<Resolver>,
        directory: Arc<Directory>,
        clock: clock::Clock,
        config: &EngineConfig,
        addresses: Arc<Addresses>,
        metrics: MetricsHandle,
    ) -> Self {
        let holds_file = HoldsFile::in_dir(&config.engine.data_dir);
        let members = |p: &engine_config::PoolConfig| p.members.iter().map(|m| m.source.clone()).collect();
        let pools = config.pools.pools.iter().map(|p| (p.name.clone(), members(p))).collect();
        let limits = config.queue.clone();
        Self {
            queue,
            limits,
            scheduler,
            known,
            resolver,
            directory,
            clock,
            pools,
            addresses,
            tls_policies: OnceLock::new(),
            metrics,
            holds_file,
        }
    }
}

impl Port {
    /// Lets the face ask for TLS reports.
    pub(crate) fn reports_of(&self, policies: TlsPolicies) {
        // Asked once, at the start.
        let _ = self.tls_policies.set(policies);
    }

    /// Takes up again what was suspended before the last stop.
    pub(crate) fn restore_holds(&self) -> std::io::Result<()> {
        for kept in self.holds_file.load()? {
            self.scheduler.hold(hold_scope(kept.scope), kept.reason, kept.until);
        }
        Ok(())
    }

    fn keep_holds(&self) {
        if let Err(error) = self.holds_file.save(&self.suspensions()) {
            eprintln!("todoke: holds.json cannot be written ({error}); suspensions will be forgotten at the next stop");
        }
    }
}

impl EnginePort for Port {
    fn ready(&self) -> Result<(), String> {
        let shape = self.queue.shape();
        let limits = &self.limits;
        if shape.disk_free_bytes.is_some_and(|free| free < limits.disk_free_bytes_min) {
            return Err("the disk of the queue is nearly full; free space or move data_dir".to_owned());
        }
        if shape.queued >= limits.notifications_max {
            return Err("the queue holds as much as [queue] notifications_max allows".to_owned());
        }
        Ok(())
    }

    fn suspend(&self, scope: SuspendScope, reason: String, until: UnixMs) -> SuspensionId {
        let id = SuspensionId(self.scheduler.hold(hold_scope(scope), reason, until).0);
        self.keep_holds();
        id
    }

    fn suspensions(&self) -> Vec<Suspension> {
        self.scheduler.holds().into_iter().map(suspension).collect()
    }

    fn resume(&self, id: SuspensionId) -> bool {
        let Some(hold) = self.scheduler.release(HoldId(id.0)) else { return false };
        self.keep_holds();
        if hold.scope.campaign.is_some() || hold.scope.tenant.is_some() {
            tokio::spawn(recall(self.queue.clone(), hold.until));
        }
        true
    }

    fn paths(&self) -> Vec<PathState> {
        let (now, unix) = (self.clock.mono(), self.clock.unix());
        let mut states = Vec::new();
        for group in self.scheduler.status() {
            for path in group.paths {
                states.push(PathState {
                    carrier: group.carrier.clone(),
                    site: group.site.clone(),
                    source: path.source,
                    connections: path.open_sessions,
                    connections_allowed: path.throttle.connections_allowed,
                    rate_per_min: path.throttle.rate_per_min,
                    breaker: path.throttle.breaker.as_str().to_owned(),
                    resting_until: path.throttle.shut.map(|shut| unix + shut.until.since(now)),
                });
            }
        }
        states
    }

    fn limits(&self) -> control_api::Limits {
        self.known.shown()
    }

    fn forget_limits(&self, carrier: &CarrierName, source: Option<&SourceName>, entry: AuditEntry) -> usize {
        self.known.forget(carrier, source, entry)
    }

    fn resolve<'a>(&'a self, domain: &'a SiteName, pool: &'a PoolName) -> Answer<'a, Resolution> {
        Box::pin(async move {
            let route = self.resolver.resolve(domain.as_str()).await;
            let known = self.directory.by_domain(domain.as_str()).cloned();
            let (hosts, owner, trouble) = match route {
                Route::Hosts { hosts, owner } => (hosts, owner, None),
                Route::NoDomain => (vec![], None, Some("the domain does not exist")),
                Route::NullMx => (vec![], None, Some("the domain takes no mail (null MX, RFC 7505)")),
                Route::NoMx => (vec![], None, Some("the domain has no mail host")),
                Route::Failed => (vec![], None, Some("the look-up failed; it will be tried again")),
                Route::Refused => (vec![], None, Some("its hosts are on private or loopback addresses")),
            };
            let by = match (&known, &owner) {
                (Some(_), _) => "domain",
                (None, Some(_)) => "mx",
                (None, None) => "other",
            };
            let carrier = known.or(owner).unwrap_or_else(CarrierName::other);
            let site = hosts.first().map_or(domain.as_str(), |h| h.name.as_str()).to_owned();
            let sources = self.pools.get(pool).cloned().unwrap_or_default();
            let path = |source: SourceName| ResolvedPath { name: format!("{source}->{site}"), source };
            let host = |h: carriers::MxHost| ResolvedHost {
                addresses: h.addresses.iter().map(|a| std::net::SocketAddr::new(*a, h.port).to_string()).collect(),
                name: h.name,
            };
            Resolution {
                carrier,
                by: by.to_owned(),
                hosts: hosts.into_iter().map(host).collect(),
                trouble: trouble.map(str::to_owned),
                paths: sources.into_iter().map(path).collect(),
            }
        })
    }

    fn forecast(&self, audience: &Audience) -> Option<Estimate> {
        Some(self.scheduler.estimate(audience))
    }

    fn unsubscribe<'a>(&'a self, token: &'a str) -> Answer<'a, bool> {
        Box::pin(async move {
            let Some(Ok(id)) = self.addresses.unsubscribe_links().map(|links| links.verify(token)) else {
                return false;
            };
            let (queue, now) = (self.queue.clone(), self.clock.unix());
            let done = tokio::task::spawn_blocking(move || inbound::unsubscribe(&queue, id, now)).await;
            self.queue.synced().await;
            matches!(done, Ok(Unsubscribed::Now | Unsubscribed::Before))
        })
    }

    fn tls_reports(&self, at: UnixMs) -> serde_json::Value {
        let reports = self.tls_policies.get().map(|policies| policies.reports(at)).unwrap_or_default();
        serde_json::to_value(reports).unwrap_or_default()
    }

    fn metrics(&self) -> String {
        self.metrics.render()
    }
}

/// Brings back what a hold had postponed to its end. Twice, for the mails that sessions were just then putting away.
async fn recall(queue: Queue, until: UnixMs) {
    for pause in [Duration::ZERO, Duration::from_secs(1)] {
        tokio::time::sleep(pause).await;
        let queue = queue.clone();
        tokio::task::spawn_blocking(move || queue.recall(until)).await.ok();
    }
}

fn hold_scope(scope: SuspendScope) -> HoldScope {
    let SuspendScope { campaign, tenant, domain, carrier, source } = scope;
    let domain = domain.map(|d| d.as_str().to_owned());
    match (source, &carrier) {
        (Some(source), Some(carrier)) => {
            let site = if carrier.is_other() { domain.as_deref().unwrap_or_default() } else { "" };
            let site = SiteName::new(site).unwrap_or_else(|_| SiteName::none());
            let path = EgressPath { carrier: carrier.clone(), site, source };
            HoldScope { path: Some(path), ..HoldScope::default() }
        }
        _ => HoldScope { campaign, tenant, domain, carrier, path: None },
    }
}

fn suspension(hold: Hold) -> Suspension {
    let HoldScope { campaign, tenant, domain, carrier, path } = hold.scope;
    let scope = match path {
        Some(path) => SuspendScope {
            carrier: Some(path.carrier),
            domain: (!path.site.as_str().is_empty()).then_some(path.site),
            source: Some(path.source),
            ..SuspendScope::default()
        },
        None => SuspendScope {
            campaign,
            tenant,
            domain: domain.and_then(|d| SiteName::new(&d).ok()),
            carrier,
            source: None,
        },
    };
    Suspension { id: SuspensionId(hold.id.0), scope, reason: hold.reason, until: hold.until }
}
