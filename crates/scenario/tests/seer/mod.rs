//! A sender that knows every hidden limit and never crosses one: what a careful sender could reach.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use mail_model::MonoUs;
use scenario::behaviour::Period;
use scenario::{HiddenCarrier, Recipient, SECOND, Said, Scenario, SessionId, Why};

/// How often it looks.
const POLL_US: u64 = 50_000;
/// When a mail that was put off for the carrier's own reasons goes again.
const AGAIN_US: u64 = 60 * SECOND;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Mail {
    wave: usize,
    number: u64,
    from: Option<usize>,
}

/// The side of one carrier.
struct Side {
    carrier: HiddenCarrier,
    periods: Vec<Period>,
    sessions_max: usize,
    sessions: Vec<Vec<(SessionId, u64)>>,
    fresh: VecDeque<(u64, Mail)>,
    later: BinaryHeap<Reverse<(u64, Mail)>>,
}

/// What came of a run.
pub struct Run {
    /// When each mail was answered for good, seconds, ascending.
    pub done_s: Vec<f64>,
    pub crossings: u64,
    pub bans: u64,
}

/// Plays a scenario to the end, or to eight horizons.
pub fn play(scenario: &Scenario, seed: u64) -> Run {
    let mut sides: Vec<Side> = (0..scenario.carriers.len()).map(|carrier| Side::new(scenario, carrier, seed)).collect();
    let mut done_us = Vec::new();
    let mut now = MonoUs(0);
    while now.0 < scenario.horizon_s * 8 * SECOND && sides.iter().any(Side::has_mail) {
        for side in &mut sides {
            side.pump(scenario, seed, now, &mut done_us);
        }
        now.0 += POLL_US;
    }
    done_us.sort_unstable();
    let sum = |count: fn(&scenario::Counts) -> u64| sides.iter().map(|side| count(&side.carrier.total())).sum();
    Run {
        done_s: done_us.into_iter().map(|us| us as f64 / SECOND as f64).collect(),
        crossings: sum(|counts| counts.crossings),
        bans: sum(|counts| counts.bans),
    }
}

impl Side {
    fn new(scenario: &Scenario, carrier: usize, seed: u64) -> Self {
        let world = &scenario.carriers[carrier];
        let own = world.profile.get("connections_max").and_then(toml::Value::as_integer).unwrap_or(10);
        let waves = scenario.waves.iter().enumerate().filter(|(_, wave)| wave.carrier == carrier);
        let mails = |(place, wave): (usize, &scenario::Wave)| {
            let due_us = wave.at_s * SECOND;
            (0..wave.mails).map(move |number| (due_us, Mail { wave: place, number, from: None }))
        };
        Self {
            carrier: HiddenCarrier::new(scenario, carrier, seed),
            periods: world.periods.clone(),
            sessions_max: usize::try_from(own).unwrap(),
            sessions: vec![Vec::new(); scenario.sources.len()],
            fresh: waves.flat_map(mails).collect(),
            later: BinaryHeap::new(),
        }
    }

    fn has_mail(&self) -> bool {
        !self.fresh.is_empty() || !self.later.is_empty()
    }

    fn pump(&mut self, scenario: &Scenario, seed: u64, now: MonoUs, done_us: &mut Vec<u64>) {
        let begun = self.periods.partition_point(|period| period.from_s * SECOND <= now.0);
        let period = &self.periods[begun - 1];
        let second_of_day = scenario.start_of_day_s + now.0 / SECOND;
        let hour = period.full_hour.as_ref().is_some_and(|hour| hour.share >= 1.0 && hour.holds_at(second_of_day));
        if period.door.is_some() || hour {
            return;
        }
        let delay_us = period.greylist.as_ref().map_or(0, |grey| grey.delay_s * SECOND);
        let listed = period.listed.as_ref().map(|listed| listed.sources.clone()).unwrap_or_default();
        // Nobody is first at every look, or the first would take what all share.
        let count = self.sessions.len();
        let turn = usize::try_from(now.0 / POLL_US).unwrap() % count;
        for source in (0..count).map(|place| (place + turn) % count) {
            let mut tries = 0;
            while !listed.contains(&source)
                && tries < 1_000
                && self.send(scenario, seed, now, source, delay_us, done_us)
            {
                tries += 1;
            }
        }
    }

    /// A mail that may go from a source now. Fresh ones first: a greylist's clock should run for all of them.
    fn take(&mut self, now: MonoUs, source: usize) -> Option<Mail> {
        if self.fresh.front().is_some_and(|(due, _)| *due <= now.0) {
            return self.fresh.pop_front().map(|(_, mail)| mail);
        }
        let mut others = Vec::new();
        let mut found = None;
        while found.is_none() && self.later.peek().is_some_and(|Reverse((due, _))| *due <= now.0) && others.len() < 200
        {
            let Some(Reverse((due, mail))) = self.later.pop() else { break };
            match mail.from.is_none_or(|from| from == source) {
                true => found = Some(mail),
                false => others.push(Reverse((due, mail))),
            }
        }
        self.later.extend(others);
        found
    }

    /// Sends one; whether another one may be tried at the same moment.
    fn send(
        &mut self,
        scenario: &Scenario,
        seed: u64,
        now: MonoUs,
        source: usize,
        delay_us: u64,
        done_us: &mut Vec<u64>,
    ) -> bool {
        let Some(place) = self.sessions[source].iter().position(|(_, free_us)| *free_us <= now.0) else {
            return self.open(now, source);
        };
        let session = self.sessions[source][place].0;
        if let Some(limit) = self.carrier.mail_would_cross(now, session) {
            let period = &self.periods[self.periods.partition_point(|p| p.from_s * SECOND <= now.0) - 1];
            let used_up = matches!(period.limits[limit].kind, scenario::behaviour::LimitKind::SessionMails { .. });
            if used_up {
                self.carrier.close(now, session);
                self.sessions[source].swap_remove(place);
            }
            return used_up;
        }
        let Some(mail) = self.take(now, source) else { return false };
        let unknown = scenario.is_unknown(mail.wave, mail.number, seed);
        let number = ((mail.wave as u64) << 32) | mail.number;
        let answer = self.carrier.mail(now, session, Recipient { number, unknown, address: "" });
        let answered_us = now.0 + answer.after_ms * 1_000;
        match answer.why {
            Why::Fine | Why::Unknown => done_us.push(answered_us),
            Why::Greylisted => self.later.push(Reverse((now.0 + delay_us, Mail { from: Some(source), ..mail }))),
            Why::Gone => self.later.push(Reverse((now.0, mail))),
            _ => self.later.push(Reverse((now.0 + AGAIN_US, mail))),
        }
        match answer.closed || answer.said == Said::Silence {
            true => {
                self.carrier.close(now, session);
                self.sessions[source].swap_remove(place);
            }
            false => self.sessions[source][place].1 = answered_us,
        }
        true
    }

    fn open(&mut self, now: MonoUs, source: usize) -> bool {
        let wanted = self.sessions[source].len() < self.sessions_max
            && (self.later.peek().is_some_and(|Reverse((due, _))| *due <= now.0)
                || self.fresh.front().is_some_and(|(due, _)| *due <= now.0));
        if !wanted || self.carrier.connect_would_cross(now, source).is_some() {
            return false;
        }
        let greeting = self.carrier.connect(now, source);
        if let Some(session) = greeting.session {
            self.sessions[source].push((session, now.0 + greeting.after_ms * 1_000));
        }
        greeting.session.is_some()
    }
}
