//! Why a session ends, and the last words that go with it.

/// Why a session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// It said QUIT.
    Quit,
    /// It closed the connection, or the connection broke.
    PeerLeft,
    /// It spoke before it was greeted.
    EarlyTalk,
    /// It did not wait for a reply that it had to wait for.
    Pipelining,
    /// A CR or LF stood alone, in a command or in a mail.
    BareLineEnd,
    /// It sent BDAT; what follows cannot be told from commands.
    Bdat,
    /// Too many lines that were no commands.
    BadCommands,
    /// Too many commands that led nowhere.
    UselessCommands,
    /// Too many recipients that we do not have.
    UnknownRecipients,
    /// It brought as many mails as one session may.
    Mails,
    /// The doorkeeper had enough of it.
    Doorkeeper,
    /// It was silent for too long.
    Idle,
    /// Its mail came too slowly.
    Slow,
    /// It lasted too long.
    Session,
    /// It did not read our replies.
    Stalled,
    /// The TLS handshake failed.
    Tls,
    /// The listener is being stopped.
    Stop,
    /// The session's task died; nobody has set another reason.
    Panic,
}

impl Why {
    /// As in the metric's label.
    pub fn label(self) -> &'static str {
        match self {
            Self::Quit => "quit",
            Self::PeerLeft => "peer_left",
            Self::EarlyTalk => "early_talk",
            Self::Pipelining => "pipelining",
            Self::BareLineEnd => "bare_line_end",
            Self::Bdat => "bdat",
            Self::BadCommands => "bad_commands",
            Self::UselessCommands => "useless_commands",
            Self::UnknownRecipients => "unknown_recipients",
            Self::Mails => "mails",
            Self::Doorkeeper => "doorkeeper",
            Self::Idle => "idle",
            Self::Slow => "slow",
            Self::Session => "session",
            Self::Stalled => "stalled",
            Self::Tls => "tls",
            Self::Stop => "stop",
            Self::Panic => "panic",
        }
    }

    /// What is said before the connection is closed, when nothing else was.
    pub fn last_words(self) -> Option<&'static str> {
        match self {
            Self::EarlyTalk => Some("554 5.5.0 Wait for the greeting"),
            Self::Pipelining => Some("554 5.5.0 Wait for the reply"),
            Self::Bdat => Some("502 5.5.1 BDAT is not offered here"),
            Self::BadCommands | Self::UselessCommands => Some("421 4.7.0 Too many commands without a mail"),
            Self::UnknownRecipients => Some("421 4.7.0 Too many recipients that are not here"),
            Self::Mails => Some("421 4.7.0 Enough mails for one session, come again"),
            Self::Idle => Some("421 4.4.2 Waited too long"),
            Self::Slow => Some("421 4.4.2 This mail comes too slowly"),
            Self::Session => Some("421 4.4.2 The session took too long"),
            Self::Stop => Some("421 4.3.2 Closing down, come again"),
            Self::Quit
            | Self::PeerLeft
            | Self::BareLineEnd
            | Self::Doorkeeper
            | Self::Stalled
            | Self::Tls
            | Self::Panic => None,
        }
    }
}
