//! What a reply or a failure means for the path, the source and the carrier.

use std::sync::atomic::Ordering;
use std::time::Duration;

use mail_model::{Cause, EgressPath, MonoUs, SourceName, Stage, UnixMs};
use telemetry::{BlockReason, PathBlocked, PathReopened, PathThrottled};
use throttle::{BreakerStatus, ClosedBecause, PathStatus};

pub use throttle::{Heard, Signal};

use crate::burst::{Burst, BurstLimits};
use crate::group::Group;
use crate::scheduler::{Scheduler, State};
use crate::ticket::Ticket;
use crate::work::Work;

/// Bursts that wait for somebody to take them; beyond it the oldest is dropped. Each names a path, so there are few.
const BURSTS_MAX: usize = 256;

impl<W: Work> Scheduler<W> {
    /// Reports what happened on the ticket's path: a signal, or one with its circumstances. How many sessions are open
    /// and what this one has carried is known here.
    pub fn feedback(&self, ticket: &Ticket, heard: impl Into<Heard>) {
        let (now, unix) = (self.clock().mono(), self.clock().unix());
        let mut state = self.state().lock();
        let (index, source) = (ticket.group, &ticket.source);
        let group = &mut state.groups[index];
        let heard = group.in_circumstances(ticket, heard.into(), now);
        let signal = heard.signal;
        let stopped = group.stopped_until(Some(source), now).is_some();
        group.observe(source, heard, now);
        if matches!(signal, Signal::Accepted | Signal::Refused | Signal::UnknownUser) {
            group.answered(now);
        }
        match signal {
            Signal::Accepted => {
                group.path(source, now).burst.accepted(now);
                group.tell_reopened(source, now);
            }
            Signal::UnknownUser => match group.stopped_until(Some(source), now) {
                Some(until) if !stopped => {
                    group.tell_blocked(source, BlockReason::UnknownUsers, until.since(now), now);
                    self.doubt(&mut state, index, None, unix);
                }
                _ => self.count_unknown(&mut state, index, source, now, unix),
            },
            Signal::Blocked { .. } => state.rest(index, source, BlockReason::Blocked, now, unix),
            Signal::Throttled { .. } | Signal::Deferred | Signal::Cut | Signal::Silent => {
                group.tell_throttled(source, now);
                let State { groups, nodes, .. } = &mut *state;
                nodes.refused(|| groups[index].netblock_at(source));
            }
            Signal::ConnectFailed | Signal::ConnectReset => group.tell_unreachable(source, now),
            Signal::Refused | Signal::ConnectOk => {}
        }
    }

    /// Reports what came back by mail about a path, minutes or days after the session that used it.
    ///
    /// A late "unknown" counts towards a burst and not towards the carrier's share of unknown users, in which the same
    /// mail stands as accepted; it answers no probe either. Only what asks for less, or for nothing, acts at once.
    pub fn signal_path(&self, path: &EgressPath, signal: Signal) {
        let (now, unix) = (self.clock().mono(), self.clock().unix());
        let mut state = self.state().lock();
        let index = state.group_of(&path.carrier, &path.site, self.directory());
        let group = &mut state.groups[index];
        let signal = group.with_pause(signal);
        match signal {
            Signal::UnknownUser => self.count_unknown(&mut state, index, &path.source, now, unix),
            // A hundred mails that came back tell of one block.
            Signal::Blocked { .. } if group.path(&path.source, now).resting => {}
            Signal::Blocked { .. } => {
                group.path(&path.source, now).throttle.late(now, signal);
                state.rest(index, &path.source, BlockReason::Blocked, now, unix);
            }
            Signal::Throttled { .. } => {
                group.path(&path.source, now).throttle.late(now, signal);
                group.tell_throttled(&path.source, now);
            }
            Signal::Accepted
            | Signal::Refused
            | Signal::Deferred
            | Signal::Cut
            | Signal::Silent
            | Signal::ConnectOk
            | Signal::ConnectFailed
            | Signal::ConnectReset => {}
        }
    }

    /// Whether an "unknown user" of this path is not believed now: too many come from it, or its carrier's guard has
    /// stopped. Nobody is to be suppressed by it.
    pub fn doubts_unknown(&self, path: &EgressPath) -> bool {
        let now = self.clock().mono();
        let state = self.state().lock();
        let group = state.groups.iter().find(|group| group.carrier == path.carrier && group.site == path.site);
        group.is_some_and(|group| {
            let stopped = group.stopped_until(Some(&path.source), now).is_some();
            stopped || group.paths.get(&path.source).is_some_and(|path| path.burst.is_doubted(now))
        })
    }

    /// The bursts since the last call. What was suppressed on their word is to be taken back.
    pub fn take_bursts(&self) -> Vec<Burst> {
        std::mem::take(&mut self.state().lock().bursts)
    }

    fn count_unknown(&self, state: &mut State, index: usize, source: &SourceName, now: MonoUs, unix: UnixMs) {
        let group = &mut state.groups[index];
        let pause = Duration::from_secs(group.profile.pause_on_block_s);
        let path = group.path(source, now);
        if path.burst.unknown(now, pause) {
            path.throttle.late(now, Signal::Blocked { pause: Some(pause) });
            state.rest(index, source, BlockReason::UnknownUsers, now, unix);
            self.doubt(state, index, Some(source), unix);
        }
    }

