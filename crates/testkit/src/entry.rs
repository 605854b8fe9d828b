//! One copy of a mail in a carrier's hands, as the journal keeps it.

use std::net::Ipv4Addr;

use mail_model::{MessageId, NotificationId, UnixMs};

/// One copy of a mail in a carrier's hands. 40 bytes, so that a million of them are 40 MB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    pub(crate) message: u64,
    pub(crate) recipient: u64,
    pub(crate) at_ms: u64,
    pub(crate) index: u32,
    pub(crate) source: Ipv4Addr,
    pub(crate) carrier: u16,
    pub(crate) flags: u8,
}

/// The `Message-ID` held a notification id.
pub(crate) const HAS_ID: u8 = 1;
/// The reply to the dot was given to the system completely.
pub(crate) const ANSWERED: u8 = 2;
/// The carrier threw the mail away after its 250.
pub(crate) const DROPPED: u8 = 4;

impl Entry {
    /// A copy whose reply has not been sent yet.
    pub fn new(id: Option<NotificationId>, carrier: u16, source: Ipv4Addr, recipient: u64, at: UnixMs) -> Self {
        let (message, index) = id.map_or((0, 0), |id| (id.message.0, id.index));
        let flags = if id.is_some() { HAS_ID } else { 0 };
        Self { message, recipient, at_ms: at.0, index, source, carrier, flags }
    }

    /// The same with its reply sent.
    #[must_use]
    pub fn answered(mut self) -> Self {
        self.flags |= ANSWERED;
        self
    }

    /// The same, silently thrown away.
    #[must_use]
    pub fn dropped(mut self) -> Self {
        self.flags |= DROPPED;
        self
    }

    /// Which notification, by its `Message-ID`; `None` for a mail that is none of ours.
    pub fn id(&self) -> Option<NotificationId> {
        let id = NotificationId { message: MessageId(self.message), index: self.index };
        (self.flags & HAS_ID != 0).then_some(id)
    }

    /// The carrier's place in the journal's list.
    pub fn carrier(&self) -> u16 {
        self.carrier
    }

    /// The client's address.
    pub fn source(&self) -> Ipv4Addr {
        self.source
    }

    /// [`crate::recipient_hash`] of the recipient.
    pub fn recipient(&self) -> u64 {
        self.recipient
    }

    /// When the final dot was seen.
    pub fn at(&self) -> UnixMs {
        UnixMs(self.at_ms)
    }

    /// Whether the reply to the dot was completely sent; false while it is under way and for ever when a fault
    /// withheld it.
    pub fn is_answered(&self) -> bool {
        self.flags & ANSWERED != 0
    }

    /// Whether the carrier threw it away after the 250.
    pub fn is_dropped(&self) -> bool {
        self.flags & DROPPED != 0
    }
}
