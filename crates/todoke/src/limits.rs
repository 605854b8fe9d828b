//! What was learned about the carriers' limits: kept on disk, shown, forgotten by an operator's word.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use clock::Clock;
use control_api::{CarrierLimits, NetblockLimit, SourceLimit, SourceState, WarmUpUse};
use engine_config::EngineConfig;
use ip_pools::{SourceStatus, WarmUp};
use mail_model::{CarrierName, SiteName, SourceName, UnixMs};
use parking_lot::Mutex;
use queue::{AuditEntry, Queue, Write};
use scheduler::{Entry, GroupLimits, GuardLimits, KEYS_BEGIN, Keeper, Lesson, LivePath, PathLimitsReport, Scheduler};
use telemetry::{LimitsIgnored, LimitsRecalled, NetblockSample, PathSample, WarmUpSample};
use throttle::{ClosedBecause, GuardLearned, Learned};
use tokio::task::JoinHandle;

/// How often the gauges are set.
const SAMPLED_EVERY: Duration = Duration::from_secs(2);
/// Every so many times, what changed is written. A kill loses what was learned in these ten seconds.
const KEPT_EVERY: u64 = 5;

/// Keeps, shows and forgets. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Limits {
    queue: Queue,
    scheduler: Scheduler,
    clock: Clock,
    /// Held while something is written, so that what is forgotten is not written again from an older look.
    keeper: Arc<Mutex<Keeper>>,
}

impl Limits {
    /// Takes up what was learned before the last stop. To be called before anything is sent. Blocks while it reads.
    pub(crate) fn recall(queue: Queue, scheduler: Scheduler, clock: Clock, config: &EngineConfig) -> Self {
        let address = |source: &engine_config::SourceConfig| (source.name.clone(), source.address);
        let mut keeper = Keeper::new(config.pools.sources.iter().map(address).collect::<Addresses>());
        let found = keeper.read(&queue.remembered_under(KEYS_BEGIN), clock.unix());
        for (why, count) in &found.unusable {
            LimitsIgnored { count: *count, why }.emit();
        }
        if !found.lessons.is_empty() {
            LimitsRecalled { used: found.lessons.len() }.emit();
        }
        scheduler.recall(found.lessons);
        Self { queue, scheduler, clock, keeper: Arc::new(Mutex::new(keeper)) }
    }

    /// Keeps what is learned, and sets the gauges, until it is aborted.
    pub(crate) fn keep_on(&self) -> JoinHandle<()> {
        let limits = self.clone();
        tokio::spawn(async move {
            let mut due = tokio::time::interval(SAMPLED_EVERY);
            for turn in 1_u64.. {
                due.tick().await;
                let limits = limits.clone();
                let work = move || {
                    limits.sample();
                    if turn.is_multiple_of(KEPT_EVERY) {
                        limits.keep();
                    }
                };
                tokio::task::spawn_blocking(work).await.ok();
            }
        })
    }

    /// Writes what changed since the last time. Blocks: not for an async thread.
    pub(crate) fn keep(&self) {
        let mut keeper = self.keeper.lock();
        let entries = keeper.changed(self.scheduler.lessons(), self.clock.unix());
        self.queue.write(remember(Write::new(), entries));
    }

    /// Forgets what was learned of one source at a carrier, or of all, together with `audited`. Gives of how many
    /// something was known.
    pub(crate) fn forget(&self, carrier: &CarrierName, source: Option<&SourceName>, audited: AuditEntry) -> usize {
        let mut keeper = self.keeper.lock();
        let lessons = self.scheduler.forget_limits(carrier, source);
        let entries = keeper.forgotten(&lessons, self.clock.unix());
        self.queue.write(remember(Write::new().audit(audited), entries));
        lessons.iter().filter(|lesson| !lesson.is_empty()).count()
    }

    /// As operators see it.
    pub(crate) fn shown(&self) -> control_api::Limits {
        let report = self.scheduler.limits();
        let now = self.clock.unix();
        let keeper = self.keeper.lock();
        let view = View { keeper: &keeper, sources: &report.sources, now };
        control_api::Limits {
            carriers: report.groups.iter().map(|group| view.group(group)).collect(),
            warm_up: report.sources.iter().filter_map(warm_up).collect(),
        }
    }

