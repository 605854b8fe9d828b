//! One egress path: the gates a caller asks and the signals it reports.

use std::collections::VecDeque;
use std::time::Duration;

use mail_model::MonoUs;

use crate::breaker::{Breaker, Closed};
use crate::gate::Gate;
use crate::latency::Latency;
use crate::laws::{Laws, RateKind};
use crate::limits::PathLimits;
use crate::noise::Noise;
use crate::pacer::Pacer;
use crate::round::Round;
use crate::search::{Bounds, Room, Scene, Search};
use crate::sessions::Sessions;
use crate::tally::Tally;

mod guarded;
mod hear;
mod memory;
mod view;

pub(crate) use guarded::{Facts, ShutFacts};

/// Mails in flight that are remembered; there are never more than sessions, and twice as many commands.
const OUT_MAX: usize = 1_024;

/// Mails that wait for their answer too long, at once.
const STUCK_MIN: usize = 2;

/// How soon to ask again for one more session.
const ASK_AGAIN: Duration = Duration::from_millis(250);

/// What KumoMTA's shaping file gives yahoo.co.jp, the only Japanese carrier in it: ten a second.
const STATIC_RATE_PER_MIN: f64 = 600.0;

/// How much one egress path (carrier × source) may do now. Reads no clock: time only moves by `now`, which should not
/// go backwards; if it does, permits wait and nothing else happens.
#[derive(Clone, Debug)]
pub struct PathThrottle {
    limits: PathLimits,
    laws: Laws,
    search: Search,
    tally: Tally,
    round: Round,
    noise: Noise,
    latency: Latency,
    sessions: Sessions,
    pacer: Pacer,
    breaker: Breaker,
    /// The refusal that shut the path, while it is shut.
    refusal: Option<Refusal>,
    /// When a door that a refusal had shut for long was open again.
    door_open_at: Option<MonoUs>,
    /// The search before the first of two cut sessions: if the second is cut after as many mails, it was no refusal.
    before_cut: Option<Search>,
    /// Mails sent before this are answered with news of the time before the last reaction.
    reacted_at: MonoUs,
    /// When the mails without an answer left.
    out: VecDeque<MonoUs>,
    /// What others of the netblock have proved, and whether this path may go beyond it; told by the guard.
    room: Room,
    /// A refusal that the guard has not looked at.
    news: Option<News>,
    /// Its place with the guard.
    seat: Option<usize>,
    phase: f64,
    /// When the last stop ended.
    open_since: MonoUs,
}

/// The refusal that shut a path, and what was so before.
#[derive(Clone, Copy, Debug)]
struct Refusal {
    at: MonoUs,
    before: Search,
    /// Taken in the minute before.
    minute: u32,
}

/// What the guard of the netblock should hear of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum News {
    /// The carrier asked for less; `proven`: at a rate that had been borne; `resting`: below a limit that was measured.
    Refused { proven: bool, resting: bool },
    /// A knock was answered. `door`: the stop had begun then, and was no short word on the rate.
    Opened { door: Option<MonoUs> },
    /// A knock was turned away.
    StillShut,
}

impl PathThrottle {
    /// A path nothing is known about, under all laws.
    pub fn new(limits: &PathLimits, now: MonoUs) -> Self {
        Self::with_laws(limits, Laws::default(), now)
    }

    /// A path under some laws. Numbers outside their bounds are moved to the bound.
    pub fn with_laws(limits: &PathLimits, laws: Laws, now: MonoUs) -> Self {
        let limits = limits.bounded();
        let rate = match laws.rate {
            RateKind::StaticShaping => STATIC_RATE_PER_MIN.max(limits.rate_start_per_min).min(limits.rate_max_per_min),
            RateKind::Adaptive | RateKind::Fixed => limits.rate_start_per_min,
        };
        Self {
            search: Search::new(rate),
            tally: Tally::default(),
            round: Round::starting(now),
            noise: Noise::default(),
            latency: Latency::default(),
            sessions: Sessions::new(&limits),
            pacer: Pacer::new(rate),
            breaker: Breaker::Closed(Closed::default()),
            refusal: None,
            door_open_at: None,
            before_cut: None,
            reacted_at: MonoUs::default(),
            out: VecDeque::new(),
            room: Room { frontier: 0.0, leads: true, met_by_others: None, step_max: 0.0 },
            news: None,
            seat: None,
            phase: 0.0,
            open_since: now,
            limits,
            laws,
        }
    }

    /// The limits in force; the lifetime of connections is read from here by their owner.
    pub fn limits(&self) -> &PathLimits {
        &self.limits
    }

    /// Other limits from now on, as after a changed configuration. What was learnt stays, inside the new bounds.
    pub fn set_limits(&mut self, limits: &PathLimits, now: MonoUs) {
        self.limits = limits.bounded();
        self.search.bound(&self.bounds());
        self.sessions.bound(&self.limits);
        self.pacer.set_rate(now, self.search.rate());
    }

