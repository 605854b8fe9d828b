//! An open session's claim on a path, and what it may send next.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use mail_model::{Class, MonoUs, SourceName};
use queue::{Claim, Queued};
use throttle::Gate;
use tokio::sync::Notify;

use crate::estimate::watch::Timing;
use crate::group::Group;
use crate::scheduler::{Scheduler, State, wait_for};
use crate::work::Work;

/// Held by every session from `Scheduler::next` until `Scheduler::closed`.
#[derive(Debug)]
pub struct Ticket {
    pub(crate) group: usize,
    pub(crate) station: usize,
    pub(crate) source: SourceName,
    pub(crate) opened: MonoUs,
    pub(crate) sent: u32,
    /// Of these, how many were answered, or came back.
    pub(crate) answered: AtomicU32,
    /// Its end was told as an answer.
    pub(crate) ended: AtomicBool,
    /// When its last mail was handed over, and how long it had found nothing to send before.
    pub(crate) handed: (MonoUs, Duration),
    /// The class of the mail in hand.
    pub(crate) class: Class,
    pub(crate) waiting: Waiting,
    /// Since when it has found nothing to send.
    pub(crate) idle_since: Option<MonoUs>,
    /// How long its mails take.
    pub(crate) timing: Timing,
}

/// How a session waits, so that it can be counted and called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waiting {
    No,
    ForPace,
    ForWork,
}

/// The answer to an open session that asks for its next mail.
#[derive(Debug)]
pub enum NextMail<I = Queued> {
    /// Send this.
    Send(Box<I>),
    /// Nothing now: ask again when the bell rings or at `at`, whichever comes first.
    Wait {
        /// When to ask again.
        at: MonoUs,
        /// Rings when there may be work.
        bell: Arc<Notify>,
        /// There is work, and the path's pace holds it back.
        paced: bool,
    },
    /// Say QUIT.
    Close(CloseReason),
}

/// Why a session is to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// The carrier's messages per connection are used up.
    MessagesPerConnection,
    /// The carrier's connection lifetime is used up.
    Lifetime,
    /// Another lane of the same carrier needs the connection.
    Yield,
    /// Nothing to send for longer than the carrier's idle time, or the path rests.
    Idle,
    /// Its source is to send no more for now: its hour is used up, it rests, it is not needed, or it is another node's.
    Source,
    /// The engine stops.
    Stopping,
}

/// Mails after which a session makes room for another lane of its carrier.
const YIELD_AFTER_MAILS: u32 = 10;

impl<W: Work> Scheduler<W> {
    /// What an open session sends next. The most urgent class first, mail by mail.
    ///
    /// With `may_wait`, a `Wait` counts the session as waiting until its next call: new work is offered to it before a
    /// new session is opened. A session that is in the middle of a mail must not wait and must not be counted.
    pub fn next_mail(&self, ticket: &mut Ticket, may_wait: bool) -> NextMail<W::Item> {
        let (now, unix) = (self.clock().mono(), self.clock().unix());
        let mut state = self.state().lock();
        // A lane that is new since the session began may be more urgent than what it came for.
        self.adopt_new_lanes(&mut state);
        state.stop_waiting(ticket);
        state.groups[ticket.group].watch.timed(&mut ticket.timing, now);
        // What a session was given and has decided without sending is known by its asking again.
        state.came_back(ticket, if may_wait { 0 } else { 1 }, now);
        if let Some(reason) = state.must_close(ticket, now) {
            return NextMail::Close(reason);
        }
        let (mut at, mut barred) = (now + Duration::from_secs(60), false);
        for class in Class::ALL {
            for slot in 0..state.groups[ticket.group].lanes.len() {
                if !state.groups[ticket.group].serves(slot, class, ticket) {
                    continue;
                }
                let lane = &state.groups[ticket.group].lanes[slot];
                if let Some(until) = state.holds.lane(&lane.lane, unix) {
                    at = at.min(wait_for(until, unix, now));
                    continue;
                }
                if !state.is_its_turn(ticket, slot, unix) {
                    barred = true;
                    continue;
                }
                match self.queue().claim(lane.id, unix, &ticket.source) {
                    Claim::Taken(queued) => match state.may_send(ticket.group, &ticket.source, class, now) {
                        Gate::Go => {
                            ticket.class = class;
                            ticket.handed = (now, now.since(ticket.idle_since.unwrap_or(now)));
                            ticket.idle_since = None;
                            ticket.sent += 1;
                            ticket.timing.begin(now);
                            let State { groups, pools, nodes, .. } = &mut *state;
                            groups[ticket.group].handed(&ticket.source, now);
                            nodes.handed(|| groups[ticket.group].netblock_at(&ticket.source), now);
                            pools.sent(&ticket.source, &groups[ticket.group].carrier, unix);
                            return NextMail::Send(queued);
                        }
                        Gate::WaitUntil(until) => {
                            self.queue().put_back(queued);
                            let how = if may_wait { Waiting::ForPace } else { Waiting::No };
                            return state.wait(ticket, how, until, now);
                        }
                    },
                    Claim::Later(due) => at = at.min(wait_for(due, unix, now)),
                    Claim::Loading | Claim::Empty => {}
                }
            }
        }
        if barred {
            // An idle session is asked before a new one is opened; this one would only say no.
            return NextMail::Close(CloseReason::Source);
        }
        let how = if may_wait { Waiting::ForWork } else { Waiting::No };
        state.wait(ticket, how, at, now)
    }
}

