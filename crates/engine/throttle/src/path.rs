//! One egress path: the gates a caller asks and the signals it reports.

use std::time::Duration;

use mail_model::MonoUs;

use crate::breaker::{AfterFailure, Breaker, Closed, Open};
use crate::gate::{ClosedBecause, Gate, Signal};
use crate::law::{HalveAndRecover, Pace, RateLaw};
use crate::limits::PathLimits;
use crate::minute::Minute;
use crate::pacer::Pacer;
use crate::status::{BreakerStatus, PathStatus, Shut};

/// How much one egress path (carrier × source) may do now. Reads no clock: time only moves by `now`, which should not
/// go backwards; if it does, permits wait and nothing else happens.
#[derive(Debug)]
pub struct PathThrottle<L: RateLaw = HalveAndRecover> {
    limits: PathLimits,
    law: L,
    pace: Pace,
    pacer: Pacer,
    breaker: Breaker,
    minute: Minute,
    /// The carrier asked for less: keep still until then.
    quiet_until: MonoUs,
    /// Signs of too much rate before this time come from mails sent before the last reaction.
    rate_settles_at: MonoUs,
    /// The same for connections.
    connections_settle_at: MonoUs,
}

impl PathThrottle {
    /// A path nothing is known about, under the default law.
    pub fn new(limits: &PathLimits, now: MonoUs) -> Self {
        Self::with_law(limits, HalveAndRecover::new(), now)
    }
}

impl<L: RateLaw> PathThrottle<L> {
    /// A path under another law. Numbers outside their bounds are moved to the bound.
    pub fn with_law(limits: &PathLimits, law: L, now: MonoUs) -> Self {
        let limits = limits.bounded();
        let pace = Pace { rate_per_min: limits.rate_start_per_min, connections: limits.connections_max };
        Self {
            pacer: Pacer::new(pace.rate_per_min),
            limits,
            law,
            pace,
            breaker: Breaker::Closed(Closed::default()),
            minute: Minute::starting(now),
            quiet_until: MonoUs::default(),
            rate_settles_at: MonoUs::default(),
            connections_settle_at: MonoUs::default(),
        }
    }

    /// The limits in force; messages per connection and lifetime are read from here by the owner of the connections.
    pub fn limits(&self) -> &PathLimits {
        &self.limits
    }

    /// Other limits from now on, as after a changed configuration. What was learnt stays, inside the new bounds.
    pub fn set_limits(&mut self, limits: &PathLimits, now: MonoUs) {
        self.limits = limits.bounded();
        self.set_pace(now, self.pace);
    }

    /// Whether one more connection may be made while `open` are open or being opened.
    ///
    /// Takes nothing: the caller counts. At the allowed number the answer is the end of the running minute, because
    /// only a clean minute can raise it.
    pub fn may_connect(&mut self, now: MonoUs, open: u32) -> Gate {
        self.advance(now);
        match self.breaker {
            Breaker::Open(open) => Gate::WaitUntil(open.until()),
            _ if now < self.quiet_until => Gate::WaitUntil(self.quiet_until),
            Breaker::Probing(probing) => probing.may_connect(now, open),
            Breaker::Closed(closed) if now < closed.connect_after() => Gate::WaitUntil(closed.connect_after()),
            Breaker::Closed(_) if open >= self.pace.connections => Gate::WaitUntil(self.minute.end()),
            Breaker::Closed(_) => Gate::Go,
        }
    }

    /// Whether one mail may be sent; `Go` takes its permit. A permit that finds no mail is simply lost.
    pub fn may_send(&mut self, now: MonoUs) -> Gate {
        self.advance(now);
        if let Breaker::Open(open) = self.breaker {
            return Gate::WaitUntil(open.until());
        }
        if now < self.quiet_until {
            return Gate::WaitUntil(self.quiet_until);
        }
        let Breaker::Probing(probing) = self.breaker else {
            return self.pacer.take(now);
        };
        let gate = match probing.may_send(now) {
            Gate::Go => self.pacer.take(now),
            wait => wait,
        };
        if gate.is_go() {
            self.breaker = Breaker::Probing(probing.mail_out(now));
        }
        gate
    }

    /// Reports what the path showed.
    pub fn observe(&mut self, now: MonoUs, signal: Signal) {
        self.advance(now);
        match signal {
            Signal::Accepted | Signal::Refused | Signal::UnknownUser => self.mail_answered(now),
            Signal::ConnectOk => {
                if let Breaker::Closed(closed) = self.breaker {
                    self.breaker = Breaker::Closed(closed.connected());
                }
            }
            Signal::Throttled { pause } => self.throttled(now, pause),
            Signal::Blocked { pause } => self.stop(now, ClosedBecause::Blocked, pause),
            Signal::ConnectFailed => self.connect_failed(now),
            Signal::ConnectReset => match self.limits.pause_on_reset {
                Some(pause) => self.stop(now, ClosedBecause::ConnectReset, Some(pause)),
                None => self.connect_failed(now),
            },
        }
    }

