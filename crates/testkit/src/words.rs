//! What a carrier says: templates per situation, compiled so that speaking costs a few copies.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use bytes::{BufMut, BytesMut};
use serde::{Deserialize, Serialize};

use crate::moment::Moment;

/// Something a carrier has to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Situation {
    /// The greeting.
    Greeting,
    /// MAIL is taken.
    MailTaken,
    /// RCPT is taken.
    RcptTaken,
    /// Content may follow.
    DataTaken,
    /// The mail is taken over.
    Accepted,
    /// The mailbox does not exist.
    Unknown,
    /// The subscriber's own settings refuse the mail.
    Filtered,
    /// The mailbox is full.
    Full,
    /// The contract is suspended.
    Disabled,
    /// Come back later, the same way.
    Greylisted,
    /// A passing weakness of the carrier.
    Busy,
    /// The content is not liked.
    ContentRefused,
    /// The mail is too large.
    TooLarge,
    /// A line of the content is too long.
    LineTooLong,
    /// The content holds a CR or LF of its own.
    BareLineEnd,
    /// The domain is not this carrier's.
    Foreign,
    /// More recipients in one transaction than allowed.
    TooManyRecipients,
    /// DATA without a taken recipient.
    NoRecipients,
    /// More connections from one source than allowed.
    ConnectionLimit,
    /// More messages on one connection than allowed.
    MessageLimit,
    /// Faster than allowed.
    RateLimit,
    /// The source is banned for a time.
    Banned,
    /// The whole carrier is out of order.
    Outage,
    /// RSET and NOOP.
    Fine,
    /// QUIT.
    Closing,
    /// A command at the wrong time.
    BadSequence,
    /// A command that nobody understands.
    NotUnderstood,
    /// STARTTLS may begin.
    TlsReady,
}

impl Situation {
    const ALL: [Self; 28] = [
        Self::Greeting,
        Self::MailTaken,
        Self::RcptTaken,
        Self::DataTaken,
        Self::Accepted,
        Self::Unknown,
        Self::Filtered,
        Self::Full,
        Self::Disabled,
        Self::Greylisted,
        Self::Busy,
        Self::ContentRefused,
        Self::TooLarge,
        Self::LineTooLong,
        Self::BareLineEnd,
        Self::Foreign,
        Self::TooManyRecipients,
        Self::NoRecipients,
        Self::ConnectionLimit,
        Self::MessageLimit,
        Self::RateLimit,
        Self::Banned,
        Self::Outage,
        Self::Fine,
        Self::Closing,
        Self::BadSequence,
        Self::NotUnderstood,
        Self::TlsReady,
    ];

    /// The words of a carrier that brings none of its own, and the moment they are said.
    fn usual(self) -> (Moment, &'static str) {
        match self {
            Self::Greeting => (Moment::Greeting, "220 {host} ESMTP"),
            Self::MailTaken => (Moment::Mail, "250 2.1.0 Ok"),
            Self::RcptTaken => (Moment::Rcpt, "250 2.1.5 Ok"),
            Self::DataTaken => (Moment::Data, "354 End data with <CR><LF>.<CR><LF>"),
            Self::Accepted => (Moment::DataEnd, "250 2.0.0 Ok: queued as {serial}"),
            Self::Unknown => (Moment::Rcpt, "550 5.1.1 <{address}>: Recipient address rejected: User unknown"),
            Self::Filtered => (Moment::DataEnd, "550 5.2.0 <{address}>: Mail refused by the recipient's settings"),
            Self::Full => (Moment::Rcpt, "452 4.2.2 <{address}>: Mailbox full"),
            Self::Disabled => (Moment::Rcpt, "550 5.2.1 <{address}>: Mailbox disabled"),
            Self::Greylisted => (Moment::Rcpt, "450 4.2.0 <{address}>: Recipient address rejected: Greylisted"),
            Self::Busy => (Moment::Rcpt, "451 4.3.0 <{address}>: Temporary lookup failure"),
            Self::ContentRefused => (Moment::DataEnd, "554 5.7.1 Message content rejected"),
            Self::TooLarge => (Moment::Mail, "552 5.3.4 Message size exceeds fixed limit"),
            Self::LineTooLong => (Moment::DataEnd, "500 5.5.2 Line too long"),
            Self::BareLineEnd => (Moment::DataEnd, "550 5.5.2 Bare CR or LF in the content"),
            Self::Foreign => (Moment::Rcpt, "554 5.7.1 <{address}>: Relay access denied"),
            Self::TooManyRecipients => (Moment::Rcpt, "452 4.5.3 Too many recipients"),
            Self::NoRecipients => (Moment::Data, "554 5.5.1 Error: no valid recipients"),
            Self::ConnectionLimit => (Moment::Greeting, "421 4.7.0 {host} Error: too many connections from {source}"),
            Self::MessageLimit => (Moment::Mail, "421 4.7.0 {host} Error: too many messages on this connection"),
            Self::RateLimit => (Moment::Mail, "450 4.7.1 Error: too much mail from {source}"),
            Self::Banned => (Moment::Greeting, "421 4.7.0 {host} Service not available for {source}"),
            Self::Outage => (Moment::Greeting, "421 4.3.2 {host} Service not available"),
            Self::Fine => (Moment::Other, "250 2.0.0 Ok"),
            Self::Closing => (Moment::Quit, "221 2.0.0 Bye"),
            Self::BadSequence => (Moment::Other, "503 5.5.1 Bad sequence of commands"),
            Self::NotUnderstood => (Moment::Other, "500 5.5.2 Error: command not recognized"),
            Self::TlsReady => (Moment::StartTls, "220 2.0.0 Ready to start TLS"),
        }
    }
}

