//! Lists for operators: suppressed addresses, what was done by hand, and what is remembered for a while.

use mail_model::{EmailAddress, UnixMs};

use crate::core::Core;
use crate::fatal::StoreFault;
use crate::keys::{Family, expiry_key, read_expiry_key, read_u64};
use crate::record::audit::AuditEntry;
use crate::record::memory::Remembered;
use crate::record::wire::Corrupt;

/// Remembered things forgotten by one batch.
const FORGOTTEN_AT_ONCE: usize = 1_000;

fn fault(family: Family) -> impl Fn(Corrupt) -> StoreFault {
    move |corrupt| StoreFault::new(family.name(), corrupt)
}

/// Suppressed addresses in the order of their bytes, from behind `after` on.
pub fn suppressions(core: &Core, after: Option<&EmailAddress>, limit: usize) -> Vec<(EmailAddress, Vec<u8>)> {
    let mut from = after.map_or(vec![], |address| address.as_str().as_bytes().to_vec());
    if after.is_some() {
        // The next key there can be.
        from.push(0);
    }
    let mut scan = core.store.scan(Family::Suppress, &from, None);
    let mut found = vec![];
    while found.len() < limit
        && let Some((key, value)) = scan.next_item()
    {
        let address = std::str::from_utf8(key).ok().and_then(|text| text.parse().ok()).ok_or(Corrupt::Key);
        let address = core.store.must("reading suppressions", address.map_err(fault(Family::Suppress)));
        found.push((address, value.to_vec()));
    }
    found
}

/// What was done by hand, in order, from behind number `after` on.
pub fn audit(core: &Core, after: u64, limit: usize) -> Vec<(u64, AuditEntry)> {
    let mut scan = core.store.scan(Family::Audit, &after.saturating_add(1).to_be_bytes(), None);
    let mut found = vec![];
    while found.len() < limit
        && let Some((key, value)) = scan.next_item()
    {
        let entry = read_u64(key).ok_or(Corrupt::Key).and_then(|seq| Ok((seq, AuditEntry::decode(key, value)?)));
        found.push(core.store.must("reading the audit list", entry.map_err(fault(Family::Audit))));
    }
    found
}

/// What is remembered under `key`.
pub fn remembered(core: &Core, key: &[u8], now: UnixMs) -> Option<Vec<u8>> {
    let found = core.store.read(Family::Memory, key, Remembered::decode)?;
    (now < found.expires).then_some(found.value)
}

/// What is remembered under keys that begin with `start`, in the order of their bytes.
pub fn remembered_under(core: &Core, start: &[u8], now: UnixMs) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut scan = core.store.scan(Family::Memory, start, None);
    let mut found = vec![];
    while let Some((key, value)) = scan.next_item()
        && key.starts_with(start)
    {
        let one = Remembered::decode(key, value).map_err(fault(Family::Memory));
        let one = core.store.must("reading what is remembered", one);
        if now < one.expires {
            found.push((key.to_vec(), one.value));
        }
    }
    found
}

/// Forgets what has expired. Gives how much that was.
pub fn forget_remembered(core: &Core, now: UnixMs) -> u64 {
    let past = expiry_key(now.0.saturating_add(1), &[]);
    let mut all = 0;
    loop {
        // Nobody may remember something anew between the look at it and its end. Anew for each part, so that others
        // come in between.
        let _one = core.back.lock();
        let mut scan = core.store.scan(Family::Expiry, &[], Some(past.clone()));
        let mut batch = core.store.batch();
        let mut room = FORGOTTEN_AT_ONCE;
        while room > 0
            && let Some((expiry, _)) = scan.next_item()
        {
            let key = read_expiry_key(expiry).ok_or(Corrupt::Key).map_err(fault(Family::Expiry));
            let key = core.store.must("forgetting", key);
            batch.delete(Family::Expiry, expiry);
            // It may have been remembered anew since, for longer.
            let found = core.store.read(Family::Memory, key, Remembered::decode);
            if found.is_some_and(|found| found.expires <= now) {
                batch.delete(Family::Memory, key);
                all += 1;
            }
            room -= 1;
        }
        if batch.is_empty() {
            return all;
        }
        batch.write();
        core.desk.dirty();
    }
}
