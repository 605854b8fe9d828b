//! Plays one scenario: the real scheduler, throttle, pools and judge against hidden carriers, on a clock moved by hand.

mod conversation;
mod foresee;
mod world;

use mail_model::{CarrierName, MonoUs, SourceName};
use scenario::{SECOND, Scenario};
use scheduler::{GroupLimits, Next, PathLimitsReport};

use crate::agenda::Event;
use crate::books::{Best, seconds};
use crate::ear::was_rung;
use crate::ending::Ending;
use crate::order::Order;
use crate::run_record::Run;
use crate::sampler::Now;
use crate::session::Phase;
use crate::setup::{Setup, SetupError};
use crate::shelf::Batch;
use world::World;

/// A process looks for mails whose time is over this often.
const UPKEEP_US: u64 = 1_000_000;
/// Rounds of bells and dispatching at one moment; beyond them time must pass, as it does in a process.
const ROUNDS_MAX: u32 = 64;

/// Added to the seed of a rehearsal.
const REHEARSAL: u64 = 1 << 40;

/// Plays a scenario to its end.
///
/// # Errors
/// When the scenario asks for settings that no engine would start with.
pub fn play(scenario: &Scenario, order: &Order) -> Result<Run, SetupError> {
    play_against(scenario, order, &Best::of(scenario))
}

/// The same with an oracle that was asked before, for many runs of one scenario.
///
/// # Errors
/// As [`play`].
pub fn play_against(scenario: &Scenario, order: &Order, best: &Best) -> Result<Run, SetupError> {
    let setup = Setup::of(scenario)?;
    let mut world = World::new(scenario, &setup, order)?;
    if order.is_rehearsed(scenario) {
        // The carriers of a rehearsal are the same ones with other draws: what was learned may not fit to the last digit.
        let earlier =
            Order { seed: order.seed.wrapping_add(REHEARSAL), with_series: false, trace: None, ..order.clone() };
        let mut rehearsal = World::new(scenario, &setup, &earlier)?;
        rehearsal.run();
        world.remember(&rehearsal);
    }
    world.run();
    Ok(world.into_run(order, best))
}

