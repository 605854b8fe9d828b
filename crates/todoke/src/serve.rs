//! From a configuration file to a running engine, and back down.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use canary::Canaries;
use carriers::{Directory, Resolver};
use clock::{Chance, Clock};
use control_api::{AcceptLimits, Defaults, EngineState, InjectLimits, Keys};
use delivery::Engine;
use engine_config::EngineConfig;
use ip_pools::Pools;
use mail_model::{CampaignName, CarrierName, PoolName, TenantName, UnixMs};
use queue::Queue;
use scheduler::{Scheduler, SourceBlocks};
use telemetry::MetricsHandle;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::cli::ServeArgs;
use crate::deadlines::DeadlineWatch;
use crate::limits::Limits;
use crate::port::Port;
use crate::returns::{self, Returns};
use crate::time_left;

/// How long open sessions may take to finish the mail in hand at a stop; carriers answer a final dot within seconds.
const STOP_GRACE: Duration = Duration::from_secs(20);

/// A running engine with its HTTP face.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) queue: Queue,
    engine: Engine,
    returns: Returns,
    known: Limits,
    keeping: JoinHandle<()>,
    canaries: JoinHandle<()>,
    http: JoinHandle<()>,
    upkeep: JoinHandle<()>,
    stop_http: oneshot::Sender<()>,
}

pub(crate) async fn run(args: ServeArgs) -> Result<ExitCode> {
    let config = match EngineConfig::load(&args.config) {
        Ok(config) => config,
        Err(faults) => {
            eprintln!("{faults}");
            return Ok(ExitCode::FAILURE);
        }
    };
    telemetry::init_logging(config.telemetry.log_level.as_str(), true).context("logging")?;
    let mut stop = StopSignals::new()?;
    let node = config.engine.node_name.as_str().to_owned();
    let clock = Clock::system();
    let begun = clock.mono();
    let running = start(config).await?;
    let queued = running.queue.shape().queued;
    let (version, at, took) = (env!("CARGO_PKG_VERSION"), clock.unix(), clock.mono().since(begun));
    telemetry::EngineStarted { version, node: &node, at, queued, took }.emit();
    eprintln!("todoke: ready on http://{}", running.address);
    stop.wait().await;
    telemetry::EngineStopping { why: "asked to" }.emit();
    eprintln!("todoke: stopping; sessions finish the mail in hand");
    let (begun, queue) = (clock.mono(), running.queue.clone());
    running.stop().await;
    telemetry::EngineStopped { queued: queue.shape().queued, took: clock.mono().since(begun) }.emit();
    tokio::task::spawn_blocking(move || drop(queue)).await.ok();
    Ok(ExitCode::SUCCESS)
}

/// Starts queue, scheduler, what comes back, HTTP and delivery, in this order: nothing is accepted before it could be
/// dealt with.
pub(crate) async fn start(config: EngineConfig) -> Result<Running> {
    let config = Arc::new(config);
    let clock = Clock::system();
    let metrics = telemetry::install_metrics().context("metrics")?;
    let directory = Arc::new(Directory::new(config.carriers.clone()));
    let chance = Chance::from_system();
    let resolver = Arc::new(Resolver::new(&config, directory.clone(), clock.clone(), chance).context("[dns]")?);
    let dir = config.engine.data_dir.join("queue");
    let (settings, own_clock) = (queue_settings(&config), clock.clone());
    let queue = tokio::task::spawn_blocking(move || Queue::open(&dir, settings, own_clock)).await??;
    report_in_doubt(&queue);
    let pools = Pools::new(&pools_config(&config)).context("pools")?;
    let sessions_max = config.engine.sessions_max;
    let blocks = config.pools.sources.iter().map(|source| (source.name.clone(), source.address));
    let scheduler = Scheduler::new(queue.clone(), directory.clone(), pools, sessions_max, clock.clone())
        .with_netblocks(SourceBlocks::by_address(blocks));
    let canaries = canaries(&config, &queue, &directory, &clock).await?;
    let known = Limits::recall(queue.clone(), scheduler.clone(), clock.clone(), &config);

    let listener = TcpListener::bind(config.http.listen)
        .await
        .with_context(|| format!("[http] listen: cannot use {}", config.http.listen))?;
    let address = listener.local_addr()?;
    let parts = returns::Parts {
        config: config.clone(),
        queue: queue.clone(),
        scheduler: scheduler.clone(),
        directory: directory.clone(),
        canaries: canaries.clone(),
        clock: clock.clone(),
    };
    let returns = returns::start(parts)?;
    let port = Arc::new(Port::new(
        queue.clone(),
        scheduler.clone(),
        known.clone(),
        resolver.clone(),
        directory.clone(),
        clock.clone(),
        &config,
        returns.addresses.clone(),
        metrics.clone(),
    ));
    port.restore_holds().context("holds.json cannot be read; move it away to start without suspensions")?;
    let state = EngineState::new(face(&config, &queue, &directory, port.clone(), canaries.clone(), &clock)?);
    let limits = accept_limits(&config);
    let (stop_http, stopped) = oneshot::channel::<()>();
    let http = tokio::spawn(control_api::serve(listener, state, limits, async move {
        stopped.await.ok();
    }));
    let (keeping, canaries) = (known.keep_on(), canaries.watch());
    let upkeep = tokio::spawn(upkeep(queue.clone(), scheduler.clone(), clock.clone(), config.clone(), metrics));
    let parts = delivery::Parts { config, queue: queue.clone(), scheduler, directory, resolver, clock };
    let engine = Engine::start(parts).context("cannot start sending")?;
    port.reports_of(engine.tls_policies().clone());
    Ok(Running { address, queue, engine, returns, known, keeping, canaries, http, upkeep, stop_http })
}

