//! What a reply or a failure means for the path, the source and the carrier.

use std::time::Duration;

use mail_model::Cause;
use telemetry::{BlockReason, PathBlocked, PathThrottled};
use throttle::UnknownState;

pub use throttle::Signal;

use crate::scheduler::Scheduler;
use crate::ticket::Ticket;

impl Scheduler {
    /// Reports what happened on the ticket's path.
    pub fn feedback(&self, ticket: &Ticket, signal: Signal) {
        let (now, unix) = (self.clock().mono(), self.clock().unix());
        let mut state = self.state().lock();
        let group = &mut state.groups[ticket.group];
        group.path(&ticket.source, now).throttle.observe(now, signal);
        match signal {
            Signal::Accepted | Signal::Refused => group.guard.observe(now, false),
            Signal::UnknownUser => {
                let before = group.guard.state(now);
                group.guard.observe(now, true);
                if let (UnknownState::Ok | UnknownState::Warn, UnknownState::Stop { .. }) =
                    (before, group.guard.state(now))
                {
                    let pause = Duration::from_secs(group.profile.pause_on_block_s);
                    let reason = BlockReason::UnknownUsers;
                    PathBlocked { carrier: &group.carrier, source: &ticket.source, reason, pause }.emit();
                }
            }
            Signal::Blocked { pause } => {
                let rest = pause.unwrap_or(Duration::from_secs(group.profile.pause_on_block_s));
                let carrier = group.carrier.clone();
                state.pools.rest(&ticket.source, &carrier, unix + rest);
                let reason = BlockReason::Blocked;
                PathBlocked { carrier: &carrier, source: &ticket.source, reason, pause: rest }.emit();
            }
            Signal::Throttled { .. } => {
                let rate_per_min = group.path(&ticket.source, now).throttle.status(now).rate_per_min;
                let (carrier, source) = (&group.carrier, &ticket.source);
                PathThrottled { carrier, source, cause: Cause::RateLimited, rate_per_min }.emit();
            }
            Signal::ConnectFailed | Signal::ConnectReset | Signal::ConnectOk => {}
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
