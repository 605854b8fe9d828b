//! What goes into one round trip, and what comes out of it.

use bytes::BytesMut;
use mail_model::{EmailAddress, Reply, Stage};
use smtp_wire::{Capabilities, MailParameters, command};

use crate::failure::{Failure, Scope, Trouble};

/// The next transaction: one mail to one recipient.
#[derive(Clone, Copy, Debug)]
pub struct Envelope<'a> {
    /// The return path; `None` for `<>`.
    pub sender: Option<&'a EmailAddress>,
    /// To whom.
    pub recipient: &'a EmailAddress,
    /// Whether an irregular local part is sent in quotes, see [`EmailAddress::wire`].
    pub quote_irregular: bool,
    /// Bytes of the content before stuffing.
    pub size: usize,
    /// Whether the content holds bytes above 127. Declared (`BODY=8BITMIME`) only to servers that announce 8BITMIME.
    /// The others get it undeclared; whether that is wise is decided where the content is made.
    pub eight_bit: bool,
}

impl Envelope<'_> {
    /// Why this server need not be asked.
    pub(crate) fn impossible_at(&self, server: &Capabilities) -> Option<Failure> {
        if self.needs_smtputf8() && !server.smtputf8 {
            return Some(Failure::new(Stage::Rcpt, Scope::Recipient, Trouble::NeedsSmtpUtf8));
        }
        self.too_large_for(server)
    }

    /// Whether an address, and with it the header, holds letters beyond ASCII. Such an address has no ASCII form to fall
    /// back to (RFC 6531 3.2).
    fn needs_smtputf8(&self) -> bool {
        self.recipient.needs_smtputf8() || self.sender.is_some_and(EmailAddress::needs_smtputf8)
    }

    /// The refusal of a mail that is larger than the server's announced limit, in the words of RFC 1870.
    fn too_large_for(&self, server: &Capabilities) -> Option<Failure> {
        let limit = server.size_limit()?;
        if u64::try_from(self.size).is_ok_and(|size| size <= limit) {
            return None;
        }
        let words = format!("5.3.4 Not sent: {} bytes, the server announces a limit of {limit}", self.size);
        Some(Failure::new(Stage::Mail, Scope::Message, Trouble::Reply(Reply::new(552, &words))))
    }

    /// Writes one of RSET, MAIL, RCPT and DATA.
    pub(crate) fn write(&self, stage: Stage, server: &Capabilities, out: &mut BytesMut) {
        match stage {
            Stage::Rset => command::write_rset(out),
            Stage::Mail => {
                let size = server.size.and_then(|_| u64::try_from(self.size).ok());
                let smtputf8 = self.needs_smtputf8();
                // A header beyond ASCII is 8-bit content; who announces SMTPUTF8 must take it (RFC 6531 3.1).
                let eight_bit = (self.eight_bit || smtputf8) && server.eight_bit_mime;
                let parameters = MailParameters { size, eight_bit, smtputf8 };
                command::write_mail(out, self.sender, parameters);
            }
            Stage::Rcpt => command::write_rcpt(out, self.recipient, self.quote_irregular),
            _ => command::write_data(out),
        }
    }
}

/// What became of an envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum EnvelopeResult {
    /// 354 was read: the next exchange brings the content.
    Ready,
    /// The server, or the connection, said no.
    Refused(Failure),
    /// The session ended before this transaction began: nobody is charged, try again on another connection.
    NotTried,
}

/// What one round trip brought.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Exchange {
    /// The 2xx reply to the content, or why there is none. `None` when no content was given.
    pub data_end: Option<Result<Reply, Failure>>,
    /// `None` when no envelope was given.
    pub envelope: Option<EnvelopeResult>,
}
