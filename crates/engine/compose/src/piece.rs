//! The parts a parsed mail consists of: bytes that are the same for all, and places made per recipient.

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use jiff::tz::{Offset, TimeZone};
use mail_model::UnixMs;

use crate::charset::{Charset, Ink};
use crate::error::ContentError;
use crate::fill::{Fill, Unsubscribe};
use crate::limits::{HEADER_BYTES_MAX, LINE_BYTES_MAX};
use crate::line::{FieldName, OneLine};
use crate::mailbox::{Mailbox, checked_name, write_mailboxes};
use crate::template::{Templates, Text, Values};
use crate::transfer::{Controls, Transfer, normalise, write_body};
use crate::words::{Field, write_text};

/// One stretch of a mail, in order.
#[derive(Clone, Debug)]
pub(crate) enum Piece {
    Fixed(Vec<u8>),
    To,
    MessageId,
    Date,
    /// List-Unsubscribe, for those carriers that want it.
    Unsubscribe,
    /// A header of free text.
    TextHeader {
        name: FieldName,
        field: String,
        text: Text,
    },
    /// A header of mailboxes, written as one text.
    ListHeader {
        name: FieldName,
        field: String,
        text: Text,
        only_one: bool,
    },
    /// A header of one mailbox whose name and address are given apart.
    PartsHeader {
        name: FieldName,
        field: String,
        display: Option<Text>,
        address: Text,
    },
    /// A text part: its content headers, the empty line and the encoded body.
    Part {
        content_type: String,
        text: Text,
    },
    /// A body in the caller's own MIME form: the empty line and the body.
    Verbatim {
        field: String,
        text: Text,
    },
}

/// What a piece needs to become bytes.
pub(crate) struct Pen<'a> {
    pub templates: &'a Templates,
    pub values: &'a Values,
    pub fill: &'a Fill<'a>,
    pub ink: &'a Ink,
}

impl Piece {
    /// Appends the bytes for one recipient.
    pub fn write(&self, pen: &Pen<'_>, out: &mut Vec<u8>) -> Result<(), ContentError> {
        match self {
            Self::To => {
                let name = checked_name("recipients.name", pen.fill.name.unwrap_or_default())?;
                write_mailboxes(out, pen.ink, &FieldName::ours("To"), [(&name, pen.fill.to)]);
                Ok(())
            }
            Self::MessageId => write_message_id(pen.fill, out),
            Self::Date => write_date(pen.fill.date, out),
            Self::Unsubscribe => {
                if let Some(unsubscribe) = &pen.fill.unsubscribe {
                    write_unsubscribe(unsubscribe, pen.ink, out);
                }
                Ok(())
            }
            _ => self.write_texts(pen.templates, pen.values, pen.ink, out),
        }
    }

    /// Whether the bytes can be made. A text that is filled in can always be encoded, and the encoding is most of the
    /// work; `scratch` is written over by the others.
    pub fn check(&self, pen: &Pen<'_>, scratch: &mut Vec<u8>) -> Result<(), ContentError> {
        match self {
            Self::Part { text, .. } => pen.templates.fill(text, pen.values).map(|_| ()),
            _ => self.write(pen, scratch),
        }
    }

    /// Appends the bytes of a piece that depends on nothing but its texts.
    fn write_texts(
        &self,
        templates: &Templates,
        values: &Values,
        ink: &Ink,
        out: &mut Vec<u8>,
    ) -> Result<(), ContentError> {
        let filled = |text| templates.fill(text, values);
        match self {
            Self::To | Self::MessageId | Self::Date | Self::Unsubscribe => {}
            Self::Fixed(bytes) => out.extend_from_slice(bytes),
            Self::TextHeader { name, field, text } => {
                let value = filled(text)?;
                check_length(field, &value)?;
                write_text(out, ink, name, &OneLine::of(value));
            }
            Self::ListHeader { name, field, text, only_one } => {
                let list = mailboxes(field, &filled(text)?, *only_one)?;
                write_mailboxes(out, ink, name, list.iter().map(|m| (&m.name, &m.address)));
            }
            Self::PartsHeader { name, field, display, address } => {
                let display = display.as_ref().map(filled).transpose()?.unwrap_or_default();
                let mailbox = Mailbox::new(field, &display, &filled(address)?)?;
                write_mailboxes(out, ink, name, [(&mailbox.name, &mailbox.address)]);
            }
            Self::Part { content_type, text } => write_part(content_type, &filled(text)?, ink, out),
            Self::Verbatim { field, text } => write_verbatim(field, &filled(text)?, out)?,
        }
        Ok(())
    }

