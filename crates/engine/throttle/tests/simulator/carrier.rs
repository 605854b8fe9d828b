//! A carrier with a limit it does not tell.

use std::collections::VecDeque;

use super::SECOND;
use super::scenario::{AtConnect, Behaviour, Counting};

const MINUTE: u64 = 60 * SECOND;

/// Its answer to a mail.
#[derive(Clone, Copy, PartialEq)]
pub enum Answer {
    Accepted,
    UnknownUser,
    TooFast { pause_s: Option<u64> },
    Blocked { pause_s: Option<u64> },
}

/// Its answer to a connection.
#[derive(Clone, Copy, PartialEq)]
pub enum Greeting {
    Welcome,
    Refused,
    Reset,
}

pub struct Carrier {
    timeline: Vec<Behaviour>,
    taken: VecDeque<u64>,
    over: VecDeque<u64>,
    banned_until: u64,
    unknown_due: f64,
    pub bans: usize,
    pub excess: usize,
}

impl Carrier {
    pub fn new(timeline: &[Behaviour]) -> Self {
        Self {
            timeline: timeline.to_vec(),
            taken: VecDeque::new(),
            over: VecDeque::new(),
            banned_until: 0,
            unknown_due: 0.0,
            bans: 0,
            excess: 0,
        }
    }

    fn behaviour(&self, now: u64) -> Behaviour {
        let begun = self.timeline.iter().rev().find(|b| b.from_s * SECOND <= now);
        begun.expect("a timeline begins at 0").clone()
    }

    pub fn connect(&mut self, now: u64, others_open: u32) -> Greeting {
        let behaviour = self.behaviour(now);
        if now < self.banned_until || behaviour.at_connect == AtConnect::Resets {
            return Greeting::Reset;
        }
        let full = behaviour.connections.is_some_and(|most| others_open >= most);
        if full || behaviour.at_connect == AtConnect::Refuses { Greeting::Refused } else { Greeting::Welcome }
    }

    pub fn mail(&mut self, now: u64) -> Answer {
        let behaviour = self.behaviour(now);
        if behaviour.blocks || now < self.banned_until {
            return Answer::Blocked { pause_s: behaviour.block_pause_s };
        }
        if !self.fits(now, &behaviour) {
            self.excess += 1;
            self.over.push_back(now);
            forget(&mut self.over, now.saturating_sub(MINUTE));
            if behaviour.ban_after_excess.is_some_and(|most| self.over.len() > most) {
                self.bans += 1;
                self.banned_until = now + behaviour.ban_s * SECOND;
                self.over.clear();
                return Answer::Blocked { pause_s: behaviour.block_pause_s };
            }
            return Answer::TooFast { pause_s: behaviour.pause_s };
        }
        self.taken.push_back(now);
        self.unknown_due += behaviour.unknown_ratio;
        if self.unknown_due >= 1.0 {
            self.unknown_due -= 1.0;
            return Answer::UnknownUser;
        }
        Answer::Accepted
    }

    fn fits(&mut self, now: u64, behaviour: &Behaviour) -> bool {
        let since = match behaviour.counting {
            Counting::Sliding => now.saturating_sub(MINUTE - 1),
            Counting::Fixed => now / MINUTE * MINUTE,
        };
        forget(&mut self.taken, since);
        behaviour.accepts_per_min.is_none_or(|most| (self.taken.len() as u64) < most)
    }
}

fn forget(times: &mut VecDeque<u64>, before: u64) {
    while times.front().is_some_and(|at| *at < before) {
        times.pop_front();
    }
}
