//! All sources of one netblock at one carrier: what they share, and nothing else.

use std::time::Duration;

use mail_model::MonoUs;

use crate::gate::{ClosedBecause, Gate, Heard, Signal};
use crate::laws::Laws;
use crate::lead::{Aim, Lead};
use crate::learned::{GuardLearned, LEARNED_VERSION, faded};
use crate::limits::{PathLimits, RATE_PER_MIN_MAX, UnknownLimits};
use crate::outlook::Outlook;
use crate::path::{Facts, News, PathThrottle, ShutFacts};
use crate::search::{Room, Search};
use crate::sum::Sum;
use crate::unknown::{UnknownGuard, UnknownState};

/// A source counts as sending this long after its last mail.
const SENDING: Duration = Duration::from_secs(10);

/// The same where it is asked whether anybody gets through.
const IN_USE: Duration = Duration::from_secs(120);

/// Doors that were shut within this time of each other are one door.
const ONE_DOOR: Duration = Duration::from_secs(60);

/// A path that may knock and has nothing to send leaves it to another after this time.
const KNOCK_PATIENCE: Duration = Duration::from_secs(30);

/// Between the knocks of those who waited for the first one, so that they do not come together.
const AFTER_ANOTHER: Duration = Duration::from_millis(500);

/// A path that was refused finds its limit in this time, or sends too little to find it.
const TRIAL_MAX: Duration = Duration::from_secs(90);

/// The guard of one netblock at one carrier. Every question about a path of this netblock and every signal of one goes
/// through it.
#[derive(Clone, Debug)]
pub struct NetblockGuard {
    laws: Laws,
    limits: PathLimits,
    seats: Vec<Seat>,
    lead: Lead,
    /// The path that was refused where nobody had been, and since when: until it has found its limit, nobody who knows
    /// none goes faster than it does.
    trial: Option<(usize, MonoUs)>,
    sum: Sum,
    unknown: UnknownGuard,
    /// The highest rate that any path has proved, mails a minute.
    frontier: f64,
    /// Learned earlier, from paths that have not sent since.
    frontier_learned: f64,
}

/// One path as the guard knows it.
#[derive(Clone, Copy, Debug)]
struct Seat {
    facts: Facts,
    handed: Option<MonoUs>,
    /// Its last refusal was the netblock's.
    forgive: bool,
    refused_at: MonoUs,
    /// Another one got through: knock from then on.
    knock_at: Option<MonoUs>,
}

impl Seat {
    fn is_used(&self, now: MonoUs) -> bool {
        self.handed.is_some_and(|at| now.since(at) <= IN_USE)
    }
}

impl NetblockGuard {
    /// A guard that knows nothing.
    pub fn new(limits: &PathLimits, unknown: &UnknownLimits, laws: Laws, now: MonoUs) -> Self {
        let limits = limits.bounded();
        Self {
            sum: Sum::new(&limits, now),
            lead: Lead::new(limits.is_dear()),
            limits,
            laws,
            seats: Vec::new(),
            trial: None,
            unknown: UnknownGuard::new(unknown),
            frontier: 0.0,
            frontier_learned: 0.0,
        }
    }

    /// A guard that goes on with what was learned `age` ago. Fades as [`PathThrottle::resume`] does; the suspicion of
    /// unknown users does not outlive the process, for the list is another one by then.
    pub fn resume(
        limits: &PathLimits,
        unknown: &UnknownLimits,
        laws: Laws,
        learned: &GuardLearned,
        age: Duration,
        now: MonoUs,
    ) -> Self {
        let mut guard = Self::new(limits, unknown, laws, now);
        let Some(keep) = faded(age).filter(|_| laws.memory && laws.is_adaptive()) else { return guard };
        if learned.version != LEARNED_VERSION {
            return guard;
        }
        let start = guard.limits.rate_start_per_min;
        let sane = |rate: f64| rate.is_finite() && rate > 0.0;
        let believed = |rate: f64| if rate > start { start + (rate - start) * keep } else { rate };
        guard.frontier_learned = Some(learned.frontier_per_min).filter(|rate| sane(*rate)).map_or(0.0, believed);
        guard.frontier = guard.frontier_learned;
        let ceiling = learned.sum_ceiling_per_min.filter(|rate| sane(*rate) && laws.netblock).map(believed);
        let proven = Some(learned.sum_proven_per_min).filter(|rate| sane(*rate)).map_or(0.0, believed);
        let probe_after = Duration::from_secs(u64::from(learned.probe_after_s));
        guard.sum = Sum::resumed(&guard.limits, ceiling, proven, probe_after, now);
        guard
    }

