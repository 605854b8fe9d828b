//! What a path makes of a signal.

use std::time::Duration;

use mail_model::{MonoUs, Stage};

use super::{News, PathThrottle, Refusal};
use crate::breaker::{AfterFailure, Breaker, Open};
use crate::gate::{ClosedBecause, Heard, Signal};
use crate::laws::RateKind;
use crate::round::Round;
use crate::search::Scene;
use crate::sessions::Cut;

/// Suspensions of [`RateKind::StaticShaping`] and the pause of [`RateKind::Fixed`].
const STATIC_THROTTLE: Duration = Duration::from_secs(1_800);
const STATIC_BLOCK: Duration = Duration::from_secs(3_600);
const FIXED_THROTTLE: Duration = Duration::from_secs(60);

/// A stop that lasted longer than this is not about the rate.
const DOOR: Duration = Duration::from_secs(20);

/// A door that was shut so long, and is so again soon after it opened, was shut because of us: outages and full hours come
/// hours apart, and a crowd comes and goes.
const DOOR_LONG: Duration = Duration::from_secs(180);
const DOOR_AGAIN: Duration = Duration::from_secs(1_200);

/// Connections that fail within this time after a refusal are a ban.
const BAN_FOLLOWS: Duration = Duration::from_secs(60);

impl PathThrottle {
    /// Takes in what the path showed.
    pub fn observe(&mut self, now: MonoUs, heard: impl Into<Heard>) {
        let heard = heard.into();
        self.advance(now);
        if heard.signal != Signal::ConnectOk {
            // The youngest that had left by then; a session's first mail waits for its greeting first.
            let left = heard.left_at(now);
            let place = self.out.partition_point(|at| *at <= left).saturating_sub(1);
            let _ = self.out.remove(place);
        }
        if heard.is_at_the_door() && self.sessions.refused(now, heard.others_open, self.laws) {
            return;
        }
        match heard.signal {
            Signal::Accepted | Signal::Refused | Signal::UnknownUser => self.answered(now, &heard),
            Signal::ConnectOk => {
                if let Breaker::Closed(closed) = self.breaker {
                    self.breaker = Breaker::Closed(closed.connected());
                }
            }
            Signal::Throttled { pause } => self.throttled(now, &heard, pause),
            // Said to a session that asks to be let in, vague words are as good as clear ones.
            Signal::Deferred if heard.stage == Some(Stage::Mail) => self.cut(now, &heard, None, !heard.session_over),
            Signal::Deferred | Signal::Silent => self.refused(now, &heard, None, !heard.is_at_the_door()),
            Signal::Cut => self.cut(now, &heard, None, false),
            Signal::Blocked { pause } => self.blocked(now, ClosedBecause::Blocked, pause),
            Signal::ConnectFailed => self.connect_failed(now),
            Signal::ConnectReset => match self.limits.pause_on_reset {
                Some(pause) => self.blocked(now, ClosedBecause::ConnectReset, Some(pause)),
                None => self.connect_failed(now),
            },
        }
    }

    /// Takes in what came back by mail, minutes or days after the session: it answers no mail in hand. Only what asks for
    /// less, or for nothing, has a meaning then.
    pub fn late(&mut self, now: MonoUs, signal: Signal) {
        self.advance(now);
        match signal {
            Signal::Throttled { pause } => self.refused(now, &signal.into(), pause, false),
            Signal::Blocked { pause } => self.blocked(now, ClosedBecause::Blocked, pause),
            _ => {}
        }
    }

