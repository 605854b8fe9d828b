//! What comes back, wired: our addresses, the listener, the inbox's worker, and a certificate that is renewed while all
//! of it runs.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use canary::Canaries;
use carriers::Directory;
use clock::Clock;
use engine_config::{CertificateConfig, EngineConfig, InboundConfig};
use inbound::{Addresses, Doors, Inbound, InboxStore};
use queue::Queue;
use scheduler::Scheduler;
use smtp_server::{Settings, Tls};
use telemetry::{CertificateRead, CertificateUnusable};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// How often the certificate's files are looked at. Renewal programs replace them weeks before the end.
const CERTIFICATE_LOOK: Duration = Duration::from_secs(60);
/// How much longer than its own patience the listener gets at a stop.
const DRAIN_GRACE: Duration = Duration::from_secs(2);

/// What the parts of it are made of.
pub(crate) struct Parts {
    pub(crate) config: Arc<EngineConfig>,
    pub(crate) queue: Queue,
    pub(crate) scheduler: Scheduler,
    pub(crate) directory: Arc<Directory>,
    pub(crate) canaries: Canaries,
    pub(crate) clock: Clock,
}

/// Listener and worker, running.
pub(crate) struct Returns {
    pub(crate) addresses: Arc<Addresses>,
    inbound: Inbound,
    listener: Option<Listener>,
}

struct Listener {
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
    renewal: Option<JoinHandle<()>>,
    drain_max: Duration,
}

/// Starts the worker, then the listener: what is taken in is dealt with.
pub(crate) fn start(parts: Parts) -> Result<Returns> {
    let Parts { config, queue, scheduler, directory, canaries, clock } = parts;
    let addresses = Arc::new(Addresses::new(&config.edges).context("[returns] or [registration]")?);
    let worker = inbound::Parts {
        config: config.clone(),
        addresses: addresses.clone(),
        queue: queue.clone(),
        scheduler,
        directory,
        canaries,
        registrar: None,
        clock: clock.clone(),
    };
    let inbound = Inbound::start(worker).context("[inbound]")?;
    let listener = match config.edges.inbound.listen.is_empty() {
        true => None,
        false => Some(listen(&config.edges.inbound, addresses.clone(), queue, clock)?),
    };
    Ok(Returns { addresses, inbound, listener })
}

fn listen(config: &InboundConfig, addresses: Arc<Addresses>, queue: Queue, clock: Clock) -> Result<Listener> {
    let settings = settings(config)?;
    let drain_max = settings.drain_max;
    let tls = config.certificate.as_ref().map(|c| Tls::new(&c.chain, c.key.bytes()));
    let tls = tls.transpose().context("[inbound] certificate_file")?;
    let mut sockets = Vec::with_capacity(config.listen.len());
    for address in &config.listen {
        let socket = smtp_server::listen(*address);
        let socket = socket.with_context(|| format!("[inbound] listen: cannot use {address}"))?;
        eprintln!("todoke: receives mail on {}", socket.local_addr().unwrap_or(*address));
        sockets.push(socket);
    }
    let renewal = match (&tls, &config.certificate) {
        (Some(tls), Some(files)) => Some(tokio::spawn(renew(tls.clone(), files.clone(), clock.clone()))),
        _ => None,
    };
    let doors = Arc::new(Doors::new(addresses, clock.clone()));
    let store = Arc::new(InboxStore::new(queue));
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(smtp_server::serve(sockets, settings, doors, store, tls, clock, async move {
        stopped.await.ok();
    }));
    Ok(Listener { stop, serving, renewal, drain_max })
}

fn settings(config: &InboundConfig) -> Result<Arc<Settings>> {
    let size = |n: u32| usize::try_from(n).unwrap_or(usize::MAX);
    let mut settings = Settings::new(config.host_name.as_str()).context("[inbound] host_name")?;
    settings.sessions_max = size(config.sessions_max);
    settings.sessions_per_address_max = size(config.sessions_per_address_max);
    settings.sessions_per_network_max = settings.sessions_per_network_max.max(settings.sessions_per_address_max);
    settings.sessions_per_network_per_min = config.sessions_per_network_per_min;
    settings.message_bytes_max = config.message_bytes_max;
    settings.messages_per_session_max = config.messages_per_session_max;
    settings.idle_max = Duration::from_secs(config.idle_timeout_s);
    settings.session_max = Duration::from_secs(config.session_timeout_s);
    Ok(Arc::new(settings))
}

/// Shows a renewed certificate from the next handshake on; a broken one never replaces one that works.
async fn renew(tls: Tls, files: CertificateConfig, clock: Clock) {
    let mut seen = changed_at(&files);
    tell(&files.chain, &clock);
    loop {
        tokio::time::sleep(CERTIFICATE_LOOK).await;
        let now = changed_at(&files);
        if now == seen {
            continue;
        }
        seen = now;
        let read = (tokio::fs::read(&files.chain_file).await, tokio::fs::read(&files.key_file).await);
        let (Ok(chain), Ok(key)) = read else {
            CertificateUnusable { why: &"a file cannot be read" }.emit();
            continue;
        };
        match tls.replace(&chain, &key) {
            Ok(()) => tell(&chain, &clock),
            Err(error) => CertificateUnusable { why: &error }.emit(),
        }
    }
}

fn changed_at(files: &CertificateConfig) -> [Option<SystemTime>; 2] {
    [&files.chain_file, &files.key_file].map(|file| std::fs::metadata(file).and_then(|meta| meta.modified()).ok())
}

fn tell(chain: &[u8], clock: &Clock) {
    if let Some(until) = sender_check::certificate_ends(chain) {
        CertificateRead { until, now: clock.unix() }.emit();
    }
}

impl Returns {
    /// No more mail is taken in; then the worker finishes what it has in hand. The rest stays in the inbox.
    pub(crate) async fn stop(self, grace: Duration) {
        if let Some(Listener { stop, serving, renewal, drain_max }) = self.listener {
            stop.send(()).ok();
            let mut serving = serving;
            if tokio::time::timeout(drain_max + DRAIN_GRACE, &mut serving).await.is_err() {
                serving.abort();
            }
            if let Some(renewal) = renewal {
                renewal.abort();
            }
        }
        self.inbound.stop(grace).await;
    }
}
