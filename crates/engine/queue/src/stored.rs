//! A message as it is read back, and the few of them that are kept in memory.

use std::sync::Arc;

use mail_model::{CampaignName, Class, EmailAddress, MessageId, PoolName, TenantName, UnixMs};
use parking_lot::Mutex;

use crate::record::at_deadline::AtDeadline;
use crate::record::message::Head;

/// An accepted message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredMessage {
    /// Its id.
    pub id: MessageId,
    /// What is counted together.
    pub campaign: CampaignName,
    /// Whose it is.
    pub tenant: TenantName,
    /// How urgent.
    pub class: Class,
    /// Which sources send it.
    pub pool: PoolName,
    /// The envelope sender; `None` is `<>`.
    pub sender: Option<EmailAddress>,
    /// Not to be sent earlier.
    pub not_before: Option<UnixMs>,
    /// Not to be sent later.
    pub not_after: Option<UnixMs>,
    /// What happens around that time.
    pub at_deadline: AtDeadline,
    /// When it was handed in.
    pub accepted_at: UnixMs,
    /// Its notifications.
    pub count: u32,
    /// What the mails are made of, as the caller gave it.
    pub content: Vec<u8>,
}

impl StoredMessage {
    pub(crate) fn new(id: MessageId, head: Head, content: Vec<u8>) -> Self {
        let Head {
            campaign, tenant, class, pool, sender, not_before, not_after, at_deadline, accepted_at, count, ..
        } = head;
        Self {
            id,
            campaign,
            tenant,
            class,
            pool,
            sender,
            not_before,
            not_after,
            at_deadline,
            accepted_at,
            count,
            content,
        }
    }
}

/// Messages kept in memory, at most this many …
const SHELF_MESSAGES: usize = 64;
/// … and at most this many bytes of content; one message always fits.
const SHELF_BYTES: usize = 16 << 20;

/// The messages read last, last one at the end.
#[derive(Default)]
pub struct Shelf {
    messages: Mutex<Vec<Arc<StoredMessage>>>,
}

impl Shelf {
    /// The message from the shelf, or from `read`, which then stands on it.
    pub fn get_or(&self, id: MessageId, read: impl FnOnce() -> Option<StoredMessage>) -> Option<Arc<StoredMessage>> {
        if let Some(found) = self.find(id) {
            return Some(found);
        }
        let message = Arc::new(read()?);
        let mut messages = self.messages.lock();
        messages.push(message.clone());
        let mut bytes: usize = messages.iter().map(|m| m.content.len()).sum();
        while messages.len() > 1 && (messages.len() > SHELF_MESSAGES || bytes > SHELF_BYTES) {
            bytes -= messages.remove(0).content.len();
        }
        Some(message)
    }

    fn find(&self, id: MessageId) -> Option<Arc<StoredMessage>> {
        let mut messages = self.messages.lock();
        let at = messages.iter().position(|message| message.id == id)?;
        let found = messages.remove(at);
        messages.push(found.clone());
        Some(found)
    }

    /// Takes everything off.
    pub fn clear(&self) {
        self.messages.lock().clear();
    }
}
