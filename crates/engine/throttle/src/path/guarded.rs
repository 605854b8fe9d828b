//! What the guard of the netblock asks of a path and tells it.

use mail_model::MonoUs;

use super::{News, PathThrottle};
use crate::breaker::{Breaker, Closed};
use crate::gate::ClosedBecause;
use crate::round::Round;
use crate::search::{Ceiling, Room};

/// A path in a few words.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts {
    pub(crate) rate_per_min: f64,
    pub(crate) proven_per_min: f64,
    /// Nothing goes out, or only a knock; until then at the earliest, and since then.
    pub(crate) shut: Option<ShutFacts>,
    /// Since when it has been open, while it is.
    pub(crate) open_since: MonoUs,
    /// It goes where nobody has been.
    pub(crate) ahead: bool,
    /// It would like to.
    pub(crate) wants_lead: bool,
    /// By how much it goes beyond that limit now.
    pub(crate) beyond_per_min: f64,
    /// Where it met a limit of its own, mails a minute.
    pub(crate) ceiling_per_min: Option<f64>,
    /// Whether that was measured.
    pub(crate) sure: bool,
    /// Where it rests because of it.
    pub(crate) rests_at_per_min: Option<f64>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct ShutFacts {
    /// When it may knock.
    pub(crate) due: MonoUs,
    /// Since when it has been shut.
    pub(crate) began: MonoUs,
    pub(crate) because: ClosedBecause,
}

impl PathThrottle {
    pub(crate) fn seat(&self) -> Option<usize> {
        self.seat
    }

    /// Takes a place with the guard. `phase` (0–1): so much of a spacing passes before the first mail at the beginning
    /// and after each stop, so that sources are out of phase.
    pub(crate) fn sit(&mut self, now: MonoUs, seat: usize, phase: f64) {
        self.seat = Some(seat);
        self.phase = phase;
        self.pacer.put_off(now, phase);
    }

    pub(crate) fn facts(&self) -> Facts {
        let shut = match self.breaker {
            Breaker::Closed(_) => None,
            Breaker::Open(open) => {
                Some(ShutFacts { due: open.until(), began: open.stop().began, because: open.because() })
            }
            Breaker::Probing(probing) => {
                Some(ShutFacts { due: probing.due(), began: probing.stop().began, because: probing.because() })
            }
        };
        Facts {
            rate_per_min: self.search.rate(),
            proven_per_min: self.search.proven(),
            shut,
            open_since: self.open_since,
            ahead: self.search.is_ahead(),
            wants_lead: self.search.wants_lead(),
            beyond_per_min: self.search.beyond(),
            ceiling_per_min: self.search.ceiling().map(|ceiling| ceiling.rate_per_min),
            sure: self.search.ceiling().is_some_and(|ceiling| ceiling.confirmed),
            rests_at_per_min: self.search.ceiling().map(Ceiling::hold),
        }
    }

    /// What others have proved, and whether this path may go beyond it. Who knows no limit of its own goes back with them.
    pub(crate) fn told(&mut self, now: MonoUs, room: Room) {
        self.room = room;
        let bounds = self.bounds();
        if room.frontier.is_finite() {
            self.search.note_frontier(room.frontier);
        }
        if !room.leads && self.search.go_back(room.frontier.max(bounds.start)) {
            self.pacer.set_rate(now, self.search.rate());
        }
    }

    pub(crate) fn take_news(&mut self) -> Option<News> {
        self.news.take()
    }

    /// The last refusal was no word on this path: all is as before it.
    pub(crate) fn forgive(&mut self, now: MonoUs) {
        let Some(refusal) = self.refusal.take() else { return };
        let because = match self.breaker {
            Breaker::Closed(_) => return,
            Breaker::Open(open) => open.because(),
            Breaker::Probing(probing) => probing.because(),
        };
        if because == ClosedBecause::Throttled {
            self.search = refusal.before;
            self.search.no_more_than_proven(&self.bounds());
            self.tally.unmark();
            self.breaker = Breaker::Closed(Closed::default());
            self.round = Round::starting(now);
            self.pacer.set_rate(now, self.search.rate());
        }
    }

    /// Another path of the netblock got through a door that was shut to both: no need to wait any longer.
    pub(crate) fn knock_soon(&mut self, at: MonoUs) {
        if let Breaker::Open(open) = self.breaker {
            self.breaker = Breaker::Open(open.at_most_until(at));
        }
    }
}
