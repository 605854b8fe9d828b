//! One carrier as the scheduler sees it: its profile, its lanes, its egress paths, the guards of its netblocks.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use engine_config::CarrierProfile;
use mail_model::{CarrierName, Class, EgressPath, Lane, MonoUs, PoolName, SiteName, SourceName};
use queue::LaneId;
use throttle::{Gate, Heard, Laws, NetblockGuard, PathLimits, PathThrottle, UnknownLimits, UnknownState};
use tokio::sync::Notify;

use crate::burst::{BurstLimits, BurstWatch};
use crate::estimate::watch::Watch;
use crate::learned::memory::GroupMemory;
use crate::netblock::SourceBlocks;

/// What a carrier counts together: all domains of a carrier with a profile, or one domain of `other`.
pub(crate) struct Group {
    pub(crate) carrier: CarrierName,
    /// The domain for `other`; empty for a carrier with a profile.
    pub(crate) site: SiteName,
    pub(crate) profile: Arc<CarrierProfile>,
    pub(crate) lanes: Vec<LaneSlot>,
    pub(crate) stations: Vec<Station>,
    pub(crate) paths: BTreeMap<SourceName, PathState>,
    /// One for each netblock of ours.
    pub(crate) guards: Vec<Guard>,
    /// Which lane is looked at first next time.
    pub(crate) turn: usize,
    /// A lane with due work that got no connection because this group's own sessions hold them all.
    pub(crate) starving: Option<(Class, SiteName)>,
    /// What it showed lately, for forecasts.
    pub(crate) watch: Watch,
    /// What was learned before the last stop, for paths that are not made yet.
    pub(crate) memory: GroupMemory,
    limits: PathLimits,
    laws: Laws,
    blocks: Arc<SourceBlocks>,
}

/// All sources of one netblock at the carrier.
pub(crate) struct Guard {
    /// Its name; empty for sources without an address.
    pub(crate) netblock: Arc<str>,
    pub(crate) throttle: NetblockGuard,
}

/// One lane of a group.
pub(crate) struct LaneSlot {
    pub(crate) id: LaneId,
    pub(crate) lane: Lane,
    /// Where sessions that can serve this lane wait.
    pub(crate) station: usize,
}

/// Where the sessions of one domain and pool wait for work of either class.
pub(crate) struct Station {
    pub(crate) site: SiteName,
    pub(crate) pool: PoolName,
    /// Open sessions that wait for work.
    pub(crate) idle: u32,
    /// Open sessions that wait for their path's pace, with work in hand.
    pub(crate) paced: u32,
    /// Rings when an idle session should look again.
    pub(crate) bell: Arc<Notify>,
}

/// One egress path of a group.
pub(crate) struct PathState {
    pub(crate) throttle: PathThrottle,
    /// Place of its netblock's guard.
    pub(crate) guard: usize,
    /// Open sessions, those being connected included.
    pub(crate) open: u32,
    /// Sessions that wait for the path's pace; a further connection would wait with them.
    pub(crate) pacing: u32,
    /// How old what it began with was then, and when that was.
    pub(crate) recalled: Option<(Duration, MonoUs)>,
    /// Whether operators were told that it rests.
    pub(crate) resting: bool,
    /// Whether its word about addresses is to be believed.
    pub(crate) burst: BurstWatch,
}

impl Group {
    pub(crate) fn new(
        carrier: CarrierName,
        site: SiteName,
        profile: Arc<CarrierProfile>,
        laws: Laws,
        blocks: Arc<SourceBlocks>,
    ) -> Self {
        let limits = path_limits(&profile);
        Self {
            carrier,
            site,
            profile,
            lanes: Vec::new(),
            stations: Vec::new(),
            paths: BTreeMap::new(),
            guards: Vec::new(),
            turn: 0,
            starving: None,
            watch: Watch::default(),
            memory: GroupMemory::default(),
            limits,
            laws,
            blocks,
        }
    }

    pub(crate) fn add_lane(&mut self, id: LaneId, lane: Lane) {
        let known = self.stations.iter().position(|s| s.site == lane.site && s.pool == lane.pool);
        let station = known.unwrap_or_else(|| {
            let (site, pool) = (lane.site.clone(), lane.pool.clone());
            self.stations.push(Station { site, pool, idle: 0, paced: 0, bell: Arc::new(Notify::new()) });
            self.stations.len() - 1
        });
        self.lanes.push(LaneSlot { id, lane, station });
    }

    pub(crate) fn path(&mut self, source: &SourceName, now: MonoUs) -> &mut PathState {
        self.path_and_guard(source, now).0
    }

    /// A path with the guard of its netblock; both are made when they are new, with what was learned earlier.
    pub(crate) fn path_and_guard(&mut self, source: &SourceName, now: MonoUs) -> (&mut PathState, &mut NetblockGuard) {
        let guard = match self.paths.get(source) {
            Some(path) => path.guard,
            None => self.guard_of(source, now),
        };
        let Self { paths, guards, memory, limits, laws, .. } = self;
        let path = paths.entry(source.clone()).or_insert_with(|| {
            let remembered = memory.take_path(source, now);
            PathState {
                recalled: remembered.as_ref().map(|(_, age)| (*age, now)),
                throttle: match remembered {
                    Some((learned, age)) => PathThrottle::resume(limits, *laws, &learned, age, now),
                    None => PathThrottle::with_laws(limits, *laws, now),
                },
                guard,
                open: 0,
                pacing: 0,
                resting: false,
                burst: BurstWatch::new(&BurstLimits::default()),
            }
        });
        (path, &mut guards[guard].throttle)
    }