    /// Mails on one connection before it is to be closed: the profile's number, or the carrier's where it is known.
    pub fn messages_per_connection_max(&self) -> u32 {
        let profile = self.limits.messages_per_connection_max;
        self.sessions.mails_most().map_or(profile, |most| most.min(profile))
    }

    fn bounds(&self) -> Bounds {
        Bounds {
            start: self.limits.rate_start_per_min,
            floor: self.limits.rate_floor_per_min,
            max: self.limits.rate_max_per_min,
            step: self.limits.rate_step_per_min,
            dear: self.limits.is_dear(),
        }
    }

    /// Whether one more connection may be made while `open` are open or being opened. Takes nothing: the caller counts.
    ///
    /// Asked when a mail is due and no session is free: that is how a path learns that it needs more of them.
    pub fn may_connect(&mut self, now: MonoUs, open: u32) -> Gate {
        self.advance(now);
        match self.breaker {
            Breaker::Open(shut) => Gate::WaitUntil(shut.until()),
            Breaker::Probing(probing) => {
                probing.may_connect(now, usize::try_from(open).unwrap_or(usize::MAX), self.out.len())
            }
            Breaker::Closed(closed) if now < closed.connect_after() => Gate::WaitUntil(closed.connect_after()),
            Breaker::Closed(_) => {
                let needed = self.laws.is_adaptive() && self.pacer.is_behind(now);
                let slow = self.is_slow(now);
                if self.sessions.may_open(now, open, needed, slow, &self.limits) {
                    return Gate::Go;
                }
                let soon = now + ASK_AGAIN;
                Gate::WaitUntil(self.sessions.next_ask(now).map_or(soon, |at| at.max(soon)))
            }
        }
    }

    /// Whether one mail may leave now. Takes nothing; [`PathThrottle::handed`] does.
    pub fn look(&mut self, now: MonoUs) -> Gate {
        self.advance(now);
        match self.breaker {
            Breaker::Open(open) => Gate::WaitUntil(open.until()),
            Breaker::Probing(probing) => probing.may_send(now),
            Breaker::Closed(_) => self.pacer.look(now),
        }
    }

    /// A mail was handed to a session. To be called after a [`PathThrottle::look`] that said go.
    pub fn handed(&mut self, now: MonoUs) {
        if let Breaker::Probing(probing) = self.breaker {
            self.breaker = Breaker::Probing(probing.mail_out(now));
        }
        let _ = self.pacer.take(now);
        if self.out.len() < OUT_MAX {
            self.out.push_back(now);
        }
    }

    /// A mail that was handed over came back untried: its session had ended.
    pub fn came_back(&mut self) {
        self.out.pop_back();
        if let Breaker::Probing(probing) = self.breaker {
            self.breaker = Breaker::Probing(probing.mail_back());
        }
    }

    /// Takes the permit of one mail, or says when to ask again.
    pub fn may_send(&mut self, now: MonoUs) -> Gate {
        let gate = self.look(now);
        if gate.is_go() {
            self.handed(now);
        }
        gate
    }

    /// What happens by time alone: a pause ends, a round ends, a mail stays without an answer.
    fn advance(&mut self, now: MonoUs) {
        if let Breaker::Open(open) = self.breaker
            && let Ok(probing) = open.due(now)
        {
            self.breaker = Breaker::Probing(probing);
        }
        self.look_for_silence(now);
        let Breaker::Closed(_) = self.breaker else { return };
        let Some(clean) = self.round.turn(now) else { return };
        let bounds = self.bounds();
        if self.is_slow(now) {
            self.search.slowed(clean.carried_per_min, &bounds);
        } else {
            let step_max = self.latency.step_max_per_min();
            let room = Room { step_max, frontier: self.room.frontier.max(bounds.start), ..self.room };
            self.search.clean(clean, room, Scene { now, tally: &self.tally, bounds, laws: self.laws });
        }
        self.pacer.set_rate(now, self.search.rate());
    }

    /// Several mails at once that wait for an answer much longer than usual are a refusal: carriers are known to fall
    /// silent, or slow, where others would say no. One alone may be a slow moment.
    fn look_for_silence(&mut self, now: MonoUs) {
        let Some(patience) = self.latency.patience().filter(|_| self.laws.latency) else { return };
        let stuck = |patience: Duration| {
            let old = self.out.iter().take_while(|left| now.since(**left) > patience);
            old.filter(|left| **left >= self.reacted_at).count()
        };
        if let Breaker::Closed(_) = self.breaker
            && (stuck(patience) >= STUCK_MIN || stuck(patience * 2) > 0)
        {
            self.refusal_of_open(now, None, false);
        }
    }

    /// Whether replies take much longer than they might, those that have not come included.
    fn is_slow(&self, now: MonoUs) -> bool {
        let oldest = self.out.front().map_or(Duration::ZERO, |left| now.since(*left));
        self.laws.latency && (self.latency.is_slow() || self.latency.would_be_slow(oldest))
    }
}

#[cfg(test)]
mod tests;
