//! One attached file as a MIME part. Made once per message, since it is the same for every recipient.

use std::fmt::Write as _;

use crate::error::ContentError;
use crate::limits::{FILE_NAME_CHARS_MAX, MAIL_BYTES_MAX};
use crate::spec::Attachment;
use crate::transfer::{base64, base64_lines, from_base64};

/// Whether the file stands in the HTML or beside the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Inline,
    Attached,
}

/// Writes the part's header and body. `field` is `attachments[2]`.
pub(crate) fn write_attachment(
    field: &str,
    file: &Attachment,
    place: Place,
    out: &mut Vec<u8>,
) -> Result<(), ContentError> {
    let bytes = bytes_of(field, file)?;
    let media_type = checked_type(field, file)?;
    out.extend_from_slice(b"Content-Type: ");
    out.extend_from_slice(media_type.as_bytes());
    if let Some(name) = &file.file_name {
        let name = checked_name(field, name)?;
        write_type_name(&name, out);
        write_disposition(place, Some(&name), out);
    } else {
        out.extend_from_slice(b"\r\n");
        write_disposition(place, None, out);
    }
    if let Some(id) = &file.content_id {
        let id = checked_id(field, id)?;
        out.extend_from_slice(format!("Content-ID: <{id}>\r\n").as_bytes());
    }
    out.extend_from_slice(b"Content-Transfer-Encoding: base64\r\n\r\n");
    base64_lines(&bytes, out);
    Ok(())
}

fn bytes_of(field: &str, file: &Attachment) -> Result<Vec<u8>, ContentError> {
    if file.data.len() > MAIL_BYTES_MAX {
        let message = format!("the file is larger than {MAIL_BYTES_MAX} bytes; put it on a page and send the link");
        return Err(ContentError::new(format!("{field}.data"), message));
    }
    if !file.base64 {
        return Ok(file.data.as_bytes().to_vec());
    }
    from_base64(&file.data).ok_or_else(|| {
        ContentError::new(format!("{field}.data"), "this is not Base64; encode the file, or leave out \"base64\": true")
    })
}

fn checked_type(field: &str, file: &Attachment) -> Result<String, ContentError> {
    let wrong = |message: &str| Err(ContentError::new(format!("{field}.content_type"), message));
    let (essence, parameters) = file.content_type.split_once(';').unwrap_or((&file.content_type, ""));
    let essence = essence.trim().to_ascii_lowercase();
    let token = |t: &str| {
        (1..=64).contains(&t.len()) && t.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&b))
    };
    let two_tokens = essence.split_once('/').is_some_and(|(kind, sub)| token(kind) && token(sub));
    let plain = |p: &str| p.len() <= 200 && p.bytes().all(|b| b == b' ' || b.is_ascii_graphic());
    if !two_tokens || !plain(parameters) {
        return wrong("write it as type/subtype, for instance application/pdf");
    }
    if essence.starts_with("multipart/") || essence.starts_with("message/") {
        return wrong("a mail inside a mail cannot be sent as Base64; use application/octet-stream");
    }
    let mut full = essence;
    if !parameters.trim().is_empty() {
        full.push_str("; ");
        full.push_str(parameters.trim());
    } else if full.starts_with("text/") && !file.base64 {
        full.push_str("; charset=utf-8");
    }
    Ok(full)
}

fn checked_name(field: &str, name: &str) -> Result<String, ContentError> {
    let field = || format!("{field}.file_name");
    if name.chars().count() > FILE_NAME_CHARS_MAX {
        let message = format!("the name is longer than {FILE_NAME_CHARS_MAX} characters; shorten it");
        return Err(ContentError::new(field(), message));
    }
    // A path would be kept by some readers and could leave their download folder.
    let safe: String = name.chars().map(|c| if c.is_control() || "/\\:\"".contains(c) { '_' } else { c }).collect();
    let safe = safe.trim_matches([' ', '.']).to_owned();
    if safe.is_empty() {
        return Err(ContentError::new(field(), "the name is empty; give one such as plan.pdf"));
    }
    Ok(safe)
}

fn checked_id(field: &str, id: &str) -> Result<String, ContentError> {
    let id = id.trim().trim_start_matches('<').trim_end_matches('>');
    let good = (1..=200).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || b".!#$%&'*+-/=?^_`{|}~@".contains(&b));
    if !good {
        let message = "write it as letters, digits and . _ - @ only, for instance logo@example.jp";
        return Err(ContentError::new(format!("{field}.content_id"), message));
    }
    Ok(id.to_owned())
}

/// The `name` of RFC 2047 in quotes breaks the rules, but mail apps on older phones read nothing else.
fn write_type_name(name: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b";\r\n name=\"");
    if name.is_ascii() {
        out.extend_from_slice(name.as_bytes());
    } else {
        let mut gap = "";
        for chunk in by_bytes(name, 42) {
            out.extend_from_slice(gap.as_bytes());
            out.extend_from_slice(b"=?UTF-8?B?");
            base64(chunk.as_bytes(), out);
            out.extend_from_slice(b"?=");
            gap = "\r\n ";
        }
    }
    out.extend_from_slice(b"\"\r\n");
}

fn write_disposition(place: Place, name: Option<&str>, out: &mut Vec<u8>) {
    let word = if place == Place::Inline { "inline" } else { "attachment" };
    let mut text = format!("Content-Disposition: {word}");
    match name {
        Some(name) if name.is_ascii() && name.len() <= 60 => {
            text.push_str(&format!(";\r\n filename=\"{name}\""));
        }
        Some(name) => write_continued(name, &mut text),
        None => {}
    }
    text.push_str("\r\n");
    out.extend_from_slice(text.as_bytes());
}

/// `filename*0*=UTF-8''…`, RFC 2231 3 and 4: percent-encoded, cut into pieces of at most 76 columns.
fn write_continued(name: &str, text: &mut String) {
    let mut pieces: Vec<String> = vec!["UTF-8''".to_owned()];
    for b in name.bytes() {
        let mut coded = String::new();
        if b.is_ascii_alphanumeric() || b"-._~".contains(&b) {
            coded.push(char::from(b));
        } else {
            // Writing to a String cannot fail.
            write!(coded, "%{b:02X}").unwrap_or_default();
        }
        match pieces.last_mut() {
            Some(piece) if piece.len() + coded.len() <= 60 => piece.push_str(&coded),
            _ => pieces.push(coded),
        }
    }
    if let [only] = pieces.as_slice() {
        text.push_str(&format!(";\r\n filename*={only}"));
        return;
    }
    for (i, piece) in pieces.iter().enumerate() {
        text.push_str(&format!(";\r\n filename*{i}*={piece}"));
    }
}

/// Cuts a text into pieces of at most `bytes` bytes between characters.
fn by_bytes(text: &str, bytes: usize) -> Vec<&str> {
    let (mut pieces, mut start) = (Vec::new(), 0);
    for (i, c) in text.char_indices() {
        if i + c.len_utf8() - start > bytes {
            pieces.extend(text.get(start..i));
            start = i;
        }
    }
    pieces.extend(text.get(start..));
    pieces
}