    /// What it has learned.
    pub fn learned(&self, _now: MonoUs) -> GuardLearned {
        let sum = self.sum.search();
        GuardLearned {
            version: LEARNED_VERSION,
            frontier_per_min: self.frontier,
            sum_proven_per_min: sum.map_or(0.0, Search::proven),
            sum_ceiling_per_min: sum.and_then(Search::ceiling).map(|ceiling| ceiling.rate_per_min),
            probe_after_s: sum.map_or(0, |sum| u32::try_from(sum.probe_after().as_secs()).unwrap_or(u32::MAX)),
            recipients: self.unknown.sampled(),
            unknown: self.unknown.unknown(),
        }
    }

    /// What may be expected of all sources together from now on.
    pub fn outlook(&self, now: MonoUs) -> Outlook {
        let sum = self.sum.search();
        let ceiling = sum.and_then(Search::ceiling);
        let stopped = match self.unknown.state(now) {
            UnknownState::Stop { until } if self.laws.unknown => Some(until),
            _ => None,
        };
        Outlook {
            rate_now_per_min: sum.map_or(RATE_PER_MIN_MAX, Search::rate),
            ceiling_per_min: ceiling.map(|ceiling| ceiling.rate_per_min),
            ceiling_confirmed: ceiling.is_some_and(|ceiling| ceiling.confirmed),
            growth_per_round: 1.0,
            round_s: 5.0,
            shut_until: self.sum.shut_until(now).max(stopped),
            rate_max_per_min: RATE_PER_MIN_MAX,
        }
    }

    /// What the share of unknown users says.
    pub fn unknown_state(&self, now: MonoUs) -> UnknownState {
        if self.laws.unknown { self.unknown.state(now) } else { UnknownState::Ok }
    }

    /// Share of unknown users among the last recipients, 0–1.
    pub fn unknown_ratio(&self) -> f64 {
        self.unknown.ratio()
    }

    /// Other limits hold from now on. What was learnt stays.
    pub fn set_limits(&mut self, limits: &PathLimits, unknown: &UnknownLimits) {
        self.limits = limits.bounded();
        self.unknown.set_limits(unknown);
    }

    /// Whether one mail may leave by this path now. Takes nothing; [`NetblockGuard::handed`] does. `urgent` mail goes
    /// one by one where other mail waits because of unknown users.
    pub fn look(&mut self, now: MonoUs, path: &mut PathThrottle, urgent: bool) -> Gate {
        self.meet(now, path);
        let gate = self.gates(now, path, urgent).unwrap_or_else(|| path.look(now));
        self.part(now, path);
        gate
    }

    /// Whether one more connection may be made by this path while `open` are open or being opened.
    pub fn may_connect(&mut self, now: MonoUs, path: &mut PathThrottle, open: u32, urgent: bool) -> Gate {
        self.meet(now, path);
        let gate = self.gates(now, path, urgent).unwrap_or_else(|| path.may_connect(now, open));
        self.part(now, path);
        gate
    }

    /// A mail was handed to a session of this path, after a `look` that said go.
    pub fn handed(&mut self, now: MonoUs, path: &mut PathThrottle) {
        path.handed(now);
        self.sum.handed(now);
        self.unknown.handed(now);
        let seat = self.seat_of(now, path);
        self.seats[seat].handed = Some(now);
        self.seats[seat].knock_at = None;
    }

