//! What each source of a pool may be expected to carry, so that the pool can share a carrier's mail out.

use std::collections::BTreeMap;
use std::time::Duration;

use ip_pools::{Demand, Pace, Turn};
use mail_model::{MonoUs, PoolName, SourceName, UnixMs};
use throttle::BreakerStatus;

use crate::group::Group;
use crate::scheduler::State;
use crate::ticket::Ticket;
use crate::work::Work;

/// How often shares are planned anew: rates move in rounds of seconds.
const PLANNED_EVERY: Duration = Duration::from_secs(1);

impl State {
    /// Tells the pools what waits and what each path may do. Domains of `other` are not planned: each has limits of its
    /// own, and a pool knows them only as one carrier.
    pub(crate) fn plan_shares<W: Work>(&mut self, queue: &W, now: MonoUs, unix: UnixMs) {
        if self.planned.is_some_and(|at| now < at + PLANNED_EVERY) {
            return;
        }
        self.planned = Some(now);
        let Self { groups, pools, .. } = self;
        for group in groups.iter().filter(|group| !group.carrier.is_other()) {
            let mut waiting: BTreeMap<&PoolName, u64> = BTreeMap::new();
            for slot in &group.lanes {
                *waiting.entry(&slot.lane.pool).or_default() += queue.waiting(slot.id);
            }
            let within = Duration::from_secs(group.profile.finish_within_s);
            for (pool, waiting) in waiting {
                let demand = Demand { waiting, within };
                pools.plan(pool, &group.carrier, demand, unix, &mut |source| group.pace(source, now));
            }
        }
    }

    /// Whether the session's source may send a further mail of this lane.
    pub(crate) fn is_its_turn(&self, ticket: &Ticket, slot: usize, unix: UnixMs) -> bool {
        let group = &self.groups[ticket.group];
        let lane = &group.lanes[slot].lane;
        self.pools.turn(&lane.pool, &group.carrier, &ticket.source, lane.class, unix) == Turn::Go
    }
}

impl Group {
    /// What a path may be expected to do; the start value where there is none yet.
    fn pace(&self, source: &SourceName, now: MonoUs) -> Pace {
        let Some(path) = self.paths.get(source) else { return Pace::steady(self.profile.rate_start_per_min) };
        let (status, outlook) = (path.throttle.status(now), path.throttle.outlook(now));
        Pace {
            rate_per_min: outlook.rate_now_per_min,
            ceiling_per_min: outlook.ceiling_per_min.unwrap_or(f64::INFINITY).min(outlook.rate_max_per_min),
            growth_per_round: outlook.growth_per_round,
            round_s: outlook.round_s,
            shut_s: outlook.shut_until.map_or(0.0, |until| until.since(now).as_secs_f64()),
            probing: matches!(status.breaker, BreakerStatus::Probing { .. }),
        }
    }
}
