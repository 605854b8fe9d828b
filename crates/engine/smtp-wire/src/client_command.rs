//! What a client said, as a side that takes mail from strangers must read it: every path, odd ones included.

use std::fmt;

use mail_model::EmailAddress;
use thiserror::Error;

use crate::text::push_escaped;

/// A command of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientCommand {
    /// `EHLO`, with the name as sent: printable ASCII, not checked further.
    Ehlo(String),
    /// `HELO`, with the name as sent.
    Helo(String),
    /// `MAIL FROM:<…>`.
    Mail(MailCommand),
    /// `RCPT TO:<…>`, without parameters: DSN is not offered, and no other extension has any for RCPT.
    Rcpt(ForwardPath),
    /// `DATA`.
    Data,
    /// `RSET`.
    Rset,
    /// `NOOP`.
    Noop,
    /// `QUIT`.
    Quit,
    /// `STARTTLS`.
    StartTls,
    /// `VRFY`.
    Vrfy,
    /// `HELP`.
    Help,
    /// `BDAT`: the bytes that follow its line are content, whatever the reply.
    Bdat,
    /// A verb that exists and is not offered: `EXPN`, `AUTH`, `ETRN`, `SEND`, `SOML`, `SAML`, `TURN`.
    NotOffered,
    /// A well-formed line with a verb that nobody knows.
    Other,
}

/// What MAIL said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailCommand {
    /// Where a report about this mail would go.
    pub sender: ReversePath,
    /// `SIZE=`, in bytes, RFC 1870.
    pub size: Option<u64>,
    /// `BODY=8BITMIME`, RFC 6152.
    pub eight_bit: bool,
    /// `SMTPUTF8`, RFC 6531.
    pub smtp_utf8: bool,
}

/// What stands between the angle brackets of MAIL.
#[derive(Clone, PartialEq, Eq)]
pub enum ReversePath {
    /// `<>`: a report, an automatic answer.
    Null,
    /// An address; a source route before it was cut off (RFC 5321 4.1.1.3).
    Address(EmailAddress),
    /// Anything else, escaped: an address literal, a blank in quotes, a name without a domain. Nothing can be sent to it,
    /// but the mail that bears it may be a report that we must not lose.
    Other(Box<str>),
}

impl ReversePath {
    /// The sender, when something could be sent to it.
    pub fn address(&self) -> Option<&EmailAddress> {
        match self {
            Self::Address(address) => Some(address),
            Self::Null | Self::Other(_) => None,
        }
    }
}

/// Shows no mailbox, so that a `{:?}` in a log line gives nobody away.
impl fmt::Debug for ReversePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("Null"),
            Self::Address(address) => f.debug_tuple("Address").field(address).finish(),
            Self::Other(_) => f.write_str("Other(…)"),
        }
    }
}

/// What stands between the angle brackets of RCPT. Never empty.
#[derive(Clone, PartialEq, Eq)]
pub enum ForwardPath {
    /// An address without a source route.
    Address(EmailAddress),
    /// `<postmaster>` without a domain, in any case. RFC 5321 4.5.1: every receiver takes it.
    Postmaster,
    /// Anything else, escaped: source routes, address literals, several `@`, letters beyond ASCII. None of them is an
    /// address that we hand out, not even if it could be brought into the form of one.
    Other(Box<str>),
}

/// Shows no mailbox.
impl fmt::Debug for ForwardPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => f.debug_tuple("Address").field(address).finish(),
            Self::Postmaster => f.write_str("Postmaster"),
            Self::Other(_) => f.write_str("Other(…)"),
        }
    }
}

/// Why a line is no command. The session goes on after [`Self::reply`], unless the server's rules say otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CommandFault {
    /// The line has more bytes than a command may have; the whole line was skipped.
    #[error("the line is too long")]
    LineTooLong,
    /// A CR or LF that is not part of CRLF: two servers could disagree on where the command ends.
    #[error("the line holds a CR or LF of its own")]
    BareLineEnd,
    /// A control character, or a byte outside ASCII where none may stand.
    #[error("the line holds a byte that commands cannot have")]
    ForbiddenByte,
    /// An argument is missing, superfluous or of the wrong form.
    #[error("the command's form is wrong")]
    Syntax,
    /// What stands between the angle brackets is no address.
    #[error("the address's form is wrong")]
    Mailbox,
    /// A parameter of MAIL or RCPT that is unknown or has a wrong value.
    #[error("a parameter is not known")]
    Parameter,
    /// A sender outside ASCII without `SMTPUTF8`, RFC 6531 3.5.
    #[error("the address is outside ASCII and SMTPUTF8 was not said")]
    NeedsUtf8,
}

impl CommandFault {
    /// The reply that says so, without line end.
    pub fn reply(self) -> &'static str {
        match self {
            Self::LineTooLong => "500 5.5.2 Line too long",
            Self::BareLineEnd => "500 5.5.2 Bare CR or LF in a command",
            Self::ForbiddenByte => "500 5.5.2 Forbidden character in a command",
            Self::Syntax => "501 5.5.4 Syntax error in arguments",
            Self::Mailbox => "501 5.1.3 Bad address syntax",
            Self::Parameter => "555 5.5.4 Parameter not recognised",
            Self::NeedsUtf8 => "553 5.6.7 Addresses outside ASCII need SMTPUTF8",
        }
    }
}

