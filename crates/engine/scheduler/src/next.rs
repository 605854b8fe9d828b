//! Which session to open next. Fairness is this file and nothing else.
//!
//! Order: transactional lanes of all groups, then emergency ones, then normal ones; groups in turn, so that one carrier's million mails do not
//! delay another's ten; within a group its lanes in turn; within a lane the source that the pool's rotation gives.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32};
use std::time::Duration;

use engine_config::CarrierProfile;
use mail_model::{Class, EgressPath, Lane, MonoUs, SourceName, UnixMs};
use queue::{Claim, Peek, Queued};
use throttle::Gate;

use crate::estimate::watch::Timing;
use crate::scheduler::{Scheduler, State, wait_for};
use crate::ticket::{Ticket, Waiting};
use crate::work::Work;

/// The answer to the dispatcher.
#[derive(Debug)]
pub enum Next<I = Queued> {
    /// Open a session and send this first.
    Open(Box<Assignment<I>>),
    /// Nothing to open before then, unless something changes.
    Wait(MonoUs),
    /// `Scheduler::stop` was called; nothing will be opened again.
    Stopped,
}

/// One session to be opened, with its first mail.
#[derive(Debug)]
pub struct Assignment<I = Queued> {
    /// The path it uses.
    pub path: EgressPath,
    /// The lane its first mail comes from; its `site` is the domain to resolve.
    pub lane: Lane,
    /// The carrier's profile.
    pub profile: Arc<CarrierProfile>,
    /// The first mail.
    pub first: Box<I>,
    /// To be shown to `next_mail` and given back to `closed`.
    pub ticket: Ticket,
}

enum Found<I> {
    Open(Box<Assignment<I>>),
    /// Another look is due then.
    Later(MonoUs),
    /// Waits for something that will ring.
    Nothing,
}

impl<W: Work> Scheduler<W> {
    /// The next session to open, or when to ask again.
    pub fn next(&self) -> Next<W::Item> {
        let (now, unix) = (self.clock().mono(), self.clock().unix());
        let mut state = self.state().lock();
        self.adopt_new_lanes(&mut state);
        let mut soonest = now + Duration::from_secs(1);
        if state.stopping {
            return Next::Stopped;
        }
        state.plan_shares(self.queue(), now, unix);
        for class in Class::ALL {
            if state.sessions_open >= self.room_for(class) {
                continue;
            }
            let groups = state.groups.len();
            for step in 0..groups {
                let index = (state.turn + step) % groups;
                match self.open_in_group(&mut state, index, class, now, unix) {
                    Found::Open(assignment) => {
                        state.turn = index + 1;
                        state.sessions_open += 1;
                        return Next::Open(assignment);
                    }
                    Found::Later(at) => soonest = soonest.min(at),
                    Found::Nothing => {}
                }
            }
        }
        Next::Wait(soonest)
    }

    /// A normal lane never takes the last quarter, so that an emergency always finds room.
    fn room_for(&self, class: Class) -> u32 {
        match class {
            Class::Transactional | Class::Emergency => self.sessions_max(),
            Class::Normal => (self.sessions_max() - self.sessions_max() / 4).max(1),
        }
    }

    fn open_in_group(
        &self,
        state: &mut State,
        index: usize,
        class: Class,
        now: MonoUs,
        unix: UnixMs,
    ) -> Found<W::Item> {
        let lanes = state.groups[index].lanes.len();
        let mut soonest = None;
        for step in 0..lanes {
            let slot = (state.groups[index].turn + step) % lanes;
            if state.groups[index].lanes[slot].lane.class != class {
                continue;
            }
            match self.open_in_lane(state, index, slot, now, unix) {
                Found::Open(assignment) => {
                    state.groups[index].turn = slot + 1;
                    return Found::Open(assignment);
                }
                Found::Later(at) => soonest = Some(soonest.map_or(at, |s: MonoUs| s.min(at))),
                Found::Nothing => {}
            }
        }
        soonest.map_or(Found::Nothing, Found::Later)
    }

