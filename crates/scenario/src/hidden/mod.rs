//! A carrier with limits it does not tell: a pure state machine, driven by calls with the moment.

pub mod answer;
pub mod counts;
mod doors;
mod meter;
mod speech;
pub mod steps;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use clock::Chance;
use mail_model::{MonoUs, Stage};

use crate::SECOND;
use crate::behaviour::{Latency, Limit, LimitKind, Of, Per, Period, Rebuff};
use crate::draw::unit;
use crate::words::Style;
use crate::world::Scenario;
pub use answer::{Answer, Greeting, Recipient, Said, SessionId, Why};
use counts::Counts;
use doors::Doors;
use meter::{Ask, Meters, Owners};

#[derive(Clone, Debug)]
struct Session {
    source: usize,
    open: bool,
    mails: u32,
    used_us: u64,
}

/// One carrier of a scenario, seen by all our sources. The same calls with the same seed give the same answers.
#[derive(Clone, Debug)]
pub struct HiddenCarrier {
    style: Style,
    periods: Vec<Period>,
    period: usize,
    /// The limits of the period, shared so that a mail need not copy them.
    limits: Arc<[Limit]>,
    start_of_day_s: u64,
    names: Vec<String>,
    chance: Chance,
    sessions: Vec<Session>,
    open_of: Vec<Vec<usize>>,
    owners: Owners,
    meters: Meters,
    doors: Doors,
    greylist: HashMap<(usize, u64), u64>,
    passed: Vec<u64>,
    counts: Vec<Counts>,
}

/// What became of a check: go on, with a delay, or turned away.
enum Turn {
    On(u64),
    Away(Said, Stage, bool),
}

impl HiddenCarrier {
    /// Carrier number `carrier` of a scenario, at its beginning.
    ///
    /// # Panics
    /// When there is no such carrier.
    pub fn new(scenario: &Scenario, carrier: usize, seed: u64) -> Self {
        let world = &scenario.carriers[carrier];
        let owners = Owners::of(scenario);
        let sources = scenario.sources.len();
        Self {
            style: world.style,
            meters: Meters::new(&world.periods[0].limits, &owners),
            doors: Doors::new(&owners),
            periods: world.periods.clone(),
            period: 0,
            limits: world.periods[0].limits.as_slice().into(),
            start_of_day_s: scenario.start_of_day_s,
            names: scenario.sources.iter().map(|source| source.name.as_str().to_owned()).collect(),
            chance: Chance::seeded(seed ^ ((carrier as u64 + 1) << 32)),
            sessions: Vec::new(),
            open_of: vec![Vec::new(); sources],
            owners,
            greylist: HashMap::new(),
            passed: vec![0; sources],
            counts: vec![Counts::default(); sources],
        }
    }

    /// A source asks for a connection. `now` counts from the scenario's beginning and never goes back.
    ///
    /// # Panics
    /// When there is no such source.
    pub fn connect(&mut self, now: MonoUs, source: usize) -> Greeting {
        self.turn_page(now);
        self.counts[source].connections_asked += 1;
        self.drop_idle(now, source);
        let mut delay_ms = self.latency_ms(true);
        let told = self.turned_at_the_door(now, source, &mut delay_ms);
        let (told, ban_began) = match told {
            Some(told) => (Some(told), false),
            None => self.over_at_connect(now, source, &mut delay_ms),
        };
        if let Some((said, why)) = told {
            self.counts[source].connections_turned_away += 1;
            return Greeting { session: None, said, after_ms: delay_ms, why, ban_began };
        }
        let id = self.sessions.len();
        self.sessions.push(Session { source, open: true, mails: 0, used_us: now.0 });
        self.open_of[source].push(id);
        self.counts[source].open_max = self.counts[source].open_max.max(self.open_of[source].len() as u64);
        let said = Said::Reply(self.style.greeting());
        Greeting { session: Some(SessionId(id)), said, after_ms: delay_ms, why: Why::Fine, ban_began }
    }

    /// The sender ends a session, or gives up waiting for an answer. Closing twice does nothing.
    pub fn close(&mut self, _now: MonoUs, session: SessionId) {
        let Some(entry) = self.sessions.get_mut(session.0) else { return };
        if entry.open {
            entry.open = false;
            self.open_of[entry.source].retain(|id| *id != session.0);
        }
    }

