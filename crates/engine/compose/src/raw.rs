//! From a mail in the form of RFC 5322 to the pieces of a mail.
//!
//! Header and body are taken apart before any mark is filled in, so a value cannot add a header or begin the body.

use crate::built::{checked_name, header, printable};
use crate::error::ContentError;
use crate::limits::{HEADERS_MAX, LINE_BYTES_MAX, MAIL_BYTES_MAX};
use crate::line::FieldName;
use crate::piece::Piece;
use crate::template::{Kind, Templates, Text};
use crate::transfer::{Controls, normalise};

/// Fields that may stand once, RFC 5322 3.6.
const ONCE: [&str; 13] = [
    "from",
    "sender",
    "reply-to",
    "to",
    "cc",
    "date",
    "message-id",
    "in-reply-to",
    "references",
    "subject",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
];

/// Fields that no sent mail has: they would show other recipients or forge a trace.
const REFUSED: [&str; 3] = ["bcc", "resent-bcc", "return-path"];

struct RawField {
    name: FieldName,
    lower: String,
    /// As written, folded lines included, without the last CRLF.
    value: String,
}

impl RawField {
    /// What an error names.
    fn place(&self) -> String {
        format!("content, header {}", printable(self.name.as_str()))
    }

    fn unfolded(&self) -> String {
        self.value.replace("\r\n", "").trim().to_owned()
    }

    /// Whether the value may go out as it was written.
    fn is_sound(&self) -> bool {
        // The colon, and the space that is written where there is none.
        let first = self.name.as_str().len() + 1 + usize::from(!self.value.starts_with([' ', '\t']));
        self.value.is_ascii()
            && self.value.split("\r\n").enumerate().all(|(i, line)| {
                line.len() + if i == 0 { first } else { 0 } <= LINE_BYTES_MAX
                    && (i == 0 || !line.trim().is_empty())
                    && !line.contains(|c: char| c.is_ascii_control() && c != '\t')
            })
    }
}

/// Makes the pieces of a mail.
pub(crate) fn raw(text: &str, templates: &mut Templates) -> Result<Vec<Piece>, ContentError> {
    if text.len() > MAIL_BYTES_MAX {
        let message = format!("it exceeds {MAIL_BYTES_MAX} bytes; make the attachments smaller or send a link");
        return Err(ContentError::new("content", message));
    }
    let text = normalise(text, Controls::Kept);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text.trim_end_matches("\r\n"), ""));
    let fields = fields(head)?;
    let has = |name: &str| fields.iter().any(|field| field.lower == name);
    if !has("from") {
        return Err(ContentError::new(
            "content",
            "the From header is missing; begin with From: Name <name@example.jp>",
        ));
    }
    let form = Form::of(&fields)?;
    let mut pieces = Vec::new();
    for field in &fields {
        pieces.extend(field_piece(field, &form, templates)?);
    }
    if !has("to") {
        pieces.push(Piece::To);
    }
    if !has("date") {
        pieces.push(Piece::Date);
    }
    pieces.push(Piece::MessageId);
    if !has("list-unsubscribe") {
        pieces.push(Piece::Unsubscribe);
    }
    pieces.push(Piece::Fixed(b"MIME-Version: 1.0\r\n".to_vec()));
    let text = templates.text_within(MAIL_BYTES_MAX, "content, body", body, Kind::Plain)?;
    pieces.push(match form {
        Form::Text { content_type } => Piece::Part { content_type, text },
        Form::Own => Piece::Verbatim { field: "content".into(), text },
    });
    Ok(pieces)
}

