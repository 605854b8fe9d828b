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
use throttle::Laws;
use tokio::sync::Notify;

use crate::burst::Burst;
use crate::group::Group;
use crate::holds::{Hold, HoldId, HoldScope, Holds};
use crate::learned::memory::Memory;
use crate::netblock::SourceBlocks;
use crate::nodes::{Nodes, SharedGuard, SourceOwnership};
use crate::work::Work;

/// Decides what goes next. Cheap to clone.
pub struct Scheduler<W: Work = Queue>(Arc<Shared<W>>);

impl<W: Work> Clone for Scheduler<W> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

struct Shared<W> {
    queue: W,
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
    /// What was learned before the last stop, for groups that are not made yet.
    pub(crate) memory: Memory,
    /// When the shares of the pools were planned last.
    pub(crate) planned: Option<MonoUs>,
    pub(crate) stopping: bool,
    /// What is agreed with other nodes.
    pub(crate) nodes: Nodes,
    /// Which laws the paths obey.
    pub(crate) laws: Laws,
    /// The netblock of each source.
    pub(crate) blocks: Arc<SourceBlocks>,
}

impl<W: Work> Scheduler<W> {
    /// A scheduler over `queue` that opens at most `sessions_max` sessions.
    pub fn new(queue: W, directory: Arc<Directory>, pools: Pools, sessions_max: u32, clock: Clock) -> Self {
        let state = State {
            groups: Vec::new(),
            by_key: HashMap::new(),
            lane_group: HashMap::new(),
            pools,
            holds: Holds::default(),
            sessions_open: 0,
            turn: 0,
            bursts: Vec::new(),
            memory: Memory::default(),
            planned: None,
            stopping: false,
            nodes: Nodes::default(),
            laws: Laws::default(),
            blocks: Arc::default(),
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

    /// The same with other laws for its paths, to measure what each law buys. To be called before the first `next`: a path
    /// keeps the laws it was made with.
    #[must_use]
    pub fn with_laws(self, laws: Laws) -> Self {
        self.state().lock().laws = laws;
        self
    }

    /// The same with the netblocks of its sources; without them all sources stand in one. To be called before the first
    /// `next`.
    #[must_use]
    pub fn with_netblocks(self, blocks: SourceBlocks) -> Self {
        self.state().lock().blocks = Arc::new(blocks);
        self
    }

    /// The same as one of several nodes. To be called before the first `next`.
    #[must_use]
    pub fn with_nodes(self, ownership: Arc<dyn SourceOwnership>, guard: Arc<dyn SharedGuard>) -> Self {
        self.state().lock().nodes = Nodes::new(ownership, guard);
        self
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

    pub(crate) fn queue(&self) -> &W {
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
        let mut group = Group::new(key.0.clone(), key.1.clone(), profile, self.laws, self.blocks.clone());
        group.memory = self.memory.take(&key.0, &key.1);
        self.groups.push(group);
        self.by_key.insert(key, self.groups.len() - 1);
        self.groups.len() - 1
    }
}

/// The monotonic time at which the wall clock shows `due`.
pub(crate) fn wait_for(due: UnixMs, unix: UnixMs, now: MonoUs) -> MonoUs {
    now + Duration::from_millis(due.since_ms(unix))
}
