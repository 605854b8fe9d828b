//! How rate and connections answer to what a carrier says. Replaceable: everything else is mechanism.

use crate::gate::ClosedBecause;
use crate::limits::PathLimits;

/// What a law moves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// Mails a minute.
    pub rate_per_min: f64,
    /// Connections at once.
    pub connections: u32,
}

/// The reaction of one path to its carrier. The throttle calls it at most once per reaction window and keeps whatever
/// it returns inside the limits, so a law holds nothing but its idea.
pub trait RateLaw {
    /// The carrier asked for less.
    fn throttled(&mut self, pace: Pace, limits: &PathLimits) -> Pace;

    /// A connection could not be made; the breaker stays closed.
    fn connect_failed(&mut self, pace: Pace, limits: &PathLimits) -> Pace;

    /// The breaker opened: the pace with which the path will begin again.
    fn stopped(&mut self, pace: Pace, limits: &PathLimits, because: ClosedBecause) -> Pace;

    /// A minute passed with mail and without trouble; it carried `carried_per_min` mails a minute.
    fn clean_minute(&mut self, pace: Pace, limits: &PathLimits, carried_per_min: f64) -> Pace;
}

/// Where recovery rests and for how long, after the carrier asked for less. Asking for more too early costs about three
/// minutes of mail.
const AFTER_THROTTLE: Rest = Rest { knee: 0.95, hold_min: 30 };

/// The same after a block: asking for more too early costs the whole pause, and it may be the last time it is forgiven.
const AFTER_BLOCK: Rest = Rest { knee: 0.8, hold_min: 240 };

#[derive(Clone, Copy, Debug, PartialEq)]
struct Rest {
    /// Share of the refused rate.
    knee: f64,
    /// Clean minutes, with mail.
    hold_min: u32,
}

/// First step beyond the knee, as a share of the throttled rate; doubled each clean minute until it is a full step.
const CREEP: f64 = 0.02;

/// A minute that carried less than this share of its rate proved nothing about the rate.
const PROOF: f64 = 0.5;

