//! The fields of a rendered mail, and which of them a signature covers.

use memchr::memchr;

use crate::dkim::canon::relaxed_field;

/// Whom a signature serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Span {
    /// The mail of one recipient.
    OneMail,
    /// The mails of all recipients: it leaves out To and Message-ID.
    EveryMail,
}

/// How often a field is named in `h=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cover {
    /// Once more than it occurs, so that nobody can add another one above it and keep the signature: programs for
    /// reading mail show the first, verifiers take the last.
    Sealed,
    /// As often as it occurs. Mailing lists add these without touching anything else.
    Present,
}

/// What is signed, in the order of `h=`. RFC 6376 5.4.1 with the fields that decide how the body is read.
const SIGNED: [(&str, Cover); 16] = [
    ("From", Cover::Sealed),
    ("To", Cover::Sealed),
    ("Cc", Cover::Sealed),
    ("Subject", Cover::Sealed),
    ("Date", Cover::Sealed),
    ("Message-ID", Cover::Sealed),
    ("Reply-To", Cover::Sealed),
    ("MIME-Version", Cover::Sealed),
    ("Content-Type", Cover::Sealed),
    ("Content-Transfer-Encoding", Cover::Sealed),
    ("Sender", Cover::Present),
    ("In-Reply-To", Cover::Present),
    ("References", Cover::Present),
    ("List-Id", Cover::Present),
    ("List-Unsubscribe", Cover::Present),
    ("List-Unsubscribe-Post", Cover::Present),
];

/// The two that differ between the recipients of every message.
const PERSONAL: [&str; 2] = ["To", "Message-ID"];

/// Whether a signature of this span covers the field.
pub(crate) fn is_signed(name: &str, span: Span) -> bool {
    signed_in(span).any(|(signed, _)| signed.eq_ignore_ascii_case(name))
}

fn signed_in(span: Span) -> impl Iterator<Item = (&'static str, Cover)> {
    let covers = move |name: &str| span == Span::OneMail || !PERSONAL.contains(&name);
    SIGNED.into_iter().filter(move |(name, _)| covers(name))
}

/// One field as it stands in the mail.
#[derive(Clone, Copy, Debug)]
struct Field<'m> {
    name: &'m [u8],
    /// With its folds, without the last CRLF.
    value: &'m [u8],
}

/// The fields of one mail.
#[derive(Debug)]
pub(crate) struct Letterhead<'m>(Vec<Field<'m>>);

impl<'m> Letterhead<'m> {
    /// Reads a header of CRLF lines.
    pub fn read(header: &'m [u8]) -> Self {
        let mut fields = Vec::with_capacity(16);
        let mut rest = header;
        while let Some(colon) = memchr(b':', rest) {
            let end = field_end(rest);
            let (field, tail) = rest.split_at(end);
            let (name, value) = field.split_at(colon.min(end));
            fields.push(Field { name, value: value.strip_prefix(b":").unwrap_or(value) });
            rest = tail.strip_prefix(b"\r\n").unwrap_or_default();
        }
        Self(fields)
    }

    /// Every field of this name, the last one first.
    fn of(&self, name: &str) -> impl Iterator<Item = &Field<'m>> {
        self.0.iter().rev().filter(move |field| field.name.eq_ignore_ascii_case(name.as_bytes()))
    }

    /// Appends the canonical form of what is signed; gives the names for `h=`.
    pub fn canonical(&self, span: Span, out: &mut Vec<u8>) -> Vec<&'static str> {
        let mut names = Vec::with_capacity(2 * SIGNED.len());
        for (name, cover) in signed_in(span) {
            for field in self.of(name) {
                relaxed_field(field.name, field.value, out);
                out.extend_from_slice(b"\r\n");
                names.push(name);
            }
            if cover == Cover::Sealed {
                names.push(name);
            }
        }
        names
    }
}

/// Where the first field ends, before its CRLF. A line that begins with white space belongs to the field.
fn field_end(text: &[u8]) -> usize {
    let mut at = 0;
    while let Some(found) = memchr(b'\n', text.get(at..).unwrap_or_default()) {
        at += found + 1;
        if !matches!(text.get(at), Some(b' ' | b'\t')) {
            return text.get(..at).and_then(|line| line.strip_suffix(b"\r\n")).map_or(at, <[u8]>::len);
        }
    }
    text.len()
}

/// The domain of the From address, lower case. Our From has one mailbox, and its address stands last.
pub(crate) fn from_domain(letterhead: &Letterhead<'_>) -> Option<String> {
    let field = letterhead.of("From").next()?;
    let value = std::str::from_utf8(field.value).ok()?;
    let (_, domain) = value.rsplit_once('@')?;
    let domain = domain.split(|c: char| c == '>' || c.is_whitespace()).next()?;
    (!domain.is_empty()).then(|| domain.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &[u8] =
        b"From: \"a@b\"\r\n <School@Example.JP>\r\nX-A: 1\r\nto: x@y.jp\r\nSubject:\r\n  one\r\nSubject: two\r\n";

    #[test]
    fn fields_are_signed_from_the_last_one_up_and_sealed_against_additions() {
        let letterhead = Letterhead::read(HEADER);
        let mut out = Vec::new();
        let names = letterhead.canonical(Span::OneMail, &mut out).join(":");
        assert_eq!(
            names,
            "From:From:To:To:Cc:Subject:Subject:Subject:Date:Message-ID:Reply-To:MIME-Version:Content-Type:Content-Transfer-Encoding"
        );
        let canonical = "from:\"a@b\" <School@Example.JP>\r\nto:x@y.jp\r\nsubject:two\r\nsubject:one\r\n";
        assert_eq!(String::from_utf8(out).unwrap(), canonical);
        let mut out = Vec::new();
        let names = letterhead.canonical(Span::EveryMail, &mut out);
        assert!(!names.contains(&"To") && !names.contains(&"Message-ID") && names.contains(&"From"));
        assert!(!String::from_utf8(out).unwrap().contains("to:"));
    }

    #[test]
    fn the_domain_of_from_is_read_from_its_address() {
        let table = [
            ("From: a@B.jp\r\n", Some("b.jp")),
            ("From: X <a@b.jp>\r\n", Some("b.jp")),
            ("From: \"x@y.jp\" <a@b.jp>\r\n", Some("b.jp")),
            ("From:\r\n =?UTF-8?B?5a2m5qCh?=\r\n <a@b.jp>\r\n", Some("b.jp")),
            ("Subject: a@b.jp\r\n", None),
            ("From: nobody\r\n", None),
        ];
        for (header, domain) in table {
            let read = from_domain(&Letterhead::read(header.as_bytes()));
            assert_eq!(read.as_deref(), domain, "{header}");
        }
    }
}
