//! What a client said, for receiving sides: one command line at a time, refused when it could mean two things.

use bytes::{Buf, BytesMut};
use mail_model::EmailAddress;
use memchr::memchr;
use thiserror::Error;

use crate::command::MailParameters;

/// Longest command line in bytes, CRLF excluded. RFC 5321 4.5.3.1.4 asks for 512 and more for MAIL parameters.
pub const COMMAND_BYTES_MAX: usize = 1_024;

/// A command of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerCommand {
    /// `EHLO`, with the name as sent: printable ASCII, not checked further.
    Ehlo(String),
    /// `HELO`, with the name as sent.
    Helo(String),
    /// `MAIL FROM:<…>`.
    Mail {
        /// `None` for the null return path.
        sender: Option<EmailAddress>,
        /// What it said about the mail.
        parameters: MailParameters,
    },
    /// `RCPT TO:<…>`.
    Rcpt(EmailAddress),
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
    /// A well-formed line with a verb that is none of the above.
    Other,
}

/// Why a line is no command. The session goes on after [`Self::reply`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CommandFault {
    /// More than [`COMMAND_BYTES_MAX`] bytes; the whole line was skipped.
    #[error("the line is too long")]
    LineTooLong,
    /// A CR or LF that is not part of CRLF: two servers could disagree on where the command ends.
    #[error("the line holds a CR or LF of its own")]
    BareLineEnd,
    /// A control character or a byte outside ASCII.
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
        }
    }
}

/// Cuts a client's bytes into command lines. The commands do not depend on how the bytes were cut.
#[derive(Debug, Default)]
pub struct CommandReader {
    searched: usize,
    is_skipping: bool,
}

impl CommandReader {
    /// A reader at the beginning of a line.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next line from the front of `bytes`; `None` when it needs more of them. Between two calls `bytes` may
    /// only grow at its end, or have content taken from its front after a DATA.
    pub fn feed(&mut self, bytes: &mut BytesMut) -> Option<Result<ServerCommand, CommandFault>> {
        let fresh = bytes.get(self.searched..).unwrap_or_default();
        let Some(found) = memchr(b'\n', fresh) else {
            self.searched = bytes.len();
            if self.is_skipping || bytes.len() > COMMAND_BYTES_MAX + 1 {
                self.is_skipping = true;
                self.searched = 0;
                bytes.clear();
            }
            return None;
        };
        let length = self.searched + found;
        self.searched = 0;
        let outcome = match bytes.get(..length).unwrap_or_default() {
            _ if std::mem::take(&mut self.is_skipping) => Err(CommandFault::LineTooLong),
            line if line.len() > COMMAND_BYTES_MAX + 1 => Err(CommandFault::LineTooLong),
            line => line.strip_suffix(b"\r").ok_or(CommandFault::BareLineEnd).and_then(parse),
        };
        bytes.advance(length + 1);
        Some(outcome)
    }
}

/// Reads one command line without its CRLF.
pub fn parse(line: &[u8]) -> Result<ServerCommand, CommandFault> {
    if line.iter().any(|b| matches!(b, b'\r' | b'\n')) {
        return Err(CommandFault::BareLineEnd);
    }
    if !line.iter().all(|b| (0x20..0x7f).contains(b)) {
        return Err(CommandFault::ForbiddenByte);
    }
    let text = std::str::from_utf8(line).map_err(|_| CommandFault::ForbiddenByte)?.trim_end();
    let (verb, rest) = text.split_once(' ').unwrap_or((text, ""));
    let alone = |command| if rest.is_empty() { Ok(command) } else { Err(CommandFault::Syntax) };
    match verb.to_ascii_uppercase().as_str() {
        "EHLO" => client_name(rest).map(ServerCommand::Ehlo),
        "HELO" => client_name(rest).map(ServerCommand::Helo),
        "MAIL" => mail(rest),
        "RCPT" => rcpt(rest),
        "DATA" => alone(ServerCommand::Data),
        "RSET" => alone(ServerCommand::Rset),
        "QUIT" => alone(ServerCommand::Quit),
        "STARTTLS" => alone(ServerCommand::StartTls),
        "NOOP" => Ok(ServerCommand::Noop),
        "VRFY" => Ok(ServerCommand::Vrfy),
        _ => Ok(ServerCommand::Other),
    }
}

fn client_name(rest: &str) -> Result<String, CommandFault> {
    let name = rest.trim();
    if name.is_empty() || name.contains(' ') { Err(CommandFault::Syntax) } else { Ok(name.to_owned()) }
}

fn mail(rest: &str) -> Result<ServerCommand, CommandFault> {
    let (address, words) = path(rest, "FROM:")?;
    let sender = if address.is_empty() { None } else { Some(mailbox(address)?) };
    let mut parameters = MailParameters::default();
    for word in words.split_ascii_whitespace() {
        let (keyword, value) = word.split_once('=').unwrap_or((word, ""));
        match (keyword.to_ascii_uppercase().as_str(), value.to_ascii_uppercase().as_str()) {
            ("SIZE", digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
                parameters.size = Some(digits.parse().map_err(|_| CommandFault::Parameter)?);
            }
            ("BODY", "7BIT") => parameters.eight_bit = false,
            ("BODY", "8BITMIME") => parameters.eight_bit = true,
            _ => return Err(CommandFault::Parameter),
        }
    }
    Ok(ServerCommand::Mail { sender, parameters })
}

fn rcpt(rest: &str) -> Result<ServerCommand, CommandFault> {
    let (address, words) = path(rest, "TO:")?;
    let recipient = mailbox(address)?;
    if words.is_empty() { Ok(ServerCommand::Rcpt(recipient)) } else { Err(CommandFault::Parameter) }
}

/// What stands between the angle brackets, and what follows them. A space after the colon is tolerated: many send it.
fn path<'a>(rest: &'a str, word: &str) -> Result<(&'a str, &'a str), CommandFault> {
    let (head, tail) = rest.split_at_checked(word.len()).ok_or(CommandFault::Syntax)?;
    let inner = tail.trim_start().strip_prefix('<').filter(|_| head.eq_ignore_ascii_case(word));
    // Our addresses hold no '>', so the first one ends the path.
    let (address, words) = inner.and_then(|text| text.split_once('>')).ok_or(CommandFault::Syntax)?;
    if words.is_empty() || words.starts_with(' ') { Ok((address, words.trim())) } else { Err(CommandFault::Syntax) }
}

fn mailbox(text: &str) -> Result<EmailAddress, CommandFault> {
    text.parse().map_err(|_| CommandFault::Mailbox)
}
