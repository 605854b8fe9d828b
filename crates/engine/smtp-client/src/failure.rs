//! What went wrong, at which step, and whom it concerns. A value: the remote's words and the network's mood are no errors.

use std::fmt;
use std::io;

use mail_model::{Reply, Stage};
use tls_policy::FailureType;

/// How far a failure reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// This recipient; the session goes on.
    Recipient,
    /// This mail; the session goes on.
    Message,
    /// This connection; it is closed. Other connections to the destination may be well.
    Session,
    /// The server as seen from this source; no session came about.
    Destination,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The server said so, in a complete reply.
    Reply(Reply),
    /// Nothing complete came within the step's time.
    TimedOut,
    /// The server closed the connection.
    Closed,
    /// The connection was reset.
    Reset,
    /// Nobody listens there.
    Refused,
    /// No route, or a firewall on the way.
    Unreachable,
    /// Our side could not be used: the source address is not on this machine or of the other family, or ports, file
    /// descriptors or buffers ran out.
    SourceUnusable,
    /// The handshake failed, or encryption is required and not to be had.
    Tls(TlsFault),
    /// The address holds letters beyond ASCII and the server does not announce SMTPUTF8; it was not asked.
    NeedsSmtpUtf8,
    /// The server breaks the protocol, or the plan cannot be spoken in it.
    Protocol(String),
}

/// Why there is no TLS, or none that will do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFault {
    /// As a TLS-RPT report calls it.
    pub result: FailureType,
    /// In our words or the TLS library's; never in a certificate's.
    pub why: String,
}

impl TlsFault {
    /// A fault for which RFC 8460 has no name.
    pub(crate) fn other(why: String) -> Self {
        Self { result: FailureType::ValidationFailure, why }
    }

    /// What an error of the TLS library means.
    pub(crate) fn of(error: &rustls::Error) -> Self {
        let result = FailureType::of_error(error);
        let why = match error {
            // The library repeats the names in the certificate.
            rustls::Error::InvalidCertificate(_) => format!("the certificate is refused: {}", result.as_str()),
            other => other.to_string(),
        };
        Self { result, why }
    }
}

impl Trouble {
    /// What an error of the socket means.
    pub(crate) fn from_io(error: &io::Error) -> Self {
        use io::ErrorKind as Kind;
        match error.kind() {
            Kind::UnexpectedEof | Kind::NotConnected => Self::Closed,
            Kind::ConnectionRefused => Self::Refused,
            Kind::TimedOut => Self::TimedOut,
            Kind::HostUnreachable | Kind::NetworkUnreachable | Kind::NetworkDown | Kind::PermissionDenied => {
                Self::Unreachable
            }
            Kind::AddrNotAvailable | Kind::AddrInUse | Kind::InvalidInput | Kind::Unsupported => Self::SourceUnusable,
            // What rustls makes of bytes that are no TLS.
            Kind::InvalidData => Self::Tls(TlsFault::other(error.to_string())),
            _ if is_our_own_lack(error) => Self::SourceUnusable,
            _ => Self::Reset,
        }
    }
}

/// ENFILE, EMFILE, EAFNOSUPPORT and ENOBUFS of Linux, which have no stable `ErrorKind`.
fn is_our_own_lack(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(23 | 24 | 97 | 105))
}

/// One failure of a session or of a transaction in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The step it belongs to. [`Stage::Data`] also stands for content that was not handed over in full.
    pub stage: Stage,
    /// Whom it concerns.
    pub scope: Scope,
    /// What happened.
    pub trouble: Trouble,
}

impl Failure {
    /// Puts one together.
    pub fn new(stage: Stage, scope: Scope, trouble: Trouble) -> Self {
        Self { stage, scope, trouble }
    }

    /// Whether the mail may have been accepted all the same: the final dot left us and no complete reply came back.
    pub fn is_in_doubt(&self) -> bool {
        self.stage == Stage::DataEnd && !matches!(self.trouble, Trouble::Reply(_))
    }

    /// As a TLS-RPT report calls it, if it concerns TLS.
    pub fn tls_failure(&self) -> Option<FailureType> {
        match (self.stage, &self.trouble) {
            (_, Trouble::Tls(fault)) => Some(fault.result),
            (Stage::StartTls, Trouble::Reply(_)) => Some(FailureType::StarttlsNotSupported),
            (Stage::StartTls, _) => Some(FailureType::ValidationFailure),
            _ => None,
        }
    }

