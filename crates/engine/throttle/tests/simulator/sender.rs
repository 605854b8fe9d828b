//! A sender that does what the throttle lets it do, event by event.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use mail_model::MonoUs;
use throttle::{Gate, PathLimits, PathThrottle, RateLaw, Signal, UnknownGuard};

use super::carrier::{Answer, Carrier, Greeting};
use super::outcome::Outcome;
use super::scenario::{Client, Scenario};

use super::SECOND;

/// au forbids to hold sessions for long, so an idle connection is closed after this.
const IDLE_CLOSE: u64 = 2 * SECOND;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Wake,
    Connected(u8),
    Answered { index: usize, mails_left: u32 },
}

struct Sender<'a, L: RateLaw> {
    client: &'a Client,
    limits: PathLimits,
    path: PathThrottle<L>,
    guard: Option<UnknownGuard>,
    carrier: Carrier,
    /// For each open idle connection, the mails it may still carry.
    idle: Vec<u32>,
    /// Connections being opened or carrying a mail.
    busy: u32,
    answers: Vec<Answer>,
    out: u64,
    events: BinaryHeap<Reverse<(u64, u64, Event)>>,
    order: u64,
    next_wake: u64,
    outcome: Outcome,
}

/// Plays a scenario under a law.
pub fn simulate<L: RateLaw>(scenario: &Scenario, law: L) -> Outcome {
    let limits = scenario.limits.path();
    let mut sender = Sender {
        client: &scenario.client,
        path: PathThrottle::with_law(&limits, law, MonoUs(0)),
        limits,
        guard: scenario.unknown.as_ref().map(|unknown| UnknownGuard::new(&unknown.limits())),
        carrier: Carrier::new(&scenario.carrier),
        idle: Vec::new(),
        busy: 0,
        answers: Vec::new(),
        out: 0,
        events: BinaryHeap::new(),
        order: 0,
        next_wake: u64::MAX,
        outcome: Outcome::default(),
    };
    sender.at(0, Event::Wake);
    while let Some(Reverse((now, _, event))) = sender.events.pop() {
        if now >= scenario.duration_s * SECOND {
            break;
        }
        sender.happen(now, event);
        sender.pump(now);
    }
    Outcome { bans: sender.carrier.bans, excess: sender.carrier.excess, ..sender.outcome }
}

impl<L: RateLaw> Sender<'_, L> {
    fn at(&mut self, time: u64, event: Event) {
        self.order += 1;
        self.events.push(Reverse((time, self.order, event)));
    }

    fn wake(&mut self, now: u64, then: MonoUs) {
        assert!(then.0 > now, "a wait that is not ahead would spin");
        let then = then.0.div_ceil(self.client.tick_us).saturating_mul(self.client.tick_us);
        if then < self.next_wake || self.next_wake <= now {
            self.next_wake = then;
            self.at(then, Event::Wake);
        }
    }

    fn happen(&mut self, now: u64, event: Event) {
        match event {
            Event::Wake => {}
            Event::Connected(greeting) => self.connected(MonoUs(now), greeting),
            Event::Answered { index, mails_left } => self.answered(now, self.answers[index], mails_left),
        }
    }

    fn connected(&mut self, now: MonoUs, greeting: u8) {
        self.busy -= 1;
        let signal = [Signal::ConnectOk, Signal::ConnectFailed, Signal::ConnectReset][usize::from(greeting)];
        if signal == Signal::ConnectOk {
            self.idle.push(self.limits.messages_per_connection_max);
        }
        self.path.observe(now, signal);
    }

    fn answered(&mut self, now: u64, answer: Answer, mails_left: u32) {
        self.busy -= 1;
        let pause = |seconds: Option<u64>| seconds.map(Duration::from_secs);
        let signal = match answer {
            Answer::Accepted => Signal::Accepted,
            Answer::UnknownUser => Signal::UnknownUser,
            Answer::TooFast { pause_s } => Signal::Throttled { pause: pause(pause_s) },
            Answer::Blocked { pause_s } => Signal::Blocked { pause: pause(pause_s) },
        };
        if matches!(answer, Answer::Accepted | Answer::UnknownUser) {
            self.outcome.done.push(now);
            if mails_left > 0 {
                self.idle.push(mails_left);
            }
        } else {
            self.out -= 1;
        }
        self.path.observe(MonoUs(now), signal);
        if let Some(guard) = &mut self.guard {
            let was_open = guard.gate(MonoUs(now)).is_go();
            guard.observe(MonoUs(now), answer == Answer::UnknownUser);
            self.outcome.guard_stops += usize::from(was_open && !guard.gate(MonoUs(now)).is_go());
        }
    }

    fn has_work(&mut self, now: u64) -> bool {
        if now < self.client.trickle_until_s * SECOND {
            let apart = 60 * SECOND / self.client.trickle_per_min;
            if self.out > now / apart {
                self.wake(now, MonoUs(self.out * apart));
                return false;
            }
        }
        self.client.mails.is_none_or(|mails| self.out < mails)
    }

    fn pump(&mut self, now: u64) {
        while self.has_work(now) {
            if let Some(guard) = &mut self.guard
                && let Gate::WaitUntil(then) = guard.gate(MonoUs(now))
            {
                return self.wait(now, then);
            }
            let gate = match self.idle.is_empty() {
                true => self.path.may_connect(MonoUs(now), self.busy),
                false => self.path.may_send(MonoUs(now)),
            };
            match gate {
                Gate::WaitUntil(then) => return self.wait(now, then),
                Gate::Go => match self.idle.pop() {
                    Some(mails_left) => self.send(now, mails_left - 1),
                    None => self.connect(now),
                },
            }
        }
    }

    fn wait(&mut self, now: u64, then: MonoUs) {
        if then.0 - now > IDLE_CLOSE {
            self.idle.clear();
        }
        self.wake(now, then);
    }

    fn connect(&mut self, now: u64) {
        self.outcome.connect_attempts += 1;
        let greeting = match self.carrier.connect(now, self.busy + self.idle.len() as u32) {
            Greeting::Welcome => 0,
            Greeting::Refused => 1,
            Greeting::Reset => 2,
        };
        self.busy += 1;
        self.outcome.connections_peak = self.outcome.connections_peak.max(self.busy + self.idle.len() as u32);
        self.at(now + self.client.latency_ms * 1_000, Event::Connected(greeting));
    }

    fn send(&mut self, now: u64, mails_left: u32) {
        self.outcome.sent.push(now);
        self.busy += 1;
        self.out += 1;
        self.answers.push(self.carrier.mail(now));
        let event = Event::Answered { index: self.answers.len() - 1, mails_left };
        self.at(now + self.client.latency_ms * 1_000, event);
    }
}