    fn doubt(&self, state: &mut State, index: usize, source: Option<&SourceName>, unix: UnixMs) {
        let limits = BurstLimits::default();
        let window = if source.is_some() { limits.window } else { limits.guard_window };
        let since = UnixMs(unix.0.saturating_sub(u64::try_from(window.as_millis()).unwrap_or(u64::MAX)));
        let group = &state.groups[index];
        let (carrier, site) = (group.carrier.clone(), group.site.clone());
        if state.bursts.len() >= BURSTS_MAX {
            state.bursts.remove(0);
        }
        state.bursts.push(Burst { carrier, site, source: source.cloned(), since });
        self.doubts().notify_one();
    }

    /// Gives a path back when its session has ended. Must be called once for every assignment.
    pub fn closed(&self, mut ticket: Ticket) {
        let now = self.clock().mono();
        let mut state = self.state().lock();
        state.stop_waiting(&mut ticket);
        state.sessions_open = state.sessions_open.saturating_sub(1);
        state.cut(&ticket, now);
        state.came_back(&ticket, 0, now);
        let path = state.groups[ticket.group].path(&ticket.source, now);
        path.open = path.open.saturating_sub(1);
        state.nodes.closed(&ticket.source, now);
        drop(state);
        self.changed().notify_one();
    }
}

/// A session that found nothing to send for so long may have been closed for that.
const IDLE: Duration = Duration::from_millis(500);

impl State {
    /// A session that ended with a mail in hand and without a word was cut by the carrier. The mail goes again, charged
    /// with nothing; the path has heard something. Unless the session had been idle: then that was the reason.
    fn cut(&mut self, ticket: &Ticket, now: MonoUs) {
        let answered = ticket.answered.load(Ordering::Relaxed);
        let told = ticket.ended.load(Ordering::Relaxed);
        if told || self.stopping || answered == 0 || answered >= ticket.sent || ticket.handed.1 >= IDLE {
            return;
        }
        let group = &mut self.groups[ticket.group];
        let others_open = group.path(&ticket.source, now).open.saturating_sub(1);
        let took = Some(now.since(ticket.handed.0));
        let cut = Heard { stage: Some(Stage::Mail), took, session_mails: answered, others_open, ..Signal::Cut.into() };
        group.observe(&ticket.source, Heard { session_over: true, ..cut }, now);
        ticket.answered.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes a source away from a carrier for as long as its path is shut.
    fn rest(&mut self, index: usize, source: &SourceName, why: BlockReason, now: MonoUs, unix: UnixMs) {
        let group = &mut self.groups[index];
        let shut = group.path(source, now).throttle.status(now).shut;
        let Some(pause) = shut.map(|shut| shut.until.since(now)) else { return };
        group.tell_blocked(source, why, pause, now);
        let carrier = group.carrier.clone();
        self.pools.rest(source, &carrier, unix + pause);
    }
}

impl Group {
    /// A signal without a pause of its own gets the profile's, where that names one.
    fn with_pause(&self, signal: Signal) -> Signal {
        let named = Some(self.profile.pause_on_throttle_s).filter(|s| *s > 0).map(Duration::from_secs);
        match signal {
            Signal::Throttled { pause: None } => Signal::Throttled { pause: named },
            other => other,
        }
    }

    fn in_circumstances(&mut self, ticket: &Ticket, heard: Heard, now: MonoUs) -> Heard {
        let answered = match heard.signal {
            Signal::ConnectOk => ticket.answered.load(Ordering::Relaxed),
            _ => ticket.answered.fetch_add(1, Ordering::Relaxed),
        };
        ticket.ended.fetch_or(heard.session_over, Ordering::Relaxed);
        let others_open = self.path(&ticket.source, now).open.saturating_sub(1);
        Heard { signal: self.with_pause(heard.signal), session_mails: answered, others_open, ..heard }
    }

    fn tell_blocked(&mut self, source: &SourceName, reason: BlockReason, pause: Duration, now: MonoUs) {
        self.path(source, now).resting = true;
        PathBlocked { carrier: &self.carrier, source, reason, pause }.emit();
    }

    /// Vague words that were borne are no news.
    fn tell_throttled(&mut self, source: &SourceName, now: MonoUs) {
        let PathStatus { rate_per_min, shut, .. } = self.path(source, now).throttle.status(now);
        if shut.is_none() {
            return;
        }
        PathThrottled { carrier: &self.carrier, source, cause: Cause::RateLimited, rate_per_min }.emit();
    }

    /// Once per opening of the breaker, not once per failed connection.
    fn tell_unreachable(&mut self, source: &SourceName, now: MonoUs) {
        let path = self.path(source, now);
        let status = path.throttle.status(now);
        let gone = status.shut.is_some_and(|shut| shut.because != ClosedBecause::Throttled);
        if let (BreakerStatus::Open { until }, true, false) = (status.breaker, gone, path.resting) {
            self.tell_blocked(source, BlockReason::Unreachable, until.since(now), now);
        }
    }

    fn tell_reopened(&mut self, source: &SourceName, now: MonoUs) {
        let path = self.path(source, now);
        if std::mem::replace(&mut path.resting, false) {
            PathReopened { carrier: &self.carrier, source }.emit();
        }
    }
}
