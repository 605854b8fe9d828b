//! The dispatcher that opens sessions, and how all of it stops.

use std::sync::Arc;
use std::time::Duration;

use carriers::{Directory, Resolver};
use clock::Clock;
use engine_config::EngineConfig;
use queue::Queue;
use scheduler::{Next, Scheduler};
use tls_policy::{Settings, TlsPolicies};
use tokio::task::{JoinHandle, JoinSet};

use crate::context::Context;
use crate::open::run;
use crate::stamps::DeliveryError;

/// What an engine is made of.
pub struct Parts {
    /// Its settings.
    pub config: Arc<EngineConfig>,
    /// Its queue.
    pub queue: Queue,
    /// What decides what goes next.
    pub scheduler: Scheduler,
    /// Whose a domain is.
    pub directory: Arc<Directory>,
    /// Where a domain's hosts are.
    pub resolver: Arc<Resolver>,
    /// Its time.
    pub clock: Clock,
}

/// A running engine.
pub struct Engine {
    scheduler: Scheduler,
    policies: TlsPolicies,
    dispatcher: JoinHandle<()>,
}

impl Engine {
    /// Starts sending.
    ///
    /// # Errors
    /// When the configured keys or root certificates cannot be used; nothing was started then.
    pub fn start(parts: Parts) -> Result<Self, DeliveryError> {
        let tls = Settings::of(&parts.config)?;
        Self::start_with(parts, &tls)
    }

    /// Like [`Self::start`], with settings for domains' TLS policies that do not come from the configuration: a
    /// laboratory's authorities and ports.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_with(parts: Parts, tls: &Settings) -> Result<Self, DeliveryError> {
        let Parts { config, queue, scheduler, directory, resolver, clock } = parts;
        let context = Arc::new(Context::new(&config, tls, queue, &scheduler, directory, resolver, clock)?);
        let policies = context.encryption.policies.clone();
        Ok(Self { scheduler, policies, dispatcher: tokio::spawn(dispatch(context)) })
    }

    /// What domains demand of TLS, and how sessions came off: for TLS-RPT reports.
    pub fn tls_policies(&self) -> &TlsPolicies {
        &self.policies
    }

    /// Stops opening sessions, lets the open ones finish the mail in hand, and returns when they have or `grace` is
    /// over. What was not finished stays in the queue.
    pub async fn stop(self, grace: Duration) {
        self.scheduler.stop();
        let mut dispatcher = self.dispatcher;
        if tokio::time::timeout(grace, &mut dispatcher).await.is_err() {
            dispatcher.abort();
        }
    }
}

/// Opens sessions as long as the scheduler has any to open; ends when it stops and the last session has.
async fn dispatch(context: Arc<Context>) {
    let mut sessions = JoinSet::new();
    loop {
        let pause = match context.scheduler.next() {
            Next::Open(assignment) => {
                sessions.spawn(run(context.clone(), *assignment));
                continue;
            }
            Next::Stopped if sessions.is_empty() => return,
            Next::Stopped => Duration::from_secs(1),
            Next::Wait(at) => at.since(context.clock.mono()).max(Duration::from_millis(1)),
        };
        tokio::select! {
            () = context.queue.activity().notified() => {}
            () = context.scheduler.changed().notified() => {}
            Some(ended) = sessions.join_next() => if ended.is_err_and(|error| error.is_panic()) {
                telemetry::SessionPanicked.emit();
            },
            () = tokio::time::sleep(pause) => {}
        }
    }
}
