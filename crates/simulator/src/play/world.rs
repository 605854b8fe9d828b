//! All that a run consists of, and its time.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use clock::{Chance, Clock};
use delivery::greylists::Greylists;
use mail_model::{CarrierName, MonoUs, SourceName, UnixMs};
use queue::LaneId;
use scenario::{HiddenCarrier, Scenario};
use scheduler::Lesson;
use scheduler::retry::{Deadline, Schedule};
use scheduler::{OneProcess, Scheduler, SourceBlocks, Work};

use crate::agenda::Agenda;
use crate::books::Books;
use crate::ear::{Ear, Rung};
use crate::foresight::Foresight;
use crate::order::{Order, chance};
use crate::sampler::{Sampler, sample_step_s};
use crate::session::{Seat, Session};
use crate::setup::{Setup, SetupError};
use crate::shelf::Shelf;
use crate::trace::Trace;

/// One engine.
pub(crate) struct Node {
    pub(crate) scheduler: Scheduler<Shelf>,
    pub(crate) shelf: Shelf,
    /// The lane of each wave.
    pub(crate) lanes: Vec<LaneId>,
    /// When its dispatcher looks again; an event of another time was overtaken.
    pub(crate) dispatch_at: Option<MonoUs>,
    /// What its sessions know of greylisting.
    pub(crate) greylists: Greylists,
}

/// A run. Times are those of the scenario, from 0, where nothing else is said.
pub(crate) struct World<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) hidden: Vec<HiddenCarrier>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) agenda: Agenda,
    pub(crate) seats: Vec<Seat>,
    pub(crate) free: Vec<usize>,
    pub(crate) rung: Arc<Rung>,
    /// Kept between rounds to spare an allocation each.
    pub(crate) places: Vec<usize>,
    pub(crate) books: Books,
    pub(crate) foresight: Foresight,
    pub(crate) sampler: Option<Sampler>,
    pub(crate) trace: Option<Trace>,
    pub(crate) chance: Chance,
    /// Waiting times of each carrier.
    pub(crate) schedules: Vec<Schedule>,
    /// Number of the first mail of each wave.
    pub(crate) first_of_wave: Vec<u32>,
    pub(crate) carrier_numbers: HashMap<CarrierName, usize>,
    pub(crate) source_numbers: HashMap<SourceName, usize>,
    pub(crate) seed: u64,
    pub(crate) now: MonoUs,
    pub(crate) events: u64,
    pub(crate) spins: u64,
    clock: Clock,
    start: UnixMs,
    /// What the clock showed at the scenario's beginning.
    clock_start: MonoUs,
}

impl<'a> World<'a> {
    pub(crate) fn new(scenario: &'a Scenario, setup: &Setup, order: &Order) -> Result<Self, SetupError> {
        let clock = setup.clock();
        let (mut nodes, shared) = (Vec::new(), OneProcess::new());
        for (number, source) in scenario.sources.iter().enumerate() {
            shared.give(&source.name, u32::try_from(number).unwrap_or(0) % scenario.nodes.max(1));
        }
        for node in 0..scenario.nodes.max(1) {
            let (shelf, pools) = (Shelf::default(), setup.pools(scenario, node)?);
            let lanes = setup.lanes.iter().map(|lane| shelf.make_lane(lane)).collect();
            let most = setup.config.engine.sessions_max;
            let scheduler = Scheduler::new(shelf.clone(), setup.directory.clone(), pools, most, clock.clone());
            let addresses = setup.config.pools.sources.iter().map(|source| (source.name.clone(), source.address));
            let scheduler = scheduler.with_laws(order.laws).with_netblocks(SourceBlocks::by_address(addresses));
            let scheduler = match scenario.nodes {
                0 | 1 => scheduler,
                _ => scheduler.with_nodes(shared.node(node), shared.node(node)),
            };
            nodes.push(Node { scheduler, shelf, lanes, dispatch_at: None, greylists: Greylists::default() });
        }
        let mut first_of_wave = vec![0u32];
        for wave in &scenario.waves {
            let last = first_of_wave.last().copied().unwrap_or_default();
            first_of_wave.push(last + u32::try_from(wave.mails).unwrap_or(u32::MAX));
        }
        let schedule = |world: &scenario::CarrierWorld| {
            let profile = setup.directory.profile(&world.name);
            Schedule { after_s: profile.retry_after_s.clone(), give_up_after_s: profile.give_up_after_s }
        };
        let numbered = |place: usize| HiddenCarrier::new(scenario, place, order.seed);
        Ok(Self {
            hidden: (0..scenario.carriers.len()).map(numbered).collect(),
            nodes,
            agenda: Agenda::default(),
            seats: Vec::new(),
            free: Vec::new(),
            rung: Arc::new(Rung::default()),
            places: Vec::new(),
            books: Books::new(scenario),
            foresight: Foresight::new(scenario),
            sampler: order.with_series.then(|| Sampler::new(scenario, sample_step_s(scenario))),
            trace: order.trace.as_deref().map(Trace::of),
            chance: chance(order.seed, 1),
            schedules: scenario.carriers.iter().map(schedule).collect(),
            first_of_wave,
            carrier_numbers: scenario.carriers.iter().enumerate().map(|(n, w)| (w.name.clone(), n)).collect(),
            source_numbers: scenario.sources.iter().enumerate().map(|(n, s)| (s.name.clone(), n)).collect(),
            seed: order.seed,
            now: MonoUs(0),
            events: 0,
            spins: 0,
            clock_start: clock.mono(),
            clock,
            start: setup.start,
            scenario,
        })
    }

