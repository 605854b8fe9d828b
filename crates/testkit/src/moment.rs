//! The moments of an SMTP session at which a carrier may speak, refuse or misbehave.

use std::fmt;

use mail_model::Stage;
use serde::{Deserialize, Serialize};

/// A moment as the carrier sees it. Finer than [`Stage`]: the handshake and the content are moments of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// The connection has been taken from the backlog; nothing was said.
    Connect,
    /// Instead of, or in, the 220.
    Greeting,
    /// The reply to EHLO or HELO.
    Ehlo,
    /// The reply to STARTTLS.
    StartTls,
    /// The TLS handshake after a good reply to STARTTLS.
    Handshake,
    /// The reply to MAIL.
    Mail,
    /// The reply to RCPT.
    Rcpt,
    /// The reply to DATA.
    Data,
    /// The first bytes of the content have come, the final dot has not been looked for.
    Content,
    /// The reply to the final dot.
    DataEnd,
    /// The reply to RSET.
    Rset,
    /// The reply to QUIT.
    Quit,
    /// The reply to anything else (NOOP, VRFY, unknown words).
    Other,
}

impl Moment {
    /// All of them, in the order of a session.
    pub const ALL: [Self; 13] = [
        Self::Connect,
        Self::Greeting,
        Self::Ehlo,
        Self::StartTls,
        Self::Handshake,
        Self::Mail,
        Self::Rcpt,
        Self::Data,
        Self::Content,
        Self::DataEnd,
        Self::Rset,
        Self::Quit,
        Self::Other,
    ];

    /// The stage that a client blames for it.
    pub fn stage(self) -> Stage {
        match self {
            Self::Connect => Stage::Connect,
            Self::Greeting => Stage::Greeting,
            Self::Ehlo => Stage::Ehlo,
            Self::StartTls | Self::Handshake => Stage::StartTls,
            Self::Mail => Stage::Mail,
            Self::Rcpt => Stage::Rcpt,
            Self::Data => Stage::Data,
            Self::Content | Self::DataEnd => Stage::DataEnd,
            Self::Rset | Self::Other => Stage::Rset,
            Self::Quit => Stage::Quit,
        }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Handshake => "handshake",
            Self::Content => "content",
            Self::Other => "other command",
            other => other.stage().as_str(),
        })
    }
}