    /// Sets the gauges. Domains of `other` are left out: there may be thousands.
    fn sample(&self) {
        let report = self.scheduler.limits();
        for group in report.groups.iter().filter(|group| !group.carrier.is_other()) {
            let carrier = &group.carrier;
            for path in &group.paths {
                let Some(live) = &path.live else { continue };
                let (source, limit_per_min) = (&path.source, path.learned.ceiling_per_min);
                PathSample { carrier, source, rate_per_min: live.status.rate_per_min, limit_per_min }.emit();
            }
            for GuardLimits { netblock, learned, .. } in &group.guards {
                NetblockSample { carrier, netblock, limit_per_min: learned.sum_ceiling_per_min }.emit();
            }
        }
        for status in &report.sources {
            let cap = match status.warm_up {
                WarmUp::Warm => None,
                WarmUp::Warming { hourly_cap, .. } => Some(hourly_cap),
            };
            WarmUpSample { source: &status.source, sent: status.sent_this_hour, cap }.emit();
        }
    }
}

type Addresses = std::collections::HashMap<SourceName, Option<IpAddr>>;

fn remember(write: Write, entries: Vec<Entry>) -> Write {
    entries.into_iter().fold(write, |write, Entry { key, value, expires }| write.remember(&key, &value, expires))
}

struct View<'a> {
    keeper: &'a Keeper,
    sources: &'a [SourceStatus],
    now: UnixMs,
}

impl View<'_> {
    fn group(&self, group: &GroupLimits) -> CarrierLimits {
        let whose = (&group.carrier, &group.site);
        let sources: Vec<SourceLimit> = group.paths.iter().map(|path| self.source(whose, path)).collect();
        let sends = |source: &&SourceLimit| matches!(source.state, SourceState::Sending | SourceState::Idle);
        CarrierLimits {
            carrier: group.carrier.clone(),
            domain: group.site.clone(),
            waiting: group.waiting,
            rate_per_min: sources.iter().filter(sends).map(|source| source.rate_per_min).sum(),
            netblocks: group.guards.iter().map(|guard| self.netblock(whose, guard)).collect(),
            sources,
        }
    }

    fn netblock(&self, (carrier, site): (&CarrierName, &SiteName), guard: &GuardLimits) -> NetblockLimit {
        let (carrier, site, netblock) = (carrier.clone(), site.clone(), guard.netblock.clone());
        let key = Lesson::Guard { carrier, site, netblock, learned: GuardLearned::default() }.key();
        NetblockLimit {
            netblock: guard.netblock.clone(),
            limit_per_min: guard.learned.sum_ceiling_per_min,
            learned_at: self.keeper.dated(&key),
            unknown: guard.learned.unknown,
            recipients: guard.learned.recipients,
            paused_until: guard.paused_until,
        }
    }

    fn source(&self, (carrier, site): (&CarrierName, &SiteName), path: &PathLimitsReport) -> SourceLimit {
        let lesson = Lesson::Path {
            carrier: carrier.clone(),
            site: site.clone(),
            source: path.source.clone(),
            learned: Learned::default(),
        };
        let at_carrier = self.sources.iter().find(|status| status.source == path.source);
        let at_carrier = at_carrier.and_then(|status| status.carriers.iter().find(|at| at.carrier == *carrier));
        let live = path.live.as_ref();
        let shut = live.and_then(|live| live.shut);
        let (state, why) = standing(live);
        SourceLimit {
            source: path.source.clone(),
            netblock: path.netblock.clone(),
            state,
            why,
            until: shut.map(|(until, _)| until).filter(|until| *until > self.now),
            rate_per_min: live.map_or(0.0, |live| live.status.rate_per_min),
            limit_per_min: path.learned.ceiling_per_min,
            sure: live.is_some_and(|live| live.sure),
            proven_per_min: path.learned.proven_per_min,
            learned_at: self.keeper.dated(&lesson.key()),
            sessions: live.map_or(0, |live| live.sessions),
            sessions_allowed: live.map_or(0, |live| live.status.connections_allowed),
            sessions_limit: path.learned.sessions_max,
            session_mails_limit: path.learned.session_mails_max,
            sent_this_hour: at_carrier.map_or(0, |at| at.sent_this_hour),
        }
    }
}

fn standing(live: Option<&LivePath>) -> (SourceState, Option<&'static str>) {
    let Some(live) = live else { return (SourceState::Unused, None) };
    match live.shut {
        Some((_, Some(why @ ClosedBecause::Throttled))) => (SourceState::Paused, Some(why.as_str())),
        Some((_, why)) => (SourceState::Resting, Some(why.unwrap_or(ClosedBecause::Blocked).as_str())),
        None if live.probing => (SourceState::Probing, None),
        None if live.capped => (SourceState::Capped, None),
        None if live.sessions > 0 => (SourceState::Sending, None),
        None => (SourceState::Idle, None),
    }
}

fn warm_up(status: &SourceStatus) -> Option<WarmUpUse> {
    let WarmUp::Warming { day, hourly_cap } = status.warm_up else { return None };
    Some(WarmUpUse {
        source: status.source.clone(),
        day: day + 1,
        cap: hourly_cap,
        sent: status.sent_this_hour,
        below_cap_at: status.below_cap_at,
    })
}