/// One template as it is written in a plan: `"550 Unknown user {address}"`, or with the moment it is said.
///
/// Places: `{address}` the recipient as the client wrote it, `{host}` the MX name, `{source}` the client's address,
/// `{serial}` a number that differs from mail to mail. A line feed makes a reply of several lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Word {
    /// Said at the usual moment of its situation.
    Say(String),
    /// Said at another moment: docomo's full mailbox answers DATA, not RCPT.
    SayAt {
        /// The reply, code first.
        say: String,
        /// When.
        at: Moment,
    },
}

impl Word {
    fn text(&self) -> &str {
        match self {
            Self::Say(say) | Self::SayAt { say, .. } => say,
        }
    }
}

/// What the places of a template are filled with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Filling<'a> {
    pub address: &'a str,
    pub host: &'a str,
    pub source: Ipv4Addr,
    pub serial: u64,
}

#[derive(Debug)]
enum Piece {
    Text(Box<[u8]>),
    Address,
    Host,
    Source,
    Serial,
}

/// A compiled template.
#[derive(Debug)]
pub(crate) struct Phrase {
    pub code: u16,
    pub at: Moment,
    pieces: Vec<Piece>,
}

impl Phrase {
    /// Compiles `say`; the error tells what a reply looks like.
    pub(crate) fn new(say: &str, at: Moment) -> Result<Self, String> {
        let (code, words) = say.split_at_checked(3).ok_or_else(|| format!("{say:?} is no reply: begin with a code"))?;
        let number: u16 = code.parse().map_err(|_| format!("{say:?} is no reply: begin with three digits"))?;
        if !(200..600).contains(&number) {
            return Err(format!("{say:?}: reply codes lie between 200 and 599"));
        }
        let lines: Vec<&str> = words.split('\n').map(|line| line.trim_start_matches([' ', '-'])).collect();
        let mut pieces = Vec::new();
        for (n, line) in lines.iter().enumerate() {
            let separator = if n + 1 < lines.len() { '-' } else { ' ' };
            // A bare code (Y!mobile's 421) has no trailing space.
            let head = if line.is_empty() && separator == ' ' { code.to_owned() } else { format!("{code}{separator}") };
            text(&mut pieces, &head);
            cut_places(&mut pieces, line)?;
            text(&mut pieces, "\r\n");
        }
        Ok(Self { code: number, at, pieces })
    }

    /// A reply without places, such as another crate's words or a ready EHLO. What is no reply is said as it stands,
    /// and counts as a refusal: tests make carriers talk nonsense.
    pub(crate) fn fixed(say: &str) -> Self {
        let code = say.get(..3).and_then(|digits| digits.parse().ok()).unwrap_or(500);
        let end = if say.ends_with("\r\n") { "" } else { "\r\n" };
        let text = [say.as_bytes(), end.as_bytes()].concat();
        Self { code, at: Moment::Other, pieces: vec![Piece::Text(text.into())] }
    }

    /// Writes the reply with its line ends.
    pub(crate) fn write(&self, out: &mut BytesMut, filling: &Filling<'_>) {
        for piece in &self.pieces {
            match piece {
                Piece::Text(bytes) => out.extend_from_slice(bytes),
                Piece::Address => out.extend_from_slice(filling.address.as_bytes()),
                Piece::Host => out.extend_from_slice(filling.host.as_bytes()),
                Piece::Source => write_display(out, filling.source),
                Piece::Serial => write_display(out, format_args!("{:09X}", filling.serial)),
            }
        }
    }
}