    /// A mail that was handed over came back untried.
    pub fn came_back(&mut self, path: &mut PathThrottle) {
        path.came_back();
        self.sum.came_back();
    }

    /// Takes in what a path showed.
    pub fn observe(&mut self, now: MonoUs, path: &mut PathThrottle, heard: impl Into<Heard>) {
        let heard = heard.into();
        self.meet(now, path);
        path.observe(now, heard);
        if let Signal::Accepted | Signal::Refused | Signal::UnknownUser = heard.signal {
            self.sum.answered(now, heard.left_at(now), self.laws);
            if self.laws.unknown {
                self.unknown.observe(now, heard.signal == Signal::UnknownUser);
            }
        }
        let seat = self.seat_of(now, path);
        match path.take_news() {
            Some(News::Refused { proven, resting }) => self.refused(now, path, seat, proven, resting),
            Some(News::Opened { door: Some(began) }) => self.opened(now, seat, began),
            Some(News::Opened { door: None }) => {}
            Some(News::StillShut) | None => {}
        }
        self.part(now, path);
    }

    fn refused(&mut self, now: MonoUs, path: &mut PathThrottle, seat: usize, proven: bool, resting: bool) {
        self.seats[seat].refused_at = now;
        if !proven {
            self.trial = Some((seat, now));
        }
        let sources = self.seats.iter().filter(|seat| seat.is_used(now)).count();
        if !self.sum.refused(now, seat, proven, resting, sources, &self.limits, self.laws) {
            return;
        }
        path.forgive(now);
        for (index, other) in self.seats.iter_mut().enumerate() {
            let together = other.refused_at != MonoUs::default() && now.since(other.refused_at) <= SENDING;
            other.forgive |= index != seat && together;
        }
    }

    /// One got through: the others that stood at the same door need not wait out their pauses.
    fn opened(&mut self, now: MonoUs, seat: usize, began: MonoUs) {
        let mut knock_at = now;
        let same = |shut: ShutFacts| {
            let apart = shut.began.since(began).max(began.since(shut.began));
            shut.because != ClosedBecause::Blocked && apart <= ONE_DOOR
        };
        for (index, other) in self.seats.iter_mut().enumerate() {
            if index != seat && other.facts.shut.is_some_and(same) {
                knock_at = knock_at + AFTER_ANOTHER;
                other.knock_at = Some(knock_at);
            }
        }
    }

    fn seat_of(&mut self, now: MonoUs, path: &mut PathThrottle) -> usize {
        if let Some(seat) = path.seat().filter(|seat| *seat < self.seats.len()) {
            return seat;
        }
        let seat = self.seats.len();
        self.seats.push(Seat {
            facts: path.facts(),
            handed: None,
            forgive: false,
            refused_at: MonoUs::default(),
            knock_at: None,
        });
        // The golden ratio spreads any number of sources evenly over one spacing.
        let phase = if self.laws.phase { (seat as f64 * 0.618_034).fract() } else { 0.0 };
        path.sit(now, seat, phase);
        seat
    }

    /// Tells a path what the others have come to know.
    fn meet(&mut self, now: MonoUs, path: &mut PathThrottle) {
        let index = self.seat_of(now, path);
        let seat = &mut self.seats[index];
        if std::mem::take(&mut seat.forgive) {
            path.forgive(now);
        }
        if let Some(at) = seat.knock_at.filter(|_| seat.facts.shut.is_some()) {
            path.knock_soon(at);
        }
        seat.facts = path.facts();
        let facts = seat.facts;
        if !self.laws.scout {
            let room = Room { frontier: f64::INFINITY, leads: true, met_by_others: None, step_max: f64::INFINITY };
            return path.told(now, room);
        }
        let leads = self.leads(now, index, facts);
        let others = self.seats.iter().enumerate().filter(|(other, _)| *other != index);
        let sure = others.filter_map(|(_, other)| other.facts.ceiling_per_min.filter(|_| other.facts.sure));
        let met_by_others = sure.reduce(f64::max);
        let frontier = self.tried(now).unwrap_or(f64::INFINITY).min(self.frontier);
        path.told(now, Room { frontier, leads, met_by_others, step_max: f64::INFINITY });
    }