    fn guard_of(&mut self, source: &SourceName, now: MonoUs) -> usize {
        let netblock = self.blocks.of(source);
        if let Some(known) = self.guards.iter().position(|guard| guard.netblock == netblock) {
            return known;
        }
        let unknown = unknown_limits(&self.profile);
        let throttle = match self.memory.take_guard(&netblock, now) {
            Some((learned, age)) => NetblockGuard::resume(&self.limits, &unknown, self.laws, &learned, age, now),
            None => NetblockGuard::new(&self.limits, &unknown, self.laws, now),
        };
        self.guards.push(Guard { netblock, throttle });
        self.guards.len() - 1
    }

    /// The laws its paths obey.
    pub(crate) fn laws(&self) -> Laws {
        self.laws
    }

    /// Takes in what a path showed.
    pub(crate) fn observe(&mut self, source: &SourceName, heard: Heard, now: MonoUs) {
        let (path, guard) = self.path_and_guard(source, now);
        guard.observe(now, &mut path.throttle, heard);
    }

    /// Until when a netblock is stopped because of its unknown users: the one that is stopped longest, or that of a
    /// source.
    pub(crate) fn stopped_until(&self, source: Option<&SourceName>, now: MonoUs) -> Option<MonoUs> {
        // A source that nothing was sent by yet may belong to any of them.
        let whose = source.and_then(|source| self.paths.get(source).map(|path| path.guard));
        let of = |(at, guard): (usize, &Guard)| match guard.throttle.unknown_state(now) {
            UnknownState::Stop { until } if whose.is_none_or(|whose| whose == at) => Some(until),
            _ => None,
        };
        self.guards.iter().enumerate().filter_map(of).max()
    }

    pub(crate) fn limits(&self) -> &PathLimits {
        &self.limits
    }

    pub(crate) fn egress_path(&self, source: &SourceName) -> EgressPath {
        EgressPath { carrier: self.carrier.clone(), site: self.site.clone(), source: source.clone() }
    }

    /// The name of a source's netblock.
    pub(crate) fn netblock_of(&self, source: &SourceName) -> Arc<str> {
        self.blocks.of(source)
    }

    /// A lane of this station has work and no connection. Sessions of other stations that have nothing to send are called,
    /// so that they make room; for urgent work also those that wait for the pace with work that is less so.
    pub(crate) fn starve(&mut self, class: Class, station: usize) {
        let Some(site) = self.stations.get(station).map(|station| station.site.clone()) else { return };
        self.starving = Some((class, site));
        for (_, other) in self.stations.iter().enumerate().filter(|(at, _)| *at != station) {
            if class != Class::Normal {
                other.bell.notify_waiters();
            } else if other.idle > 0 {
                other.bell.notify_one();
            }
        }
    }

    /// Whether a further session may be opened on this path for a mail of this class and station, or when to ask again.
    /// Takes nothing.
    pub(crate) fn may_open(&mut self, source: &SourceName, station: usize, class: Class, now: MonoUs) -> Gate {
        let urgent = class != Class::Normal;
        // What waits for the pace at another station is less urgent, and gives way when it is called.
        let overtakes = urgent && self.stations.get(station).is_some_and(|station| station.paced == 0);
        let (path, guard) = self.path_and_guard(source, now);
        if path.pacing > 0 && !overtakes {
            // A session already waits for the pace and will be called by its own timer.
            return Gate::WaitUntil(now + Duration::from_secs(1));
        }
        match guard.may_connect(now, &mut path.throttle, path.open, urgent) {
            Gate::Go => guard.look(now, &mut path.throttle, urgent),
            wait => wait,
        }
    }

    /// Whether a mail of this class may leave by this path now. Takes nothing.
    pub(crate) fn may_send(&mut self, source: &SourceName, class: Class, now: MonoUs) -> Gate {
        let (path, guard) = self.path_and_guard(source, now);
        guard.look(now, &mut path.throttle, class != Class::Normal)
    }

    /// A mail was handed to a session of this path.
    pub(crate) fn handed(&mut self, source: &SourceName, now: MonoUs) {
        let (path, guard) = self.path_and_guard(source, now);
        guard.handed(now, &mut path.throttle);
    }

    /// Mails that were handed over came back untried.
    pub(crate) fn came_back(&mut self, source: &SourceName, mails: u32, now: MonoUs) {
        let (path, guard) = self.path_and_guard(source, now);
        for _ in 0..mails {
            guard.came_back(&mut path.throttle);
        }
    }
}

pub(crate) fn path_limits(profile: &CarrierProfile) -> PathLimits {
    PathLimits {
        connections_start: profile.connections_start,
        connections_max: profile.connections_max,
        messages_per_connection_max: profile.messages_per_connection_max,
        connection_lifetime_max: Duration::from_secs(profile.connection_lifetime_max_s),
        rate_start_per_min: profile.rate_start_per_min,
        rate_max_per_min: profile.rate_max_per_min,
        rate_step_per_min: profile.rate_step_per_min,
        pause_on_throttle: Some(profile.pause_on_throttle_s).filter(|s| *s > 0).map(Duration::from_secs),
        pause_default: Duration::from_secs(profile.pause_on_block_s),
        pause_on_reset: Some(Duration::from_secs(profile.pause_on_reset_s)),
        ..PathLimits::default()
    }
}

pub(crate) fn unknown_limits(profile: &CarrierProfile) -> UnknownLimits {
    UnknownLimits {
        warn_ratio: profile.unknown_ratio_warn,
        stop_ratio: profile.unknown_ratio_stop,
        window: profile.unknown_ratio_window,
        pause: Duration::from_secs(profile.pause_on_block_s),
    }
}