    fn open_in_lane(&self, state: &mut State, index: usize, slot: usize, now: MonoUs, unix: UnixMs) -> Found<W::Item> {
        let lane = state.groups[index].lanes[slot].lane.clone();
        let id = state.groups[index].lanes[slot].id;
        if let Some(until) = state.holds.lane(&lane, unix) {
            return Found::Later(wait_for(until, unix, now));
        }
        let (wanted, lapsed) = match self.queue().peek(id, unix) {
            Peek::Due => (None, None),
            Peek::DueFor(sources) if state.can_serve(&lane, &sources, unix) => (Some(sources), None),
            // Whom greylisting expects is resting or gone: another source starts its waiting time anew.
            Peek::DueFor(sources) => (None, sources.into_iter().next()),
            Peek::Later(due) => return Found::Later(wait_for(due, unix, now)),
            Peek::Loading | Peek::Empty => return Found::Nothing,
        };
        let station = state.groups[index].lanes[slot].station;
        if state.groups[index].stations[station].idle > 0 {
            // An open session waits for exactly this; it is asked before a new one is opened.
            state.groups[index].stations[station].bell.notify_one();
            return Found::Nothing;
        }
        let (source, soonest) = match state.pick_source(index, slot, wanted.as_deref(), now, unix) {
            Ok(picked) => picked,
            Err(at) => return Found::Later(at),
        };
        let Claim::Taken(first) = self.queue().claim(id, unix, lapsed.as_ref().unwrap_or(&source)) else {
            // What is due is wanted by another source (greylisting), which was not open.
            return Found::Later(soonest);
        };
        Found::Open(Box::new(state.assign(index, slot, source, first, now, unix)))
    }
}

impl State {
    /// Books a session by this source with its first mail.
    fn assign<I>(
        &mut self,
        index: usize,
        slot: usize,
        source: SourceName,
        first: Box<I>,
        now: MonoUs,
        unix: UnixMs,
    ) -> Assignment<I> {
        let Self { groups, pools, nodes, .. } = self;
        let group = &mut groups[index];
        let (lane, station) = (group.lanes[slot].lane.clone(), group.lanes[slot].station);
        pools.sent(&source, &group.carrier, unix);
        group.starving = None;
        group.handed(&source, now);
        group.path(&source, now).open += 1;
        nodes.opened(&source);
        nodes.handed(|| group.netblock_at(&source), now);
        let ticket = Ticket {
            group: index,
            station,
            source: source.clone(),
            opened: now,
            sent: 1,
            answered: AtomicU32::new(0),
            ended: AtomicBool::new(false),
            handed: (now, Duration::ZERO),
            class: lane.class,
            waiting: Waiting::No,
            idle_since: None,
            timing: Timing::begun(now),
        };
        let (path, profile) = (group.egress_path(&source), group.profile.clone());
        Assignment { path, lane, profile, first, ticket }
    }

    /// The source for the next session of a lane, among those wanted if there are such; and when another look is due, also
    /// when there is none.
    fn pick_source(
        &mut self,
        index: usize,
        slot: usize,
        wanted: Option<&[SourceName]>,
        now: MonoUs,
        unix: UnixMs,
    ) -> Result<(SourceName, MonoUs), MonoUs> {
        let mut soonest = now + Duration::from_secs(1);
        let Self { groups, pools, holds, nodes, .. } = self;
        let group = &mut groups[index];
        let (lane, station) = (group.lanes[slot].lane.clone(), group.lanes[slot].station);
        group.watch_pace(now);
        let carrier = group.carrier.clone();
        let open = &mut |source: &SourceName| {
            if let Some(until) = holds.path(&group.egress_path(source), unix) {
                soonest = soonest.min(wait_for(until, unix, now));
                return false;
            }
            let gates = nodes.may_use(source, now).and_then(|| group.may_open(source, station, lane.class, now));
            let at = || group.netblock_at(source);
            match gates.and_then(|| nodes.look(at, || group.news(source, now), now)) {
                Gate::Go => true,
                Gate::WaitUntil(at) => {
                    soonest = soonest.min(at);
                    false
                }
            }
        };
        let picked = match wanted {
            None => pools.pick(&lane.pool, &carrier, lane.class, unix, open),
            Some(wanted) => pools.pick_among(&lane.pool, &carrier, lane.class, wanted, unix, open),
        };
        if let Some(source) = picked {
            return Ok((source, soonest));
        }
        if let Some(at) = pools.next_change(&lane.pool, &carrier, lane.class, unix) {
            soonest = soonest.min(wait_for(at, unix, now));
        }
        let more_urgent = group.starving.as_ref().is_none_or(|(class, _)| lane.class < *class);
        if wanted.is_none() && more_urgent {
            group.starve(lane.class, station);
        }
        Err(soonest)
    }

    /// Whether any of these sources belongs to the lane's pool and does not rest at its carrier.
    fn can_serve(&self, lane: &Lane, sources: &[SourceName], unix: UnixMs) -> bool {
        let members = self.pools.sources(&lane.pool);
        sources.iter().any(|s| members.contains(s) && self.pools.resting(s, &lane.carrier, unix).is_none())
    }
}
