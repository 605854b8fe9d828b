//! What others see of a path: an operator its status, a forecast its outlook.

use mail_model::MonoUs;

use super::PathThrottle;
use crate::breaker::{Breaker, Closed};
use crate::outlook::Outlook;
use crate::status::{BreakerStatus, PathStatus, Shut};

/// A usual round, seconds, and the answers it needs.
const ROUND_S: f64 = 5.0;
const ROUND_MAILS: f64 = 8.0;

impl PathThrottle {
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
        PathStatus {
            rate_per_min: self.search.rate(),
            connections_allowed: self.sessions.allowed(),
            breaker,
            connect_failures: closed.connect_failures(),
            connect_after: Some(closed.connect_after()).filter(|at| now < *at),
            shut: self.shut_until(now),
        }
    }

    /// What may be expected of it from now on.
    pub fn outlook(&self, now: MonoUs) -> Outlook {
        let rate_now_per_min = self.search.rate();
        let ceiling = self.search.ceiling();
        Outlook {
            rate_now_per_min,
            ceiling_per_min: ceiling.map(|ceiling| ceiling.rate_per_min),
            ceiling_confirmed: ceiling.is_some_and(|ceiling| ceiling.confirmed),
            growth_per_round: if self.laws.is_adaptive() { self.search.growth(&self.bounds()) } else { 1.0 },
            round_s: (ROUND_MAILS * 60.0 / rate_now_per_min).max(ROUND_S),
            shut_until: self.shut_until(now).map(|shut| shut.until),
            rate_max_per_min: self.limits.rate_max_per_min,
        }
    }

    fn shut_until(&self, now: MonoUs) -> Option<Shut> {
        match self.breaker {
            Breaker::Open(open) if now < open.until() => Some(Shut { because: open.because(), until: open.until() }),
            _ => None,
        }
    }
}
