//! What a sender asks, and what it is answered.

use mail_model::{Reply, Stage};

/// An open session of one carrier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub(super) usize);

/// Somebody a mail goes to.
#[derive(Clone, Copy, Debug)]
pub struct Recipient<'a> {
    /// The same number is the same person, for greylisting.
    pub number: u64,
    /// Whether nobody of that name exists.
    pub unknown: bool,
    /// As the replies quote it; may be empty.
    pub address: &'a str,
}

/// What a sender sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// A reply of any class.
    Reply(Reply),
    /// End of the connection without a word.
    Close,
    /// A reset.
    Reset,
    /// The connection is not accepted.
    Refused,
    /// Nothing, until the sender's own patience ends.
    Silence,
}

/// Why it was said; for charts and figures, never for a sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// All well: welcome, or accepted.
    Fine,
    /// The recipient does not exist.
    Unknown,
    /// Beyond a limit: its place in the period's list.
    Crossing(usize),
    /// Shut out by a ban.
    Banned,
    /// The whole carrier is out of order.
    Outage,
    /// The source stands on a list.
    Listed,
    /// Put off around the full hour.
    FullHour,
    /// Put off as a first attempt.
    Greylisted,
    /// Put off for no reason of ours.
    Busy,
    /// The session is over: closed before, or idle for too long.
    Gone,
}

/// The answer to a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Greeting {
    /// The session, when it was let in; close it with [`HiddenCarrier::close`].
    pub session: Option<SessionId>,
    /// The greeting, or how it was turned away.
    pub said: Said,
    /// From SYN to this, ms; without meaning with [`Said::Silence`].
    pub after_ms: u64,
    /// For figures.
    pub why: Why,
    /// Whether a ban begins with it.
    pub ban_began: bool,
}

/// The answer to a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The command that is answered: [`Stage::DataEnd`] when it was accepted.
    pub stage: Stage,
    /// What came.
    pub said: Said,
    /// From MAIL to this, ms; without meaning with [`Said::Silence`].
    pub after_ms: u64,
    /// Whether the session is over; it needs no close then.
    pub closed: bool,
    /// For figures.
    pub why: Why,
    /// Whether a ban begins with it.
    pub ban_began: bool,
}
