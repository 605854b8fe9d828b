//! One carrier as the scheduler sees it: its profile, its lanes, its egress paths, its unknown-user guard.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use engine_config::CarrierProfile;
use mail_model::{CarrierName, Class, EgressPath, Lane, MonoUs, PoolName, SiteName, SourceName};
use queue::LaneId;
use throttle::{Gate, PathLimits, PathThrottle, UnknownGuard, UnknownLimits};
use tokio::sync::Notify;

use crate::burst::{BurstLimits, BurstWatch};

/// What a carrier counts together: all domains of a carrier with a profile, or one domain of `other`.
pub(crate) struct Group {
    pub(crate) carrier: CarrierName,
    /// The domain for `other`; empty for a carrier with a profile.
    pub(crate) site: SiteName,
    pub(crate) profile: Arc<CarrierProfile>,
    pub(crate) lanes: Vec<LaneSlot>,
    pub(crate) stations: Vec<Station>,
    pub(crate) paths: BTreeMap<SourceName, PathState>,
    pub(crate) guard: UnknownGuard,
    /// Which lane is looked at first next time.
    pub(crate) turn: usize,
    /// A lane with due work that got no connection because this group's own sessions hold them all.
    pub(crate) starving: Option<(Class, SiteName)>,
    limits: PathLimits,
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
    /// Rings when an idle session should look again.
    pub(crate) bell: Arc<Notify>,
}

/// One egress path of a group.
pub(crate) struct PathState {
    pub(crate) throttle: PathThrottle,
    /// Open sessions, those being connected included.
    pub(crate) open: u32,
    /// Sessions that wait for the path's pace; a further connection would wait with them.
    pub(crate) pacing: u32,
    /// Whether operators were told that it rests.
    pub(crate) resting: bool,
    /// Whether its word about addresses is to be believed.
    pub(crate) burst: BurstWatch,
}

impl Group {
    pub(crate) fn new(carrier: CarrierName, site: SiteName, profile: Arc<CarrierProfile>) -> Self {
        let limits = path_limits(&profile);
        let guard = UnknownGuard::new(&unknown_limits(&profile));
        Self {
            carrier,
            site,
            profile,
            lanes: Vec::new(),
            stations: Vec::new(),
            paths: BTreeMap::new(),
            guard,
            turn: 0,
            starving: None,
            limits,
        }
    }

    pub(crate) fn add_lane(&mut self, id: LaneId, lane: Lane) {
        let known = self.stations.iter().position(|s| s.site == lane.site && s.pool == lane.pool);
        let station = known.unwrap_or_else(|| {
            let (site, pool) = (lane.site.clone(), lane.pool.clone());
            self.stations.push(Station { site, pool, idle: 0, bell: Arc::new(Notify::new()) });
            self.stations.len() - 1
        });
        self.lanes.push(LaneSlot { id, lane, station });
    }

    pub(crate) fn path(&mut self, source: &SourceName, now: MonoUs) -> &mut PathState {
        self.paths.entry(source.clone()).or_insert_with(|| PathState {
            throttle: PathThrottle::new(&self.limits, now),
            open: 0,
            pacing: 0,
            resting: false,
            burst: BurstWatch::new(&BurstLimits::default()),
        })
    }

    pub(crate) fn egress_path(&self, source: &SourceName) -> EgressPath {
        EgressPath { carrier: self.carrier.clone(), site: self.site.clone(), source: source.clone() }
    }

    /// Whether a further session may be opened on this path, or when to ask again. `Go` takes the permit of its first
    /// mail.
    pub(crate) fn may_open(&mut self, source: &SourceName, now: MonoUs) -> Gate {
        if let Gate::WaitUntil(until) = self.guard.gate(now) {
            return Gate::WaitUntil(until);
        }
        let path = self.path(source, now);
        if path.pacing > 0 {
            // A session already waits for the pace and will be called by its own timer.
            return Gate::WaitUntil(now + Duration::from_secs(1));
        }
        let open = path.open;
        match path.throttle.may_connect(now, open) {
            Gate::Go => path.throttle.may_send(now),
            wait => wait,
        }
    }
}

fn path_limits(profile: &CarrierProfile) -> PathLimits {
    PathLimits {
        connections_max: profile.connections_max,
        messages_per_connection_max: profile.messages_per_connection_max,
        connection_lifetime_max: Duration::from_secs(profile.connection_lifetime_max_s),
        rate_start_per_min: profile.rate_start_per_min,
        rate_max_per_min: profile.rate_max_per_min,
        rate_step_per_min: profile.rate_step_per_min,
        pause_default: Duration::from_secs(profile.pause_on_throttle_s),
        pause_max: Duration::from_secs(profile.pause_on_block_s.max(profile.pause_on_throttle_s)),
        pause_on_reset: Some(Duration::from_secs(profile.pause_on_reset_s)),
        ..PathLimits::default()
    }
}

fn unknown_limits(profile: &CarrierProfile) -> UnknownLimits {
    UnknownLimits {
        warn_ratio: profile.unknown_ratio_warn,
        stop_ratio: profile.unknown_ratio_stop,
        window: profile.unknown_ratio_window,
        pause: Duration::from_secs(profile.pause_on_block_s),
        ..UnknownLimits::default()
    }
}