impl Group {
    fn serves(&self, slot: usize, class: Class, ticket: &Ticket) -> bool {
        self.lanes[slot].lane.class == class && self.lanes[slot].station == ticket.station
    }
}

impl State {
    fn must_close(&self, ticket: &Ticket, now: MonoUs) -> Option<CloseReason> {
        let group = &self.groups[ticket.group];
        if self.stopping {
            return Some(CloseReason::Stopping);
        }
        let learned = group.paths.get(&ticket.source).map(|path| path.throttle.messages_per_connection_max());
        if ticket.sent >= learned.unwrap_or(group.profile.messages_per_connection_max) {
            return Some(CloseReason::MessagesPerConnection);
        }
        if now.since(ticket.opened) >= Duration::from_secs(group.profile.connection_lifetime_max_s) {
            return Some(CloseReason::Lifetime);
        }
        if !self.nodes.may_use(&ticket.source, now).is_go() {
            return Some(CloseReason::Source);
        }
        let (class, site) = group.starving.as_ref()?;
        let other = *site != group.stations[ticket.station].site;
        let urgent = *class < ticket.class;
        (other && (urgent || ticket.sent >= YIELD_AFTER_MAILS)).then_some(CloseReason::Yield)
    }

    /// Lets a session wait on its open connection, unless that would be longer than the carrier likes.
    fn wait<I>(&mut self, ticket: &mut Ticket, how: Waiting, until: MonoUs, now: MonoUs) -> NextMail<I> {
        let group = &mut self.groups[ticket.group];
        let idle = Duration::from_millis(group.profile.idle_close_ms);
        let idle_end = *ticket.idle_since.get_or_insert(now) + idle;
        let too_long = now >= idle_end || (how == Waiting::ForPace && until > idle_end);
        if too_long && how != Waiting::No {
            return NextMail::Close(CloseReason::Idle);
        }
        let site = &group.stations[ticket.station].site;
        if how == Waiting::ForWork && group.starving.as_ref().is_some_and(|(_, starving)| starving != site) {
            return NextMail::Close(CloseReason::Yield);
        }
        ticket.waiting = how;
        match how {
            Waiting::ForPace => {
                group.path(&ticket.source, now).pacing += 1;
                group.stations[ticket.station].paced += 1;
            }
            Waiting::ForWork => {
                group.watch.idle();
                group.stations[ticket.station].idle += 1;
            }
            Waiting::No => {}
        }
        NextMail::Wait {
            at: until.min(idle_end),
            bell: group.stations[ticket.station].bell.clone(),
            paced: how == Waiting::ForPace,
        }
    }

    /// Takes back the permits of mails that the session was given and has not sent; `in_hand` it may still have.
    pub(crate) fn came_back(&mut self, ticket: &Ticket, in_hand: u32, now: MonoUs) {
        let answered = ticket.answered.load(Ordering::Relaxed);
        let back = ticket.sent.saturating_sub(answered).saturating_sub(in_hand);
        if back > 0 {
            ticket.answered.store(answered.saturating_add(back), Ordering::Relaxed);
            self.groups[ticket.group].came_back(&ticket.source, back, now);
        }
    }

    /// Takes a session out of the count of waiting ones.
    pub(crate) fn stop_waiting(&mut self, ticket: &mut Ticket) {
        let group = &mut self.groups[ticket.group];
        match std::mem::replace(&mut ticket.waiting, Waiting::No) {
            Waiting::No => {}
            Waiting::ForPace => {
                if let Some(path) = group.paths.get_mut(&ticket.source) {
                    path.pacing = path.pacing.saturating_sub(1);
                }
                let station = &mut group.stations[ticket.station];
                station.paced = station.paced.saturating_sub(1);
            }
            Waiting::ForWork => {
                let station = &mut group.stations[ticket.station];
                station.idle = station.idle.saturating_sub(1);
            }
        }
    }
}
