//! Settling: what became of claimed notifications, written in one batch and synced within milliseconds.

use std::sync::atomic::Ordering;

use mail_model::{EmailAddress, Outcome, SourceName, UnixMs, Withheld};

use crate::claim::Queued;
use crate::core::Core;
use crate::keys::{Family, LaneId, Spot, notification_key};
use crate::record::attempt::AttemptRecord;
use crate::record::due::DueRecord;
use crate::store::Batch;
use crate::window::Entry;

/// What follows an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing: the notification has ended.
    Done,
    /// Another attempt.
    RetryAt {
        /// Not before this time.
        due: UnixMs,
        /// The source that should make it; a greylisting carrier wants the same one.
        source_hint: Option<SourceName>,
    },
}

enum Act {
    Settle { queued: Box<Queued>, record: Box<AttemptRecord>, next: Next },
    Mark(crate::record::doubt::InDoubt),
    Relane { queued: Box<Queued>, lane: LaneId },
    Postpone { queued: Box<Queued>, due: UnixMs },
    Suppress { address: EmailAddress, value: Option<Vec<u8>> },
}

/// Changes that become durable together. Given to [`crate::Queue::write`].
#[derive(Default)]
#[must_use = "nothing is written before it is given to Queue::write"]
pub struct Write {
    acts: Vec<Act>,
}

impl Write {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// An attempt has ended. The queue sets `seq`, and keeps `in_doubt` set when the notification is in doubt.
    ///
    /// Outcome and `next` must agree. Where they do not, nothing is lost and nothing is sent twice: a final outcome ends
    /// the notification, and `Deferred` with [`Next::Done`] is stored as `Expired` with the same cause.
    pub fn settle(mut self, queued: impl Into<Box<Queued>>, record: AttemptRecord, next: Next) -> Self {
        self.acts.push(Act::Settle { queued: queued.into(), record: Box::new(record), next });
        self
    }

    /// The final dot is about to be sent: from here on a crash leaves the notification in doubt.
    pub fn mark_in_doubt(mut self, queued: &Queued) -> Self {
        self.acts.extend(queued.mark().map(Act::Mark));
        self
    }

    /// The notification belongs into another lane. Its place in time stays.
    pub fn relane(mut self, queued: impl Into<Box<Queued>>, lane: LaneId) -> Self {
        self.acts.push(Act::Relane { queued: queued.into(), lane });
        self
    }

    /// Not now, by an operator's word: it is due again at `due`, and no attempt is charged.
    pub fn postpone(mut self, queued: impl Into<Box<Queued>>, due: UnixMs) -> Self {
        self.acts.push(Act::Postpone { queued: queued.into(), due });
        self
    }

    /// No more mail to this address. `value` is the caller's.
    pub fn suppress(mut self, address: &EmailAddress, value: Vec<u8>) -> Self {
        self.acts.push(Act::Suppress { address: address.clone(), value: Some(value) });
        self
    }

    /// Mail to this address again.
    pub fn lift_suppression(mut self, address: &EmailAddress) -> Self {
        self.acts.push(Act::Suppress { address: address.clone(), value: None });
        self
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.acts.is_empty()
    }
}

/// What the windows must learn once the batch is written.
enum Move {
    /// The notification has ended, or left the lane.
    Gone(LaneId, Spot),
    /// It left this place and stays in the lane.
    Left(LaneId, Spot),
    /// It stands here now, not due yet.
    Again(LaneId, Spot),
    /// It came into the lane.
    Into(LaneId, Entry),
}

struct Writing<'a> {
    core: &'a Core,
    batch: Batch<'a>,
    records: Vec<AttemptRecord>,
    moves: Vec<Move>,
}

/// Writes the batch. Returns when it is in the log: safe from the death of the process, and within the sync interval
/// from a power cut.
pub fn write(core: &Core, write: Write) {
    if write.is_empty() {
        return;
    }
    let gate = core.gate.read();
    let mut writing = Writing { core, batch: core.store.batch(), records: vec![], moves: vec![] };
    for act in write.acts {
        match act {
            Act::Settle { queued, record, next } => writing.settle(*queued, *record, next),
            Act::Mark(mut mark) => {
                mark.at = core.clock.unix();
                writing.batch.put(Family::Doubt, &mark.key(), &mark.encode());
            }
            Act::Relane { queued, lane } => writing.relane(*queued, lane),
            Act::Postpone { queued, due } => writing.postpone(*queued, due),
            Act::Suppress { address, value: Some(value) } => {
                writing.batch.put(Family::Suppress, address.as_str().as_bytes(), &value);
            }
            Act::Suppress { address, value: None } => {
                writing.batch.delete(Family::Suppress, address.as_str().as_bytes());
            }
        }
    }
    let Writing { batch, records, moves, .. } = writing;
    batch.write();
    core.store.must("summing up", core.book.record(&core.store, &records));
    for one in &moves {
        match one {
            Move::Gone(lane, _) => core.count(*lane, -1),
            Move::Into(lane, _) => core.count(*lane, 1),
            Move::Left(..) | Move::Again(..) => {}
        }
    }
    drop(gate);
    apply(core, moves);
    core.desk.dirty();
}

