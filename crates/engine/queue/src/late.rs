//! Outcomes that come by mail, after the end: who may still have the last word, and what is tried once more.

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use mail_model::{NotificationId, Outcome, UnixMs};
use thiserror::Error;

use crate::act::Act;
use crate::core::Core;
use crate::history::{acceptance, last};
use crate::index::Index;
use crate::keys::{Family, LaneId, Spot, deadline_key, notification_key};
use crate::outbox::head;
use crate::record::attempt::AttemptRecord;
use crate::record::doubt::InDoubt;
use crate::record::due::DueRecord;
use crate::record::line::{Correction, KNOWN_BOUNCED, KNOWN_COMPLAINED, Line, Tail};
use crate::record::message::Head;
use crate::writing::{Earlier, Writing};

/// What became of [`crate::Write::late`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Late {
    /// It is the notification's last outcome now, in outbox, failures and sums.
    Recorded,
    /// It says nothing new: its like was recorded since the notification was accepted last.
    Repeated,
    /// The notification had failed, expired or been withheld. It stays so.
    Failed,
    /// The notification waits for another attempt, which will have its own outcome.
    Waiting,
    /// There is no such notification, or what became of it is not known any more: forgotten, or trimmed.
    Unknown,
}

/// What became of [`crate::Write::revive`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Revived {
    /// It waits for another attempt.
    Waiting,
    /// It did not come back, or somebody revived it before.
    NotReturned,
    /// What it takes to send it again is gone: its acceptance was trimmed, or stored by an earlier program, or its
    /// message is forgotten.
    NotKept,
}

/// What became of the parts of a write that could not be sure of their effect.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Of each late outcome, in order.
    pub late: Vec<(NotificationId, Late)>,
    /// Of each revival.
    pub revived: Vec<(NotificationId, Revived)>,
}

/// A late outcome is about a notification whose content is on its way in this moment: some carriers send a mail back
/// before we have noted that they took it. Nothing was written; the caller comes again, after a second at first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("notification {0} is being sent; what came back of it can be recorded once that attempt has ended")]
pub struct BeingSent(pub NotificationId);

enum Standing {
    Unknown,
    Waiting,
    BeingSent,
    Ended(Box<Line>),
}

struct Case {
    standing: Standing,
    acceptance: Option<Line>,
    ends_at: Option<UnixMs>,
}

/// What is known of the notifications a write is about.
#[derive(Default)]
pub struct Cases {
    cases: HashMap<NotificationId, Case>,
}

impl Cases {
    /// Looks everything up. The caller holds the index's lock until it has written: what has ended stays as it is.
    ///
    /// Without `patient`, what is being sent counts as waiting.
    pub fn of(core: &Core, index: &mut Index, acts: &[Act], patient: bool) -> Result<Self, BeingSent> {
        let mut all = Self::default();
        for act in acts {
            let (id, revives) = match act {
                Act::Late { record, again } => (record.id, again.is_some()),
                Act::Revive { id, .. } => (*id, true),
                _ => continue,
            };
            let Some(head) = head(core, id.message).filter(|head| id.index < head.count) else { continue };
            let standing = match standing(core, index, id, &head) {
                Standing::BeingSent if patient => return Err(BeingSent(id)),
                standing => standing,
            };
            let case = all.cases.entry(id).or_insert(Case { standing, acceptance: None, ends_at: head.ends_at() });
            if revives && case.acceptance.is_none() {
                case.acceptance = sendable(core, index, id, &head, &case.standing);
            }
        }
        Ok(all)
    }
}

fn standing(core: &Core, index: &mut Index, id: NotificationId, head: &Head) -> Standing {
    let key = notification_key(id);
    loop {
        // Before the outcomes: a copy that could come back was marked before it left, and the write that settles it
        // removes the mark and records the outcome in one. No mark now, so its outcome is there to be read.
        let mark = core.store.read(Family::Doubt, &key, InDoubt::decode);
        match (last(core, index, id, head), mark) {
            (Some(line), _) if line.record.outcome.is_final() => return Standing::Ended(Box::new(line)),
            (Some(_), None) => return Standing::Waiting,
            (None, None) => {
                let trimmed = core.seqs.trimmed.load(Ordering::Relaxed);
                return if trimmed >= head.first_seq.max(1) { Standing::Unknown } else { Standing::Waiting };
            }
            (_, Some(mark)) if is_in_flight(core, id, &mark) => return Standing::BeingSent,
            // A crash left the mark, or the attempt was settled just now, and then it is gone.
            (_, Some(_)) if core.store.has(Family::Doubt, &key) => return Standing::Waiting,
            (_, Some(_)) => {}
        }
    }
}

fn is_in_flight(core: &Core, id: NotificationId, mark: &InDoubt) -> bool {
    let Some(cell) = core.lanes.get(mark.lane) else { return false };
    let window = cell.window.lock();
    // A mark does not tell in which stream its record stood.
    [0, mark.due.0].into_iter().any(|due_ms| {
        let spot = Spot { due_ms, message: id.message.0, index: id.index };
        window.is_in_flight(spot)
    })
}

/// The acceptance with what it takes to send the notification again.
fn sendable(core: &Core, index: &mut Index, id: NotificationId, head: &Head, standing: &Standing) -> Option<Line> {
    let is_sendable = |line: &Line| matches!(&line.tail, Tail::Handed { lane, .. } if core.lanes.get(*lane).is_some());
    match standing {
        Standing::Ended(line) if is_sendable(line) => Some((**line).clone()),
        Standing::Ended(_) => acceptance(core, index, id, head).filter(is_sendable),
        Standing::Unknown | Standing::Waiting | Standing::BeingSent => None,
    }
}

