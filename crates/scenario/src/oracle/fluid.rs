//! One carrier as a tree of valves: each source's own, each netblock's, and those for all of ours.

use super::build::{Build, own_sessions};
use super::valve::{STEPS_PER_S, Valve, steps};
use crate::behaviour::{How, Per, Period};
use crate::world::{Scenario, Wave};

/// Sources that are alike in everything that counts here.
#[derive(Debug)]
struct Kin {
    group: usize,
    netblock: usize,
    members: Vec<usize>,
    valves: Vec<Option<Valve>>,
    accepted: f64,
    last: f64,
    listed: bool,
}

/// What several share: a netblock, or all.
#[derive(Debug, Default)]
struct Shared {
    valves: Vec<Option<Valve>>,
    accepted: f64,
    last: f64,
}

/// The flow of requests to one carrier and what it gets done.
pub(super) struct Fluid<'s> {
    scenario: &'s Scenario,
    carrier: usize,
    period: usize,
    kin: Vec<Kin>,
    netblocks: Vec<Shared>,
    all: Shared,
    /// Mails of all waves, to bound how far mean delays may lie from their mean.
    mails: f64,
    arrivals: Vec<(usize, f64)>,
    grey: Grey,
    /// Recipients who do not exist; they are told so at once, greylist or not.
    unknown: f64,
    latency_steps: usize,
    /// Requests that were not put off by chance, and mails that were there, until the end of each step.
    flowed: Vec<f64>,
    arrived: Vec<f64>,
    /// A greylist's first attempts earn no reputation.
    accepted_most: f64,
    /// What second attempts alone could reach, behind a greylist.
    second: Option<Box<Self>>,
}

impl<'s> Fluid<'s> {
    pub fn new(scenario: &'s Scenario, carrier: usize, waves: &[&Wave]) -> Self {
        let grey = Grey::of(&scenario.carriers[carrier].periods);
        let second = (grey.requests_each > 1.0).then(|| {
            let delay_s = (grey.delay_steps / STEPS_PER_S) as u64;
            Box::new(Self::after(scenario, carrier, waves, Grey::none(), delay_s))
        });
        Self { second, ..Self::after(scenario, carrier, waves, grey, 0) }
    }

    /// With every wave later by a delay.
    fn after(scenario: &'s Scenario, carrier: usize, waves: &[&Wave], grey: Grey, later_s: u64) -> Self {
        let own: Vec<&&Wave> = waves.iter().filter(|wave| wave.carrier == carrier).collect();
        let periods = &scenario.carriers[carrier].periods;
        let first_s = own.iter().map(|wave| wave.at_s).min().unwrap_or(0);
        let reach = |wave: &Wave| wave.at_s.max(first_s + grey.closed_s) + later_s;
        let expected: f64 = own.iter().map(|wave| wave.mails as f64 * wave.unknown_share).sum();
        let least_ms = periods.iter().map(|period| period.latency.mail_ms).min().unwrap_or(0);
        let mut fluid = Self {
            scenario,
            carrier,
            period: 0,
            kin: kin(scenario, carrier),
            netblocks: scenario.netblocks().iter().map(|_| Shared::default()).collect(),
            all: Shared::default(),
            mails: own.iter().map(|wave| wave.mails as f64).sum(),
            arrivals: own.iter().map(|wave| (steps(reach(wave)), wave.mails as f64)).collect(),
            unknown: expected + 4.0 * expected.sqrt(),
            latency_steps: steps(least_ms) / 1_000,
            grey,
            flowed: Vec::new(),
            arrived: Vec::new(),
            accepted_most: f64::INFINITY,
            second: None,
        };
        fluid.open(0);
        fluid
    }

    /// Mails answered for good when the step number `step` ends, at most. Steps are asked for in order.
    pub fn done_after(&mut self, step: usize) -> f64 {
        let arrived: f64 = self.arrivals.iter().filter(|(at, _)| *at <= step).map(|(_, mails)| mails).sum();
        let flowed = self.flowed.last().copied().unwrap_or(0.0);
        let taken = 1.0 - self.put_off(step);
        let flow = self.flow(step, (arrived * self.grey.requests_each - flowed).max(0.0) / taken);
        self.flowed.push(flowed + flow * taken);
        self.arrived.push(arrived);
        self.accepted_most = if self.grey.requests_each < 2.0 { f64::INFINITY } else { self.settled_at(step) };
        // Whoever is answered at the end of the step asked at least one latency before.
        let settled = step.checked_sub(self.latency_steps).map_or(0.0, |asked| self.settled_at(asked));
        let second = self.second.as_mut().map_or(f64::INFINITY, |second| second.done_after(step));
        settled.min(second + self.unknown)
    }

    /// Mails whose last request lies before the end of a step.
    fn settled_at(&self, asked: usize) -> f64 {
        if self.grey.requests_each < 2.0 {
            return self.flowed[asked];
        }
        let first = asked.checked_sub(self.grey.delay_steps).map_or(0.0, |at| self.flowed[at].min(self.arrived[at]));
        let arrived = self.arrived[asked];
        ((self.flowed[asked] + self.unknown) / 2.0).min(first + self.unknown).min(arrived).min(self.flowed[asked])
    }

