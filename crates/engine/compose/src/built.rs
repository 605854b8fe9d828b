//! From the parts a caller names (`from`, `subject`, `text_body` …) to the pieces of a mail.

use mail_model::MessageId;

use crate::attachment::{Place, write_attachment};
use crate::error::ContentError;
use crate::limits::{ATTACHMENTS_MAX, HEADERS_MAX};
use crate::line::FieldName;
use crate::piece::Piece;
use crate::spec::{Attachment, BuiltSpec, Sender};
use crate::template::{Kind, Templates, Text};

/// Header fields that have a field of their own, are made by the engine, or would give a recipient away.
const MADE_BY_US: [&str; 14] = [
    "from",
    "to",
    "subject",
    "reply-to",
    "date",
    "message-id",
    "mime-version",
    "bcc",
    "resent-bcc",
    "return-path",
    "received",
    "dkim-signature",
    "delivered-to",
    "sender",
];

/// Makes the pieces of a mail.
pub(crate) fn built(
    spec: &BuiltSpec,
    message: MessageId,
    templates: &mut Templates,
) -> Result<Vec<Piece>, ContentError> {
    let mut pieces = Vec::new();
    let from = spec.from.as_ref();
    let from = from.ok_or_else(|| ContentError::new("from", "it is missing; give the sender's name and address"))?;
    pieces.push(sender(FieldName::ours("From"), "from", from, templates)?);
    pieces.push(Piece::To);
    if let Some(subject) = &spec.subject {
        let text = templates.text("subject", subject, Kind::Plain)?;
        pieces.push(Piece::TextHeader { name: FieldName::ours("Subject"), field: "subject".into(), text });
    }
    pieces.push(Piece::Date);
    pieces.push(Piece::MessageId);
    if let Some(reply_to) = &spec.reply_to {
        pieces.push(sender(FieldName::ours("Reply-To"), "reply_to", reply_to, templates)?);
    }
    if !spec.headers.keys().any(|name| name.eq_ignore_ascii_case("list-unsubscribe")) {
        pieces.push(Piece::Unsubscribe);
    }
    headers(spec, templates, &mut pieces)?;
    pieces.push(Piece::Fixed(b"MIME-Version: 1.0\r\n".to_vec()));
    body(spec, message, templates, &mut pieces)?;
    Ok(pieces)
}

fn sender(name: FieldName, field: &str, sender: &Sender, templates: &mut Templates) -> Result<Piece, ContentError> {
    let field = field.to_owned();
    Ok(match sender {
        Sender::Text(text) => {
            let text = templates.text(&field, text, Kind::Plain)?;
            Piece::ListHeader { only_one: name.is("From"), name, field, text }
        }
        Sender::Parts(parts) => {
            let text = |part: &str| format!("{field}.{part}");
            let display = parts.name.as_ref().map(|display| templates.text(&text("name"), display, Kind::Plain));
            let (display, address) = (display.transpose()?, templates.text(&text("email"), &parts.email, Kind::Plain)?);
            Piece::PartsHeader { name, field, display, address }
        }
    })
}

fn headers(spec: &BuiltSpec, templates: &mut Templates, pieces: &mut Vec<Piece>) -> Result<(), ContentError> {
    if spec.headers.len() > HEADERS_MAX {
        let message = format!("{} are given, at most {HEADERS_MAX} are allowed", spec.headers.len());
        return Err(ContentError::new("headers", message));
    }
    let mut seen: Vec<String> = Vec::new();
    for (name, value) in &spec.headers {
        let field = format!("headers.{}", printable(name));
        let lower = name.to_ascii_lowercase();
        let checked = checked_name(&field, name)?;
        if MADE_BY_US.contains(&lower.as_str()) || lower.starts_with("content-") {
            let message =
                "the engine writes this header itself; remove it here and use the field of that name, if there is one";
            return Err(ContentError::new(field, message));
        }
        if seen.contains(&lower) {
            return Err(ContentError::new(field, "it is given twice, in different letters; keep one"));
        }
        seen.push(lower);
        let text = templates.text(&field, value, Kind::Plain)?;
        pieces.push(header(checked, field, text));
    }
    Ok(())
}

/// A header of mailboxes or of free text, by its name.
pub(crate) fn header(name: FieldName, field: String, text: Text) -> Piece {
    let lists = ["from", "sender", "reply-to", "to", "cc"];
    if lists.iter().any(|list| name.is(list)) {
        let only_one = name.is("from") || name.is("sender");
        Piece::ListHeader { name, field, text, only_one }
    } else {
        Piece::TextHeader { name, field, text }
    }
}

/// A name that a header may have.
pub(crate) fn checked_name(field: &str, name: &str) -> Result<FieldName, ContentError> {
    let message = "a header's name is 1 to 64 letters, digits and '-', without spaces and ':'";
    FieldName::new(name).ok_or_else(|| ContentError::new(field, message))
}