impl Running {
    /// Stops in the reverse order: no new work, then sessions, then the queue with a last sync.
    pub(crate) async fn stop(self) {
        self.stop_http.send(()).ok();
        if tokio::time::timeout(STOP_GRACE, self.http).await.is_err() {
            eprintln!("todoke: a call is still open; it is cut off");
        }
        self.upkeep.abort();
        self.canaries.abort();
        self.returns.stop(STOP_GRACE).await;
        self.engine.stop(STOP_GRACE).await;
        self.keeping.abort();
        let known = self.known;
        tokio::task::spawn_blocking(move || known.keep()).await.ok();
        // The last handle syncs and closes the store.
        let queue = self.queue;
        tokio::task::spawn_blocking(move || drop(queue)).await.ok();
    }
}

/// The canaries, with what the queue remembers of them.
async fn canaries(
    config: &Arc<EngineConfig>,
    queue: &Queue,
    directory: &Arc<Directory>,
    clock: &Clock,
) -> Result<Canaries> {
    let (config, queue, directory, clock) = (config.clone(), queue.clone(), directory.clone(), clock.clone());
    let read = tokio::task::spawn_blocking(move || Canaries::new(&config.edges, queue, directory, clock));
    read.await?.context("[returns]")
}

/// What time does to a queue: deadlines pass, old outcomes are dropped, gauges go stale.
async fn upkeep(queue: Queue, scheduler: Scheduler, clock: Clock, config: Arc<EngineConfig>, metrics: MetricsHandle) {
    const FORGOTTEN_AT_ONCE_MAX: usize = 1_000;
    let kept_ms = u64::from(config.queue.outcome_retention_days) * 86_400_000;
    let mut every_second = tokio::time::interval(Duration::from_secs(1));
    let mut deadlines = DeadlineWatch::default();
    for second in 0_u64.. {
        every_second.tick().await;
        let (queue, metrics, now) = (queue.clone(), metrics.clone(), clock.unix());
        let scheduler = scheduler.clone();
        let data_dir = config.engine.data_dir.clone();
        let mut watch = std::mem::take(&mut deadlines);
        let work = move || {
            let count = queue.expire(now);
            telemetry::ExpiredWaiting { count }.emit();
            watch.look(&queue, now);
            sample(&queue, &data_dir);
            if second.is_multiple_of(5) {
                time_left::sample(&queue, &scheduler, now);
            }
            metrics.upkeep();
            if second.is_multiple_of(600) {
                let before = UnixMs(now.0.saturating_sub(kept_ms));
                queue.outbox_trim_before(before);
                queue.forget(before, FORGOTTEN_AT_ONCE_MAX);
            }
            watch
        };
        deadlines = tokio::task::spawn_blocking(work).await.unwrap_or_default();
    }
}

/// Sets the gauges that nobody's event sets.
fn sample(queue: &Queue, data_dir: &Path) {
    let shape = queue.shape();
    let mut by_carrier: BTreeMap<CarrierName, u64> = BTreeMap::new();
    for lane in &shape.lanes {
        *by_carrier.entry(lane.lane.carrier.clone()).or_default() += lane.queued;
    }
    let by_carrier: Vec<_> = by_carrier.into_iter().collect();
    let ready = shape.lanes.iter().map(|lane| lane.ready).sum();
    telemetry::QueueSample { scheduled: shape.queued, ready, by_carrier: &by_carrier }.emit();
    if let Some(resident_bytes) = telemetry::process_memory_bytes() {
        telemetry::MemorySample { resident_bytes }.emit();
    }
    if let Ok(disk) = rustix::fs::statvfs(data_dir) {
        let (free_bytes, total_bytes) = (disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize);
        telemetry::DiskSample { name: "queue", free_bytes, total_bytes }.emit();
    }
}

