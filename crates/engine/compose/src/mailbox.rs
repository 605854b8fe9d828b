//! Mailboxes in header fields: `学校 <school@example.jp>` read and written.

use mail_model::{AddressError, EmailAddress};

use crate::charset::Ink;
use crate::error::ContentError;
use crate::limits::NAME_CHARS_MAX;
use crate::line::{FieldName, OneLine};
use crate::words::Field;

/// An address with the name that a phone shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mailbox {
    pub name: OneLine<'static>,
    pub address: EmailAddress,
}

impl Mailbox {
    /// Checks the parts of one mailbox.
    pub fn new(field: &str, name: &str, address: &str) -> Result<Self, ContentError> {
        let name = checked_name(field, name)?.into_owned();
        let address: EmailAddress = address.trim().parse().map_err(|e: AddressError| {
            ContentError::new(field, format!("{e}; write it as name@example.jp or Name <name@example.jp>"))
        })?;
        // It would make every mail one for servers with SMTPUTF8, which few carriers have.
        if address.needs_smtputf8() {
            let message = "the part before '@' must be ASCII here; write it as name@example.jp";
            return Err(ContentError::new(field, message));
        }
        Ok(Self { name, address })
    }

    /// Reads a comma-separated list. Comments and groups are refused: no writer of notices needs them.
    pub fn list(field: &str, text: &str) -> Result<Vec<Self>, ContentError> {
        let text = OneLine::of(text);
        let parts = split_unquoted(text.as_str());
        let mailboxes: Result<Vec<_>, _> =
            parts.into_iter().map(str::trim).filter(|m| !m.is_empty()).map(|m| one(field, m)).collect();
        match mailboxes {
            Ok(list) if list.is_empty() => {
                Err(ContentError::new(field, "no address is given; write Name <name@example.jp>"))
            }
            other => other,
        }
    }
}

fn one(field: &str, text: &str) -> Result<Mailbox, ContentError> {
    let Some(start) = text.rfind('<') else {
        return Mailbox::new(field, "", text);
    };
    let (name, rest) = text.split_at(start);
    let Some(address) = rest.strip_prefix('<').and_then(|r| r.strip_suffix('>')) else {
        return Err(ContentError::new(field, "a '>' is missing; write Name <name@example.jp>"));
    };
    Mailbox::new(field, &unquoted(name.trim()), address)
}

fn unquoted(name: &str) -> String {
    let Some(inner) = name.strip_prefix('"').and_then(|n| n.strip_suffix('"')) else {
        return name.to_owned();
    };
    let mut plain = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        plain.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    plain
}

fn split_unquoted(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (i, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ',' if !quoted => {
                parts.extend(text.get(start..i));
                start = i + 1;
            }
            _ => {}
        }
    }
    parts.extend(text.get(start..));
    parts
}

/// A display name of a length that a phone shows.
pub(crate) fn checked_name<'n>(field: &str, name: &'n str) -> Result<OneLine<'n>, ContentError> {
    let name = OneLine::of(name).trimmed();
    if name.as_str().chars().count() > NAME_CHARS_MAX {
        let message = format!("the name is longer than {NAME_CHARS_MAX} characters; shorten it");
        return Err(ContentError::new(field, message));
    }
    Ok(name)
}

/// Writes `Name: mailbox, mailbox`, folded.
pub(crate) fn write_mailboxes<'m>(
    out: &mut Vec<u8>,
    ink: &Ink,
    name: &FieldName,
    list: impl IntoIterator<Item = (&'m OneLine<'m>, &'m EmailAddress)>,
) {
    let mut list = list.into_iter().peekable();
    let mut field = Field::begin(out, ink, name);
    while let Some((display, address)) = list.next() {
        let is_last = list.peek().is_none();
        if display.as_str().is_empty() {
            field.address("", address, if is_last { "" } else { "," });
        } else {
            field.phrase(display);
            field.address("<", address, if is_last { ">" } else { ">," });
        }
    }
    field.end();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::charset::Charset;

    fn written(text: &str) -> String {
        let list = Mailbox::list("from", text).unwrap();
        let (mut out, ink) = (Vec::new(), Ink::new(Charset::Utf8));
        write_mailboxes(&mut out, &ink, &FieldName::ours("From"), list.iter().map(|m| (&m.name, &m.address)));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_mailbox_is_written_in_its_plainest_right_form() {
        let table = [
            ("a@b.jp", "From: a@b.jp\r\n"),
            ("<a@b.jp>", "From: a@b.jp\r\n"),
            ("School Office <a@b.jp>", "From: School Office <a@b.jp>\r\n"),
            ("\"O'Brien, \\\"Pat\\\"\" <a@b.jp>", "From: \"O'Brien, \\\"Pat\\\"\" <a@b.jp>\r\n"),
            ("学校 <a@b.jp>", "From: =?UTF-8?B?5a2m5qCh?= <a@b.jp>\r\n"),
            ("a..b@docomo.ne.jp, X <c@d.jp>", "From: \"a..b\"@docomo.ne.jp, X <c@d.jp>\r\n"),
            ("Evil\r\nBcc: x@y.jp <a@b.jp>", "From: \"Evil  Bcc: x@y.jp\" <a@b.jp>\r\n"),
        ];
        for (text, expected) in table {
            assert_eq!(written(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_mailbox_is_refused_with_a_remedy_and_without_the_text() {
        for text in ["", "taro", "Taro <taro", "a@b.jp (Taro)", "Taro <a b@c.jp>", "team: a@b.jp;", "学校 <太郎@b.jp>"]
        {
            let error = Mailbox::list("from", text).unwrap_err();
            assert_eq!(error.field, "from");
            assert!(error.message.contains("name@example.jp"), "{error}");
            assert!(!error.message.contains("taro"), "{error}");
        }
    }
}