    /// The server's reply, if that is what happened.
    pub fn reply(&self) -> Option<&Reply> {
        match &self.trouble {
            Trouble::Reply(reply) => Some(reply),
            _ => None,
        }
    }

    /// What a reply to `stage` has against us; `None` when it is the one hoped for.
    pub fn judge(stage: Stage, reply: &Reply) -> Option<Self> {
        let hoped_for = if stage == Stage::Data { 300..400 } else { 200..300 };
        let scope = match (reply.code, stage) {
            (code, _) if hoped_for.contains(&code) => return None,
            (_, Stage::Connect | Stage::Greeting | Stage::Ehlo | Stage::StartTls) => Scope::Destination,
            (421, _) => Scope::Session,
            // A refused RSET leaves nobody knowing which transaction is open.
            (_, Stage::Rset) => Scope::Session,
            (_, Stage::Rcpt) => Scope::Recipient,
            _ => Scope::Message,
        };
        if reply.is_transient() || reply.is_permanent() {
            return Some(Self::new(stage, scope, Trouble::Reply(reply.clone())));
        }
        let trouble = Trouble::Protocol(format!("{} is no answer to {stage}", reply.code));
        Some(Self::new(stage, scope.max(Scope::Session), trouble))
    }
}

/// Without the remote's words: they may hold an address.
impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reply(reply) => match reply.enhanced {
                Some(status) => write!(f, "{} {status}", reply.code),
                None => write!(f, "{}", reply.code),
            },
            Self::TimedOut => f.write_str("timed out"),
            Self::Closed => f.write_str("connection closed"),
            Self::Reset => f.write_str("connection reset"),
            Self::Refused => f.write_str("connection refused"),
            Self::Unreachable => f.write_str("unreachable"),
            Self::SourceUnusable => f.write_str("source address unusable"),
            Self::NeedsSmtpUtf8 => f.write_str("the address needs SMTPUTF8"),
            Self::Tls(fault) => write!(f, "TLS: {}", fault.why),
            Self::Protocol(why) => write!(f, "protocol: {why}"),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.stage, self.trouble)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_reaches_as_far_as_its_step_and_code_say() {
        use Scope::*;
        let table = [
            (Stage::Greeting, 554, Some(Destination)),
            (Stage::Ehlo, 421, Some(Destination)),
            (Stage::Mail, 250, None),
            (Stage::Mail, 451, Some(Message)),
            (Stage::Mail, 421, Some(Session)),
            (Stage::Rcpt, 251, None),
            (Stage::Rcpt, 550, Some(Recipient)),
            (Stage::Rcpt, 450, Some(Recipient)),
            (Stage::Rcpt, 421, Some(Session)),
            (Stage::Rcpt, 354, Some(Session)),
            (Stage::Data, 354, None),
            (Stage::Data, 554, Some(Message)),
            (Stage::Data, 250, Some(Session)),
            (Stage::DataEnd, 250, None),
            (Stage::DataEnd, 550, Some(Message)),
            (Stage::DataEnd, 421, Some(Session)),
            (Stage::Rset, 500, Some(Session)),
        ];
        for (stage, code, scope) in table {
            let failure = Failure::judge(stage, &Reply::new(code, "words"));
            assert_eq!(failure.as_ref().map(|f| f.scope), scope, "{code} to {stage}");
            assert!(!failure.is_some_and(|f| f.is_in_doubt()));
        }
    }

    #[test]
    fn an_answer_to_the_dot_that_decides_nothing_leaves_it_in_doubt() {
        let failure = Failure::judge(Stage::DataEnd, &Reply::new(354, "go on")).unwrap();
        assert!(failure.is_in_doubt());
        assert_eq!(failure.scope, Scope::Session);
    }

    #[test]
    fn the_words_of_a_remote_do_not_reach_a_log_line() {
        let reply = Reply::new(550, "5.1.1 <taro@docomo.ne.jp> unknown");
        let failure = Failure::new(Stage::Rcpt, Scope::Recipient, Trouble::Reply(reply));
        assert_eq!(failure.to_string(), "RCPT: 550 5.1.1");
    }
}
