//! What every session shares: queue, scheduler, resolver, settings of sources and carriers.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use carriers::{Directory, Resolver};
use clock::{Chance, Clock};
use engine_config::{CarrierProfile, EngineConfig, SourceConfig};
use mail_model::{MonoUs, SourceName};
use parking_lot::Mutex;
use queue::Queue;
use scheduler::Scheduler;
use smtp_client::{Timeouts, Tls, TlsPolicy};

use crate::content::Contents;

/// What every session shares.
pub(crate) struct Context {
    pub(crate) queue: Queue,
    pub(crate) scheduler: Scheduler,
    pub(crate) directory: Arc<Directory>,
    pub(crate) resolver: Arc<Resolver>,
    pub(crate) contents: Contents,
    pub(crate) tls: Tls,
    pub(crate) clock: Clock,
    pub(crate) chance: Mutex<Chance>,
    sources: HashMap<SourceName, SourceConfig>,
    /// Hosts whose handshake failed, until when they are spoken to in clear.
    tls_failed: Mutex<HashMap<String, MonoUs>>,
    tls_failure_memory: Duration,
}

impl Context {
    pub(crate) fn new(
        config: &EngineConfig,
        queue: Queue,
        scheduler: &Scheduler,
        directory: Arc<Directory>,
        resolver: Arc<Resolver>,
        clock: Clock,
    ) -> Self {
        let sources = config.pools.sources.iter().map(|s| (s.name.clone(), s.clone())).collect();
        Self {
            contents: Contents::new(queue.clone(), config.engine.message_id_host.as_str().to_owned()),
            queue,
            scheduler: scheduler.clone(),
            directory,
            resolver,
            tls: Tls::new(),
            clock,
            chance: Mutex::new(Chance::from_system()),
            sources,
            tls_failed: Mutex::new(HashMap::new()),
            tls_failure_memory: Duration::from_secs(config.tls.failure_memory_s),
        }
    }

    pub(crate) fn source_ip(&self, source: &SourceName) -> Option<IpAddr> {
        self.sources.get(source).and_then(|s| s.address)
    }

    pub(crate) fn ehlo_name(&self, source: &SourceName) -> String {
        self.sources.get(source).map(|s| s.ehlo_name.as_str().to_owned()).unwrap_or_default()
    }

    /// The carrier's policy; in clear at once for a host whose handshake failed lately, where the policy allows it.
    pub(crate) fn tls_policy(&self, profile: &CarrierProfile, host: &str) -> TlsPolicy {
        match profile.tls {
            engine_config::TlsPolicy::Off => TlsPolicy::Off,
            engine_config::TlsPolicy::Required => TlsPolicy::Required,
            engine_config::TlsPolicy::Opportunistic => {
                let now = self.clock.mono();
                let failed = self.tls_failed.lock().get(host).is_some_and(|until| *until > now);
                if failed { TlsPolicy::Off } else { TlsPolicy::Opportunistic }
            }
        }
    }

    pub(crate) fn remember_tls_failure(&self, host: &str) {
        let now = self.clock.mono();
        let mut failed = self.tls_failed.lock();
        failed.retain(|_, until| *until > now);
        failed.insert(host.to_owned(), now + self.tls_failure_memory);
    }

    pub(crate) fn timeouts(&self, profile: &CarrierProfile) -> Timeouts {
        let command = Duration::from_secs(profile.command_timeout_s);
        Timeouts {
            connect: Duration::from_secs(profile.connect_timeout_s),
            greeting: Duration::from_secs(profile.greeting_timeout_s),
            ehlo: command,
            starttls: command,
            mail: command,
            rcpt: command,
            data: command,
            data_block: Duration::from_secs(profile.data_block_timeout_s),
            data_end: Duration::from_secs(profile.data_end_timeout_s),
            ..Timeouts::default()
        }
    }
}