    /// Takes up what the same engines learned in an earlier run, as old as the scenario says.
    pub(crate) fn remember(&self, earlier: &World<'_>) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "days of a year in milliseconds")]
        let age_ms = (self.scenario.learned_age_days * 86_400_000.0) as u64;
        let learned_at = UnixMs(self.start.0.saturating_sub(age_ms));
        for (node, before) in self.nodes.iter().zip(&earlier.nodes) {
            let limits = before.scheduler.lessons().into_iter().map(|(lesson, _)| lesson);
            // What sources have sent and where they rest is of an hour, and the campaign before was days ago.
            let limits = limits.filter(|lesson| !matches!(lesson, Lesson::Source { .. }));
            node.scheduler.recall(limits.map(|lesson| (lesson, learned_at)).collect());
        }
    }

    /// Goes to a moment. The wall clock is set as well: a manual clock drops what is less than a millisecond at each step.
    pub(crate) fn set_time(&mut self, at: MonoUs) {
        self.clock.advance(Duration::from_micros(at.0 - self.now.0));
        self.now = at;
        self.clock.set_unix(self.unix());
    }

    pub(crate) fn unix(&self) -> UnixMs {
        UnixMs(self.start.0 + self.now.0 / 1_000)
    }

    /// The scenario's time of a moment that the scheduler named.
    pub(crate) fn of_clock(&self, at: MonoUs) -> MonoUs {
        MonoUs(at.0.saturating_sub(self.clock_start.0))
    }

    /// Until when the mails of a wave are of use.
    pub(crate) fn deadline(&self, wave: u32) -> Deadline {
        let wave = self.scenario.waves.get(wave as usize);
        let not_after =
            wave.and_then(|wave| wave.not_after_s.map(|seconds| UnixMs(self.start.0 + (wave.at_s + seconds) * 1_000)));
        Deadline { not_after, replace_until: None }
    }

    /// Whether the recipient of a mail does not exist.
    pub(crate) fn is_unknown(&self, wave: u32, number: u32) -> bool {
        let in_wave = number - self.first_of_wave[wave as usize];
        self.scenario.is_unknown(wave as usize, u64::from(in_wave), self.seed)
    }

    /// Mails that wait for a carrier.
    pub(crate) fn waiting(&self, carrier: usize) -> u64 {
        let mut lanes: Vec<(usize, LaneId)> = Vec::new();
        for (number, node) in self.nodes.iter().enumerate() {
            for (wave, lane) in self.scenario.waves.iter().zip(&node.lanes) {
                if wave.carrier == carrier && !lanes.contains(&(number, *lane)) {
                    lanes.push((number, *lane));
                }
            }
        }
        lanes.into_iter().map(|(node, lane)| self.nodes[node].shelf.waiting(lane)).sum()
    }

    /// Finds a place for a session.
    pub(crate) fn seat(&mut self, session: Session) -> usize {
        let place = self.free.pop().unwrap_or_else(|| {
            let place = self.seats.len();
            self.seats.push(Seat { ear: Ear::new(place, &self.rung), turn: 0, session: None });
            place
        });
        self.seats[place].session = Some(session);
        place
    }
}
