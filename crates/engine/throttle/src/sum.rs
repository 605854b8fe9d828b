//! What all sources of a netblock may send together, where the carrier counts the network.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use mail_model::MonoUs;

use crate::breaker::{Breaker, Closed};
use crate::gate::{ClosedBecause, Gate};
use crate::laws::Laws;
use crate::limits::PathLimits;
use crate::pacer::Pacer;
use crate::round::Round;
use crate::search::{Bounds, Ceiling, Room, Scene, Search};
use crate::tally::Tally;

/// Refusals of several sources within this time have one reason.
const TOGETHER: Duration = Duration::from_secs(20);

/// So many sources refused at once have one reason, whatever each was doing, if they are half of those that send.
const MANY: usize = 4;
const AT_ONCE: Duration = Duration::from_secs(1);

/// Once a sum is known, a refusal at a proven rate is the sum's if this share of it is being used.
const USED: f64 = 0.85;

/// After refusals that came at any sum, those of single sources are their own for so long.
const THEIR_OWN: Duration = Duration::from_secs(600);

/// Share of the sum that must have been carried for several refusals to be about it.
const FLOWING: f64 = 0.5;

/// A stop that lasted longer was no word on the sum.
const DOOR: Duration = Duration::from_secs(20);

/// Own limits that come to no more than so many times the common one explain it.
const EXPLAINED: f64 = 1.1;

/// Seconds over which the sum that is being carried is taken.
const LATELY_S: u64 = 10;

/// The sum of one netblock at one carrier.
#[derive(Clone, Debug)]
pub(crate) struct Sum {
    bounds: Bounds,
    /// `None`: nothing speaks for a common limit.
    search: Option<Search>,
    before: Option<(Search, u32)>,
    tally: Tally,
    round: Round,
    breaker: Breaker,
    pacer: Pacer,
    /// Refusals of late: when, whose, and whether at a rate that source had proved.
    refusals: VecDeque<(MonoUs, usize, bool)>,
    /// Refusals of one source alone were no word on the sum: until then they are its own.
    singles_after: MonoUs,
}

impl Sum {
    pub(crate) fn new(limits: &PathLimits, now: MonoUs) -> Self {
        let (start, floor, step) = (limits.rate_start_per_min, limits.rate_floor_per_min, limits.rate_step_per_min);
        Self {
            bounds: Bounds { start, floor, max: crate::limits::RATE_PER_MIN_MAX, step, dear: false },
            search: None,
            before: None,
            tally: Tally::default(),
            round: Round::starting(now),
            breaker: Breaker::Closed(Closed::default()),
            pacer: Pacer::new(crate::limits::RATE_PER_MIN_MAX),
            refusals: VecDeque::new(),
            singles_after: MonoUs::default(),
        }
    }

    /// With a sum that was learned earlier.
    pub(crate) fn resumed(
        limits: &PathLimits,
        ceiling: Option<f64>,
        proven: f64,
        probe_after: Duration,
        now: MonoUs,
    ) -> Self {
        let mut sum = Self::new(limits, now);
        let ceiling = ceiling.map(|rate_per_min| Ceiling { rate_per_min, confirmed: false, by_block: false });
        sum.search = ceiling.map(|ceiling| Search::resumed(ceiling.hold(), proven, Some(ceiling), probe_after));
        sum.pace(now);
        sum
    }

    pub(crate) fn search(&self) -> Option<&Search> {
        self.search.as_ref()
    }

    /// The sources' own limits are known and explain what was taken for a common one.
    pub(crate) fn is_explained_by(&mut self, own_per_min: f64) {
        let ceiling = self.search.as_ref().and_then(Search::ceiling);
        let flowing = matches!(self.breaker, Breaker::Closed(_));
        if flowing && ceiling.is_some_and(|ceiling| own_per_min <= ceiling.rate_per_min * EXPLAINED) {
            self.search = None;
            self.before = None;
        }
    }

    /// A source goes beyond its own limit by so much.
    pub(crate) fn try_with(&mut self, now: MonoUs, extra_per_min: f64, laws: Laws) {
        if let (Some(search), Breaker::Closed(_)) = (&mut self.search, self.breaker) {
            search.try_with(extra_per_min, Scene { now, tally: &self.tally, bounds: self.bounds, laws });
            self.pace(now);
        }
    }

    /// When a mail may go, as far as the sum is concerned.
    pub(crate) fn look(&mut self, now: MonoUs, laws: Laws) -> Gate {
        self.advance(now, laws);
        match self.breaker {
            Breaker::Open(open) => Gate::WaitUntil(open.until()),
            Breaker::Probing(probing) => probing.may_send(now),
            Breaker::Closed(_) if self.search.is_some() => self.pacer.look(now),
            Breaker::Closed(_) => Gate::Go,
        }
    }

    /// Until when nothing goes out.
    pub(crate) fn shut_until(&self, now: MonoUs) -> Option<MonoUs> {
        match self.breaker {
            Breaker::Open(open) => Some(open.until()).filter(|until| now < *until),
            _ => None,
        }
    }

    /// A mail left.
    pub(crate) fn handed(&mut self, now: MonoUs) {
        if let Breaker::Probing(probing) = self.breaker {
            self.breaker = Breaker::Probing(probing.mail_out(now));
        }
        let _ = self.pacer.take(now);
    }