    /// The path as an operator sees it.
    pub fn status(&self, now: MonoUs) -> PathStatus {
        let (breaker, closed) = match self.breaker {
            Breaker::Closed(closed) => (BreakerStatus::Closed, closed),
            Breaker::Open(open) if now < open.until() => {
                (BreakerStatus::Open { until: open.until() }, Closed::default())
            }
            Breaker::Open(open) => (BreakerStatus::Probing { because: open.because() }, Closed::default()),
            Breaker::Probing(probing) => (BreakerStatus::Probing { because: probing.because() }, Closed::default()),
        };
        let shut = match self.breaker {
            Breaker::Open(open) => Some(Shut { because: open.because(), until: open.until() }),
            _ => Some(Shut { because: ClosedBecause::Throttled, until: self.quiet_until }),
        };
        PathStatus {
            rate_per_min: self.pace.rate_per_min,
            connections_allowed: self.pace.connections,
            breaker,
            connect_failures: closed.connect_failures(),
            connect_after: Some(closed.connect_after()).filter(|at| now < *at),
            shut: shut.filter(|shut| now < shut.until),
        }
    }

    /// What happens by time alone: a pause ends, a minute ends.
    fn advance(&mut self, now: MonoUs) {
        if let Breaker::Open(open) = self.breaker
            && let Ok(probing) = open.due(now)
        {
            self.breaker = Breaker::Probing(probing);
        }
        if let Some(carried_per_min) = self.minute.turn(now)
            && matches!(self.breaker, Breaker::Closed(_))
        {
            let pace = self.law.clean_minute(self.pace, &self.limits, carried_per_min);
            self.set_pace(now, pace);
        }
    }

    fn mail_answered(&mut self, now: MonoUs) {
        match self.breaker {
            Breaker::Closed(closed) => {
                self.breaker = Breaker::Closed(closed.answered());
                self.minute.carried_one();
            }
            Breaker::Probing(probing) => {
                if let Ok(closed) = probing.worked() {
                    self.breaker = Breaker::Closed(closed);
                    self.minute = Minute::starting(now);
                }
            }
            Breaker::Open(_) => {}
        }
    }

    fn throttled(&mut self, now: MonoUs, pause: Option<Duration>) {
        match self.breaker {
            Breaker::Closed(_) => {
                let settled = now >= self.rate_settles_at;
                self.quiet_until = self.quiet_until.max(now + pause.unwrap_or(self.limits.reaction_window));
                if settled {
                    self.rate_settles_at = now + self.limits.reaction_window;
                    let pace = self.law.throttled(self.pace, &self.limits);
                    self.set_pace(now, pace);
                }
                // Nothing is sent before the pause ends, so every sign until then is about older mails.
                self.rate_settles_at = self.rate_settles_at.max(self.quiet_until);
                self.minute = Minute::starting(self.quiet_until);
            }
            Breaker::Probing(_) => self.stop(now, ClosedBecause::Throttled, pause),
            Breaker::Open(_) => {}
        }
    }

    fn connect_failed(&mut self, now: MonoUs) {
        match self.breaker {
            Breaker::Closed(closed) => match closed.connect_failed(now, &self.limits) {
                AfterFailure::NotCounted(same) => self.breaker = Breaker::Closed(same),
                AfterFailure::Counted(next) => {
                    self.breaker = Breaker::Closed(next);
                    self.minute = Minute::starting(now);
                    if now >= self.connections_settle_at {
                        self.connections_settle_at = now + self.limits.reaction_window;
                        let pace = self.law.connect_failed(self.pace, &self.limits);
                        self.set_pace(now, pace);
                    }
                }
                AfterFailure::Opened(open) => self.opened(now, open),
            },
            Breaker::Probing(_) => self.stop(now, ClosedBecause::ConnectFailed, None),
            Breaker::Open(_) => {}
        }
    }

    /// Opens the breaker. While it is open already, only a pause named by the signal counts: the mails in flight at a
    /// block all come back with the same answer.
    fn stop(&mut self, now: MonoUs, because: ClosedBecause, pause: Option<Duration>) {
        match self.breaker {
            Breaker::Closed(closed) => self.opened(now, closed.stop(now, because, pause, &self.limits)),
            Breaker::Probing(probing) => self.opened(now, probing.failed(now, because, pause, &self.limits)),
            Breaker::Open(open) => {
                let until = pause.map_or(open.until(), |pause| now + pause);
                self.breaker = Breaker::Open(open.at_least_until(until));
            }
        }
    }

    fn opened(&mut self, now: MonoUs, open: Open) {
        let first = matches!(self.breaker, Breaker::Closed(_));
        self.breaker = Breaker::Open(open);
        self.minute = Minute::starting(open.until());
        // A failed probe was one mail at one connection: it proves that the block lasts, not that the rate is too high.
        if first {
            let pace = self.law.stopped(self.pace, &self.limits, open.because());
            self.set_pace(now, pace);
        }
    }

    fn set_pace(&mut self, now: MonoUs, pace: Pace) {
        let rate_per_min = pace.rate_per_min.max(self.limits.rate_floor_per_min).min(self.limits.rate_max_per_min);
        self.pace = Pace { rate_per_min, connections: pace.connections.clamp(1, self.limits.connections_max) };
        self.pacer.set_rate(now, rate_per_min);
    }
}

#[cfg(test)]
mod tests;