/// A header's name as it may stand in an error text.
pub(crate) fn printable(name: &str) -> String {
    name.chars().filter(char::is_ascii_graphic).take(64).collect()
}

/// mixed( alternative( text, related( html, pictures ) ), files ), each level only where it is needed.
fn body(
    spec: &BuiltSpec,
    message: MessageId,
    templates: &mut Templates,
    pieces: &mut Vec<Piece>,
) -> Result<(), ContentError> {
    if spec.attachments.len() > ATTACHMENTS_MAX {
        let message = format!("{} are given, at most {ATTACHMENTS_MAX} are allowed", spec.attachments.len());
        return Err(ContentError::new("attachments", message));
    }
    let in_html = |file: &Attachment| file.content_id.is_some() && spec.html_body.is_some();
    let files = || spec.attachments.iter().enumerate();
    let attached = files().any(|(_, file)| !in_html(file));
    let mixed = attached.then(|| Multipart::open("mixed", message, pieces));
    if let Some(mixed) = &mixed {
        mixed.next(pieces);
    }
    texts(spec, message, templates, pieces, in_html)?;
    if let Some(mixed) = mixed {
        for (i, file) in files().filter(|(_, file)| !in_html(file)) {
            mixed.next(pieces);
            pieces.push(file_piece(i, file, Place::Attached)?);
        }
        mixed.close(pieces);
    }
    Ok(())
}

fn texts(
    spec: &BuiltSpec,
    message: MessageId,
    templates: &mut Templates,
    pieces: &mut Vec<Piece>,
    in_html: impl Fn(&Attachment) -> bool,
) -> Result<(), ContentError> {
    let plain = spec.text_body.as_ref().map(|text| templates.text("text_body", text, Kind::Plain)).transpose()?;
    let html = spec.html_body.as_ref().map(|text| templates.text("html_body", text, Kind::Html)).transpose()?;
    let part = |kind: &str, text| Piece::Part { content_type: format!("text/{kind}; charset=utf-8"), text };
    let (plain, html) = match (plain, html) {
        (None, None) => {
            return Err(ContentError::new("text_body", "neither text_body nor html_body is given; give at least one"));
        }
        (Some(plain), None) => {
            pieces.push(part("plain", plain));
            return Ok(());
        }
        (plain, Some(html)) => (plain, html),
    };
    let alternative = plain.is_some().then(|| Multipart::open("alternative", message, pieces));
    if let (Some(alternative), Some(plain)) = (&alternative, plain) {
        alternative.next(pieces);
        pieces.push(part("plain", plain));
        alternative.next(pieces);
    }
    let pictures: Vec<_> = spec.attachments.iter().enumerate().filter(|(_, file)| in_html(file)).collect();
    let related = (!pictures.is_empty()).then(|| Multipart::open("related", message, pieces));
    if let Some(related) = &related {
        related.next(pieces);
    }
    pieces.push(part("html", html));
    if let Some(related) = related {
        for (i, file) in pictures {
            related.next(pieces);
            pieces.push(file_piece(i, file, Place::Inline)?);
        }
        related.close(pieces);
    }
    if let Some(alternative) = alternative {
        alternative.close(pieces);
    }
    Ok(())
}

fn file_piece(index: usize, file: &Attachment, place: Place) -> Result<Piece, ContentError> {
    let mut bytes = Vec::new();
    write_attachment(&format!("attachments[{index}]"), file, place, &mut bytes)?;
    Ok(Piece::Fixed(bytes))
}

/// One level of parts. Its boundary begins with `=_`, which neither Base64 nor quoted-printable can contain, and 7bit
/// is not chosen for a text with a line that begins so; hence no text can end a part, whoever wrote it.
struct Multipart(String);

impl Multipart {
    fn open(kind: &str, message: MessageId, pieces: &mut Vec<Piece>) -> Self {
        let boundary = format!("=_{message}_{kind}");
        // RFC 2387 3.1 wants the type of the root named.
        let root = if kind == "related" { "; type=\"text/html\"" } else { "" };
        let header = format!("Content-Type: multipart/{kind}{root};\r\n boundary=\"{boundary}\"\r\n");
        pieces.push(Piece::Fixed(header.into_bytes()));
        Self(boundary)
    }

    fn next(&self, pieces: &mut Vec<Piece>) {
        pieces.push(Piece::Fixed(format!("\r\n--{}\r\n", self.0).into_bytes()));
    }

    fn close(&self, pieces: &mut Vec<Piece>) {
        pieces.push(Piece::Fixed(format!("\r\n--{}--\r\n", self.0).into_bytes()));
    }
}