    /// Writes the piece at once when it is the same for every recipient.
    pub fn settled(&self, templates: &Templates, ink: &Ink) -> Result<Self, ContentError> {
        if !self.is_fixed() {
            return Ok(self.clone());
        }
        let mut bytes = Vec::new();
        self.write_texts(templates, &Values::none(), ink, &mut bytes)?;
        Ok(Self::Fixed(bytes))
    }

    /// Whether the bytes are the same for every recipient.
    fn is_fixed(&self) -> bool {
        let fixed = |text: &Text| matches!(text, Text::Fixed(_));
        match self {
            Self::Fixed(_) => true,
            Self::To | Self::MessageId | Self::Date | Self::Unsubscribe => false,
            Self::TextHeader { text, .. }
            | Self::ListHeader { text, .. }
            | Self::Part { text, .. }
            | Self::Verbatim { text, .. } => fixed(text),
            Self::PartsHeader { display, address, .. } => display.as_ref().is_none_or(fixed) && fixed(address),
        }
    }

    /// Whether it belongs to the body, with or without the header fields that describe it.
    pub fn is_body(&self) -> bool {
        matches!(self, Self::Part { .. } | Self::Verbatim { .. })
    }

    /// The header field that it makes of the caller's words.
    pub fn field_name(&self) -> Option<&FieldName> {
        match self {
            Self::TextHeader { name, .. } | Self::ListHeader { name, .. } | Self::PartsHeader { name, .. } => {
                Some(name)
            }
            _ => None,
        }
    }

    /// A size that the bytes seldom exceed, so that one allocation serves a mail.
    pub fn size_hint(&self) -> usize {
        match self {
            Self::Fixed(bytes) => bytes.len(),
            Self::To | Self::MessageId | Self::Date => 120,
            Self::Unsubscribe => 0,
            Self::TextHeader { text, .. } | Self::ListHeader { text, .. } => 100 + text_size(text) * 2,
            Self::PartsHeader { .. } => 300,
            Self::Part { text, .. } | Self::Verbatim { text, .. } => 300 + text_size(text) * 3 / 2,
        }
    }
}

fn text_size(text: &Text) -> usize {
    match text {
        Text::Fixed(text) => text.len(),
        Text::Marked { bytes, .. } => *bytes,
    }
}

fn write_message_id(fill: &Fill<'_>, out: &mut Vec<u8>) -> Result<(), ContentError> {
    let host_name = |b: u8| b.is_ascii_alphanumeric() || b == b'.' || b == b'-';
    if fill.host.is_empty() || fill.host.len() > 255 || !fill.host.bytes().all(host_name) {
        let message = "the Message-ID needs a host name of letters, digits, '.' and '-'; set it in the configuration";
        return Err(ContentError::new("host", message));
    }
    out.extend_from_slice(format!("Message-ID: <{}@{}>\r\n", fill.id, fill.host).as_bytes());
    Ok(())
}

/// In Japan's own time, where every recipient lives; it has no summer time, so the offset is a constant.
fn write_date(at: UnixMs, out: &mut Vec<u8>) -> Result<(), ContentError> {
    let outside =
        || ContentError::new("date", "the time of acceptance is outside the calendar; set the machine's clock");
    let ms = i64::try_from(at.0).map_err(|_| outside())?;
    let local = Timestamp::from_millisecond(ms).map_err(|_| outside())?.to_zoned(TimeZone::fixed(Offset::constant(9)));
    let mut text = String::with_capacity(40);
    DateTimePrinter::new().print_zoned(&local, &mut text).map_err(|_| outside())?;
    out.extend_from_slice(b"Date: ");
    out.extend_from_slice(text.as_bytes());
    out.extend_from_slice(b"\r\n");
    Ok(())
}

