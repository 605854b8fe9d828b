//! What a run gave, measured the way a scenario expects it.

use super::SECOND;
use super::scenario::{Behaviour, Scenario};

#[derive(Default, PartialEq, Debug)]
pub struct Outcome {
    /// When each mail was sent, microseconds.
    pub sent: Vec<u64>,
    /// When each mail was answered for good (accepted, or its user unknown).
    pub done: Vec<u64>,
    pub connections_peak: u32,
    pub connect_attempts: usize,
    pub bans: usize,
    pub excess: usize,
    pub guard_stops: usize,
}

impl Outcome {
    /// Mails done from `from_s` on, as a share of what an oracle would have done.
    pub fn share(&self, scenario: &Scenario, from_s: u64) -> f64 {
        let done = self.done.iter().filter(|at| **at >= from_s * SECOND).count();
        done as f64 / allowed(scenario, from_s, scenario.duration_s)
    }

    pub fn most_in_one_second(&self) -> usize {
        let mut from = 0;
        let mut most = 0;
        for (index, at) in self.sent.iter().enumerate() {
            while self.sent[from] + SECOND <= *at {
                from += 1;
            }
            most = most.max(index - from + 1);
        }
        most
    }

    pub fn sent_between(&self, from_s: u64, to_s: u64) -> usize {
        self.sent.iter().filter(|at| (from_s * SECOND..to_s * SECOND).contains(*at)).count()
    }

    /// Seconds from `from_s` to the first mail done after it.
    pub fn first_done_after(&self, from_s: u64) -> Option<f64> {
        self.done.iter().find(|at| **at > from_s * SECOND).map(|at| (at - from_s * SECOND) as f64 / SECOND as f64)
    }

    /// Everything a scenario expects and did not get, in words.
    pub fn complaints(&self, scenario: &Scenario) -> Vec<String> {
        let expect = &scenario.expect;
        let mut faults = Vec::new();
        let mut most = |what: &str, got: usize, most: Option<usize>| {
            if most.is_some_and(|most| got > most) {
                faults.push(format!("{what}: {got}, at most {most:?} expected"));
            }
        };
        most("bans", self.bans, Some(expect.bans_max));
        most("mails in excess", self.excess, expect.excess_max);
        most("connections", self.connections_peak as usize, expect.connections_max.map(|n| n as usize));
        most("connection attempts", self.connect_attempts, expect.connect_attempts_max);
        most("mails in one second", self.most_in_one_second(), expect.mails_in_1s_max);
        most("stops of the guard", self.guard_stops, Some(expect.guard_stops_max));
        if self.guard_stops < expect.guard_stops_min {
            faults.push(format!("stops of the guard: {}", self.guard_stops));
        }
        for span in &expect.spans {
            let sent = self.sent_between(span.from_s, span.to_s);
            if !(span.sent_min..=span.sent_max).contains(&sent) {
                faults.push(format!("{sent} mails sent from {} s to {} s", span.from_s, span.to_s));
            }
        }
        faults.extend(self.slow(scenario));
        faults
    }

    fn slow(&self, scenario: &Scenario) -> Vec<String> {
        let expect = &scenario.expect;
        let mut faults = Vec::new();
        let share = self.share(scenario, expect.share_from_s);
        if expect.share_min.is_some_and(|least| share < least) {
            faults.push(format!("share of the allowed rate: {share:.3}"));
        }
        if let Some(within) = expect.recovers_within_s {
            let changed = scenario.carrier.last().map_or(0, |behaviour| behaviour.from_s);
            let took = self.first_done_after(changed);
            if took.is_none_or(|took| took > within as f64) {
                faults.push(format!("recovered after {took:?} s"));
            }
        }
        if let (Some(factor), Some(mails)) = (expect.oracle_factor_max, scenario.client.mails) {
            let done = self.done.len() as u64 == mails;
            let took = self.done.last().map_or(f64::INFINITY, |at| *at as f64 / SECOND as f64);
            let oracle = oracle_s(scenario, mails as f64);
            if !done || took > factor * oracle {
                faults.push(format!(
                    "{} of {mails} done after {took:.1} s, an oracle needs {oracle:.1} s",
                    self.done.len()
                ));
            }
        }
        faults
    }
}

/// Behaviours with the seconds between which they hold.
fn spans(scenario: &Scenario) -> impl Iterator<Item = (&Behaviour, u64, u64)> {
    let ends = scenario.carrier.iter().skip(1).map(|next| next.from_s).chain([scenario.duration_s]);
    scenario.carrier.iter().zip(ends).map(|(behaviour, end)| (behaviour, behaviour.from_s, end))
}

fn allowed(scenario: &Scenario, from_s: u64, to_s: u64) -> f64 {
    let max = scenario.limits.path().rate_max_per_min;
    let mails = |(behaviour, from, to): (&Behaviour, u64, u64)| {
        let seconds = to.min(to_s).saturating_sub(from.max(from_s));
        seconds as f64 / 60.0 * behaviour.allowed_per_min(max)
    };
    spans(scenario).map(mails).sum()
}

fn oracle_s(scenario: &Scenario, mails: f64) -> f64 {
    let mut left = mails;
    let max = scenario.limits.path().rate_max_per_min;
    for (behaviour, from, to) in spans(scenario) {
        let per_s = behaviour.allowed_per_min(max) / 60.0;
        if left <= per_s * (to - from) as f64 {
            return from as f64 + left / per_s;
        }
        left -= per_s * (to - from) as f64;
    }
    f64::INFINITY
}