fn fields(head: &str) -> Result<Vec<RawField>, ContentError> {
    let mut fields: Vec<RawField> = Vec::new();
    for (i, line) in head.split("\r\n").enumerate() {
        if line.starts_with([' ', '\t']) {
            let Some(field) = fields.last_mut() else {
                return Err(ContentError::new("content", "line 1 begins with a space; begin with From: …"));
            };
            field.value.push_str("\r\n");
            field.value.push_str(line);
            continue;
        }
        let Some((name, value)) = line.split_once(':') else {
            let message =
                format!("line {} is neither a header (Name: value) nor the empty line before the text", i + 1);
            return Err(ContentError::new("content", message));
        };
        let lower = name.to_ascii_lowercase();
        let name = checked_name(&format!("content, line {}", i + 1), name)?;
        let field = RawField { name, lower, value: value.to_owned() };
        if REFUSED.contains(&field.lower.as_str()) {
            return Err(ContentError::new(field.place(), "remove it; recipients are named in `recipients`"));
        }
        if ONCE.contains(&field.lower.as_str()) && fields.iter().any(|f| f.lower == field.lower) {
            return Err(ContentError::new(field.place(), "it stands twice; keep one"));
        }
        fields.push(field);
        if fields.len() > HEADERS_MAX {
            let message = format!("it has more than {HEADERS_MAX} headers; remove some");
            return Err(ContentError::new("content", message));
        }
    }
    Ok(fields)
}

/// Who makes the body's form.
enum Form {
    /// One text in UTF-8: we choose its transfer encoding.
    Text { content_type: String },
    /// The caller made parts, another charset or an encoding: it goes out as it is.
    Own,
}

impl Form {
    fn of(fields: &[RawField]) -> Result<Self, ContentError> {
        let value = |name: &str| fields.iter().find(|field| field.lower == name).map(RawField::unfolded);
        let encoding = value("content-transfer-encoding").unwrap_or_default().to_ascii_lowercase();
        if !["", "7bit", "8bit", "binary"].contains(&encoding.as_str()) {
            return Ok(Self::Own);
        }
        let Some(given) = value("content-type") else {
            return Ok(Self::Text { content_type: "text/plain; charset=utf-8".into() });
        };
        if !given.is_ascii() || given.contains("{{") || given.contains("{%") || given.len() > 500 {
            let message = "only a plain media type may stand here, for instance text/plain; charset=utf-8";
            return Err(ContentError::new("content, header Content-Type", message));
        }
        let lower = given.to_ascii_lowercase();
        if !lower.starts_with("text/") {
            return Ok(Self::Own);
        }
        Ok(match lower.split(';').find_map(|p| p.trim().strip_prefix("charset=")).map(|c| c.trim_matches('"')) {
            None => Self::Text { content_type: format!("{}; charset=utf-8", given.trim_end_matches([';', ' '])) },
            Some("utf-8") => Self::Text { content_type: given },
            Some("us-ascii") => Self::Text { content_type: lower.replace("us-ascii", "utf-8") },
            Some(_) => Self::Own,
        })
    }
}

fn field_piece(field: &RawField, form: &Form, templates: &mut Templates) -> Result<Option<Piece>, ContentError> {
    let ours = match field.lower.as_str() {
        // Mails with one Message-ID for all are refused by Gmail after a few (421 4.7.28), and a bounce that names it
        // would lead to nobody: every notification has its own.
        "message-id" | "mime-version" => true,
        "content-type" | "content-transfer-encoding" => matches!(form, Form::Text { .. }),
        _ => false,
    };
    if ours {
        return Ok(None);
    }
    let text = templates.text(&field.place(), &field.unfolded(), Kind::Plain)?;
    let fixed = matches!(text, Text::Fixed(_));
    if fixed && field.is_sound() && field.lower != "from" {
        let value = if field.value.starts_with([' ', '\t']) { "" } else { " " };
        return Ok(Some(Piece::Fixed(format!("{}:{value}{}\r\n", field.name.as_str(), field.value).into_bytes())));
    }
    if fixed && ["content-type", "content-disposition", "date"].contains(&field.lower.as_str()) {
        let message = "a line is longer than 998 bytes or holds characters that are not ASCII; correct it";
        return Err(ContentError::new(field.place(), message));
    }
    Ok(Some(header(field.name.clone(), field.place(), text)))
}
