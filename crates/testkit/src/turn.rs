//! What a carrier does about the bytes of one read: replies, copies taken, a misbehaviour, and what follows.

use bytes::BytesMut;

use crate::entry::Entry;
use crate::fault::Action;
use crate::moment::Moment;

/// What the session does once the turn is over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Then {
    /// Reads on.
    #[default]
    Read,
    /// Closes.
    Close,
    /// Begins the TLS handshake.
    Tls,
}

/// The outcome of one read, filled by the conversation and carried out by the session. Kept and cleared between reads.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    /// Complete replies, written in one go.
    pub replies: BytesMut,
    /// The reply that a misbehaviour spoils; comes after `replies`.
    pub spoiled: BytesMut,
    /// That misbehaviour.
    pub action: Option<Action>,
    /// Copies taken; journalled before anything is written.
    pub copies: Vec<Entry>,
    /// How many of the last copies hang on the spoiled reply.
    pub copies_spoiled: usize,
    /// Replies that took nothing.
    pub refused: Vec<(Moment, u16)>,
    /// Processing time to pretend, before anything is written.
    pub delay_ms: u64,
    /// What follows.
    pub then: Then,
}

impl Turn {
    /// Forgets everything but the memory it holds.
    pub(crate) fn clear(&mut self) {
        self.replies.clear();
        self.spoiled.clear();
        self.action = None;
        self.copies.clear();
        self.copies_spoiled = 0;
        self.refused.clear();
        self.delay_ms = 0;
        self.then = Then::Read;
    }

    /// Whether the conversation may go on with what was read.
    pub(crate) fn goes_on(&self) -> bool {
        self.then == Then::Read && self.action.is_none()
    }
}
