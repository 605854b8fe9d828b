//! The scheduler's state and its doors for operators.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use carriers::Directory;
use clock::Clock;
use ip_pools::Pools;
use mail_model::{CampaignName, CarrierName, Lane, MonoUs, SiteName, TenantName, UnixMs};
use parking_lot::Mutex;
use queue::{LaneId, Queue};
use tokio::sync::Notify;

use crate::burst::Burst;
use crate::group::Group;
use crate::holds::{Hold, HoldId, HoldScope, Holds};

/// Decides what goes next. Cheap to clone.
#[derive(Clone)]
pub struct Scheduler(Arc<Shared>);

struct Shared {
    queue: Queue,
    directory: Arc<Directory>,
    clock: Clock,
    state: Mutex<State>,
    changed: Notify,
    doubts: Notify,
    sessions_max: u32,
    lanes_known: AtomicUsize,
}

pub(crate) struct State {
    pub(crate) groups: Vec<Group>,
    pub(crate) by_key: HashMap<(CarrierName, SiteName), usize>,
    pub(crate) lane_group: HashMap<LaneId, usize>,
    pub(crate) pools: Pools,
    pub(crate) holds: Holds,
    pub(crate) sessions_open: u32,
    /// Which group is looked at first next time.
    pub(crate) turn: usize,
    /// Bursts nobody has taken yet.
    pub(crate) bursts: Vec<Burst>,
    pub(crate) stopping: bool,
}

impl Scheduler {
    /// A scheduler over `queue` that opens at most `sessions_max` sessions.
    pub fn new(queue: Queue, directory: Arc<Directory>, pools: Pools, sessions_max: u32, clock: Clock) -> Self {
        let state = State {
            groups: Vec::new(),
            by_key: HashMap::new(),
            lane_group: HashMap::new(),
            pools,
            holds: Holds::default(),
            sessions_open: 0,
            turn: 0,
            bursts: Vec::new(),
            stopping: false,
        };
        Self(Arc::new(Shared {
            queue,
            directory,
            clock,
            state: Mutex::new(state),
            changed: Notify::new(),
            doubts: Notify::new(),
            sessions_max,
            lanes_known: AtomicUsize::new(0),
        }))
    }

    /// Rings when `next` may have another answer than before. New work rings `Queue::activity` instead.
    pub fn changed(&self) -> &Notify {
        &self.0.changed
    }

    /// From now on sessions are told to close and none is opened.
    pub fn stop(&self) {
        let mut state = self.state().lock();
        state.stopping = true;
        for station in state.groups.iter().flat_map(|group| &group.stations) {
            station.bell.notify_waiters();
        }
        drop(state);
        self.0.changed.notify_one();
    }

    /// Sessions open or being opened.
    pub fn sessions_open(&self) -> u32 {
        self.state().lock().sessions_open
    }

    /// Suspends what `scope` names until `until`.
    pub fn hold(&self, scope: HoldScope, reason: String, until: UnixMs) -> HoldId {
        self.state().lock().holds.add(scope, reason, until)
    }

    /// Ends a suspension and gives it back; `None` when there is none with this number. What met it lies postponed to its
    /// end and is brought back by `Queue::recall`.
    pub fn release(&self, id: HoldId) -> Option<Hold> {
        let released = self.state().lock().holds.remove(id);
        self.0.changed.notify_one();
        released
    }

    /// The suspensions in force.
    pub fn holds(&self) -> Vec<Hold> {
        let now = self.clock().unix();
        self.state().lock().holds.list(now)
    }

    /// Until when a message of this campaign and tenant is suspended in this lane, if it is.
    pub fn held_until(&self, campaign: &CampaignName, tenant: &TenantName, lane: &Lane) -> Option<UnixMs> {
        let state = self.state().lock();
        if !state.holds.name_messages() {
            return None;
        }
        state.holds.message(campaign, tenant, lane, self.clock().unix())
    }

    /// Rings when [`Scheduler::take_bursts`] has something to give.
    pub fn doubts(&self) -> &Notify {
        &self.0.doubts
    }

    pub(crate) fn directory(&self) -> &Directory {
        &self.0.directory
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.0.clock
    }

    pub(crate) fn queue(&self) -> &Queue {
        &self.0.queue
    }

    pub(crate) fn state(&self) -> &Mutex<State> {
        &self.0.state
    }

    pub(crate) fn sessions_max(&self) -> u32 {
        self.0.sessions_max
    }

    /// Takes lanes that appeared since the last look into their groups.
    pub(crate) fn adopt_new_lanes(&self, state: &mut State) {
        let count = self.0.queue.lane_count();
        if self.0.lanes_known.swap(count, Ordering::Relaxed) == count {
            return;
        }
        for (id, lane) in self.0.queue.lanes() {
            if !state.lane_group.contains_key(&id) {
                state.adopt(id, lane, &self.0.directory);
            }
        }
    }
}

impl State {
    fn adopt(&mut self, id: LaneId, lane: Lane, directory: &Directory) {
        let index = self.group_of(&lane.carrier, &lane.site, directory);
        self.lane_group.insert(id, index);
        self.groups[index].add_lane(id, lane);
    }

    /// The group of a carrier, or of one domain of `other`; made when it is new.
    pub(crate) fn group_of(&mut self, carrier: &CarrierName, site: &SiteName, directory: &Directory) -> usize {
        let site = if carrier.is_other() { site.clone() } else { SiteName::none() };
        let key = (carrier.clone(), site);
        if let Some(index) = self.by_key.get(&key) {
            return *index;
        }
        let profile = Arc::new(directory.profile(&key.0).clone());
        self.groups.push(Group::new(key.0.clone(), key.1.clone(), profile));
        self.by_key.insert(key, self.groups.len() - 1);
        self.groups.len() - 1
    }
}

/// The monotonic time at which the wall clock shows `due`.
pub(crate) fn wait_for(due: UnixMs, unix: UnixMs, now: MonoUs) -> MonoUs {
    now + Duration::from_millis(due.since_ms(unix))
}
