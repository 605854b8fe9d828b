//! What the listener asks of its owner: who may come in, and where a mail is kept.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::net::IpAddr;

use bytes::Bytes;
use mail_model::{EmailAddress, UnixMs};
use smtp_wire::ReversePath;

/// What a doorkeeper says.
///
/// The lines are whole replies without line end, such as `550 5.1.1 No such address here`. A line that is not three
/// digits of the right class, a blank and printable ASCII of at most 500 bytes is replaced by a line of our own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Come in.
    Admit,
    /// Never: a 5xx line.
    Refuse(Cow<'static, str>),
    /// Not now: a 4xx line. A 421 ends the session.
    TryLater(Cow<'static, str>),
}

impl Answer {
    /// Refused with this line.
    pub fn refuse(line: impl Into<Cow<'static, str>>) -> Self {
        Self::Refuse(line.into())
    }

    /// Put off with this line.
    pub fn try_later(line: impl Into<Cow<'static, str>>) -> Self {
        Self::TryLater(line.into())
    }

    /// The line to say, `None` when admitted.
    pub(crate) fn line(&self) -> Option<&str> {
        match self {
            Self::Admit => None,
            Self::Refuse(line) => Some(checked(line, b'5').unwrap_or("550 5.7.1 Not accepted here")),
            Self::TryLater(line) => Some(checked(line, b'4').unwrap_or("451 4.3.0 Try again later")),
        }
    }
}

fn checked(line: &str, class: u8) -> Option<&str> {
    let bytes = line.as_bytes();
    let is_reply = matches!(bytes, [first, second, third, b' ', ..]
        if *first == class && second.is_ascii_digit() && third.is_ascii_digit());
    let is_short = bytes.len() <= 500;
    (is_reply && is_short && bytes.iter().all(|b| (0x20..0x7f).contains(b))).then_some(line)
}

/// Decides who may come in. It is asked inside sessions: it must answer at once, from memory.
pub trait Doorkeeper: Send + Sync + 'static {
    /// Whether this address may have a session at all; asked when there is a seat for it, before anything is said.
    fn may_connect(&self, peer: IpAddr) -> Answer {
        let _ = peer;
        Answer::Admit
    }

    /// Whether we take mail for `address`: asked for every recipient of every mail, and the only way in.
    ///
    /// `sender` is `None` for reports, and for senders that nothing could be sent to. RCPT TO:`<postmaster>` is asked as
    /// [`crate::Settings::postmaster`], which must be admitted.
    fn recipient(&self, address: &EmailAddress, sender: Option<&EmailAddress>) -> Answer;
}

/// A mail that arrived whole. It is ours once the store has it.
#[derive(Clone)]
pub struct Accepted {
    /// When its last byte arrived.
    pub received_at: UnixMs,
    /// Who brought it.
    pub peer: IpAddr,
    /// What the peer called itself: printable ASCII, not checked.
    pub helo: String,
    /// Whether it came encrypted.
    pub tls: bool,
    /// Its return path.
    pub sender: ReversePath,
    /// Whom it is for: at least one, each once, each admitted by the doorkeeper.
    pub recipients: Vec<EmailAddress>,
    /// Header and body as sent, dots unstuffed. Every line ends in CRLF, the last one too; NULs, bytes above 127 and
    /// lines of any length may be in it. We add nothing to it: what a Received line would say are the fields above.
    pub content: Bytes,
}

/// Shows neither whom it is for nor what it says, so that a `{:?}` in a log line gives nobody away.
impl fmt::Debug for Accepted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accepted")
            .field("received_at", &self.received_at)
            .field("peer", &self.peer)
            .field("tls", &self.tls)
            .field("recipients", &self.recipients.len())
            .field("content_bytes", &self.content.len())
            .finish_non_exhaustive()
    }
}

/// What became of a mail in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// It survives a power cut: the peer may forget it.
    Done,
    /// There is no room now (452).
    Full,
    /// The store failed (451).
    Failed,
}

/// Keeps mails.
pub trait Store: Send + Sync + 'static {
    /// Keeps `mail`, and completes with [`Stored::Done`] only when it is durable.
    ///
    /// The future is dropped when it takes longer than [`crate::Settings::store_wait_max`] or the listener is stopped
    /// hard. The peer then sends the mail again, even if it was kept: the store must know the same mail twice.
    fn store(&self, mail: Accepted) -> impl Future<Output = Stored> + Send;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_doorkeepers_line_is_said_only_if_it_is_one_reply_of_its_class() {
        let refused = [
            ("550 5.1.1 No such address here", "550 5.1.1 No such address here"),
            ("250 2.1.5 come in", "550 5.7.1 Not accepted here"),
            ("550-more to come", "550 5.7.1 Not accepted here"),
            ("550 no\r\n250 yes", "550 5.7.1 Not accepted here"),
            ("550 いいえ", "550 5.7.1 Not accepted here"),
            ("", "550 5.7.1 Not accepted here"),
        ];
        for (given, said) in refused {
            assert_eq!(Answer::refuse(given).line(), Some(said), "{given:?}");
        }
        assert_eq!(Answer::try_later("450 4.2.0 wait").line(), Some("450 4.2.0 wait"));
        assert_eq!(Answer::try_later("550 no").line(), Some("451 4.3.0 Try again later"));
        assert_eq!(Answer::refuse(format!("550 {}", "x".repeat(500))).line(), Some("550 5.7.1 Not accepted here"));
        assert_eq!(Answer::Admit.line(), None);
    }
}