    /// Share of the requests that the carrier puts off by chance, at least.
    fn put_off(&self, step: usize) -> f64 {
        let now_s = (step / STEPS_PER_S) as u64;
        let period = self.scenario.carriers[self.carrier].period_at(now_s);
        // A greylist is a bound of its own.
        if self.grey.requests_each > 1.0 {
            return 0.0;
        }
        let hour = period.full_hour.as_ref().filter(|hour| !hour.is_door() && !is_slow_only(&hour.says.how));
        let crowd = hour.filter(|hour| hour.holds_at(self.scenario.start_of_day_s + now_s)).map_or(0.0, |h| h.share);
        let busy = period.busy.as_ref().filter(|busy| !is_slow_only(&busy.says.how)).map_or(0.0, |busy| busy.share);
        // Who does not exist is told so however busy the carrier is.
        let share = crowd + (1.0 - crowd) * busy * (1.0 - self.unknown / self.mails.max(1.0)).max(0.0);
        let luck = 4.0 * (share * (1.0 - share) / self.mails.max(1.0)).sqrt();
        (share - luck).clamp(0.0, 0.99)
    }

    fn flow(&mut self, step: usize, waiting: f64) -> f64 {
        let now_s = (step / STEPS_PER_S) as u64;
        let periods = &self.scenario.carriers[self.carrier].periods;
        while periods.get(self.period + 1).is_some_and(|next| next.from_s <= now_s) {
            self.open(self.period + 1);
        }
        let period = &periods[self.period];
        let clock_s = self.scenario.start_of_day_s + now_s;
        if waiting <= 0.0 || is_shut(period, clock_s) {
            return self.settle(0.0, &[], clock_s);
        }
        let known = self.accepted_most;
        let rooms: Vec<f64> = self.kin.iter_mut().map(|kin| kin.room(clock_s, known)).collect();
        let mut shared = vec![0.0; self.netblocks.len()];
        for (kin, room) in self.kin.iter().zip(&rooms) {
            shared[kin.netblock] += room;
        }
        let caps: Vec<f64> = self.netblocks.iter_mut().map(|shared| shared.room(clock_s, known)).collect();
        let total: f64 = shared.iter().zip(&caps).map(|(sum, cap)| sum.min(*cap)).sum();
        let most = total.min(self.all.room(clock_s, known)).min(waiting);
        if total <= 0.0 {
            return self.settle(0.0, &[], clock_s);
        }
        // Everybody gives the same part of what it could.
        let parts: Vec<f64> = (self.kin.iter().zip(&rooms))
            .map(|(kin, room)| {
                let (sum, cap) = (shared[kin.netblock], caps[kin.netblock]);
                let allowed = if sum > cap { room * (cap / sum) } else { *room };
                allowed * (most / total)
            })
            .collect();
        self.settle(most, &parts, clock_s)
    }

    /// Notes what flowed where.
    fn settle(&mut self, most: f64, parts: &[f64], clock_s: u64) -> f64 {
        let known = self.accepted_most;
        let mut shared = vec![0.0; self.netblocks.len()];
        for (place, kin) in self.kin.iter_mut().enumerate() {
            let part = parts.get(place).copied().unwrap_or(0.0);
            if parts.is_empty() {
                kin.room(clock_s, known);
            }
            shared[kin.netblock] += part;
            kin.flow(part);
        }
        for (netblock, part) in self.netblocks.iter_mut().zip(shared) {
            if parts.is_empty() {
                netblock.room(clock_s, known);
            }
            netblock.flow(part);
        }
        if parts.is_empty() {
            self.all.room(clock_s, known);
        }
        self.all.flow(most);
        most
    }

    /// Builds the valves of a period; those of a limit that goes on keep their state.
    fn open(&mut self, period: usize) {
        self.period = period;
        let (scenario, carrier) = (self.scenario, self.carrier);
        let held = &scenario.carriers[carrier].periods[period];
        let build = Build { held, mails: self.mails, own_sessions: own_sessions(scenario, carrier) };
        for kin in &mut self.kin {
            let group = &scenario.groups[kin.group];
            let listed = held.listed.as_ref().filter(|listed| !is_slow_only(&listed.says.how));
            kin.listed = listed.is_some_and(|listed| kin.members.iter().any(|source| listed.sources.contains(source)));
            renew(&mut kin.valves, build.valves(Per::Source, group.standing, group.days));
        }
        let days = |netblock: Option<usize>| {
            let of = scenario.sources.iter().filter(|source| netblock.is_none_or(|n| source.netblock == n));
            of.map(|source| scenario.groups[source.group].days).fold(f64::INFINITY, f64::min)
        };
        for (place, netblock) in self.netblocks.iter_mut().enumerate() {
            renew(&mut netblock.valves, build.valves(Per::Netblock, 1.0, days(Some(place))));
        }
        let sessions: f64 = self.kin.iter().map(|kin| build.sessions(Per::Source) * kin.members.len() as f64).sum();
        let crowd = build.crowd(sessions.min(build.sessions(Per::Carrier)));
        let valves = build.valves(Per::Carrier, 1.0, days(None));
        renew(&mut self.all.valves, valves.into_iter().chain([crowd]).collect());
    }
}

