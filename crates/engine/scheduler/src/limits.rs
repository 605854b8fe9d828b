//! What operators are shown of the carriers' limits: what may go now, what was learned, who rests and why.

use std::collections::BTreeMap;

use ip_pools::{SourceStatus, WarmUp};
use mail_model::{CarrierName, MonoUs, SiteName, SourceName, UnixMs};
use throttle::{BreakerStatus, ClosedBecause, GuardLearned, Learned, PathStatus};

use crate::group::Group;
use crate::learned::{Lesson, waiting_lessons};
use crate::scheduler::{Scheduler, State};
use crate::work::Work;

/// All that is known.
#[derive(Clone, Debug, Default)]
pub struct LimitsReport {
    /// By carrier, and by domain for `other`; by name.
    pub groups: Vec<GroupLimits>,
    /// Every source, in the order of the configuration.
    pub sources: Vec<SourceStatus>,
}

/// One carrier, or one domain of `other`.
#[derive(Clone, Debug)]
pub struct GroupLimits {
    /// Whose mail system.
    pub carrier: CarrierName,
    /// The domain for `other`.
    pub site: SiteName,
    /// Notifications that are not settled.
    pub waiting: u64,
    /// Our netblocks there.
    pub guards: Vec<GuardLimits>,
    /// Our sources there.
    pub paths: Vec<PathLimitsReport>,
}

/// All sources of one netblock together.
#[derive(Clone, Debug)]
pub struct GuardLimits {
    /// Which.
    pub netblock: String,
    /// What was learned.
    pub learned: GuardLearned,
    /// Until when the carrier is left alone for its unknown users.
    pub paused_until: Option<UnixMs>,
}

/// One source at one carrier.
#[derive(Clone, Debug)]
pub struct PathLimitsReport {
    /// Which source.
    pub source: SourceName,
    /// Its netblock.
    pub netblock: String,
    /// What was learned.
    pub learned: Learned,
    /// How it stands; `None` when it was not used since the start.
    pub live: Option<LivePath>,
}

/// A path that was used.
#[derive(Clone, Debug)]
pub struct LivePath {
    /// What may go now.
    pub status: PathStatus,
    /// Whether the limit was measured; otherwise it is inherited, old, or from one refusal only.
    pub sure: bool,
    /// Sessions open.
    pub sessions: u32,
    /// Until when nothing goes, and why where the throttle knows.
    pub shut: Option<(UnixMs, Option<ClosedBecause>)>,
    /// Whether one mail is finding out.
    pub probing: bool,
    /// Whether the hour of its source's warm-up is used up.
    pub capped: bool,
}

impl<W: Work> Scheduler<W> {
    /// What is known of the carriers' limits.
    pub fn limits(&self) -> LimitsReport {
        let (now, unix) = (self.clock().mono(), self.clock().unix());
        let state = self.state().lock();
        let waiting = |group: &Group| group.lanes.iter().map(|slot| self.queue().waiting(slot.id)).sum();
        let mut groups: BTreeMap<(CarrierName, SiteName), GroupLimits> = BTreeMap::new();
        let sources = state.pools.status(unix);
        for group in &state.groups {
            let report = GroupLimits { waiting: waiting(group), ..group_limits(group, &state, &sources, now, unix) };
            groups.insert((group.carrier.clone(), group.site.clone()), report);
        }
        for lesson in waiting_lessons(&state) {
            unused(&mut groups, lesson);
        }
        LimitsReport { groups: groups.into_values().collect(), sources }
    }
}

fn group_limits(group: &Group, state: &State, sources: &[SourceStatus], now: MonoUs, unix: UnixMs) -> GroupLimits {
    let learned: BTreeMap<&SourceName, Learned> =
        group.learned_paths(now).map(|(source, learned, _)| (source, learned)).collect();
    let path = |(source, path): (&SourceName, &crate::group::PathState)| {
        let status = path.throttle.status(now);
        let rest = state.pools.resting(source, &group.carrier, unix).map(|until| (until, None));
        let shut = status.shut.map(|shut| (unix + shut.until.since(now), Some(shut.because)));
        let young = sources.iter().find(|status| status.source == *source);
        let capped = young.is_some_and(|young| young.below_cap_at.is_some() && young.warm_up != WarmUp::Warm);
        PathLimitsReport {
            source: source.clone(),
            netblock: group.guards.get(path.guard).map_or_else(String::new, |guard| guard.netblock.to_string()),
            learned: learned.get(source).copied().unwrap_or_default(),
            live: Some(LivePath {
                probing: matches!(status.breaker, BreakerStatus::Probing { .. }),
                sure: path.throttle.outlook(now).ceiling_confirmed,
                sessions: path.open,
                // The throttle knows why; the later end is the one that counts.
                shut: shut.into_iter().chain(rest).max_by_key(|(until, why)| (*until, why.is_some())),
                status,
                capped,
            }),
        }
    };
    GroupLimits {
        carrier: group.carrier.clone(),
        site: group.site.clone(),
        waiting: 0,
        guards: group.guard_limits(now, unix),
        paths: group.paths.iter().map(path).collect(),
    }
}

/// Adds what was learned before the last stop and not used since.
fn unused(groups: &mut BTreeMap<(CarrierName, SiteName), GroupLimits>, lesson: Lesson) {
    let (Lesson::Path { carrier, site, .. } | Lesson::Guard { carrier, site, .. }) = &lesson else { return };
    let new = || GroupLimits {
        carrier: carrier.clone(),
        site: site.clone(),
        waiting: 0,
        guards: Vec::new(),
        paths: Vec::new(),
    };
    let group = groups.entry((carrier.clone(), site.clone())).or_insert_with(new);
    match lesson {
        Lesson::Path { source, learned, .. } => {
            group.paths.push(PathLimitsReport { source, netblock: String::new(), learned, live: None });
            group.paths.sort_by(|a, b| a.source.cmp(&b.source));
        }
        Lesson::Guard { netblock, learned, .. } => {
            group.guards.push(GuardLimits { netblock, learned, paused_until: None });
        }
        Lesson::Source { .. } => {}
    }
}
