//! What a reply or a failure means for the path, the source and the carrier.

use std::time::Duration;

use mail_model::{Cause, EgressPath, MonoUs, SourceName, UnixMs};
use telemetry::{BlockReason, PathBlocked, PathReopened, PathThrottled};
use throttle::{BreakerStatus, UnknownState};

pub use throttle::Signal;

use crate::burst::{Burst, BurstLimits};
use crate::group::Group;
use crate::scheduler::{Scheduler, State};
use crate::ticket::Ticket;

/// Bursts that wait for somebody to take them; beyond it the oldest is dropped. Each names a path, so there are few.
const BURSTS_MAX: usize = 256;

impl Scheduler {
    /// Reports what happened on the ticket's path.
    pub fn feedback(&self, ticket: &Ticket, signal: Signal) {
        let (now, unix) = (self.clock().mono(), self.clock().unix());
        let mut state = self.state().lock();
        let (index, source) = (ticket.group, &ticket.source);
        let group = &mut state.groups[index];
        let signal = group.with_pause(signal);
        group.path(source, now).throttle.observe(now, signal);
        match signal {
            Signal::Accepted => {
                group.guard.observe(now, false);
                group.path(source, now).burst.accepted(now);
                group.tell_reopened(source, now);
            }
            Signal::Refused => group.guard.observe(now, false),
            Signal::UnknownUser => {
                let before = group.guard.state(now);
                group.guard.observe(now, true);
                let stops = matches!(group.guard.state(now), UnknownState::Stop { .. });
                if stops && !matches!(before, UnknownState::Stop { .. }) {
                    let pause = Duration::from_secs(group.profile.pause_on_block_s);
                    group.tell_blocked(source, BlockReason::UnknownUsers, pause, now);
                    self.doubt(&mut state, index, None, unix);
                } else {
                    self.count_unknown(&mut state, index, source, now, unix);
                }
            }
            Signal::Blocked { pause } => state.rest(index, source, BlockReason::Blocked, pause, now, unix),
            Signal::Throttled { .. } => group.tell_throttled(source, now),
            Signal::ConnectFailed | Signal::ConnectReset => group.tell_unreachable(source, now),
            Signal::ConnectOk => {}
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
            Signal::Blocked { pause } => {
                group.path(&path.source, now).throttle.observe(now, signal);
                state.rest(index, &path.source, BlockReason::Blocked, pause, now, unix);
            }
            Signal::Throttled { .. } => {
                group.path(&path.source, now).throttle.observe(now, signal);
                group.tell_throttled(&path.source, now);
            }
            Signal::Accepted | Signal::Refused | Signal::ConnectOk | Signal::ConnectFailed | Signal::ConnectReset => {}
        }
    }

    /// Whether an "unknown user" of this path is not believed now: too many come from it, or its carrier's guard has
    /// stopped. Nobody is to be suppressed by it.
    pub fn doubts_unknown(&self, path: &EgressPath) -> bool {
        let now = self.clock().mono();
        let state = self.state().lock();
        let group = state.groups.iter().find(|group| group.carrier == path.carrier && group.site == path.site);
        group.is_some_and(|group| {
            let stopped = matches!(group.guard.state(now), UnknownState::Stop { .. });
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
            path.throttle.observe(now, Signal::Blocked { pause: Some(pause) });
            state.rest(index, source, BlockReason::UnknownUsers, Some(pause), now, unix);
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
        let path = state.groups[ticket.group].path(&ticket.source, now);
        path.open = path.open.saturating_sub(1);
        drop(state);
        self.changed().notify_one();
    }
}

impl State {
    /// Takes a source away from a carrier for a while.
    fn rest(
        &mut self,
        index: usize,
        source: &SourceName,
        why: BlockReason,
        pause: Option<Duration>,
        now: MonoUs,
        unix: UnixMs,
    ) {
        let group = &mut self.groups[index];
        let pause = pause.unwrap_or(Duration::from_secs(group.profile.pause_on_block_s));
        group.tell_blocked(source, why, pause, now);
        let carrier = group.carrier.clone();
        self.pools.rest(source, &carrier, unix + pause);
    }
}

impl Group {
    /// A signal without a pause of its own gets the profile's.
    fn with_pause(&self, signal: Signal) -> Signal {
        let seconds = |s: u64| Some(Duration::from_secs(s));
        match signal {
            Signal::Throttled { pause: None } => Signal::Throttled { pause: seconds(self.profile.pause_on_throttle_s) },
            Signal::Blocked { pause: None } => Signal::Blocked { pause: seconds(self.profile.pause_on_block_s) },
            other => other,
        }
    }

    fn tell_blocked(&mut self, source: &SourceName, reason: BlockReason, pause: Duration, now: MonoUs) {
        self.path(source, now).resting = true;
        PathBlocked { carrier: &self.carrier, source, reason, pause }.emit();
    }

    fn tell_throttled(&mut self, source: &SourceName, now: MonoUs) {
        let rate_per_min = self.path(source, now).throttle.status(now).rate_per_min;
        PathThrottled { carrier: &self.carrier, source, cause: Cause::RateLimited, rate_per_min }.emit();
    }

    /// Once per opening of the breaker, not once per failed connection.
    fn tell_unreachable(&mut self, source: &SourceName, now: MonoUs) {
        let path = self.path(source, now);
        if let (BreakerStatus::Open { until }, false) = (path.throttle.status(now).breaker, path.resting) {
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