fn report_in_doubt(queue: &Queue) {
    let count = queue.in_doubt().len() as u64;
    if count > 0 {
        telemetry::InDoubtRecovered { count }.emit();
        eprintln!(
            "todoke: {count} mails may arrive twice after the last stop; /engine/api/admin/in-doubt/v1 names them"
        );
    }
}

fn face(
    config: &EngineConfig,
    queue: &Queue,
    directory: &Arc<Directory>,
    port: Arc<Port>,
    canaries: Canaries,
    clock: &Clock,
) -> Result<control_api::Parts> {
    let keys = config.http.api_keys.iter().map(|key| (key.name.clone(), key.secret().to_owned()));
    let mut limits = InjectLimits::default();
    limits.body.bytes_max = config.http.body_bytes_max;
    limits.body.within = Duration::from_secs(config.http.body_timeout_s);
    limits.recipients_max = u64::from(config.http.recipients_max);
    let spool_dir = config.engine.data_dir.join("spool");
    std::fs::create_dir_all(&spool_dir).with_context(|| format!("cannot make {}", spool_dir.display()))?;
    Ok(control_api::Parts {
        queue: queue.clone(),
        directory: directory.clone(),
        port,
        canaries,
        clock: clock.clone(),
        keys: Keys::new(keys).context("[http] api_keys_file")?,
        defaults: Defaults {
            campaign: CampaignName::new("none")?,
            tenant: TenantName::new("default")?,
            pool: PoolName::auto(),
            deadline_warn_s: config.engine.deadline_warn_s,
        },
        pools: config.pools.pools.iter().map(|p| p.name.clone()).chain([PoolName::auto()]).collect(),
        limits,
        spool_dir,
        host: config.engine.message_id_host.as_str().to_owned(),
    })
}

fn accept_limits(config: &EngineConfig) -> AcceptLimits {
    let connections_max = usize::try_from(config.http.connections_max).unwrap_or(usize::MAX);
    AcceptLimits {
        connections_max,
        connections_per_address_max: connections_max,
        header_wait_max: Duration::from_millis(config.http.head_timeout_ms),
        ..AcceptLimits::default()
    }
}

fn queue_settings(config: &EngineConfig) -> queue::QueueSettings {
    let q = &config.queue;
    let size = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    queue::QueueSettings {
        limits: queue::Limits {
            notifications_max: q.notifications_max,
            messages_max: q.messages_max,
            recipients_per_message_max: q.recipients_per_message_max,
            content_bytes_max: size(q.content_bytes_max),
            payload_bytes_max: size(q.payload_bytes_max),
            lanes_max: q.lanes_max,
            disk_free_bytes_min: q.disk_free_bytes_min,
            inbox_mails_max: config.edges.inbound.waiting_max,
            ..queue::Limits::default()
        },
        window_per_lane: size(u64::from(q.window_per_lane)),
        sync_interval: Duration::from_millis(q.sync_interval_ms),
        node_number: config.engine.node_number,
        ..queue::QueueSettings::default()
    }
}

fn pools_config(config: &EngineConfig) -> ip_pools::PoolsConfig {
    let source = |s: &engine_config::SourceConfig| ip_pools::SourceConfig {
        name: s.name.clone(),
        warmup_started: s.warmup_started,
    };
    let member = |m: &engine_config::PoolMember| ip_pools::MemberConfig { source: m.source.clone(), weight: m.weight };
    let pool = |p: &engine_config::PoolConfig| ip_pools::PoolConfig {
        name: p.name.clone(),
        kind: match p.kind {
            engine_config::PoolKind::Wide => ip_pools::PoolKind::Wide,
            engine_config::PoolKind::Narrow => ip_pools::PoolKind::Narrow,
        },
        members: p.members.iter().map(member).collect(),
    };
    let caps = &config.pools.warmup.hourly_cap_by_day;
    let hourly_cap_by_day = caps.iter().map(|cap| u32::try_from(*cap).unwrap_or(u32::MAX));
    ip_pools::PoolsConfig {
        sources: config.pools.sources.iter().map(source).collect(),
        pools: config.pools.pools.iter().map(pool).collect(),
        hourly_cap_by_day: hourly_cap_by_day.collect(),
    }
}

/// Ctrl-C and SIGTERM.
pub(crate) struct StopSignals {
    terminate: tokio::signal::unix::Signal,
}

impl StopSignals {
    pub(crate) fn new() -> Result<Self> {
        let terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        Ok(Self { terminate })
    }

    pub(crate) async fn wait(&mut self) {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