/// Reads one command line without its CRLF.
pub fn parse(line: &[u8]) -> Result<ClientCommand, CommandFault> {
    if line.iter().any(|b| matches!(b, b'\r' | b'\n')) {
        return Err(CommandFault::BareLineEnd);
    }
    let text = std::str::from_utf8(line).map_err(|_| CommandFault::ForbiddenByte)?.trim_end_matches(' ');
    if text.chars().any(char::is_control) {
        return Err(CommandFault::ForbiddenByte);
    }
    let (verb, rest) = text.split_once(' ').unwrap_or((text, ""));
    let verb = verb.to_ascii_uppercase();
    if !text.is_ascii() && !matches!(verb.as_str(), "MAIL" | "RCPT" | "VRFY") {
        return Err(CommandFault::ForbiddenByte);
    }
    let alone = |command| if rest.is_empty() { Ok(command) } else { Err(CommandFault::Syntax) };
    match verb.as_str() {
        "EHLO" => client_name(rest).map(ClientCommand::Ehlo),
        "HELO" => client_name(rest).map(ClientCommand::Helo),
        "MAIL" => mail(rest).map(ClientCommand::Mail),
        "RCPT" => rcpt(rest).map(ClientCommand::Rcpt),
        "DATA" => alone(ClientCommand::Data),
        "RSET" => alone(ClientCommand::Rset),
        "QUIT" => alone(ClientCommand::Quit),
        "STARTTLS" => alone(ClientCommand::StartTls),
        "NOOP" => Ok(ClientCommand::Noop),
        "VRFY" => Ok(ClientCommand::Vrfy),
        "HELP" => Ok(ClientCommand::Help),
        "BDAT" => Ok(ClientCommand::Bdat),
        "EXPN" | "AUTH" | "ETRN" | "SEND" | "SOML" | "SAML" | "TURN" => Ok(ClientCommand::NotOffered),
        _ => Ok(ClientCommand::Other),
    }
}

fn client_name(rest: &str) -> Result<String, CommandFault> {
    let name = rest.trim();
    if name.is_empty() || name.contains(' ') { Err(CommandFault::Syntax) } else { Ok(name.to_owned()) }
}

fn mail(rest: &str) -> Result<MailCommand, CommandFault> {
    let (address, words) = path(rest, "FROM:")?;
    let mut command = MailCommand { sender: reverse_path(address), size: None, eight_bit: false, smtp_utf8: false };
    for word in words.split_ascii_whitespace() {
        let (keyword, value) = word.split_once('=').unwrap_or((word, ""));
        match (keyword.to_ascii_uppercase().as_str(), value.to_ascii_uppercase().as_str()) {
            ("SIZE", digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
                command.size = Some(digits.parse().map_err(|_| CommandFault::Parameter)?);
            }
            ("BODY", "7BIT") => command.eight_bit = false,
            ("BODY", "8BITMIME") => command.eight_bit = true,
            ("SMTPUTF8", _) if !word.contains('=') => command.smtp_utf8 = true,
            _ => return Err(CommandFault::Parameter),
        }
    }
    if !address.is_ascii() && !command.smtp_utf8 { Err(CommandFault::NeedsUtf8) } else { Ok(command) }
}

fn rcpt(rest: &str) -> Result<ForwardPath, CommandFault> {
    let (address, words) = path(rest, "TO:")?;
    if address.is_empty() {
        return Err(CommandFault::Mailbox);
    }
    if !words.is_empty() {
        return Err(CommandFault::Parameter);
    }
    Ok(match address.parse() {
        Ok(recipient) if address.is_ascii() => ForwardPath::Address(recipient),
        _ if address.eq_ignore_ascii_case("postmaster") => ForwardPath::Postmaster,
        _ => ForwardPath::Other(escaped(address)),
    })
}

fn reverse_path(text: &str) -> ReversePath {
    if text.is_empty() {
        return ReversePath::Null;
    }
    let routed = text.strip_prefix('@').and_then(|route| route.split_once(':')).map(|(_, address)| address);
    match routed.unwrap_or(text).parse() {
        Ok(address) => ReversePath::Address(address),
        Err(_) => ReversePath::Other(escaped(text)),
    }
}

fn escaped(text: &str) -> Box<str> {
    let mut out = String::new();
    push_escaped(&mut out, text.as_bytes());
    out.into()
}

/// What stands between the angle brackets, and what follows them. A space after the colon is tolerated: many send it.
fn path<'a>(rest: &'a str, word: &str) -> Result<(&'a str, &'a str), CommandFault> {
    let (head, tail) = rest.split_at_checked(word.len()).ok_or(CommandFault::Syntax)?;
    let inner = tail.trim_start_matches(' ').strip_prefix('<').filter(|_| head.eq_ignore_ascii_case(word));
    let (address, words) = inner.and_then(split_at_bracket).ok_or(CommandFault::Syntax)?;
    if words.is_empty() || words.starts_with(' ') {
        Ok((address, words.trim_matches(' ')))
    } else {
        Err(CommandFault::Syntax)
    }
}

/// Splits at the `>` that ends the path: the first one outside quotes, or, when the quotes do not match, the first one.
fn split_at_bracket(inner: &str) -> Option<(&str, &str)> {
    let mut quoted = false;
    let mut escaped = false;
    for (at, byte) in inner.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'>' if !quoted => return Some((inner.get(..at)?, inner.get(at + 1..)?)),
            _ => {}
        }
    }
    inner.split_once('>')
}
