//! What the handling of every mail shares.

use std::collections::HashSet;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use canary::Canaries;
use carriers::Directory;
use clock::Clock;
use engine_config::{EngineConfig, RegistrationConfig};
use mail_auth::MessageAuthenticator;
use mail_model::{EgressPath, SiteName, UnixMs};
use parking_lot::Mutex;
use queue::{AttemptRecord, Queue};
use scheduler::Scheduler;

use crate::addresses::Addresses;
use crate::error::InboundError;
use crate::limits::Bucket;
use crate::registrar::Registrar;

/// A hash that stands for an address or a mail where either would be remembered.
pub(crate) type Hash = [u8; 32];

/// What the handling of every mail shares.
pub(crate) struct Desk {
    pub(crate) addresses: Arc<Addresses>,
    pub(crate) queue: Queue,
    pub(crate) scheduler: Scheduler,
    pub(crate) directory: Arc<Directory>,
    pub(crate) canaries: Canaries,
    pub(crate) clock: Clock,
    pub(crate) authenticator: MessageAuthenticator,
    /// Our name, as SPF macros may ask for it.
    pub(crate) host_name: String,
    pub(crate) kept_days: u32,
    pub(crate) registration: Option<RegistrationDesk>,
}

/// What registrations share.
pub(crate) struct RegistrationDesk {
    pub(crate) config: RegistrationConfig,
    pub(crate) registrar: Arc<dyn Registrar>,
    /// Answers to everybody.
    pub(crate) bucket: Mutex<Bucket>,
    /// Addresses whose registration is under way.
    pub(crate) busy: Mutex<HashSet<Hash>>,
}

/// What the handling of mail is made of.
pub struct Parts {
    /// The settings.
    pub config: Arc<EngineConfig>,
    /// Our addresses, the same that [`crate::Doors`] admits.
    pub addresses: Arc<Addresses>,
    /// The queue whose inbox is worked off.
    pub queue: Queue,
    /// Who is told what came back of a path.
    pub scheduler: Scheduler,
    /// Whose a domain is.
    pub directory: Arc<Directory>,
    /// Who hears of arrivals in mailboxes of our own.
    pub canaries: Canaries,
    /// Who hears of registrations; without one everybody gets the configured text.
    pub registrar: Option<Arc<dyn Registrar>>,
    /// The time.
    pub clock: Clock,
}

impl Desk {
    pub(crate) fn new(parts: Parts) -> Result<Self, InboundError> {
        let Parts { config, addresses, queue, scheduler, directory, canaries, registrar, clock } = parts;
        let (servers, options) = dns::mail_authenticator(&config.dns)?;
        let authenticator = MessageAuthenticator::new(servers, options);
        let authenticator = authenticator.map_err(|error| InboundError::Authenticator(error.to_string()))?;
        let edges = &config.edges;
        let registration = match &edges.registration {
            None => None,
            Some(section) => Some(RegistrationDesk {
                registrar: match registrar {
                    Some(registrar) => registrar,
                    None => Arc::new(crate::configured::ConfiguredText::new(section)?),
                },
                bucket: Mutex::new(Bucket::new(section.replies_per_min_max, clock.mono())),
                busy: Mutex::new(HashSet::new()),
                config: section.clone(),
            }),
        };
        let (host_name, kept_days) = (edges.inbound.host_name.as_str().to_owned(), edges.inbound.kept_days);
        Ok(Self {
            addresses,
            queue,
            scheduler,
            directory,
            canaries,
            clock,
            authenticator,
            host_name,
            kept_days,
            registration,
        })
    }

    /// The path a notification left by.
    pub(crate) fn path_of(record: &AttemptRecord) -> Option<EgressPath> {
        let carrier = record.carrier.clone();
        let site = if carrier.is_other() { record.site.clone() } else { SiteName::none() };
        record.source.clone().map(|source| EgressPath { carrier, site, source })
    }

    /// Until when a notification may be sent.
    pub(crate) fn deadline(&self, record: &AttemptRecord) -> UnixMs {
        let Some(message) = self.queue.message(record.id.message) else { return UnixMs(0) };
        let profile = self.directory.profile(&record.carrier);
        let (after_s, give_up_after_s) = (profile.retry_after_s.clone(), profile.give_up_after_s);
        let schedule = scheduler::retry::Schedule { after_s, give_up_after_s };
        schedule.gives_up_at(message.accepted_at, (&*message).into())
    }
}

/// SHA-256 of these parts, each ended by its length.
pub(crate) fn hash(parts: &[&[u8]]) -> Hash {
    let mut all = Vec::new();
    for part in parts {
        all.extend_from_slice(part);
        all.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
    }
    digest(&SHA256, &all).as_ref().try_into().unwrap_or_default()
}

/// A key of the queue's memory.
pub(crate) fn memory_key(what: &str, hash: &Hash) -> Vec<u8> {
    [what.as_bytes(), b"/", hash].concat()
}
