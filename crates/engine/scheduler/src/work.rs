//! What the scheduler needs of a queue. In production that is `queue::Queue`; a model of a queue serves as well.

use mail_model::{Lane, SourceName, UnixMs};
use queue::{Claim, LaneId, Peek, Queue, Queued};

/// A queue with lanes, of which something can be claimed. Answers come from memory: the scheduler asks under its lock.
///
/// What was claimed belongs to the claimer until it is given back or settled; settling is no business of the scheduler's,
/// so it stands not here.
pub trait Work {
    /// What a sender holds while it tries one notification.
    type Item;

    /// How many lanes there are. Lanes are never removed, so a new count means new lanes and nothing else.
    fn lane_count(&self) -> usize;

    /// All lanes.
    fn lanes(&self) -> Vec<(LaneId, Lane)>;

    /// What a claim of this lane would find.
    fn peek(&self, lane: LaneId, now: UnixMs) -> Peek;

    /// Claims the next notification of a lane for a source: what wants this source, then what has waited too long for
    /// another, then what any may take.
    fn claim(&self, lane: LaneId, now: UnixMs, source: &SourceName) -> Claim<Self::Item>;

    /// Gives a notification back that was claimed a moment ago under the scheduler's lock, before all others of its lane.
    ///
    /// It must ring no bell: nobody could see that it was gone, and a session that is held back by its pace would wake the
    /// dispatcher, which wakes an idle session, and so on for ever where the idle one may not have this mail.
    fn put_back(&self, item: Box<Self::Item>);

    /// How many of a lane are not settled. A queue that does not count says 0, and narrow pools keep to their first source.
    fn waiting(&self, lane: LaneId) -> u64 {
        let _ = lane;
        0
    }
}

impl Work for Queue {
    type Item = Queued;

    fn lane_count(&self) -> usize {
        Self::lane_count(self)
    }

    fn lanes(&self) -> Vec<(LaneId, Lane)> {
        Self::lanes(self)
    }

    fn peek(&self, lane: LaneId, now: UnixMs) -> Peek {
        Self::peek(self, lane, now)
    }

    fn claim(&self, lane: LaneId, now: UnixMs, source: &SourceName) -> Claim {
        Self::claim(self, lane, now, source)
    }

    fn put_back(&self, item: Box<Queued>) {
        Self::put_back(self, item);
    }

    fn waiting(&self, lane: LaneId) -> u64 {
        Self::queued_in(self, lane)
    }
}
