//! What every session shares: queue, scheduler, resolver, settings of sources and carriers.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use carriers::{Directory, Resolver};
use clock::{Chance, Clock};
use engine_config::{CarrierProfile, EngineConfig, SourceConfig};
use mail_model::SourceName;
use parking_lot::Mutex;
use queue::Queue;
use scheduler::Scheduler;
use smtp_client::Timeouts;
use tls_policy::Settings;

use crate::content::{Contents, charset};
use crate::encryption::Encryption;
use crate::greylists::Greylists;
use crate::stamps::{DeliveryError, Stamps};

/// What every session shares.
pub(crate) struct Context {
    pub(crate) queue: Queue,
    pub(crate) scheduler: Scheduler,
    pub(crate) directory: Arc<Directory>,
    pub(crate) resolver: Arc<Resolver>,
    pub(crate) contents: Contents,
    pub(crate) stamps: Stamps,
    pub(crate) encryption: Encryption,
    pub(crate) greylists: Greylists,
    pub(crate) clock: Clock,
    pub(crate) chance: Mutex<Chance>,
    sources: HashMap<SourceName, SourceConfig>,
}

impl Context {
    pub(crate) fn new(
        config: &EngineConfig,
        tls: &Settings,
        queue: Queue,
        scheduler: &Scheduler,
        directory: Arc<Directory>,
        resolver: Arc<Resolver>,
        clock: Clock,
    ) -> Result<Self, DeliveryError> {
        let charsets = config.carriers.iter().map(charset).collect();
        let sources = config.pools.sources.iter().map(|s| (s.name.clone(), s.clone())).collect();
        Ok(Self {
            contents: Contents::new(queue.clone(), config.engine.message_id_host.as_str().to_owned(), charsets),
            stamps: Stamps::new(&config.edges)?,
            encryption: Encryption::new(config, tls, resolver.dns(), clock.clone())?,
            greylists: Greylists::default(),
            queue,
            scheduler: scheduler.clone(),
            directory,
            resolver,
            clock,
            chance: Mutex::new(Chance::from_system()),
            sources,
        })
    }

    pub(crate) fn source_ip(&self, source: &SourceName) -> Option<IpAddr> {
        self.sources.get(source).and_then(|s| s.address)
    }

    pub(crate) fn ehlo_name(&self, source: &SourceName) -> String {
        self.sources.get(source).map(|s| s.ehlo_name.as_str().to_owned()).unwrap_or_default()
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
