//! What operators are shown of groups, lanes and paths.

use mail_model::{CarrierName, Lane, SiteName, SourceName};
use throttle::PathStatus;

use crate::scheduler::Scheduler;
use crate::work::Work;

/// One group: a carrier, or one domain of `other`.
#[derive(Clone, Debug)]
pub struct GroupStatus {
    /// The carrier.
    pub carrier: CarrierName,
    /// The domain for `other`.
    pub site: SiteName,
    /// Seconds until all netblocks may go on that are stopped for their unknown users; 0 when none is.
    pub paused_s: u64,
    /// Its lanes.
    pub lanes: Vec<LaneStatus>,
    /// Its egress paths.
    pub paths: Vec<PathReport>,
}

/// One lane.
#[derive(Clone, Debug)]
pub struct LaneStatus {
    /// Which.
    pub lane: Lane,
    /// Open sessions that wait for work.
    pub idle_sessions: u32,
}

/// One egress path.
#[derive(Clone, Debug)]
pub struct PathReport {
    /// The source it leaves from.
    pub source: SourceName,
    /// Open sessions.
    pub open_sessions: u32,
    /// Rate, connections and breaker.
    pub throttle: PathStatus,
}

impl<W: Work> Scheduler<W> {
    /// The state of every group that has had work in this process.
    pub fn status(&self) -> Vec<GroupStatus> {
        let now = self.clock().mono();
        let state = self.state().lock();
        let group = |g: &crate::group::Group| GroupStatus {
            carrier: g.carrier.clone(),
            site: g.site.clone(),
            paused_s: g.stopped_until(None, now).map_or(0, |until| until.since(now).as_secs()),
            lanes: g
                .lanes
                .iter()
                .map(|s| LaneStatus { lane: s.lane.clone(), idle_sessions: g.stations[s.station].idle })
                .collect(),
            paths: g
                .paths
                .iter()
                .map(|(source, path)| PathReport {
                    source: source.clone(),
                    open_sessions: path.open,
                    throttle: path.throttle.status(now),
                })
                .collect(),
        };
        state.groups.iter().map(group).collect()
    }
}