    /// The rate of the path that is finding out where its limit is.
    fn tried(&mut self, now: MonoUs) -> Option<f64> {
        let (seat, since) = self.trial?;
        let facts = self.seats.get(seat)?.facts;
        let over = match facts.shut {
            Some(shut) => now.since(shut.due) > TRIAL_MAX,
            None => now.since(since.max(facts.open_since)) > TRIAL_MAX,
        };
        if facts.sure || over {
            self.trial = None;
            return None;
        }
        Some(facts.rate_per_min)
    }

    fn leads(&mut self, now: MonoUs, seat: usize, facts: Facts) -> bool {
        let at_frontier = facts.rate_per_min >= self.frontier * 0.99;
        let ahead = facts.wants_lead || (facts.ahead && at_frontier);
        self.lead.is_of(now, Aim { seat, ahead, shut: facts.shut.is_some() }, self.frontier)
    }

    /// Takes in what became of a path.
    fn part(&mut self, now: MonoUs, path: &mut PathThrottle) {
        let index = self.seat_of(now, path);
        let facts = path.facts();
        self.seats[index].facts = facts;
        let carries = |facts: &Facts| facts.rests_at_per_min.unwrap_or(f64::INFINITY).min(facts.proven_per_min);
        if carries(&facts) > self.frontier {
            self.frontier = carries(&facts);
        } else if facts.shut.is_some() {
            let known = self.seats.iter().map(|seat| carries(&seat.facts)).fold(0.0, f64::max);
            self.frontier = if known > 0.0 { known } else { self.frontier_learned };
        }
        if facts.beyond_per_min > 0.0 {
            self.sum.try_with(now, facts.beyond_per_min, self.laws);
        }
        let in_use = self
            .seats
            .iter()
            .filter(|seat| seat.is_used(now))
            .map(|seat| seat.facts.ceiling_per_min.filter(|_| seat.facts.sure));
        if let Some(own) = in_use.sum::<Option<f64>>().filter(|own| *own > 0.0) {
            self.sum.is_explained_by(own);
        }
        if facts.shut.is_some() {
            // The right to lead ends with the stop, not with the next question.
            let _ = self.leads(now, index, facts);
        }
    }

    /// Everything that may hold a path back beside its own state.
    fn gates(&mut self, now: MonoUs, path: &mut PathThrottle, urgent: bool) -> Option<Gate> {
        if self.laws.unknown
            && let wait @ Gate::WaitUntil(_) = self.unknown.gate(now, urgent)
        {
            return Some(wait);
        }
        if let wait @ Gate::WaitUntil(_) = self.sum.look(now, self.laws) {
            return Some(wait);
        }
        self.another_knocks(now, path)
    }

    /// While a door is shut to all, one path knocks and the others wait for its answer.
    fn another_knocks(&mut self, now: MonoUs, path: &mut PathThrottle) -> Option<Gate> {
        let index = self.seat_of(now, path);
        let own = self.seats[index].facts.shut.filter(|_| self.laws.netblock)?;
        if self.seats[index].knock_at.is_some() {
            return None;
        }
        if self.seats.iter().any(|seat| seat.facts.shut.is_none() && seat.is_used(now)) {
            return None;
        }
        let same = |shut: &ShutFacts| {
            let apart = shut.began.since(own.began).max(own.began.since(shut.began));
            (shut.because == ClosedBecause::Blocked) == (own.because == ClosedBecause::Blocked) && apart <= ONE_DOOR
        };
        let able = |due: MonoUs| due + KNOCK_PATIENCE > now;
        let first = (0..self.seats.len()).filter_map(|seat| {
            let shut = self.seats[seat].facts.shut.filter(same)?;
            able(shut.due).then_some((shut.due, seat))
        });
        let (due, knocker) = first.min()?;
        (knocker != index).then(|| Gate::WaitUntil(due.max(now) + Duration::from_secs(1)))
    }
}
