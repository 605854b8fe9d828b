//! What a reply or a failure means for the path, the source and the carrier.

use std::time::Duration;

use mail_model::{Cause, MonoUs};
use telemetry::{BlockReason, PathBlocked, PathReopened, PathThrottled};
use throttle::{BreakerStatus, UnknownState};

pub use throttle::Signal;

use crate::group::Group;
use crate::scheduler::Scheduler;
use crate::ticket::Ticket;

impl Scheduler {
    /// Reports what happened on the ticket's path.
    pub fn feedback(&self, ticket: &Ticket, signal: Signal) {
        let (now, unix) = (self.clock().mono(), self.clock().unix());
        let mut state = self.state().lock();
        let group = &mut state.groups[ticket.group];
        let signal = group.with_pause(signal);
        group.path(&ticket.source, now).throttle.observe(now, signal);
        match signal {
            Signal::Accepted => {
                group.guard.observe(now, false);
                group.tell_reopened(ticket, now);
            }
            Signal::Refused => group.guard.observe(now, false),
            Signal::UnknownUser => {
                let before = group.guard.state(now);
                group.guard.observe(now, true);
                let stops = matches!(group.guard.state(now), UnknownState::Stop { .. });
                if stops && !matches!(before, UnknownState::Stop { .. }) {
                    let pause = Duration::from_secs(group.profile.pause_on_block_s);
                    group.tell_blocked(ticket, BlockReason::UnknownUsers, pause, now);
                }
            }
            Signal::Blocked { pause } => {
                let rest = pause.unwrap_or(Duration::from_secs(group.profile.pause_on_block_s));
                group.tell_blocked(ticket, BlockReason::Blocked, rest, now);
                let carrier = group.carrier.clone();
                state.pools.rest(&ticket.source, &carrier, unix + rest);
            }
            Signal::Throttled { .. } => {
                let rate_per_min = group.path(&ticket.source, now).throttle.status(now).rate_per_min;
                let (carrier, source) = (&group.carrier, &ticket.source);
                PathThrottled { carrier, source, cause: Cause::RateLimited, rate_per_min }.emit();
            }
            Signal::ConnectFailed | Signal::ConnectReset => group.tell_unreachable(ticket, now),
            Signal::ConnectOk => {}
        }
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

    fn tell_blocked(&mut self, ticket: &Ticket, reason: BlockReason, pause: Duration, now: MonoUs) {
        self.path(&ticket.source, now).resting = true;
        PathBlocked { carrier: &self.carrier, source: &ticket.source, reason, pause }.emit();
    }

    /// Once per opening of the breaker, not once per failed connection.
    fn tell_unreachable(&mut self, ticket: &Ticket, now: MonoUs) {
        let path = self.path(&ticket.source, now);
        if let (BreakerStatus::Open { until }, false) = (path.throttle.status(now).breaker, path.resting) {
            self.tell_blocked(ticket, BlockReason::Unreachable, until.since(now), now);
        }
    }

    fn tell_reopened(&mut self, ticket: &Ticket, now: MonoUs) {
        let path = self.path(&ticket.source, now);
        if std::mem::replace(&mut path.resting, false) {
            PathReopened { carrier: &self.carrier, source: &ticket.source }.emit();
        }
    }
}
