//! Mail that came in: stored by the syncer, shown once it is synced, taken out together with what follows from it.

use mail_model::UnixMs;
use tokio::sync::oneshot;

use crate::core::Core;
use crate::desk::Arrival;
use crate::fatal::StoreFault;
use crate::keys::{Family, InboxId, read_u64};
use crate::record::mail::{KeptMail, KeptNote, ReceivedMail, encode_waiting};
use crate::record::wire::Corrupt;
use crate::settings::Refusal;

/// Content handed out at once, roughly.
const SHOWN_BYTES: usize = 32 << 20;
/// Mails let go by one batch.
const LET_GO_AT_ONCE: usize = 500;

/// A mail that was written and waits for its sync.
pub struct Arrived {
    id: InboxId,
    done: oneshot::Sender<InboxId>,
}

/// Hands a mail to the syncer and waits for the sync that covers it. Nothing is read or written in the caller's thread:
/// a full log buffer would hold it up, and with it every session it serves.
pub async fn receive(core: &Core, mail: ReceivedMail) -> Result<InboxId, Refusal> {
    core.check_disk()?;
    core.postbox.reserve(mail.content.len(), &core.settings.limits)?;
    let (done, told) = oneshot::channel();
    core.desk.receive(Arrival { mail, done });
    match told.await {
        Ok(id) => Ok(id),
        // Only without a syncer, which lives as long as the caller's handle: nothing may be acknowledged, so wait.
        Err(_) => std::future::pending().await,
    }
}

/// Writes what arrived, unsynced, in one batch.
pub fn store(core: &Core, arrivals: Vec<Arrival>) -> Vec<Arrived> {
    if arrivals.is_empty() {
        return vec![];
    }
    let now = core.clock.unix();
    let mut batch = core.store.batch();
    let mut arrived = Vec::with_capacity(arrivals.len());
    for Arrival { mail, done } in arrivals {
        let id = core.postbox.next_id(now.0);
        let key = id.0.to_be_bytes();
        let bytes = u64::try_from(mail.content.len()).unwrap_or(u64::MAX);
        batch.put(Family::Mail, &key, &mail.encode(&key));
        batch.put(Family::Inbox, &key, &encode_waiting(&key, bytes));
        arrived.push(Arrived { id, done });
    }
    batch.write();
    arrived
}

/// Shows what is synced now, and tells whoever brought it.
pub fn show(core: &Core, arrived: Vec<Arrived>) {
    if arrived.is_empty() {
        return;
    }
    core.postbox.set_synced();
    core.received.notify_waiters();
    core.received.notify_one();
    for Arrived { id, done } in arrived {
        // Whoever went away does not need to know; the mail is there all the same.
        let _ = done.send(id);
    }
}

fn read_id(core: &Core, family: Family, key: &[u8]) -> u64 {
    let id = read_u64(key).ok_or_else(|| StoreFault::new(family.name(), Corrupt::Key));
    core.store.must("reading received mail", id)
}

/// The mail that `from` names. `None`: it was taken out of there since.
fn mail(core: &Core, id: u64, from: Family) -> Option<ReceivedMail> {
    let key = id.to_be_bytes();
    let found = core.store.read(Family::Mail, &key, ReceivedMail::decode);
    if found.is_none() && core.store.has(from, &key) {
        let fault = StoreFault::new(Family::Mail.name(), "a received mail is missing");
        core.store.must::<()>("reading received mail", Err(fault));
    }
    found
}

/// Mails that wait, oldest first, from behind `after` on: at most `limit`, fewer when they are large.
pub fn next(core: &Core, after: Option<InboxId>, limit: usize) -> Vec<(InboxId, ReceivedMail)> {
    let (past, first) = (core.postbox.synced().saturating_add(1), core.postbox.first());
    let from = after.map_or(first, |id| id.0.saturating_add(1).max(first));
    let mut scan = core.store.scan(Family::Inbox, &from.to_be_bytes(), Some(past.to_be_bytes().to_vec()));
    let (mut found, mut bytes, mut lowest) = (vec![], 0, None);
    while found.len() < limit && bytes < SHOWN_BYTES {
        let Some((key, _)) = scan.next_item() else {
            lowest = lowest.or(Some(past));
            break;
        };
        let id = read_id(core, Family::Inbox, key);
        lowest = lowest.or(Some(id));
        if let Some(mail) = mail(core, id, Family::Inbox) {
            bytes += mail.content.len();
            found.push((InboxId(id), mail));
        }
    }
    if let Some(lowest) = lowest.filter(|_| after.is_none()) {
        core.postbox.nothing_before(lowest);
    }
    found
}

/// Mails that are kept, oldest first, from behind `after` on: at most `limit`, fewer when they are large.
pub fn kept(core: &Core, after: Option<InboxId>, limit: usize) -> Vec<KeptMail> {
    let from = after.map_or(0, |id| id.0.saturating_add(1));
    let mut scan = core.store.scan(Family::Kept, &from.to_be_bytes(), None);
    let (mut found, mut bytes) = (vec![], 0);
    while found.len() < limit
        && bytes < SHOWN_BYTES
        && let Some((key, value)) = scan.next_item()
    {
        let note = KeptNote::decode(key, value).map_err(|corrupt| StoreFault::new(Family::Kept.name(), corrupt));
        let KeptNote { kept_at, kind, note, .. } = core.store.must("reading kept mail", note);
        let id = read_id(core, Family::Kept, key);
        if let Some(mail) = mail(core, id, Family::Kept) {
            bytes += mail.content.len();
            found.push(KeptMail { id: InboxId(id), kept_at, kind, note, mail });
        }
    }
    found
}

/// Lets go of kept mails that are kept since before `before`. Gives how many.
pub fn forget_kept(core: &Core, before: UnixMs) -> u64 {
    let mut all = 0;
    loop {
        // Anew for each part, so that received mail can be taken out in between.
        let _one = core.back.lock();
        let (forgotten, bytes) = forget_some(core, |note| note.kept_at < before);
        core.postbox.kept(0, bytes);
        all += forgotten;
        if forgotten == 0 {
            return all;
        }
        core.desk.dirty();
    }
}

fn forget_some(core: &Core, goes: impl Fn(&KeptNote) -> bool) -> (u64, u64) {
    let mut scan = core.store.scan(Family::Kept, &[], None);
    let mut batch = core.store.batch();
    let (mut forgotten, mut bytes) = (0, 0);
    let mut room = LET_GO_AT_ONCE;
    while room > 0
        && let Some((key, value)) = scan.next_item()
    {
        let note = KeptNote::decode(key, value).map_err(|corrupt| StoreFault::new(Family::Kept.name(), corrupt));
        let note = core.store.must("reading kept mail", note);
        if goes(&note) {
            batch.delete(Family::Kept, key);
            batch.delete(Family::Mail, key);
            forgotten += 1;
            bytes += note.content_bytes;
            room -= 1;
        }
    }
    batch.write();
    (forgotten, bytes)
}
