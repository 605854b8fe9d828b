//! Numbers of the inbox: how much waits, how much is kept, which mails may be shown.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::keys::InboxId;
use crate::settings::{Limits, Refusal};

/// Counts of the inbox, in memory; the directory tells them anew at each start.
#[derive(Default)]
pub struct Postbox {
    mails: AtomicU64,
    bytes: AtomicU64,
    kept_bytes: AtomicU64,
    last_id: AtomicU64,
    synced: AtomicU64,
    first: AtomicU64,
}

fn number(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

impl Postbox {
    /// An empty inbox whose next mails come behind `last_id`.
    pub fn new(last_id: u64) -> Self {
        Self { last_id: last_id.into(), synced: last_id.into(), ..Self::default() }
    }

    /// Counts a mail that was there at the start.
    pub fn found(&self, content_bytes: u64) {
        self.mails.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(content_bytes, Ordering::Relaxed);
    }

    /// Counts a kept mail that was there at the start.
    pub fn found_kept(&self, content_bytes: u64) {
        self.kept_bytes.fetch_add(content_bytes, Ordering::Relaxed);
    }

    /// Counts a mail before it is stored, unless there is no room for it.
    pub fn reserve(&self, content_bytes: usize, limits: &Limits) -> Result<(), Refusal> {
        let bytes = number(content_bytes);
        if self.mails.fetch_add(1, Ordering::Relaxed) >= limits.inbox_mails_max {
            self.mails.fetch_sub(1, Ordering::Relaxed);
            return Err(Refusal::limit("inbox_mails_max", limits.inbox_mails_max));
        }
        if self.bytes.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes) > limits.inbox_bytes_max {
            self.mails.fetch_sub(1, Ordering::Relaxed);
            self.bytes.fetch_sub(bytes, Ordering::Relaxed);
            return Err(Refusal::limit("inbox_bytes_max", limits.inbox_bytes_max));
        }
        Ok(())
    }

    /// Mails were taken out.
    pub fn taken(&self, mails: u64, content_bytes: u64) {
        self.mails.fetch_sub(mails, Ordering::Relaxed);
        self.bytes.fetch_sub(content_bytes, Ordering::Relaxed);
    }

    /// Mails that wait, those included that are just being stored.
    pub fn waiting(&self) -> u64 {
        self.mails.load(Ordering::Relaxed)
    }

    /// Content of the mails that are kept.
    pub fn kept_bytes(&self) -> u64 {
        self.kept_bytes.load(Ordering::Relaxed)
    }

    /// Mails were kept, and kept ones let go. Only one thread at a time calls this.
    pub fn kept(&self, more_bytes: u64, less_bytes: u64) {
        self.kept_bytes.fetch_add(more_bytes, Ordering::Relaxed);
        self.kept_bytes.fetch_sub(less_bytes, Ordering::Relaxed);
    }

    /// The next number. Only the syncer calls this.
    pub fn next_id(&self, now_ms: u64) -> InboxId {
        let id = (now_ms << 20).max(self.last_id.load(Ordering::Relaxed) + 1);
        self.last_id.store(id, Ordering::Relaxed);
        InboxId(id)
    }

    /// All numbers given so far are synced.
    pub fn set_synced(&self) {
        self.synced.store(self.last_id.load(Ordering::Relaxed), Ordering::Release);
    }

    /// Mails up to this number may be shown.
    pub fn synced(&self) -> u64 {
        self.synced.load(Ordering::Acquire)
    }

    /// No mail before this number waits. Spares a walk the deleted ones at the beginning.
    pub fn first(&self) -> u64 {
        self.first.load(Ordering::Relaxed)
    }

    /// A walk from the beginning found nothing before `id`.
    pub fn nothing_before(&self, id: u64) {
        self.first.fetch_max(id, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_refused_is_not_counted_and_what_is_taken_makes_room() {
        let limits = Limits { inbox_mails_max: 2, inbox_bytes_max: 10, ..Limits::default() };
        let name = |refused: Result<(), Refusal>| match refused {
            Err(Refusal::Limit { name, .. }) => name,
            _ => "",
        };
        let postbox = Postbox::new(0);
        assert_eq!(name(postbox.reserve(11, &limits)), "inbox_bytes_max");
        assert_eq!(name(postbox.reserve(6, &limits)), "");
        assert_eq!(name(postbox.reserve(5, &limits)), "inbox_bytes_max");
        assert_eq!(name(postbox.reserve(4, &limits)), "");
        assert_eq!(name(postbox.reserve(0, &limits)), "inbox_mails_max");
        assert_eq!(postbox.waiting(), 2);
        postbox.taken(1, 6);
        assert_eq!((name(postbox.reserve(6, &limits)), postbox.waiting()), ("", 2));
    }

    #[test]
    fn numbers_grow_whatever_the_clock_says_and_are_shown_once_synced() {
        let postbox = Postbox::new(7);
        let ids = [9, 9, 3, 10].map(|now| postbox.next_id(now).0);
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]) && ids[3] == 10 << 20, "{ids:?}");
        assert_eq!(postbox.synced(), 7);
        postbox.set_synced();
        assert_eq!(postbox.synced(), ids[3]);
    }
}