fn apply(core: &Core, moves: Vec<Move>) {
    let room = core.room();
    for one in moves {
        let (Move::Gone(lane, _) | Move::Left(lane, _) | Move::Again(lane, _) | Move::Into(lane, _)) = one;
        let Some(cell) = core.lanes.get(lane) else { continue };
        let mut window = cell.window.lock();
        match one {
            Move::Gone(_, spot) | Move::Left(_, spot) => window.finish(spot),
            Move::Again(_, spot) => window.lower(spot),
            Move::Into(_, entry) => {
                // A cancelled one must not be handed out: the refill finds its flag on disk and ends it.
                if entry.record.cancelled {
                    window.lower(entry.spot);
                } else {
                    window.offer(entry, room);
                }
                drop(window);
                core.bell.ring();
                core.announce();
            }
        }
    }
}

impl Writing<'_> {
    fn settle(&mut self, queued: Queued, mut record: AttemptRecord, next: Next) {
        let tried_before = queued.attempts > 0 || queued.in_doubt;
        let (lane, entry) = queued.release();
        let spot = entry.spot;
        let cancelled = self.core.cancelled.lock().remove(&(lane, spot));
        self.core.doubts.lock().remove(&spot.id());
        record.in_doubt |= entry.record.in_doubt;
        self.batch.delete(Family::Due, &spot.key(lane));
        self.batch.delete(Family::Doubt, &notification_key(spot.id()));
        let retry = match (record.outcome, next) {
            (Outcome::Deferred(_), Next::RetryAt { due, source_hint }) => Some((due, source_hint)),
            (Outcome::Deferred(cause), Next::Done) => {
                record.outcome = Outcome::Expired(cause);
                None
            }
            _ => None,
        };
        let again = DueRecord {
            attempts: entry.record.attempts.saturating_add(1),
            source_hint: None,
            last_cause: record.outcome.cause(),
            in_doubt: record.in_doubt,
            ..entry.record
        };
        let withheld = (cancelled && retry.is_some()).then(|| AttemptRecord {
            outcome: Outcome::Withheld(Withheld::Cancelled),
            attempt: record.attempt.saturating_add(1),
            stage: None,
            reply: None,
            rule: String::new(),
            ..record.clone()
        });
        self.record(record, tried_before);
        match (retry, withheld) {
            (_, Some(withheld)) => {
                self.record(withheld, true);
                self.moves.push(Move::Gone(lane, spot));
            }
            (Some((due, source_hint)), None) => self.again(lane, spot, due, &DueRecord { source_hint, ..again }),
            (None, None) => self.moves.push(Move::Gone(lane, spot)),
        }
    }

    fn again(&mut self, lane: LaneId, old: Spot, due: UnixMs, record: &DueRecord) {
        // Never 0: that would be the fresh stream, which knows no waiting.
        let spot = Spot { due_ms: due.0.max(1), ..old };
        let key = spot.key(lane);
        self.batch.put(Family::Due, &key, &record.encode(&key));
        self.moves.push(Move::Left(lane, old));
        self.moves.push(Move::Again(lane, spot));
    }

    fn record(&mut self, mut record: AttemptRecord, tried_before: bool) {
        record.seq = self.core.seqs.next.fetch_add(1, Ordering::Relaxed);
        let key = record.seq.to_be_bytes();
        self.batch.put(Family::Outbox, &key, &record.encode(&key));
        let key = notification_key(record.id);
        // A doubtful one may have arrived twice, which somebody should be able to read.
        if record.outcome != Outcome::Accepted || record.in_doubt {
            self.batch.put(Family::Failure, &key, &record.encode(&key));
        } else if tried_before {
            self.batch.delete(Family::Failure, &key);
        }
        self.records.push(record);
    }

    fn postpone(&mut self, queued: Queued, due: UnixMs) {
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

    fn relane(&mut self, queued: Queued, to: LaneId) {
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