    /// The limit that a connection of a source would exceed now: its place in the period's list. For senders of tests
    /// and figures that know what no sender knows; nothing is counted.
    ///
    /// # Panics
    /// When there is no such source.
    pub fn connect_would_cross(&mut self, now: MonoUs, source: usize) -> Option<usize> {
        self.turn_page(now);
        self.drop_idle(now, source);
        let (ask, limits) = (self.ask(now, source), Arc::clone(&self.limits));
        limits.iter().enumerate().position(|(index, limit)| self.is_over_connecting(index, limit, ask))
    }

    /// The same for a mail in a session.
    pub fn mail_would_cross(&mut self, now: MonoUs, session: SessionId) -> Option<usize> {
        self.turn_page(now);
        let (ask, limits) = (self.ask(now, self.source_of(session)?), Arc::clone(&self.limits));
        limits.iter().enumerate().position(|(index, limit)| self.is_over_mailing(index, limit, ask, session))
    }

    /// What was counted for one source.
    ///
    /// # Panics
    /// When there is no such source.
    pub fn counts(&self, source: usize) -> &Counts {
        &self.counts[source]
    }

    /// What was counted for all sources together.
    pub fn total(&self) -> Counts {
        self.counts.iter().fold(Counts::default(), |sum, one| sum.plus(one))
    }

    /// Bans of a netblock as a whole; each also stands with the source that brought it on.
    ///
    /// # Panics
    /// When there is no such netblock.
    pub fn netblock_bans(&self, netblock: usize) -> u64 {
        self.doors.bans(Per::Netblock, netblock)
    }

    /// Whether a source is shut out now, by a ban of its own or of its netblock.
    pub fn is_banned(&self, now: MonoUs, source: usize) -> bool {
        self.doors.is_shut(now.0, &self.owners.keys(source))
    }

    /// Sessions that a source has open.
    ///
    /// # Panics
    /// When there is no such source.
    pub fn open_sessions(&self, source: usize) -> usize {
        self.open_of[source].len()
    }

    fn source_of(&self, session: SessionId) -> Option<usize> {
        self.sessions.get(session.0).map(|entry| entry.source)
    }

    fn now_period(&self) -> &Period {
        &self.periods[self.period]
    }

    fn ask(&self, now: MonoUs, source: usize) -> Ask {
        Ask { source, now_us: now.0, clock_s: self.start_of_day_s + now.0 / SECOND }
    }

    /// Goes to the period that holds now.
    fn turn_page(&mut self, now: MonoUs) {
        while self.periods.get(self.period + 1).is_some_and(|next| next.from_s * SECOND <= now.0) {
            let next = &self.periods[self.period + 1];
            self.meters.change(&self.limits, &next.limits, &self.owners, next.from_s * SECOND);
            self.limits = next.limits.as_slice().into();
            self.period += 1;
            self.close_surplus(now);
        }
    }

    /// A carrier that bears fewer sessions than before ends the youngest, without a word.
    fn close_surplus(&mut self, now: MonoUs) {
        let limits = Arc::clone(&self.limits);
        for limit in &*limits {
            let LimitKind::Sessions { most } = limit.kind else { continue };
            for source in 0..self.open_of.len() {
                while self.open_by(limit.per, source) > most as usize {
                    let Some(id) = self.open_of[source].last().copied() else { break };
                    self.close(now, SessionId(id));
                }
            }
        }
    }

    fn drop_idle(&mut self, now: MonoUs, source: usize) {
        let Some(idle_s) = self.now_period().session_idle_s else { return };
        let stale = |id: &usize| now.0.saturating_sub(self.sessions[*id].used_us) > idle_s * SECOND;
        let ended: Vec<usize> = self.open_of[source].iter().copied().filter(stale).collect();
        for id in ended {
            self.close(now, SessionId(id));
        }
    }

    fn latency_ms(&mut self, connecting: bool) -> u64 {
        let Latency { connect_ms, mail_ms, jitter_ms, per_session_ms } = self.now_period().latency;
        let open: usize = self.open_of.iter().map(Vec::len).sum();
        let others = if connecting { open } else { open.saturating_sub(1) } as u64;
        let base = if connecting { connect_ms } else { mail_ms };
        base + self.chance.below(jitter_ms + 1) + per_session_ms * others
    }

