//! The sums of messages that had attempts lately. The rest is on disk.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use mail_model::MessageId;
use parking_lot::Mutex;

use crate::fatal::StoreFault;
use crate::keys::{Family, message_key};
use crate::record::line::Line;
use crate::record::message::Head;
use crate::record::sums::Tally;
use crate::store::Store;

/// Unchanged sums that are kept in memory.
const KEPT: usize = 1_024;

struct Sheet {
    tally: Tally,
    changed: bool,
}

/// Sums by message. Changed ones stay until they are stored.
#[derive(Default)]
pub struct Book {
    sheets: Mutex<HashMap<MessageId, Sheet>>,
}

/// Sums as stored; of a message without attempts, its count alone. `None`: no such message.
pub fn stored(store: &Store, id: MessageId) -> Result<Option<Tally>, StoreFault> {
    let key = message_key(id);
    if let Some(tally) = store.try_read(Family::Tally, &key, Tally::decode)? {
        return Ok(Some(tally));
    }
    let head = store.try_read(Family::Message, &key, Head::decode)?;
    Ok(head.map(|head| Tally::of_count(head.count)))
}

impl Book {
    /// Counts lines of the ledger. The caller holds the gate, so that no snapshot falls between the outbox and this.
    pub fn record(&self, store: &Store, lines: &[Line]) -> Result<(), StoreFault> {
        let mut sheets = self.sheets.lock();
        for line in lines {
            let message = line.record.id.message;
            let sheet = match sheets.entry(message) {
                Entry::Occupied(entry) => entry.into_mut(),
                Entry::Vacant(entry) => {
                    let tally = stored(store, message)?.unwrap_or_default();
                    entry.insert(Sheet { tally, changed: false })
                }
            };
            sheet.tally.record(line);
            sheet.changed = true;
        }
        Ok(())
    }

    /// The sums of a message, from memory or disk.
    pub fn get(&self, store: &Store, id: MessageId) -> Option<Tally> {
        // Under the lock while reading the disk: otherwise the sheet could be changed, stored and dropped in between.
        let sheets = self.sheets.lock();
        match sheets.get(&id) {
            Some(sheet) => Some(sheet.tally.clone()),
            None => store.must("reading", stored(store, id)),
        }
    }

    /// Hands out the changed sums to be stored. The caller holds the gate alone.
    pub fn take_changed(&self) -> Vec<(MessageId, Tally)> {
        let mut sheets = self.sheets.lock();
        let take = |(id, sheet): (&MessageId, &mut Sheet)| {
            std::mem::take(&mut sheet.changed).then(|| (*id, sheet.tally.clone()))
        };
        sheets.iter_mut().filter_map(take).collect()
    }

    /// Lets go of what is stored and too much. Call it after what was taken is written.
    pub fn trim(&self) {
        let mut sheets = self.sheets.lock();
        if sheets.len() > KEPT {
            sheets.retain(|_, sheet| sheet.changed);
        }
    }

    /// Forgets a message.
    pub fn forget(&self, id: MessageId) {
        self.sheets.lock().remove(&id);
    }
}
