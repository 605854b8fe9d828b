//! The header block of a mail or of a part.

use std::borrow::Cow;

use super::charset::text;
use super::encoded_word;
use super::lines::is_blank;

/// Header blocks are read up to here, in bytes; what follows is skipped.
const HEADER_BYTES_MAX: usize = 64 << 10;

/// Names and raw values, continuation lines included, in their order.
#[derive(Debug, Default)]
pub(crate) struct Headers<'m> {
    fields: Vec<(&'m [u8], &'m [u8])>,
}

impl<'m> Headers<'m> {
    /// Reads the block at the beginning of `bytes`; gives it and what follows its blank line. Where no field stands
    /// first, all of `bytes` is body.
    pub fn read(bytes: &'m [u8]) -> (Self, &'m [u8]) {
        let mut fields: Vec<(&'m [u8], &'m [u8])> = Vec::new();
        let (mut at, mut value_from) = (0, 0);
        while at < bytes.len() {
            let rest = bytes.get(at..).unwrap_or_default();
            let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            let line = rest.get(..end).unwrap_or_default();
            let next = (at + end + 1).min(bytes.len());
            if is_blank(line) {
                return (Self { fields }, bytes.get(next..).unwrap_or_default());
            }
            let is_continuation = line.first().is_some_and(|b| matches!(b, b' ' | b'\t'));
            match name_end(line) {
                _ if is_continuation && fields.is_empty() => return (Self::default(), bytes),
                _ if is_continuation => {
                    if let Some((_, value)) = fields.last_mut() {
                        *value = bytes.get(value_from..at + end).unwrap_or_default();
                    }
                }
                _ if at > HEADER_BYTES_MAX => {}
                Some(colon) => {
                    value_from = at + colon + 1;
                    let name = line.get(..colon).unwrap_or_default().trim_ascii_end();
                    fields.push((name, line.get(colon + 1..).unwrap_or_default()));
                }
                // The separator line of an mbox.
                None if line.starts_with(b"From ") || line.starts_with(b">From ") => {}
                None if fields.is_empty() => return (Self::default(), bytes),
                None => return (Self { fields }, rest),
            }
            at = next;
        }
        (Self { fields }, &[])
    }

    /// The first value of a field, unfolded and trimmed.
    pub fn get(&self, name: &str) -> Option<Cow<'m, str>> {
        self.all(name).next()
    }

    /// The first value, its encoded words decoded.
    pub fn decoded(&self, name: &str) -> Option<String> {
        self.get(name).map(|value| encoded_word::decode(&value).into_owned())
    }

    /// Every value of a field.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = Cow<'m, str>> + 'a {
        let fields = self.fields.iter().filter(move |(found, _)| found.eq_ignore_ascii_case(name.as_bytes()));
        fields.map(|(_, value)| unfold(value))
    }

    /// Whether a field is there, whatever it says.
    pub fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|(found, _)| found.eq_ignore_ascii_case(name.as_bytes()))
    }
}

/// Where the colon of a field stands; `None` for a line that is no field. Obsolete syntax allows blanks before it.
fn name_end(line: &[u8]) -> Option<usize> {
    let colon = memchr::memchr(b':', line)?;
    let name = line.get(..colon)?.trim_ascii_end();
    (!name.is_empty() && name.iter().all(u8::is_ascii_graphic)).then_some(colon)
}

fn unfold(value: &[u8]) -> Cow<'_, str> {
    match text(value.trim_ascii(), None) {
        Cow::Borrowed(plain) if !plain.contains('\n') => Cow::Borrowed(plain),
        folded => {
            let mut out = String::with_capacity(folded.len());
            for line in folded.lines().map(str::trim) {
                if !out.is_empty() && !line.is_empty() {
                    out.push(' ');
                }
                out.push_str(line);
            }
            Cow::Owned(out)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_unfolded_found_in_any_case_and_ended_by_a_blank_line() {
        let mail = b"From MAILER-DAEMON Sun Sep  7 21:40:07 2008\nSubject: a\n  b\nX-A : 1\nx-a:2\n\nbody\n\nmore";
        let (headers, body) = Headers::read(mail);
        assert_eq!(headers.get("subject").as_deref(), Some("a b"));
        assert_eq!(headers.all("X-A").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(headers.get("To"), None);
        assert!(headers.has("x-a") && !headers.has("x-b"));
        assert_eq!(body, b"body\n\nmore");
    }

    #[test]
    fn a_body_without_header_stays_whole_and_a_line_that_is_no_field_ends_the_block() {
        let table: [(&[u8], usize, &[u8]); 5] = [
            (b"Hello, this is no field\nA: b\n\nc", 0, b"Hello, this is no field\nA: b\n\nc"),
            (b"A: b\nno field here\nc", 1, b"no field here\nc"),
            (b"\nbody", 0, b"body"),
            (b"A: b", 1, b""),
            (b"", 0, b""),
        ];
        for (given, fields, body) in table {
            let (headers, rest) = Headers::read(given);
            assert_eq!((headers.fields.len(), rest), (fields, body), "{given:?}");
        }
    }

    #[test]
    fn a_header_without_end_is_read_up_to_its_limit() {
        let mail = b"X-Filler: abcdefgh\n".repeat(10_000);
        let (headers, _) = Headers::read(&mail);
        assert!(headers.fields.len() < 4_000);
    }
}