    /// Bans, outages, lists and the full hour, where they are told at the greeting.
    fn turned_at_the_door(&mut self, now: MonoUs, source: usize, delay_ms: &mut u64) -> Option<(Said, Why)> {
        let (rebuff, why) = self.closed_door(now, source, |at| at == Stage::Greeting)?;
        match self.turn(&rebuff, Stage::Greeting, source, "") {
            Turn::On(more_ms) => {
                *delay_ms += more_ms;
                None
            }
            Turn::Away(said, ..) => {
                self.counts[source].note(why);
                Some((said, why))
            }
        }
    }

    /// The first door that is shut to the source and told at one of the wanted steps.
    fn closed_door(&mut self, now: MonoUs, source: usize, wanted: fn(Stage) -> bool) -> Option<(Rebuff, Why)> {
        let keys = self.owners.keys(source);
        if let Some(says) = self.doors.knock(now.0, &keys, wanted) {
            return Some((says, Why::Banned));
        }
        let period = &self.periods[self.period];
        if let Some(door) = period.door.as_ref().filter(|door| wanted(door.at)) {
            return Some((door.clone(), Why::Outage));
        }
        if let Some(listed) = &period.listed {
            if wanted(listed.says.at) && listed.sources.contains(&source) {
                return Some((listed.says.clone(), Why::Listed));
            }
        }
        period.full_hour.as_ref().filter(|hour| wanted(hour.says.at) && hour.is_door())?;
        self.crowded(now)
    }

    /// Whether the full hour puts a request off.
    fn crowded(&mut self, now: MonoUs) -> Option<(Rebuff, Why)> {
        let hour = self.periods[self.period].full_hour.as_ref()?;
        let put_off = hour.holds_at(self.start_of_day_s + now.0 / SECOND) && unit(&mut self.chance) < hour.share;
        put_off.then(|| (hour.says.clone(), Why::FullHour))
    }

    /// Limits that a connection can exceed. Returns how it was turned away and whether a ban begins.
    fn over_at_connect(&mut self, now: MonoUs, source: usize, delay_ms: &mut u64) -> (Option<(Said, Why)>, bool) {
        let ask = self.ask(now, source);
        let limits = Arc::clone(&self.limits);
        let mut ban_began = false;
        for (index, limit) in limits.iter().enumerate() {
            let over = self.is_over_connecting(index, limit, ask);
            if over {
                ban_began |= self.exceed(now, index, source);
                match self.turn(&limit.over, Stage::Greeting, source, "") {
                    Turn::On(more_ms) => *delay_ms += more_ms,
                    Turn::Away(said, ..) => return (Some((said, Why::Crossing(index))), ban_began),
                }
            }
        }
        self.meters.take(&limits, Of::Connections, &self.owners, ask);
        (None, ban_began)
    }

    fn is_over_connecting(&mut self, index: usize, limit: &Limit, ask: Ask) -> bool {
        match limit.kind {
            LimitKind::Sessions { most } => self.open_by(limit.per, ask.source) >= most as usize,
            // Who is already over the pace for mails is not even let in, where that is told at the greeting.
            LimitKind::Rate { of, .. } | LimitKind::Count { of, .. } => {
                let counts = of == Of::Connections || limit.over.at == Stage::Greeting;
                counts && self.meters.is_over(index, limit, &self.owners, ask)
            }
            _ => false,
        }
    }

    fn open_by(&self, per: Per, source: usize) -> usize {
        let same = |other: &usize| self.owners.key(per, *other) == self.owners.key(per, source);
        (0..self.open_of.len()).filter(same).map(|other| self.open_of[other].len()).sum()
    }

    /// Notes an excess; says whether a ban begins with it.
    fn exceed(&mut self, now: MonoUs, limit: usize, source: usize) -> bool {
        self.counts[source].crossed();
        let ask = self.ask(now, source);
        let period = &self.periods[self.period];
        self.meters.punish(limit, &self.limits[limit], &self.owners, ask);
        let Some(ban) = &period.ban else { return false };
        let began = self.doors.excess(now.0, ban, &self.owners.keys(source));
        self.counts[source].bans += u64::from(began);
        began
    }
}