fn bit(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Bounced(_) => KNOWN_BOUNCED,
        Outcome::Complained => KNOWN_COMPLAINED,
        _ => 0,
    }
}

/// What the outcome of a report is recorded as.
fn late_outcome(outcome: Outcome) -> Option<Outcome> {
    match outcome {
        Outcome::Complained => Some(Outcome::Complained),
        other => other.cause().map(Outcome::Bounced),
    }
}

fn judge(outcome: Outcome, standing: &Standing) -> Late {
    let last = match standing {
        Standing::Unknown => return Late::Unknown,
        Standing::Waiting | Standing::BeingSent => return Late::Waiting,
        Standing::Ended(line) => line,
    };
    match last.record.outcome {
        Outcome::Accepted | Outcome::Replaced => Late::Recorded,
        Outcome::Bounced(_) | Outcome::Complained => {
            let known = last.known() | bit(last.record.outcome);
            if known & bit(outcome) == 0 { Late::Recorded } else { Late::Repeated }
        }
        Outcome::Failed(_) | Outcome::Expired(_) | Outcome::Withheld(_) | Outcome::Deferred(_) => Late::Failed,
    }
}

/// The line that has the last word over `last`.
fn correcting(last: &Line, record: AttemptRecord) -> Line {
    let known = last.known() | bit(last.record.outcome) | bit(record.outcome);
    let record = AttemptRecord {
        attempt: last.record.attempt.saturating_add(1),
        accepted_at: last.record.accepted_at,
        in_doubt: last.record.in_doubt || record.in_doubt,
        ..record
    };
    Line { record, tail: Tail::Corrects { correction: Correction::of(&last.record), known } }
}

/// Writes late outcomes and revivals.
pub struct Returns {
    cases: Cases,
    /// What became of them.
    pub told: Told,
}

impl Returns {
    /// With what is known of the notifications.
    pub fn new(cases: Cases) -> Self {
        Self { cases, told: Told::default() }
    }

    /// Records a late outcome, as `Deferred` when it is tried `again` and can be.
    pub fn late(&mut self, writing: &mut Writing<'_>, record: AttemptRecord, again: Option<UnixMs>) {
        let id = record.id;
        let Some(case) = self.cases.cases.get_mut(&id) else {
            self.told.late.push((id, Late::Unknown));
            self.told.revived.extend(again.map(|_| (id, Revived::NotKept)));
            return;
        };
        let Some(outcome) = late_outcome(record.outcome) else {
            self.told.late.push((id, Late::Repeated));
            self.told.revived.extend(again.map(|_| (id, Revived::NotReturned)));
            return;
        };
        let late = judge(outcome, &case.standing);
        self.told.late.push((id, late));
        let last = match &case.standing {
            Standing::Ended(line) if late == Late::Recorded => line,
            _ => {
                // Recorded before, it can still be revived.
                if let Some(due) = again {
                    self.revive(writing, id, due, record.at);
                }
                return;
            }
        };
        let line = correcting(last, AttemptRecord { outcome, ..record });
        let revived = again.map(|due| put_back(writing, case, &line, due));
        if revived == Some(Revived::Waiting) {
            case.standing = Standing::Waiting;
        } else {
            writing.line(line.clone(), Earlier::Returned);
            case.standing = Standing::Ended(Box::new(line));
        }
        self.told.revived.extend(revived.map(|revived| (id, revived)));
    }

    /// Revives what was recorded as bounced.
    pub fn revive(&mut self, writing: &mut Writing<'_>, id: NotificationId, due: UnixMs, now: UnixMs) {
        let revived = match self.cases.cases.get_mut(&id) {
            None | Some(Case { standing: Standing::Unknown, .. }) => Revived::NotKept,
            Some(case) => match &case.standing {
                Standing::Ended(last) if matches!(last.record.outcome, Outcome::Bounced(_)) => {
                    let line = correcting(last, AttemptRecord { at: now, ..last.record.clone() });
                    let revived = put_back(writing, case, &line, due);
                    if revived == Revived::Waiting {
                        case.standing = Standing::Waiting;
                    }
                    revived
                }
                _ => Revived::NotReturned,
            },
        };
        self.told.revived.push((id, revived));
    }
}

/// Writes `line`, a bounce, as `Deferred`, and puts the notification where it waits. Writes nothing when it cannot.
fn put_back(writing: &mut Writing<'_>, case: &Case, line: &Line, due: UnixMs) -> Revived {
    let Outcome::Bounced(cause) = line.record.outcome else { return Revived::NotReturned };
    let Some(Line { record: handed, tail: Tail::Handed { lane, payload } }) = &case.acceptance else {
        return Revived::NotKept;
    };
    let record = AttemptRecord { outcome: Outcome::Deferred(cause), ..line.record.clone() };
    let waiting = DueRecord {
        attempts: record.attempt,
        accepted_at: handed.accepted_at,
        source_hint: None,
        last_cause: Some(cause),
        in_doubt: record.in_doubt,
        cancelled: false,
        returned: true,
        address: handed.address.clone(),
        payload: payload.clone(),
    };
    let id = record.id;
    let of = Spot { due_ms: 0, message: id.message.0, index: id.index };
    let lane: LaneId = *lane;
    writing.line(Line { record, tail: line.tail.clone() }, Earlier::Returned);
    writing.back(lane, of, due, &waiting);
    if let Some(end) = case.ends_at {
        // It may have been struck off when nothing of the message was left to expire.
        writing.batch.put(Family::Deadline, &deadline_key(end.0, id.message), &[]);
    }
    Revived::Waiting
}