/// Halve when told to, recover by steps, and remember where the carrier said no.
///
/// | a clean minute at | adds |
/// |---|---|
/// | no remembered rate | one step |
/// | less than 0.95 of the remembered rate (0.8 after a block) | one step or half the way there, whichever is more |
/// | 0.95 of it, for 30 minutes (240 after a block) | nothing |
/// | after that | 2 % of it, doubled each minute up to one step; past it, it is forgotten |
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HalveAndRecover {
    refused_at: Option<Memory>,
    /// Whether a clean minute has passed since the last halving.
    settled: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Memory {
    rate_per_min: f64,
    rest: Rest,
    held_min: u32,
    creep_per_min: f64,
}

impl HalveAndRecover {
    /// A law that knows nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The rate at which the carrier last asked for less, mails a minute.
    pub fn refused_at_per_min(&self) -> Option<f64> {
        self.refused_at.map(|memory| memory.rate_per_min)
    }

    /// A second refusal before any clean minute says nothing about the limit: the carrier is still counting what was
    /// sent before the first. Remembering the halved rate then would keep the path at a fraction of the limit for half
    /// an hour.
    fn remember(&mut self, rate_per_min: f64, rest: Rest) {
        if self.settled || self.refused_at.is_none() {
            let creep_per_min = rate_per_min * CREEP;
            self.refused_at = Some(Memory { rate_per_min, rest, held_min: 0, creep_per_min });
        }
        self.settled = false;
    }

    fn raised(&mut self, rate_per_min: f64, step_per_min: f64) -> f64 {
        let Some(memory) = &mut self.refused_at else {
            return rate_per_min + step_per_min;
        };
        let knee = memory.rate_per_min * memory.rest.knee;
        if rate_per_min < knee {
            let half_way = (knee - rate_per_min) / 2.0;
            return (rate_per_min + step_per_min.max(half_way)).min(knee);
        }
        if memory.held_min < memory.rest.hold_min {
            memory.held_min += 1;
            return rate_per_min;
        }
        let creep = memory.creep_per_min.min(step_per_min);
        memory.creep_per_min *= 2.0;
        // The minute that just ended was clean, so what it carried is allowed; only then may the memory go.
        if rate_per_min > memory.rate_per_min {
            self.refused_at = None;
        }
        rate_per_min + creep
    }
}

impl RateLaw for HalveAndRecover {
    fn throttled(&mut self, pace: Pace, _: &PathLimits) -> Pace {
        self.remember(pace.rate_per_min, AFTER_THROTTLE);
        Pace { rate_per_min: pace.rate_per_min / 2.0, connections: pace.connections / 2 }
    }

    fn connect_failed(&mut self, pace: Pace, _: &PathLimits) -> Pace {
        Pace { connections: pace.connections / 2, ..pace }
    }

    fn stopped(&mut self, pace: Pace, limits: &PathLimits, because: ClosedBecause) -> Pace {
        // An outage says nothing about our rate.
        if because == ClosedBecause::ConnectFailed {
            return Pace { connections: 1, ..pace };
        }
        // Up to the start value a block is about the source or the content; only a rate that had grown is suspect.
        if pace.rate_per_min > limits.rate_start_per_min {
            // A reset may be mere congestion, so it is remembered like a throttle.
            let rest = if because == ClosedBecause::Blocked { AFTER_BLOCK } else { AFTER_THROTTLE };
            self.remember(pace.rate_per_min, rest);
        }
        Pace { rate_per_min: pace.rate_per_min / 2.0, connections: 1 }
    }

    fn clean_minute(&mut self, pace: Pace, limits: &PathLimits, carried_per_min: f64) -> Pace {
        self.settled = true;
        // Below the start value nothing has to be proved: it is what an unknown path may do anyway.
        let proved = carried_per_min >= pace.rate_per_min * PROOF || pace.rate_per_min < limits.rate_start_per_min;
        let rate_per_min = match proved {
            true => self.raised(pace.rate_per_min, limits.rate_step_per_min),
            false => pace.rate_per_min,
        };
        Pace { rate_per_min, connections: pace.connections.saturating_add(limits.connections_step_per_min) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> PathLimits {
        PathLimits { rate_start_per_min: 10.0, rate_step_per_min: 10.0, connections_max: 8, ..PathLimits::default() }
    }

    fn busy_minutes(law: &mut HalveAndRecover, mut pace: Pace, count: u32) -> Pace {
        for _ in 0..count {
            pace = law.clean_minute(pace, &limits(), pace.rate_per_min);
        }
        pace
    }

    #[test]
    fn recovery_goes_half_the_way_rests_below_the_refused_rate_and_then_creeps_past_it() {
        let mut law = HalveAndRecover::new();
        let mut pace = law.throttled(Pace { rate_per_min: 200.0, connections: 8 }, &limits());
        assert_eq!(pace, Pace { rate_per_min: 100.0, connections: 4 });
        let table = [145.0, 167.5, 178.75, 188.75, 190.0];
        for rate in table {
            pace = busy_minutes(&mut law, pace, 1);
            assert_eq!(pace.rate_per_min, rate);
        }
        pace = busy_minutes(&mut law, pace, 30);
        assert_eq!(pace.rate_per_min, 190.0);
        for rate in [194.0, 202.0, 212.0, 222.0] {
            pace = busy_minutes(&mut law, pace, 1);
            assert_eq!(pace.rate_per_min, rate);
        }
        assert_eq!(law.refused_at_per_min(), None);
    }

    #[test]
    fn a_second_throttle_before_a_clean_minute_halves_again_but_remembers_the_first_rate() {
        let mut law = HalveAndRecover::new();
        let once = law.throttled(Pace { rate_per_min: 80.0, connections: 2 }, &limits());
        let twice = law.throttled(once, &limits());
        assert_eq!(twice.rate_per_min, 20.0);
        assert_eq!(law.refused_at_per_min(), Some(80.0));
        let later = busy_minutes(&mut law, twice, 1);
        law.throttled(later, &limits());
        assert_eq!(law.refused_at_per_min(), Some(later.rate_per_min));
    }

    #[test]
    fn a_block_is_remembered_when_the_rate_had_grown_and_further_below_it() {
        use ClosedBecause::{Blocked, ConnectReset};
        // (because, rate at the stop, remembered, rate after 20 clean minutes)
        let table = [
            (Blocked, 10.0, None, 205.0),
            (Blocked, 100.0, Some(100.0), 80.0),
            (ConnectReset, 100.0, Some(100.0), 95.0),
        ];
        for (because, rate_per_min, remembered, later) in table {
            let mut law = HalveAndRecover::new();
            let pace = law.stopped(Pace { rate_per_min, connections: 8 }, &limits(), because);
            assert_eq!(law.refused_at_per_min(), remembered);
            assert_eq!(busy_minutes(&mut law, pace, 20).rate_per_min, later);
        }
    }

    #[test]
    fn a_minute_that_carried_little_earns_a_connection_but_no_rate() {
        let mut law = HalveAndRecover::new();
        let pace = law.clean_minute(Pace { rate_per_min: 60.0, connections: 1 }, &limits(), 29.0);
        assert_eq!(pace, Pace { rate_per_min: 60.0, connections: 2 });
        let pace = law.clean_minute(Pace { rate_per_min: 9.0, connections: 1 }, &limits(), 1.0);
        assert_eq!(pace.rate_per_min, 19.0, "below the start value any clean minute counts");
    }

    #[test]
    fn after_a_stop_one_connection_begins_and_only_an_outage_keeps_the_rate() {
        let table = [
            (ClosedBecause::Blocked, 30.0),
            (ClosedBecause::ConnectReset, 30.0),
            (ClosedBecause::Throttled, 30.0),
            (ClosedBecause::ConnectFailed, 60.0),
        ];
        for (because, rate) in table {
            let pace = Pace { rate_per_min: 60.0, connections: 8 };
            let after = HalveAndRecover::new().stopped(pace, &limits(), because);
            assert_eq!(after, Pace { rate_per_min: rate, connections: 1 }, "{because:?}");
        }
    }
}