fn write_display(out: &mut BytesMut, value: impl std::fmt::Display) {
    use std::io::Write as _;
    // Writing to memory that grows cannot fail.
    let _ = write!(out.writer(), "{value}");
}

fn text(pieces: &mut Vec<Piece>, more: &str) {
    if let Some(Piece::Text(last)) = pieces.last_mut() {
        *last = [last, more.as_bytes()].concat().into();
    } else {
        pieces.push(Piece::Text(more.as_bytes().into()));
    }
}

fn cut_places(pieces: &mut Vec<Piece>, line: &str) -> Result<(), String> {
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, tail) = after.split_once('}').ok_or_else(|| format!("{line:?}: a '{{' without its '}}'"))?;
        text(pieces, before);
        pieces.push(match name {
            "address" => Piece::Address,
            "host" => Piece::Host,
            "source" => Piece::Source,
            "serial" => Piece::Serial,
            other => return Err(format!("{line:?}: no place is called {other:?}; address, host, source, serial are")),
        });
        rest = tail;
    }
    text(pieces, rest);
    Ok(())
}

/// All phrases of one carrier.
#[derive(Debug)]
pub(crate) struct Phrases(Vec<Phrase>);

impl Phrases {
    /// The carrier's own words over the usual ones.
    pub(crate) fn new(own: &BTreeMap<Situation, Word>, enhanced: bool) -> Result<Self, String> {
        let phrase = |situation: &Situation| {
            let (usual_at, usual) = situation.usual();
            match own.get(situation) {
                Some(Word::SayAt { say, at }) => Phrase::new(say, *at),
                Some(word) => Phrase::new(word.text(), usual_at),
                None if enhanced => Phrase::new(usual, usual_at),
                None => Phrase::new(&without_enhanced(usual), usual_at),
            }
        };
        Situation::ALL.iter().map(phrase).collect::<Result<_, _>>().map(Self)
    }

    pub(crate) fn get(&self, situation: Situation) -> &Phrase {
        // Built from Situation::ALL, whose order is the order of the enum (asserted below).
        &self.0[situation as usize]
    }
}

/// A server that does not announce enhanced status codes does not use them in its usual words.
fn without_enhanced(say: &str) -> String {
    let mut parts = say.splitn(3, ' ');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(code), Some(second), Some(rest)) if mail_model::EnhancedStatus::read(second).is_some() => {
            format!("{code} {rest}")
        }
        _ => say.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(say: &str) -> String {
        let mut out = BytesMut::new();
        let filling =
            Filling { address: "a@b.jp", host: "mx.b.jp", source: Ipv4Addr::new(127, 0, 1, 1), serial: 0xabc };
        Phrase::new(say, Moment::Rcpt).unwrap().write(&mut out, &filling);
        String::from_utf8(out.to_vec()).unwrap()
    }

    #[test]
    fn templates_are_filled_and_lines_are_joined_as_rfc_5321_wants() {
        let table = [
            ("550 Unknown user {address}", "550 Unknown user a@b.jp\r\n"),
            ("550 : User unknown", "550 : User unknown\r\n"),
            ("421", "421\r\n"),
            ("250 {host} {source} {serial}", "250 mx.b.jp 127.0.1.1 000000ABC\r\n"),
            ("550-5.1.1 one\n5.1.1 two", "550-5.1.1 one\r\n550 5.1.1 two\r\n"),
        ];
        for (say, bytes) in table {
            assert_eq!(said(say), bytes);
        }
    }

    #[test]
    fn a_text_that_is_no_reply_is_refused_with_a_remedy() {
        for bad in ["", "55", "hello", "150 no", "600 no", "550 {nobody}", "550 {address"] {
            assert!(Phrase::new(bad, Moment::Rcpt).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn every_situation_has_usual_words_at_its_own_place() {
        let phrases = Phrases::new(&BTreeMap::new(), false).unwrap();
        for (n, situation) in Situation::ALL.into_iter().enumerate() {
            assert_eq!(situation as usize, n);
            assert!(phrases.get(situation).code >= 200);
        }
        assert_eq!(without_enhanced("250 2.1.0 Ok"), "250 Ok");
        assert_eq!(without_enhanced("220 {host} ESMTP"), "220 {host} ESMTP");
    }
}