    /// A mail came back untried.
    pub(crate) fn came_back(&mut self) {
        if let Breaker::Probing(probing) = self.breaker {
            self.breaker = Breaker::Probing(probing.mail_back());
        }
    }

    /// A mail was answered that had left at `left`.
    pub(crate) fn answered(&mut self, now: MonoUs, left: MonoUs, laws: Laws) {
        self.advance(now, laws);
        self.tally.took(now);
        match self.breaker {
            Breaker::Closed(_) => self.round.carried_one(),
            Breaker::Probing(probing) if left >= probing.stop().began => {
                let Ok(closed) = probing.worked() else { return };
                self.breaker = Breaker::Closed(closed);
                self.round = Round::starting(now);
                if let (Some(search), Some((before, minute))) = (&mut self.search, self.before.take())
                    && (probing.stop().knocks > 0 || now.since(probing.stop().began) >= DOOR)
                {
                    search.reopened(&before, minute, now.since(probing.stop().began), &self.bounds);
                    self.tally.unmark();
                }
                self.pace(now);
            }
            Breaker::Probing(_) | Breaker::Open(_) => {}
        }
    }

    /// A path was refused. Whether that is the sum's doing and not its own.
    pub(crate) fn refused(
        &mut self,
        now: MonoUs,
        seat: usize,
        proven: bool,
        resting: bool,
        sources: usize,
        limits: &PathLimits,
        laws: Laws,
    ) -> bool {
        // A published pause is the refused source's, and it has to take it.
        if !laws.netblock || limits.is_dear() {
            return false;
        }
        self.advance(now, laws);
        let old = |(at, ..): &(MonoUs, usize, bool)| now.since(*at) > TOGETHER;
        while self.refusals.front().is_some_and(old) {
            self.refusals.pop_front();
        }
        self.refusals.push_back((now, seat, resting));
        match self.breaker {
            // Sent before the stop.
            Breaker::Open(_) => true,
            Breaker::Probing(probing) => {
                self.breaker = Breaker::Open(probing.failed(now, ClosedBecause::Throttled, None, limits));
                true
            }
            Breaker::Closed(closed) => {
                let common = self.is_common(now, sources) && self.is_flowing(now);
                let is_ours = common || (proven && now >= self.singles_after && self.is_used(now));
                is_ours && self.stop(now, closed, common, limits, laws)
            }
        }
    }

    /// Several sources at once, each of which rested below a limit of its own.
    fn is_common(&self, now: MonoUs, sources: usize) -> bool {
        let mut resting = self.refusals.iter().filter(|(.., resting)| *resting).map(|(_, seat, _)| *seat);
        let first = resting.next();
        let at_once = self.refusals.iter().filter(|(at, ..)| now.since(*at) <= AT_ONCE);
        let seats: BTreeSet<usize> = at_once.map(|(_, seat, _)| *seat).collect();
        resting.any(|seat| Some(seat) != first) || seats.len() >= MANY.max(sources.div_ceil(2))
    }

    /// Whether enough went through of late for a refusal to be about how much it was. A shut door is nobody's limit.
    fn is_flowing(&self, now: MonoUs) -> bool {
        let rate = self.search.as_ref().map_or(self.bounds.start, Search::rate);
        self.carried_per_min(now) >= rate * FLOWING
    }

    fn carried_per_min(&self, now: MonoUs) -> f64 {
        f64::from(self.tally.lately(now, LATELY_S)) * 60.0 / LATELY_S as f64
    }

    fn is_used(&self, now: MonoUs) -> bool {
        let Some(search) = &self.search else { return false };
        let rests_at = search.ceiling().map_or(f64::INFINITY, Ceiling::hold);
        self.carried_per_min(now) >= search.rate().min(rests_at) * USED
    }

    /// Whether it stops; refusals of single sources that come at any rate are theirs.
    fn stop(&mut self, now: MonoUs, closed: Closed, common: bool, limits: &PathLimits, laws: Laws) -> bool {
        let carried = self.carried_per_min(now).max(self.bounds.floor);
        let search = self.search.get_or_insert_with(|| Search::new(carried));
        search.no_more_than(carried);
        let before = *search;
        if search.refused(Scene { now, tally: &self.tally, bounds: self.bounds, laws }) && !common {
            self.singles_after = now + THEIR_OWN;
            self.pace(now);
            return false;
        }
        self.before = Some((before, self.tally.last_minute(now)));
        self.refusals.clear();
        self.tally.refused(now);
        let open = closed.stop(now, ClosedBecause::Throttled, None, limits);
        self.round = Round::starting(open.until());
        self.breaker = Breaker::Open(open);
        self.pace(now);
        true
    }

    fn advance(&mut self, now: MonoUs, laws: Laws) {
        if let Breaker::Open(open) = self.breaker
            && let Ok(probing) = open.due(now)
        {
            self.breaker = Breaker::Probing(probing);
        }
        let Breaker::Closed(_) = self.breaker else { return };
        let Some(clean) = self.round.turn(now) else { return };
        if let Some(search) = &mut self.search {
            let room = Room { frontier: f64::INFINITY, leads: true, met_by_others: None, step_max: f64::INFINITY };
            search.clean(clean, room, Scene { now, tally: &self.tally, bounds: self.bounds, laws });
            self.pace(now);
        }
    }

    fn pace(&mut self, now: MonoUs) {
        if let Some(search) = &self.search {
            self.pacer.set_rate(now, search.rate());
        }
    }
}
