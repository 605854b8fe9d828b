//! The last mails a world took, kept whole for tests and demonstrations that look inside.

use std::collections::VecDeque;
use std::net::Ipv4Addr;

use bytes::Bytes;
use mail_model::{CarrierName, EmailAddress};
use parking_lot::Mutex;

/// One mail as its carrier got it.
#[derive(Clone, Debug)]
pub struct KeptMail {
    /// Who took it.
    pub carrier: CarrierName,
    /// From where.
    pub source: Ipv4Addr,
    /// The return path; `None` for the null one.
    pub sender: Option<EmailAddress>,
    /// Every recipient of the transaction.
    pub recipients: Vec<EmailAddress>,
    /// Header and body, dots unstuffed.
    pub content: Bytes,
    /// Whether it came over TLS.
    pub is_encrypted: bool,
}

/// A bounded shelf; the oldest mail makes room.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    room: usize,
    mails: Mutex<VecDeque<KeptMail>>,
}

impl Shelf {
    pub(crate) fn new(room: usize) -> Self {
        Self { room, mails: Mutex::default() }
    }

    /// Whether a mail put here would stay; asked before one is copied.
    pub(crate) fn has_room(&self) -> bool {
        self.room > 0
    }

    pub(crate) fn put(&self, mail: KeptMail) {
        let mut mails = self.mails.lock();
        while mails.len() >= self.room.max(1) {
            mails.pop_front();
        }
        mails.push_back(mail);
    }

    pub(crate) fn all(&self) -> Vec<KeptMail> {
        self.mails.lock().iter().cloned().collect()
    }
}