/// RFC 2369 and RFC 8058. One-Click belongs to an https link only.
fn write_unsubscribe(unsubscribe: &Unsubscribe<'_>, ink: &Ink, out: &mut Vec<u8>) {
    // A link that could end its angle brackets is no link; the mail form does without it.
    let plain = |link: &&str| link.bytes().all(|b| b.is_ascii_graphic() && !b"<>,\"".contains(&b));
    let link = unsubscribe.link.filter(plain);
    let mut field = Field::begin(out, ink, &FieldName::ours("List-Unsubscribe"));
    if let Some(link) = link {
        field.word(&OneLine::of(format!("<{link}>,")));
    }
    field.address("<mailto:", unsubscribe.mailbox, ">");
    field.end();
    if link.is_some() {
        out.extend_from_slice(b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n");
    }
}

fn mailboxes(field: &str, value: &str, only_one: bool) -> Result<Vec<Mailbox>, ContentError> {
    check_length(field, value)?;
    let list = Mailbox::list(field, value)?;
    if only_one && list.len() > 1 {
        return Err(ContentError::new(field, "exactly one address may stand here; remove the others"));
    }
    Ok(list)
}

fn check_length(field: &str, value: &str) -> Result<(), ContentError> {
    if value.len() > HEADER_BYTES_MAX {
        let message = format!("the value is longer than {HEADER_BYTES_MAX} bytes; shorten it");
        return Err(ContentError::new(field, message));
    }
    Ok(())
}

fn write_part(content_type: &str, text: &str, ink: &Ink, out: &mut Vec<u8>) {
    let body = normalise(text, Controls::Dropped);
    let spelled = ink.spelled(&body);
    let bytes = ink.bytes(&spelled);
    let transfer = match ink.charset() {
        Charset::Utf8 => Transfer::choose(&bytes),
        Charset::Iso2022Jp => Transfer::choose_for_old_readers(&bytes),
    };
    out.extend_from_slice(b"Content-Type: ");
    out.extend_from_slice(OneLine::of(content_type_in(ink.charset(), content_type)).as_str().as_bytes());
    out.extend_from_slice(b"\r\nContent-Transfer-Encoding: ");
    out.extend_from_slice(transfer.as_str().as_bytes());
    out.extend_from_slice(b"\r\n\r\n");
    write_body(&bytes, transfer, out);
}

/// The media type of a text, whose charset was given as UTF-8, with the charset in which it is written.
fn content_type_in(charset: Charset, content_type: &str) -> Cow<'_, str> {
    if charset == Charset::Utf8 {
        return Cow::Borrowed(content_type);
    }
    let parameter = |part: &str| match part.split_once('=') {
        Some((name, _)) if name.trim().eq_ignore_ascii_case("charset") => " charset=iso-2022-jp".to_owned(),
        _ => part.to_owned(),
    };
    Cow::Owned(content_type.split(';').map(parameter).collect::<Vec<_>>().join(";"))
}

fn write_verbatim(field: &str, text: &str, out: &mut Vec<u8>) -> Result<(), ContentError> {
    let body = normalise(text, Controls::Kept);
    for (i, line) in body.split("\r\n").enumerate() {
        let wrong = if !line.is_ascii() {
            "holds characters that are not ASCII"
        } else if line.len() > LINE_BYTES_MAX {
            "is longer than 998 bytes"
        } else {
            continue;
        };
        let remedy = "encode the part as base64 or quoted-printable, or hand it in as text_body and attachments";
        return Err(ContentError::new(field, format!("line {} of the body {wrong}; {remedy}", i + 1)));
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(body.as_bytes());
    Ok(())
}
