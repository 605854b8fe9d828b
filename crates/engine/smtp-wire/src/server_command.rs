//! A client's bytes cut into command lines, and the narrow reading of them: what a carrier of our size needs to know.

use bytes::{Buf, BytesMut};
use mail_model::EmailAddress;
use memchr::memchr;

use crate::client_command::{self, ClientCommand, CommandFault, ForwardPath, ReversePath};
use crate::command::MailParameters;

/// Longest command line in bytes, CRLF excluded. RFC 5321 4.5.3.1.4 asks for 512 and more for MAIL parameters.
pub const COMMAND_BYTES_MAX: usize = 1_024;

/// A command of a client, as far as a scripted carrier takes part: ASCII addresses only, no extension but SIZE and
/// 8BITMIME. [`ClientCommand`] is the whole of it.
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
        self.line(bytes, parse)
    }

    /// Like [`Self::feed`], read as a side that takes mail from strangers reads it.
    pub fn read(&mut self, bytes: &mut BytesMut) -> Option<Result<ClientCommand, CommandFault>> {
        self.line(bytes, client_command::parse)
    }

    fn line<T>(
        &mut self,
        bytes: &mut BytesMut,
        parse: impl FnOnce(&[u8]) -> Result<T, CommandFault>,
    ) -> Option<Result<T, CommandFault>> {
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
    if !line.is_ascii() && !line.contains(&b'\r') && !line.contains(&b'\n') {
        return Err(CommandFault::ForbiddenByte);
    }
    Ok(match client_command::parse(line)? {
        ClientCommand::Ehlo(name) => ServerCommand::Ehlo(name),
        ClientCommand::Helo(name) => ServerCommand::Helo(name),
        ClientCommand::Mail(mail) if mail.smtp_utf8 => return Err(CommandFault::Parameter),
        ClientCommand::Mail(mail) => {
            let sender = match mail.sender {
                ReversePath::Null => None,
                ReversePath::Address(address) => Some(address),
                ReversePath::Other(_) => return Err(CommandFault::Mailbox),
            };
            let parameters = MailParameters { size: mail.size, eight_bit: mail.eight_bit, ..MailParameters::default() };
            ServerCommand::Mail { sender, parameters }
        }
        ClientCommand::Rcpt(ForwardPath::Address(recipient)) => ServerCommand::Rcpt(recipient),
        ClientCommand::Rcpt(ForwardPath::Postmaster | ForwardPath::Other(_)) => return Err(CommandFault::Mailbox),
        ClientCommand::Data => ServerCommand::Data,
        ClientCommand::Rset => ServerCommand::Rset,
        ClientCommand::Noop => ServerCommand::Noop,
        ClientCommand::Quit => ServerCommand::Quit,
        ClientCommand::StartTls => ServerCommand::StartTls,
        ClientCommand::Vrfy => ServerCommand::Vrfy,
        ClientCommand::Help | ClientCommand::Bdat | ClientCommand::NotOffered | ClientCommand::Other => {
            ServerCommand::Other
        }
    })
}
