//! Writing: what became of notifications and of received mail, in one batch that is synced within milliseconds.

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use mail_model::EmailAddress;

use crate::act::{Act, Change, Write};
use crate::core::Core;
use crate::keys::{Family, expiry_key};
use crate::late::{BeingSent, Cases, Returns, Told};
use crate::record::audit::AuditEntry;
use crate::record::memory::Remembered;
use crate::store::Batch;
use crate::takeout::Takeout;
use crate::writing::{Move, Writing};

/// Writes the batch. Returns when it is in the log: safe from the death of the process, and within the sync interval
/// from a power cut.
pub fn write(core: &Core, write: Write) {
    if write.acts.iter().any(Act::looks_first) {
        let mut index = core.back.lock();
        if let Ok(cases) = Cases::of(core, &mut index, &write.acts, false) {
            perform(core, write.acts, cases);
        }
    } else if !write.is_empty() {
        perform(core, write.acts, Cases::default());
    }
}

/// Writes the batch, or nothing of it when a late outcome in it comes too early.
pub fn write_late(core: &Core, write: Write) -> Result<Told, BeingSent> {
    if write.is_empty() {
        return Ok(Told::default());
    }
    let mut index = core.back.lock();
    let cases = Cases::of(core, &mut index, &write.acts, true)?;
    Ok(perform(core, write.acts, cases))
}

/// With parts that look first, the caller holds the lock that keeps others from writing such parts.
fn perform(core: &Core, acts: Vec<Act>, cases: Cases) -> Told {
    let noting = acts.iter().any(Act::is_about_an_address).then(|| core.noting.lock());
    let mut noted = Noted::default();
    let gate = core.gate.read();
    let mut writing = Writing::new(core);
    let (mut returns, mut takeout) = (Returns::new(cases), Takeout::default());
    for act in acts {
        match act {
            Act::Settle { queued, record, next } => writing.settle(*queued, *record, next),
            Act::Mark(mut mark) => {
                mark.at = core.clock.unix();
                writing.batch.put(Family::Doubt, &mark.key(), &mark.encode());
            }
            Act::Relane { queued, lane } => writing.relane(*queued, lane),
            Act::Postpone { queued, due } => writing.postpone(*queued, due),
            Act::Suppress { address, value } => noted.set(address, value),
            Act::Change { address, change } => noted.change(core, address, change),
            Act::Late { record, again } => returns.late(&mut writing, *record, again),
            Act::Revive { id, due } => returns.revive(&mut writing, id, due, core.clock.unix()),
            Act::Done(id) => takeout.done(core, &mut writing.batch, id),
            Act::Keep { id, kind, note } => takeout.keep(core, &mut writing.batch, id, kind, note),
            Act::Audit(entry) => put_audit(core, &mut writing, &entry),
            Act::Remember { key, value, expires } => {
                writing.batch.put(Family::Memory, &key, &Remembered { expires, value }.encode(&key));
                writing.batch.put(Family::Expiry, &expiry_key(expires.0, &key), &[]);
            }
        }
    }
    takeout.make_room(core, &mut writing.batch);
    noted.put(&mut writing.batch);
    let Writing { batch, lines, moves, .. } = writing;
    batch.write();
    drop(noting);
    core.store.must("summing up", core.book.record(&core.store, &lines));
    for one in &moves {
        match one {
            Move::Gone(lane, _) => core.count(*lane, -1),
            Move::Into(lane, _) | Move::Back(lane, _) => core.count(*lane, 1),
            Move::Left(..) | Move::Again(..) => {}
        }
    }
    drop(gate);
    takeout.count(core);
    apply(core, moves);
    core.desk.dirty();
    returns.told
}

/// What this batch says of addresses.
#[derive(Default)]
struct Noted(HashMap<EmailAddress, Option<Vec<u8>>>);

impl Noted {
    fn set(&mut self, address: EmailAddress, value: Option<Vec<u8>>) {
        self.0.insert(address, value);
    }

    fn change(&mut self, core: &Core, address: EmailAddress, change: Change) {
        let value = match self.0.remove(&address) {
            Some(earlier) => change(earlier.as_deref()),
            None => {
                let stored = core.store.try_get(Family::Suppress, address.as_str().as_bytes());
                change(core.store.must("reading", stored).as_deref())
            }
        };
        self.set(address, value);
    }

    fn put(self, batch: &mut Batch<'_>) {
        for (address, value) in self.0 {
            match value {
                Some(value) => batch.put(Family::Suppress, address.as_str().as_bytes(), &value),
                None => batch.delete(Family::Suppress, address.as_str().as_bytes()),
            }
        }
    }
}

fn put_audit(core: &Core, writing: &mut Writing<'_>, entry: &AuditEntry) {
    let key = core.seqs.audit.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    writing.batch.put(Family::Audit, &key, &entry.encode(&key));
}

fn apply(core: &Core, moves: Vec<Move>) {
    let room = core.room();
    for one in moves {
        let (Move::Gone(lane, _)
        | Move::Left(lane, _)
        | Move::Again(lane, _)
        | Move::Back(lane, _)
        | Move::Into(lane, _)) = one;
        let Some(cell) = core.lanes.get(lane) else { continue };
        let mut window = cell.window.lock();
        let wakes = match one {
            Move::Gone(_, spot) | Move::Left(_, spot) => {
                window.finish(spot);
                false
            }
            Move::Again(_, spot) => {
                window.lower(spot);
                false
            }
            Move::Back(_, spot) => {
                window.lower(spot);
                true
            }
            // A cancelled one must not be handed out: the refill finds its flag on disk and ends it.
            Move::Into(_, entry) if entry.record.cancelled => {
                window.lower(entry.spot);
                true
            }
            Move::Into(_, entry) => {
                window.offer(entry, room);
                true
            }
        };
        drop(window);
        if wakes {
            core.bell.ring();
            core.announce();
        }
    }
}
