//! A batch in the making: what becomes of claimed notifications, on disk and then in the windows.

use std::sync::atomic::Ordering;

use mail_model::{Outcome, UnixMs, Withheld};

use crate::act::Next;
use crate::claim::Queued;
use crate::core::Core;
use crate::keys::{Family, LaneId, Spot, notification_key};
use crate::record::attempt::AttemptRecord;
use crate::record::due::DueRecord;
use crate::record::line::{Line, Tail};
use crate::store::Batch;
use crate::window::Entry;

/// What the windows must learn once the batch is written.
pub enum Move {
    /// The notification has ended, or left the lane.
    Gone(LaneId, Spot),
    /// It left this place and stays in the lane.
    Left(LaneId, Spot),
    /// It stands here now, not due yet.
    Again(LaneId, Spot),
    /// It had ended, and stands here now.
    Back(LaneId, Spot),
    /// It came into the lane.
    Into(LaneId, Entry),
}

/// What is known of a notification when its attempt ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Earlier {
    /// Nothing was written of it.
    Nothing,
    /// It was tried.
    Tried,
    /// It was accepted, and came back.
    Returned,
}

impl Earlier {
    fn of(queued: &Queued) -> Self {
        match queued {
            Queued { returned: true, .. } => Self::Returned,
            Queued { attempts: 0, in_doubt: false, .. } => Self::Nothing,
            Queued { .. } => Self::Tried,
        }
    }
}

/// A batch in the making. Whoever makes one holds the gate until it is written and counted.
pub struct Writing<'a> {
    core: &'a Core,
    /// What is written.
    pub batch: Batch<'a>,
    /// Lines of the outbox in it.
    pub lines: Vec<Line>,
    /// What the windows must learn.
    pub moves: Vec<Move>,
}

impl<'a> Writing<'a> {
    /// Nothing yet.
    pub fn new(core: &'a Core) -> Self {
        Self { core, batch: core.store.batch(), lines: vec![], moves: vec![] }
    }

    /// An attempt has ended.
    pub fn settle(&mut self, queued: Queued, mut record: AttemptRecord, next: Next) {
        let earlier = Earlier::of(&queued);
        let (lane, Entry { spot, record: due }) = queued.release();
        let cancelled = self.core.cancelled.lock().remove(&(lane, spot));
        self.core.doubts.lock().remove(&spot.id());
        record.in_doubt |= due.in_doubt;
        self.batch.delete(Family::Due, &spot.key(lane));
        self.batch.delete(Family::Doubt, &notification_key(spot.id()));
        let (again_at, source_hint) = match (record.outcome, next) {
            (Outcome::Deferred(_), Next::RetryAt { due: at, source_hint }) => (at, source_hint),
            (Outcome::Accepted | Outcome::Replaced, _) => {
                let tail = Tail::Handed { lane, payload: due.payload };
                return self.end(Line { record, tail }, earlier, lane, spot);
            }
            (outcome, _) => {
                if let Outcome::Deferred(cause) = outcome {
                    record.outcome = Outcome::Expired(cause);
                }
                return self.end(Line::plain(record), earlier, lane, spot);
            }
        };
        if cancelled {
            let withheld = AttemptRecord {
                outcome: Outcome::Withheld(Withheld::Cancelled),
                attempt: record.attempt.saturating_add(1),
                stage: None,
                reply: None,
                rule: String::new(),
                ..record.clone()
            };
            self.line(Line::plain(record), earlier);
            return self.end(Line::plain(withheld), Earlier::Tried, lane, spot);
        }
        let again = DueRecord {
            attempts: due.attempts.saturating_add(1),
            source_hint,
            last_cause: record.outcome.cause(),
            in_doubt: record.in_doubt,
            ..due
        };
        self.line(Line::plain(record), earlier);
        self.again(lane, spot, again_at, &again);
    }

    fn end(&mut self, line: Line, earlier: Earlier, lane: LaneId, spot: Spot) {
        self.line(line, earlier);
        self.moves.push(Move::Gone(lane, spot));
    }

    fn again(&mut self, lane: LaneId, old: Spot, due: UnixMs, record: &DueRecord) {
        let spot = self.put_timed(lane, old, due, record);
        self.moves.push(Move::Left(lane, old));
        self.moves.push(Move::Again(lane, spot));
    }

    /// It had ended, and waits once more.
    pub fn back(&mut self, lane: LaneId, of: Spot, due: UnixMs, record: &DueRecord) {
        let spot = self.put_timed(lane, of, due, record);
        self.moves.push(Move::Back(lane, spot));
    }

    fn put_timed(&mut self, lane: LaneId, of: Spot, due: UnixMs, record: &DueRecord) -> Spot {
        // Never 0: that would be the fresh stream, which knows no waiting.
        let spot = Spot { due_ms: due.0.max(1), ..of };
        let key = spot.key(lane);
        self.batch.put(Family::Due, &key, &record.encode(&key));
        spot
    }

    /// A line of the ledger, with its copy among the failures if it is one.
    pub fn line(&mut self, mut line: Line, earlier: Earlier) {
        line.record.seq = self.core.seqs.next.fetch_add(1, Ordering::Relaxed);
        let key = line.record.seq.to_be_bytes();
        self.batch.put(Family::Outbox, &key, &line.encode(&key));
        let key = notification_key(line.record.id);
        // A doubtful one may have arrived twice, which somebody should be able to read. One that came back before is
        // looked for here, because the index knows one acceptance of each.
        if line.record.outcome != Outcome::Accepted || line.record.in_doubt || earlier == Earlier::Returned {
            self.batch.put(Family::Failure, &key, &line.encode(&key));
        } else if earlier == Earlier::Tried {
            self.batch.delete(Family::Failure, &key);
        }
        self.lines.push(line);
    }

    /// Not now: the claim ends without an attempt.
    pub fn postpone(&mut self, queued: Queued, due: UnixMs) {
        let (lane, entry) = self.take_out(queued);
        self.batch.delete(Family::Due, &entry.spot.key(lane));
        self.again(lane, entry.spot, due, &entry.record);
    }

    /// The record of a claim that ends without an attempt, with all that was noted of it meanwhile.
    fn take_out(&self, queued: Queued) -> (LaneId, Entry) {
        // Moved after its mark: it may have been sent, so it is in doubt from here on.
        let mark = queued.pending_mark();
        let in_doubt = queued.in_doubt || mark.is_some();
        self.core.doubts.lock().extend(mark.map(|mark| (mark.id, mark)));
        let (lane, entry) = queued.release();
        let cancelled = self.core.cancelled.lock().remove(&(lane, entry.spot));
        (lane, Entry { spot: entry.spot, record: DueRecord { cancelled, in_doubt, ..entry.record } })
    }

    /// Into another lane.
    pub fn relane(&mut self, queued: Queued, to: LaneId) {
        let (from, Entry { spot, record }) = self.take_out(queued);
        // A lane that does not exist would never be read again.
        let to = self.core.lanes.get(to).map_or(from, |cell| cell.id);
        self.batch.delete(Family::Due, &spot.key(from));
        let key = spot.key(to);
        self.batch.put(Family::Due, &key, &record.encode(&key));
        self.moves.push(Move::Gone(from, spot));
        self.moves.push(Move::Into(to, Entry { spot, record }));
    }
}
