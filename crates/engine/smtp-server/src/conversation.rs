//! One session as a state machine over bytes: what is said to what, without socket, waiting or disk.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::BytesMut;
use clock::Clock;
use mail_model::EmailAddress;
use smtp_wire::{ClientCommand, CommandFault, CommandReader, ForwardPath, MailCommand, ReversePath};
use telemetry::{InboundMailRefused, InboundRecipientRefused};

use crate::content::{Content, Refusal};
use crate::doors::{Accepted, Answer, Doorkeeper, Stored};
use crate::gate::Seat;
use crate::settings::Settings;
use crate::why::Why;

/// Least memory that must be free before a mail is begun, in bytes: most reports fit.
const ROOM_FOR_A_MAIL: u64 = 64 * 1_024;

/// What the conversation asks while it works.
pub(crate) struct Around<'a> {
    pub doors: &'a dyn Doorkeeper,
    pub seat: &'a mut Seat,
    pub clock: &'a Clock,
}

/// What must happen before the conversation goes on. The replies collected so far go out first.
pub(crate) enum Step {
    /// More bytes must come.
    Read,
    /// This mail must be kept; then [`Conversation::stored`].
    Store(Box<Accepted>),
    /// A handshake is asked for; then [`Conversation::begin_encrypted`], or nothing when it is put off.
    StartTls,
    /// The session ends; the last words are among the replies.
    Close(Why),
}

/// What MAIL and RCPT said.
struct Envelope {
    sender: ReversePath,
    recipients: Vec<EmailAddress>,
}

/// What counts against a peer. Nothing but a mail makes any of it smaller.
#[derive(Default)]
struct Counts {
    bad: u32,
    useless: u32,
    unknown: u32,
    mails: u32,
}

/// One session.
pub(crate) struct Conversation {
    settings: Arc<Settings>,
    peer: IpAddr,
    reader: CommandReader,
    offers_tls: bool,
    is_encrypted: bool,
    /// What the peer called itself.
    hello: Option<String>,
    envelope: Option<Box<Envelope>>,
    content: Option<Box<Content>>,
    counts: Counts,
    kept: u32,
    has_moved: bool,
}

impl Conversation {
    pub fn new(settings: Arc<Settings>, peer: IpAddr, offers_tls: bool) -> Self {
        Self {
            settings,
            peer,
            reader: CommandReader::new(),
            offers_tls,
            is_encrypted: false,
            hello: None,
            envelope: None,
            content: None,
            counts: Counts::default(),
            kept: 0,
            has_moved: false,
        }
    }

    /// Whether what comes next is content.
    pub fn is_in_content(&self) -> bool {
        self.content.is_some()
    }