impl World<'_> {
    fn run(&mut self) {
        for (place, wave) in self.scenario.waves.iter().enumerate() {
            self.agenda.note(MonoUs(wave.at_s * SECOND), Event::Wave(place));
        }
        if let Some(step_s) = self.sampler.as_ref().map(|sampler| sampler.step_s()) {
            self.note_sample(step_s);
        }
        let end = MonoUs(self.scenario.horizon_s * SECOND);
        while !self.books.are_closed()
            && let Some((at, event)) = self.agenda.next(end)
        {
            self.set_time(at);
            self.events += 1;
            self.happens(event);
            self.stir();
        }
        self.sample();
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Wave(place) => self.hand_in(place),
            Event::Deadline(place) => self.give_up(place),
            Event::Dispatch(node) => {
                if self.nodes[node].dispatch_at == Some(self.now) {
                    self.dispatch(node);
                }
            }
            Event::Session(place, turn) => {
                if self.seats[place].turn == turn {
                    self.goes_on(place);
                }
            }
            Event::Sample => {
                self.sample();
                if let Some(step_s) = self.sampler.as_ref().map(|sampler| sampler.step_s()) {
                    self.note_sample(step_s);
                }
            }
        }
    }

    /// Lets everybody hear what the last event rang, until it is quiet.
    fn stir(&mut self) {
        let mut places = std::mem::take(&mut self.places);
        for _ in 0..ROUNDS_MAX {
            self.rung.take(&mut places);
            let mut quiet = places.is_empty();
            for place in &places {
                if self.seats[*place].ear.heard() {
                    self.ask(*place);
                }
            }
            for node in 0..self.nodes.len() {
                let stirred = self.nodes[node].shelf.take_stirred();
                if stirred | was_rung(self.nodes[node].scheduler.changed()) {
                    self.dispatch(node);
                    quiet = false;
                }
            }
            if quiet {
                self.places = places;
                return;
            }
        }
        self.places = places;
        self.spins += 1;
        for node in 0..self.nodes.len() {
            self.look_again(node, MonoUs(self.now.0 + 1_000));
        }
    }

    fn hand_in(&mut self, place: usize) {
        let wave = &self.scenario.waves[place];
        let (nodes, mails) = (self.nodes.len() as u64, wave.mails);
        let at = self.unix();
        let mut first = self.first_of_wave[place];
        for (number, node) in self.nodes.iter().enumerate() {
            let share = mails / nodes + u64::from((number as u64) < mails % nodes);
            let count = u32::try_from(share).unwrap_or(u32::MAX);
            let wave = u32::try_from(place).unwrap_or(u32::MAX);
            if count > 0 {
                node.shelf.hand_in(node.lanes[place], Batch { first, count, wave, at });
            }
            first += count;
        }
        self.foresee(place);
        let wave = u32::try_from(place).unwrap_or(u32::MAX);
        let over = self.schedules[self.scenario.waves[place].carrier].gives_up_at(at, self.deadline(wave));
        let over = self.now.0 + over.since_ms(at) * 1_000 + UPKEEP_US;
        self.agenda.note(MonoUs(over), Event::Deadline(place));
    }

    /// What a process does each second: it ends what waits and has no time left.
    fn give_up(&mut self, place: usize) {
        let carrier = self.scenario.waves[place].carrier;
        let wave = u32::try_from(place).unwrap_or(u32::MAX);
        for node in 0..self.nodes.len() {
            let lane = self.nodes[node].lanes[place];
            for mail in self.nodes[node].shelf.take_wave(lane, wave) {
                self.end(node, carrier, &mail, Ending::Expired);
            }
        }
    }

    fn dispatch(&mut self, node: usize) {
        loop {
            match self.nodes[node].scheduler.next() {
                Next::Open(assignment) => self.open(node, *assignment),
                Next::Wait(at) => {
                    let at = self.of_clock(at).0.max(self.now.0 + 1_000);
                    return self.look_again(node, MonoUs(at));
                }
                Next::Stopped => return,
            }
        }
    }

    fn look_again(&mut self, node: usize, at: MonoUs) {
        if self.nodes[node].dispatch_at != Some(at) {
            self.nodes[node].dispatch_at = Some(at);
            self.agenda.note(at, Event::Dispatch(node));
        }
    }

    fn goes_on(&mut self, place: usize) {
        let seat = &mut self.seats[place];
        seat.turn = seat.turn.wrapping_add(1);
        let Some(session) = &mut seat.session else { return };
        match std::mem::replace(&mut session.phase, Phase::Rest) {
            Phase::Greeting(result) => self.greeted(place, result),
            Phase::Mail(met) => self.answered(place, met),
            Phase::Rest => self.ask(place),
            Phase::Quit => self.part(place),
        }
    }

    fn note_sample(&mut self, step_s: f64) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a step of seconds")]
        let step_us = (step_s * 1e6) as u64;
        self.agenda.note(MonoUs(self.now.0 + step_us), Event::Sample);
    }

    fn sample(&mut self) {
        let Some(mut sampler) = self.sampler.take() else { return };
        let reports: Vec<GroupLimits> =
            self.nodes.iter().flat_map(|node| node.scheduler.limits().groups.into_iter()).collect();
        let now = |carrier: usize, source: usize| Now {
            allowed_per_min: allowed_per_min(
                &reports,
                &self.scenario.carriers[carrier].name,
                &self.scenario.sources[source].name,
            ),
            banned: self.hidden[carrier].is_banned(self.now, source),
            open: u32::try_from(self.hidden[carrier].open_sessions(source)).unwrap_or(u32::MAX),
        };
        let at_s = self.now.0 / SECOND;
        sampler.end_step(self.scenario, at_s, |carrier| self.waiting(carrier), now);
        self.sampler = Some(sampler);
    }

    fn into_run(self, order: &Order, best: &Best) -> Run {
        let (scenario, ended_s, events) = (self.scenario, seconds(self.now), self.events);
        let (mut carriers, mut total) = self.books.scores(best);
        for (score, hidden) in carriers.iter_mut().zip(&self.hidden) {
            let counts = hidden.total();
            (score.crossings, score.bans) = (counts.crossings, counts.bans);
            total.crossings += counts.crossings;
            total.bans += counts.bans;
        }
        Run {
            scenario: scenario.name.clone(),
            title: scenario.title.clone(),
            law: order.law.clone(),
            seed: order.seed,
            rehearsed: order.is_rehearsed(scenario),
            bans_expected: scenario.bans_expected,
            time_judged: scenario.time_judged,
            ended_s,
            events,
            spins: self.spins,
            carriers,
            total,
            foreseen: self.foresight.into_waves(),
            series: self.sampler.map(crate::sampler::Sampler::series),
        }
    }
}

/// What a path may send now: nothing while it is shut, and no more than its part of what its netblock may.
fn allowed_per_min(reports: &[GroupLimits], carrier: &CarrierName, source: &SourceName) -> f64 {
    let groups = reports.iter().filter(|group| group.carrier == *carrier);
    groups.map(|group| allowed_in(group, source)).sum()
}

fn allowed_in(group: &GroupLimits, source: &SourceName) -> f64 {
    let rate = |path: &PathLimitsReport| {
        let live = path.live.as_ref().filter(|live| live.shut.is_none());
        live.map_or(0.0, |live| live.status.rate_per_min)
    };
    let Some(own) = group.paths.iter().find(|path| path.source == *source) else { return 0.0 };
    let sum: f64 = group.paths.iter().filter(|path| path.netblock == own.netblock).map(rate).sum();
    let guard = group.guards.iter().find(|guard| guard.netblock == own.netblock);
    let ceiling = guard.and_then(|guard| guard.learned.sum_ceiling_per_min).unwrap_or(f64::INFINITY);
    rate(own) * (ceiling / sum.max(f64::MIN_POSITIVE)).min(1.0)
}