    fn answered(&mut self, now: MonoUs, heard: &Heard) {
        if let Some(took) = heard.took.filter(|_| !self.is_late(now, heard)) {
            self.latency.took(took);
        }
        self.tally.took(now);
        self.sessions.answered(now, heard.session_mails, heard.others_open);
        match self.breaker {
            Breaker::Closed(closed) => {
                self.breaker = Breaker::Closed(closed.answered());
                self.round.carried_one();
                self.noise.fine();
            }
            Breaker::Probing(probing) if !self.is_late(now, heard) => {
                if let Ok(closed) = probing.worked() {
                    let stop = probing.stop();
                    self.breaker = Breaker::Closed(closed);
                    let door = stop.knocks > 0 || now.since(stop.began) >= DOOR.max(stop.named.unwrap_or_default() * 2);
                    self.news = Some(News::Opened { door: door.then_some(stop.began) });
                    self.opened(now, stop.because, door);
                }
            }
            Breaker::Probing(_) | Breaker::Open(_) => {}
        }
    }

    /// A knock was answered; `door`: not at once, so that the stop was no word on the rate, or one on what is counted by the
    /// minute.
    fn opened(&mut self, now: MonoUs, because: ClosedBecause, door: bool) {
        self.round = Round::starting(now);
        self.open_since = now;
        self.sessions.reopened(now);
        let bounds = self.bounds();
        if let (Some(refusal), ClosedBecause::Throttled) = (self.refusal.take(), because) {
            if door && self.laws.is_adaptive() {
                let long = now.since(refusal.at) >= DOOR_LONG;
                let again = self.door_open_at.is_some_and(|open_at| refusal.at.since(open_at) <= DOOR_AGAIN);
                if long && again && self.laws.blocks {
                    self.search.shut_out(&refusal.before, refusal.minute, &bounds);
                } else {
                    self.search.reopened(&refusal.before, refusal.minute, now.since(refusal.at), &bounds);
                }
                self.door_open_at = long.then_some(now).or(self.door_open_at);
                self.tally.unmark();
                self.noise.reset();
            }
        }
        self.pacer.set_rate(now, self.search.rate());
        self.pacer.put_off(now, self.phase);
    }

    /// Whether this answers a mail that was sent before the last reaction.
    fn is_late(&self, now: MonoUs, heard: &Heard) -> bool {
        heard.took.is_some() && heard.left_at(now) < self.reacted_at
    }

    fn throttled(&mut self, now: MonoUs, heard: &Heard, pause: Option<Duration>) {
        if heard.stage.is_some_and(|stage| stage >= Stage::Mail) {
            self.cut(now, heard, pause, false);
        } else {
            self.refused(now, heard, pause, false);
        }
    }

    /// A session ended in the middle, or its next mail was refused. That is a refusal, and none when the session before met
    /// it after as many mails.
    fn cut(&mut self, now: MonoUs, heard: &Heard, pause: Option<Duration>, vague: bool) {
        if self.is_late(now, heard) {
            // Sessions that were opened together are refused together, after as many mails.
            return self.longer(now, pause);
        }
        match self.sessions.cut(heard.session_mails, self.laws) {
            Cut::Counted => {
                self.forgive(now);
                if let Some(before) = self.before_cut.take().filter(|before| before.rate() > self.search.rate()) {
                    self.search = before;
                    self.pacer.set_rate(now, before.rate());
                }
            }
            first => {
                let before = self.search;
                self.refused(now, heard, pause, vague);
                if first == Cut::First {
                    self.before_cut = Some(before);
                }
            }
        }
    }

    fn refused(&mut self, now: MonoUs, heard: &Heard, pause: Option<Duration>, vague: bool) {
        if heard.took.is_some() && self.is_late(now, heard) {
            return self.longer(now, pause);
        }
        match self.breaker {
            Breaker::Closed(_) => {
                let has_reacted = self.reacted_at != MonoUs::default();
                let unsettled =
                    has_reacted && heard.took.is_none() && now < self.reacted_at + self.limits.reaction_window;
                if !unsettled {
                    self.refusal_of_open(now, pause, vague);
                }
            }
            Breaker::Probing(probing) => {
                self.news = Some(News::StillShut);
                self.reacted_at = now;
                self.shut(probing.failed(now, ClosedBecause::Throttled, pause, &self.limits));
            }
            Breaker::Open(_) => self.longer(now, pause),
        }
    }