    /// Whether the session is encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.is_encrypted
    }

    /// Mails kept so far.
    pub fn kept(&self) -> u32 {
        self.kept
    }

    /// Whether a command was read since this was last asked.
    pub fn take_has_moved(&mut self) -> bool {
        std::mem::take(&mut self.has_moved)
    }

    /// Works through `input` as far as it goes and adds the replies to `out`. To be called again, with what is left of
    /// `input`, when the step that it gives is done.
    pub fn turn(&mut self, input: &mut BytesMut, out: &mut BytesMut, around: &mut Around<'_>) -> Step {
        loop {
            let step = match self.content.as_mut() {
                Some(_) if input.is_empty() => Some(Step::Read),
                Some(content) => {
                    let ended = content.take(input, around.seat);
                    if ended { self.end_content(out, around) } else { None }
                }
                None => match self.reader.read(input) {
                    None => Some(Step::Read),
                    Some(read) => {
                        self.has_moved = true;
                        self.obey(read, input.is_empty(), out, around)
                    }
                },
            };
            if let Some(step) = step {
                return step;
            }
        }
    }

    /// Answers one line; `is_last` when nothing has come behind it.
    fn obey(
        &mut self,
        read: Result<ClientCommand, CommandFault>,
        is_last: bool,
        out: &mut BytesMut,
        around: &mut Around<'_>,
    ) -> Option<Step> {
        if self.counts.mails >= self.settings.messages_per_session_max && read != Ok(ClientCommand::Quit) {
            // Said to whatever comes, so that a peer who asks with RSET whether the session still serves learns it there
            // and not with a mail in his hand.
            return close(Why::Mails, out);
        }
        match read {
            // Nobody may go on before these are answered, RFC 2920 3.1. What comes early would be read in the wrong
            // state: commands as content, content as commands, clear bytes as encrypted ones.
            Ok(ClientCommand::Ehlo(_) | ClientCommand::Helo(_) | ClientCommand::Data | ClientCommand::StartTls)
                if !is_last =>
            {
                close(Why::Pipelining, out)
            }
            Ok(ClientCommand::Ehlo(name)) => self.greeted(name, true, out),
            Ok(ClientCommand::Helo(name)) => self.greeted(name, false, out),
            Ok(ClientCommand::Mail(mail)) => self.mail(mail, out),
            Ok(ClientCommand::Rcpt(path)) => self.rcpt(path, out, around),
            Ok(ClientCommand::Data) => self.data(out, around),
            Ok(ClientCommand::Rset) => {
                self.envelope = None;
                self.useless("250 2.0.0 Forgotten", out)
            }
            Ok(ClientCommand::Noop) => self.useless("250 2.0.0 Still here", out),
            Ok(ClientCommand::Vrfy) => self.useless("252 2.5.0 Send a mail and see", out),
            Ok(ClientCommand::Help) => self.useless("214 2.0.0 Reports and answers to our mail come in here", out),
            Ok(ClientCommand::Quit) => {
                say(out, "221 2.0.0 Goodbye");
                Some(Step::Close(Why::Quit))
            }
            Ok(ClientCommand::StartTls) if self.offers_tls => Some(Step::StartTls),
            Ok(ClientCommand::StartTls) => self.useless("502 5.5.1 STARTTLS is not offered now", out),
            Ok(ClientCommand::Bdat) => close(Why::Bdat, out),
            Ok(ClientCommand::NotOffered) => self.bad("502 5.5.1 Not offered here", out),
            Ok(ClientCommand::Other) => self.bad("500 5.5.2 Not a command", out),
            Err(fault @ CommandFault::BareLineEnd) => {
                say(out, fault.reply());
                Some(Step::Close(Why::BareLineEnd))
            }
            Err(fault) => self.bad(fault.reply(), out),
        }
    }

    fn greeted(&mut self, name: String, is_extended: bool, out: &mut BytesMut) -> Option<Step> {
        self.envelope = None;
        let is_first = self.hello.replace(name).is_none();
        let host = self.settings.host_name();
        if is_extended {
            let size = self.settings.message_bytes_max;
            say(out, &format!("250-{host}"));
            for line in ["250-PIPELINING", "250-8BITMIME", "250-ENHANCEDSTATUSCODES", "250-SMTPUTF8"] {
                say(out, line);
            }
            if self.offers_tls {
                say(out, "250-STARTTLS");
            }
            say(out, &format!("250 SIZE {size}"));
        } else {
            say(out, &format!("250 {host}"));
        }
        if is_first { None } else { self.count_useless(out) }
    }

    fn mail(&mut self, mail: MailCommand, out: &mut BytesMut) -> Option<Step> {
        if self.hello.is_none() {
            return self.useless("503 5.5.1 Say EHLO first", out);
        }
        if self.envelope.is_some() {
            return self.useless("503 5.5.1 A mail has begun already", out);
        }
        if mail.size.is_some_and(|size| size > self.settings.message_bytes_max) {
            return self.useless("552 5.3.4 The mail is too large", out);
        }
        self.envelope = Some(Box::new(Envelope { sender: mail.sender, recipients: Vec::new() }));
        say(out, "250 2.1.0 Sender taken");
        None
    }

    fn rcpt(&mut self, path: ForwardPath, out: &mut BytesMut, around: &Around<'_>) -> Option<Step> {
        let Some(envelope) = self.envelope.as_mut() else {
            return self.useless("503 5.5.1 Say MAIL first", out);
        };
        if envelope.recipients.len() >= self.settings.recipients_max {
            say(out, "452 4.5.3 Too many recipients for one mail");
            return None;
        }
        let address = match path {
            ForwardPath::Address(address) => Some(address),
            ForwardPath::Postmaster => Some(self.settings.postmaster().clone()),
            // Nothing that we hand out looks like this; whoever is meant, it is somebody elsewhere.
            ForwardPath::Other(_) => None,
        };
        let answer = match &address {
            Some(address) => around.doors.recipient(address, envelope.sender.address()),
            None => Answer::refuse("550 5.7.1 We pass no mail on"),
        };
        let Some(line) = answer.line() else {
            if let Some(address) = address.filter(|address| !envelope.recipients.contains(address)) {
                envelope.recipients.push(address);
            }
            say(out, "250 2.1.5 Recipient taken");
            return None;
        };
        say(out, line);
        let code = line.get(..3).and_then(|code| code.parse().ok()).unwrap_or_default();
        InboundRecipientRefused { peer: self.peer, code }.emit();
        if code == 421 {
            return Some(Step::Close(Why::Doorkeeper));
        }
        if matches!(answer, Answer::Refuse(_)) {
            self.counts.unknown += 1;
            if self.counts.unknown >= self.settings.unknown_recipients_max {
                return close(Why::UnknownRecipients, out);
            }
        }
        None
    }

    fn data(&mut self, out: &mut BytesMut, around: &Around<'_>) -> Option<Step> {
        match self.envelope.as_ref().map(|envelope| envelope.recipients.is_empty()) {
            None => self.useless("503 5.5.1 Say MAIL and RCPT first", out),
            Some(true) => {
                self.envelope = None;
                self.useless("554 5.5.1 No recipient was taken", out)
            }
            Some(false) if !around.seat.has_room(ROOM_FOR_A_MAIL.min(self.settings.message_bytes_max)) => {
                self.envelope = None;
                self.refuse(Refusal::NoMemory, out);
                None
            }
            Some(false) => {
                self.content = Some(Box::new(Content::new(self.settings.message_bytes_max)));
                say(out, "354 Go on, and end with a dot on a line of its own");
                None
            }
        }
    }

    fn end_content(&mut self, out: &mut BytesMut, around: &mut Around<'_>) -> Option<Step> {
        let content = self.content.take()?;
        let envelope = self.envelope.take()?;
        self.counts.mails = self.counts.mails.saturating_add(1);
        match content.judge(self.settings.received_headers_max) {
            Ok(content) => Some(Step::Store(Box::new(Accepted {
                received_at: around.clock.unix(),
                peer: self.peer,
                helo: self.hello.clone().unwrap_or_default(),
                tls: self.is_encrypted,
                sender: envelope.sender,
                recipients: envelope.recipients,
                content,
            }))),
            Err(refusal) => {
                around.seat.let_go();
                self.refuse(refusal, out);
                // What stands behind may be a second mail that its sender never wrote: it is not read.
                (refusal == Refusal::BareLineEnd).then_some(Step::Close(Why::BareLineEnd))
            }
        }
    }

    fn refuse(&self, refusal: Refusal, out: &mut BytesMut) {
        say(out, refusal.reply());
        InboundMailRefused { peer: self.peer, why: refusal.label() }.emit();
    }

    /// The mail of [`Step::Store`] is kept, or not.
    pub fn stored(&mut self, stored: Stored, out: &mut BytesMut, seat: &mut Seat) {
        seat.let_go();
        match stored {
            Stored::Done => {
                say(out, "250 2.6.0 Taken");
                self.kept = self.kept.saturating_add(1);
                self.counts.useless = 0;
            }
            Stored::Full => {
                say(out, "452 4.3.1 No room for mails now");
                InboundMailRefused { peer: self.peer, why: "store_full" }.emit();
            }
            Stored::Failed => {
                say(out, "451 4.3.0 The mail could not be kept, send it again");
                InboundMailRefused { peer: self.peer, why: "store_failed" }.emit();
            }
        }
    }

    /// Forgets everything said before the handshake but what counts against the peer, RFC 3207 4.2.
    pub fn begin_encrypted(&mut self) {
        self.is_encrypted = true;
        self.offers_tls = false;
        self.reader = CommandReader::new();
        self.hello = None;
        self.envelope = None;
    }

    fn useless(&mut self, line: &str, out: &mut BytesMut) -> Option<Step> {
        say(out, line);
        self.count_useless(out)
    }

    fn count_useless(&mut self, out: &mut BytesMut) -> Option<Step> {
        self.counts.useless += 1;
        if self.counts.useless > self.settings.useless_commands_max { close(Why::UselessCommands, out) } else { None }
    }

    fn bad(&mut self, line: &str, out: &mut BytesMut) -> Option<Step> {
        say(out, line);
        self.counts.bad += 1;
        if self.counts.bad >= self.settings.bad_commands_max { close(Why::BadCommands, out) } else { None }
    }
}

fn close(why: Why, out: &mut BytesMut) -> Option<Step> {
    if let Some(words) = why.last_words() {
        say(out, words);
    }
    Some(Step::Close(why))
}

/// Adds one line to what goes out. Every line is our own, or was checked to hold no line end.
pub(crate) fn say(out: &mut BytesMut, line: &str) {
    out.extend_from_slice(line.as_bytes());
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
#[path = "conversation_tests.rs"]
mod tests;
