//! From a period's limits to valves, sessions and delays included.

use super::valve::{Law, STEPS_PER_S, Valve, law_of};
use crate::behaviour::{How, Latency, LimitKind, Per, Period};
use crate::world::Scenario;

/// A period, and what is needed to read it.
pub(super) struct Build<'p> {
    pub held: &'p Period,
    /// Mails of the whole run.
    pub mails: f64,
    /// Sessions that we ourselves never exceed for one source.
    pub own_sessions: f64,
}

/// `connections_max` of what we believe: no knowledge of the carrier makes us open more.
pub(super) fn own_sessions(scenario: &Scenario, carrier: usize) -> f64 {
    let written = scenario.carriers[carrier].profile.get("connections_max").and_then(toml::Value::as_integer);
    written.map_or(f64::INFINITY, |most| most as f64)
}

impl Build<'_> {
    /// A valve for each limit that adds up in this way, in the place of the limit, and one for the sessions.
    pub fn valves(&self, per: Per, standing: f64, days: f64) -> Vec<Option<Valve>> {
        let carried = self.mails_per_session();
        let valve = |limit: &crate::behaviour::Limit| {
            let law = law_of(limit, standing, carried).filter(|_| limit.per == per)?;
            let law = match limit.over.how {
                How::Tarpit { delay_ms } => widened(law, self.sessions(per) * 1_000.0 / delay_ms as f64),
                _ => law,
            };
            Some(Valve::new(law, limit.growth.map(|growth| (growth, days))))
        };
        let mut valves: Vec<Option<Valve>> = self.held.limits.iter().map(valve).collect();
        valves.push(self.turnover(self.sessions(per)));
        valves
    }

    /// Most sessions at once.
    pub fn sessions(&self, per: Per) -> f64 {
        let own = if per == Per::Source { self.own_sessions } else { f64::INFINITY };
        let hard = self.held.limits.iter().filter(|limit| limit.per == per && !is_soft(&limit.over.how));
        let most = hard.filter_map(|limit| match limit.kind {
            LimitKind::Sessions { most } => Some(f64::from(most)),
            _ => None,
        });
        most.fold(own, f64::min)
    }

    fn mails_per_session(&self) -> Option<f64> {
        let hard = self.held.limits.iter().filter(|limit| !is_soft(&limit.over.how));
        let most = hard.filter_map(|limit| match limit.kind {
            LimitKind::SessionMails { most } => Some(f64::from(most)),
            _ => None,
        });
        most.reduce(f64::min)
    }

    /// What so many sessions carry: each mail holds one for its latency, each new session for its greeting.
    fn turnover(&self, sessions: f64) -> Option<Valve> {
        let mail_s = self.mail_s() + self.mails_per_session().map_or(0.0, |mails| self.connect_s() / mails);
        let limited = sessions.is_finite() && mail_s > 0.0;
        limited.then(|| Valve::new(Law::Bucket { per_s: sessions / mail_s, burst: sessions }, None))
    }

    /// What all sessions together carry when each further one slows all of them down.
    pub fn crowd(&self, sessions: f64) -> Option<Valve> {
        let slower_s = self.held.latency.per_session_ms as f64 / 1_000.0;
        let alone_s = self.mail_s();
        if slower_s == 0.0 {
            return None;
        }
        let many =
            if sessions.is_finite() { sessions / (alone_s + slower_s * (sessions - 1.0)) } else { 1.0 / slower_s };
        let one = if alone_s > 0.0 { 1.0 / alone_s } else { f64::INFINITY };
        let burst = sessions.min(alone_s / slower_s + 1.0);
        many.max(one).is_finite().then(|| Valve::new(Law::Bucket { per_s: many.max(one), burst }, None))
    }

    /// Mean delay of a mail in a session alone, less what chance could give to all mails together.
    fn mail_s(&self) -> f64 {
        let Latency { mail_ms, jitter_ms, .. } = self.held.latency;
        // An even draw has deviation 0.289; the mean of n draws keeps within four of 0.289 / √n but once in 30,000.
        let luck = (0.5 - 4.0 * 0.289 / self.mails.max(1.0).sqrt()).max(0.0);
        (mail_ms as f64 + jitter_ms as f64 * luck) / 1_000.0
    }

    fn connect_s(&self) -> f64 {
        self.held.latency.connect_ms as f64 / 1_000.0
    }
}

/// Whether beyond the limit it only takes longer.
fn is_soft(how: &How) -> bool {
    matches!(how, How::Tarpit { .. })
}

/// Who accepts being tarpitted gets this much more a second. Without a bound on sessions that would be no bound at all,
/// so only sessions that are limited count.
fn widened(law: Law, more_per_s: f64) -> Law {
    if !more_per_s.is_finite() {
        return law;
    }
    match law {
        Law::Bucket { per_s, burst } => Law::Bucket { per_s: per_s + more_per_s, burst },
        Law::Window { most, steps } => {
            Law::Window { most: most + more_per_s * steps as f64 / STEPS_PER_S as f64, steps }
        }
        Law::Clock { most, in_s } => Law::Clock { most: most + more_per_s * in_s as f64, in_s },
    }
}