    /// A refusal while all was open.
    pub(super) fn refusal_of_open(&mut self, now: MonoUs, pause: Option<Duration>, vague: bool) {
        let Breaker::Closed(closed) = self.breaker else { return };
        if !self.noise.refusal_counts(vague, self.laws) {
            self.tally.took(now);
            self.round.bore_one();
            return;
        }
        let before = self.search;
        if self.search.refused(Scene { now, tally: &self.tally, bounds: self.bounds(), laws: self.laws }) {
            self.noise.learn();
            self.tally.took(now);
            self.pacer.set_rate(now, self.search.rate());
            return;
        }
        self.refusal = Some(Refusal { at: now, before, minute: self.tally.last_minute(now) });
        self.news = Some(News::Refused { proven: before.is_proven(), resting: before.is_resting() });
        self.tally.refused(now);
        let pause = match self.laws.rate {
            RateKind::Adaptive => pause,
            RateKind::Fixed => pause.max(Some(FIXED_THROTTLE)),
            RateKind::StaticShaping => pause.max(Some(STATIC_THROTTLE)),
        };
        if self.laws.is_adaptive() {
            self.sessions.throttled(now, pause.is_some());
        }
        self.reacted_at = now;
        self.shut(closed.stop(now, ClosedBecause::Throttled, pause, &self.limits));
        self.pacer.set_rate(now, self.search.rate());
    }

    /// A signal about a mail sent before the stop counts only for the pause it names.
    fn longer(&mut self, now: MonoUs, pause: Option<Duration>) {
        if let (Breaker::Open(open), Some(pause)) = (self.breaker, pause) {
            self.shut(open.at_least_until(now + pause));
        }
    }

    fn shut(&mut self, open: Open) {
        self.breaker = Breaker::Open(open);
        self.round = Round::starting(open.until());
    }

    fn connect_failed(&mut self, now: MonoUs) {
        match self.breaker {
            Breaker::Closed(closed) => match closed.connect_failed(now, &self.limits) {
                AfterFailure::NotCounted(same) => self.breaker = Breaker::Closed(same),
                AfterFailure::Counted(next) => {
                    self.breaker = Breaker::Closed(next);
                    self.round.bore_one();
                }
                AfterFailure::Opened(open) => {
                    // Shut right after a refusal is no outage.
                    if self.laws.blocks
                        && self.reacted_at != MonoUs::default()
                        && now.since(self.reacted_at) <= BAN_FOLLOWS
                    {
                        self.search.blocked(Scene { now, tally: &self.tally, bounds: self.bounds(), laws: self.laws });
                        self.pacer.set_rate(now, self.search.rate());
                    }
                    self.sessions.stopped();
                    self.reacted_at = now;
                    self.shut(open);
                }
            },
            Breaker::Probing(probing) => {
                self.news = Some(News::StillShut);
                let because = probing.because();
                self.shut(probing.failed(now, because, None, &self.limits));
            }
            Breaker::Open(_) => {}
        }
    }

    /// Opens the breaker. While it is open already, only a pause named by the signal counts: the mails in flight at a
    /// block all come back with the same answer.
    fn blocked(&mut self, now: MonoUs, because: ClosedBecause, pause: Option<Duration>) {
        let pause = if self.laws.rate == RateKind::StaticShaping { pause.max(Some(STATIC_BLOCK)) } else { pause };
        match self.breaker {
            Breaker::Closed(closed) => {
                if self.laws.blocks {
                    self.search.blocked(Scene { now, tally: &self.tally, bounds: self.bounds(), laws: self.laws });
                }
                self.sessions.stopped();
                self.noise.reset();
                self.refusal = None;
                self.reacted_at = now;
                self.pacer.set_rate(now, self.search.rate());
                self.shut(closed.stop(now, because, pause, &self.limits));
            }
            Breaker::Probing(probing) => {
                self.news = Some(News::StillShut);
                self.shut(probing.failed(now, because, pause, &self.limits));
            }
            Breaker::Open(_) => self.longer(now, pause),
        }
    }
}
