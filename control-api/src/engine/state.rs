//! What the handlers share.

use std::path::PathBuf;
use std::sync::Arc;

use canary::Canaries;
use carriers::Directory;
use clock::Clock;
use mail_model::{Class, EmailAddress, Lane, PoolName};
use queue::Queue;
use tokio::sync::Semaphore;

use crate::engine::estimate::snapshot::Snapshots;
use crate::engine::limits::{Defaults, InjectLimits};
use crate::engine::port::EnginePort;
use crate::http::accept::Stop;
use crate::http::keys::Keys;

/// What the program gives this face.
pub struct Parts {
    /// The queue.
    pub queue: Queue,
    /// Whose domain is whose.
    pub directory: Arc<Directory>,
    /// The sending part.
    pub port: Arc<dyn EnginePort>,
    /// Mails to our own mailboxes.
    pub canaries: Canaries,
    /// Time.
    pub clock: Clock,
    /// Who may call.
    pub keys: Keys,
    /// Campaign, tenant and pool of calls that name none.
    pub defaults: Defaults,
    /// The pools that exist; a call that names another is refused.
    pub pools: Vec<PoolName>,
    /// Bounds.
    pub limits: InjectLimits,
    /// Where large lists wait for the end of their call; a directory on the queue's disk, not a RAM disk.
    pub spool_dir: PathBuf,
    /// Right side of `Message-ID`, for the trial rendering.
    pub host: String,
}

/// The handlers' state. Cheap to clone.
#[derive(Clone)]
pub struct EngineState(Arc<Shared>);

/// See [`EngineState`].
pub struct Shared {
    /// What the program gave.
    pub parts: Parts,
    /// Injections that may still begin.
    pub calls: Arc<Semaphore>,
    /// What waits of the campaigns looked at.
    pub snapshots: Snapshots,
    /// Ends streams at the stop.
    pub stop: Stop,
}

impl EngineState {
    /// Makes the state.
    pub fn new(parts: Parts) -> Self {
        let calls = Arc::new(Semaphore::new(parts.limits.calls_max));
        Self(Arc::new(Shared { parts, calls, snapshots: Snapshots::default(), stop: Stop::default() }))
    }

    /// The lane of a recipient. Without a pool of the caller's choice it is the one of the carrier's profile.
    pub fn lane(&self, email: &EmailAddress, pool: &PoolName, class: Class) -> Lane {
        let (carrier, site) = self.parts.directory.lane_site(email.domain());
        let pool = if pool.is_auto() { self.parts.directory.profile(&carrier).pool.clone() } else { pool.clone() };
        Lane { carrier, site, pool, class }
    }
}

impl std::ops::Deref for EngineState {
    type Target = Shared;
    fn deref(&self) -> &Shared {
        &self.0
    }
}