fn renew(valves: &mut Vec<Option<Valve>>, mut new: Vec<Option<Valve>>) {
    for (valve, before) in new.iter_mut().zip(valves.iter()) {
        if let (Some(valve), Some(before)) = (valve, before) {
            valve.resume(before);
        }
    }
    *valves = new;
}

/// Room where nothing is limited: finite, so that parts of it can be reckoned with.
const ENOUGH: f64 = 1e12;

/// The smallest room of some valves.
fn narrowest(valves: &mut [Option<Valve>], clock_s: u64, accepted: f64, last: f64) -> f64 {
    // Growth within the step counts too: a little more than flowed in the last one.
    let accepted = accepted + 1.25 * last + 1.0;
    let rooms = valves.iter_mut().flatten().map(|valve| valve.room(clock_s, accepted));
    rooms.fold(ENOUGH, f64::min)
}

impl Kin {
    fn room(&mut self, clock_s: u64, known: f64) -> f64 {
        let room = narrowest(&mut self.valves, clock_s, self.accepted.min(known), self.last);
        if self.listed { 0.0 } else { room * self.members.len() as f64 }
    }

    fn flow(&mut self, part: f64) {
        let each = part / self.members.len() as f64;
        self.valves.iter_mut().flatten().for_each(|valve| valve.flow(each));
        self.accepted += each;
        self.last = each;
    }
}

impl Shared {
    fn room(&mut self, clock_s: u64, known: f64) -> f64 {
        narrowest(&mut self.valves, clock_s, self.accepted.min(known), self.last)
    }

    fn flow(&mut self, part: f64) {
        self.valves.iter_mut().flatten().for_each(|valve| valve.flow(part));
        self.accepted += part;
        self.last = part;
    }
}

/// What greylisting costs everybody.
struct Grey {
    /// Requests for each mail to somebody who exists.
    requests_each: f64,
    delay_steps: usize,
    /// Seconds from the first mail on in which nobody is known yet.
    closed_s: u64,
}

impl Grey {
    fn none() -> Self {
        Self { requests_each: 1.0, delay_steps: 0, closed_s: 0 }
    }

    /// Where a period has no greylist, everything is counted as though none had: the bound stays one.
    fn of(periods: &[Period]) -> Self {
        let strict = |period: &Period| period.greylist.clone().filter(|grey| !is_slow_only(&grey.says.how));
        let all: Option<Vec<_>> = periods.iter().map(strict).collect();
        let all = all.unwrap_or_default();
        let Some(delay_s) = all.iter().map(|grey| grey.delay_s).min() else {
            return Self::none();
        };
        if all.iter().all(|grey| grey.known_after == 0) {
            Self { requests_each: 2.0, delay_steps: steps(delay_s), closed_s: 0 }
        } else {
            Self { requests_each: 1.0, delay_steps: 0, closed_s: delay_s }
        }
    }
}

/// Whether nobody can get anything done.
fn is_shut(period: &Period, clock_s: u64) -> bool {
    let door = period.door.as_ref().is_some_and(|door| !is_slow_only(&door.how));
    let hour = period.full_hour.as_ref();
    door || hour.is_some_and(|hour| hour.share >= 1.0 && hour.holds_at(clock_s) && !is_slow_only(&hour.says.how))
}

fn is_slow_only(how: &How) -> bool {
    matches!(how, How::Tarpit { .. })
}

/// Groups whose members are never told apart, or single sources where a list tells them apart.
fn kin(scenario: &Scenario, carrier: usize) -> Vec<Kin> {
    let lists: Vec<&[usize]> = (scenario.carriers[carrier].periods.iter())
        .filter_map(|period| period.listed.as_ref().map(|listed| listed.sources.as_slice()))
        .collect();
    let mut kin: Vec<(Vec<bool>, Kin)> = Vec::new();
    for (number, source) in scenario.sources.iter().enumerate() {
        let marks: Vec<bool> = lists.iter().map(|list| list.contains(&number)).collect();
        match kin.iter_mut().find(|(other, kin)| *other == marks && kin.group == source.group) {
            Some((_, kin)) => kin.members.push(number),
            None => kin.push((marks, Kin::new(source.group, source.netblock, number))),
        }
    }
    kin.into_iter().map(|(_, kin)| kin).collect()
}

impl Kin {
    fn new(group: usize, netblock: usize, first: usize) -> Self {
        let members = vec![first];
        Self { group, netblock, members, valves: Vec::new(), accepted: 0.0, last: 0.0, listed: false }
    }
}
