//! Taking received mail out of the inbox, in the batch that holds what follows from it.

use std::collections::BTreeSet;

use crate::core::Core;
use crate::fatal::StoreFault;
use crate::keys::{Family, InboxId};
use crate::record::mail::{KeptNote, decode_waiting};
use crate::store::Batch;

/// Mails taken out by one batch. Only one such batch is in the making at a time.
#[derive(Default)]
pub struct Takeout {
    taken: BTreeSet<u64>,
    bytes: u64,
    kept_bytes: u64,
    let_go_bytes: u64,
}

impl Takeout {
    /// Takes the mail out of the inbox. Gives the size of its content; `None`: it is not there.
    fn take(&mut self, core: &Core, batch: &mut Batch<'_>, id: InboxId) -> Option<u64> {
        let key = id.0.to_be_bytes();
        if self.taken.contains(&id.0) {
            return None;
        }
        let bytes = core.store.read(Family::Inbox, &key, decode_waiting)?;
        self.taken.insert(id.0);
        self.bytes += bytes;
        batch.delete(Family::Inbox, &key);
        Some(bytes)
    }

    /// It is dealt with.
    pub fn done(&mut self, core: &Core, batch: &mut Batch<'_>, id: InboxId) {
        if self.take(core, batch, id).is_some() {
            batch.delete(Family::Mail, &id.0.to_be_bytes());
        }
    }

    /// It is kept.
    pub fn keep(&mut self, core: &Core, batch: &mut Batch<'_>, id: InboxId, kind: String, note: String) {
        if let Some(content_bytes) = self.take(core, batch, id) {
            let key = id.0.to_be_bytes();
            let note = KeptNote { kept_at: core.clock.unix(), content_bytes, kind, note };
            batch.put(Family::Kept, &key, &note.encode(&key));
            self.kept_bytes += content_bytes;
        }
    }

    /// Lets go of the oldest kept mails when there are too many. Those of this batch stay.
    pub fn make_room(&mut self, core: &Core, batch: &mut Batch<'_>) {
        let max = core.settings.limits.kept_bytes_max;
        let all = core.postbox.kept_bytes().saturating_add(self.kept_bytes);
        if self.kept_bytes == 0 || all <= max {
            return;
        }
        // An eighth more than need be, so that not each mail that is kept walks over those that were let go before it.
        let goal = all - (max - max / 8);
        let mut scan = core.store.scan(Family::Kept, &[], None);
        while self.let_go_bytes < goal
            && let Some((key, value)) = scan.next_item()
        {
            let note = KeptNote::decode(key, value).map_err(|corrupt| StoreFault::new(Family::Kept.name(), corrupt));
            self.let_go_bytes += core.store.must("reading kept mail", note).content_bytes;
            batch.delete(Family::Kept, key);
            batch.delete(Family::Mail, key);
        }
    }

    /// Counts what was taken out. Call it once the batch is written.
    pub fn count(&self, core: &Core) {
        core.postbox.taken(u64::try_from(self.taken.len()).unwrap_or(u64::MAX), self.bytes);
        core.postbox.kept(self.kept_bytes, self.let_go_bytes);
    }
}
