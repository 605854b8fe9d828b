//! Header fields as they came: names and values of the first header section, folded lines joined. Pure.
//!
//! Phones write raw Shift_JIS or ISO-2022-JP into headers, so values are bytes, and what is looked for is ASCII.

/// Bytes of a header section that are looked at.
const SECTION_BYTES_MAX: usize = 65_536;
/// Fields that are looked at.
const FIELDS_MAX: usize = 1_000;

/// The fields of a header section.
#[derive(Clone, Debug, Default)]
pub(crate) struct Header<'m> {
    fields: Vec<(&'m [u8], &'m [u8])>,
}

impl<'m> Header<'m> {
    /// Reads the header section of a mail; line ends may be CRLF or LF. Lines that are no field end nothing.
    pub(crate) fn read(mail: &'m [u8]) -> Self {
        let mail = mail.get(..SECTION_BYTES_MAX).unwrap_or(mail);
        let mut fields: Vec<(&[u8], &[u8])> = Vec::new();
        let mut begin = 0;
        while begin < mail.len() && fields.len() < FIELDS_MAX {
            let end = field_end(mail, begin);
            let field = mail.get(begin..end).unwrap_or_default();
            if trimmed(field).is_empty() {
                break;
            }
            if let Some(colon) = field.iter().position(|byte| *byte == b':') {
                let (name, value) = field.split_at(colon);
                fields.push((trimmed(name), value.get(1..).unwrap_or_default()));
            }
            begin = end;
        }
        Self { fields }
    }

    /// The value of the first field of this name.
    pub(crate) fn value(&self, name: &str) -> Option<String> {
        self.values(name).next()
    }

    /// The values of all fields of this name: unfolded, trimmed, what is no ASCII replaced.
    pub(crate) fn values<'h>(&'h self, name: &'h str) -> impl Iterator<Item = String> + 'h {
        let named = move |(field, _): &&(&[u8], &[u8])| field.eq_ignore_ascii_case(name.as_bytes());
        self.fields.iter().filter(named).map(|(_, value)| plain(value))
    }

    /// Whether there is a field of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.values(name).next().is_some()
    }

    /// Whether any field's name begins like this, whatever the case.
    pub(crate) fn has_prefix(&self, prefix: &str) -> bool {
        let begins =
            |name: &[u8]| name.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix.as_bytes()));
        self.fields.iter().any(|(name, _)| begins(name))
    }
}

/// Where a field with its folded lines ends; an empty line ends by itself.
fn field_end(mail: &[u8], begin: usize) -> usize {
    let mut end = line_end(mail, begin);
    if trimmed(mail.get(begin..end).unwrap_or_default()).is_empty() {
        return end;
    }
    while let Some(b' ' | b'\t') = mail.get(end) {
        end = line_end(mail, end);
    }
    end
}

fn line_end(mail: &[u8], begin: usize) -> usize {
    let line = mail.get(begin..).unwrap_or_default();
    begin + line.iter().position(|byte| *byte == b'\n').map_or(line.len(), |at| at + 1)
}

fn trimmed(bytes: &[u8]) -> &[u8] {
    bytes.trim_ascii()
}

fn plain(value: &[u8]) -> String {
    let mut text = String::with_capacity(value.len());
    for byte in trimmed(value) {
        match byte {
            b'\r' | b'\n' => {}
            0x20..0x7f => text.push(char::from(*byte)),
            b'\t' => text.push(' '),
            _ => text.push(char::REPLACEMENT_CHARACTER),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_whatever_their_line_ends_folding_case_and_charset() {
        let shift_jis = [b"Subject: ".as_slice(), &[0x93, 0x6f, 0x98, 0x5e], b"\r\n"].concat();
        let rest =
            b"AUTO-submitted:\r\n auto-replied;\r\n\towner=x\r\nList-Id: <a>\nX-Loop : me\r\n\r\nPrecedence: bulk\r\n";
        let mail = [shift_jis.as_slice(), rest].concat();
        let header = Header::read(&mail);
        assert_eq!(header.value("auto-submitted").as_deref(), Some("auto-replied; owner=x"));
        assert_eq!(header.value("x-loop").as_deref(), Some("me"));
        assert!(header.has_prefix("list-") && header.has("subject"));
        assert!(!header.has("precedence"), "that is the body");
        assert_eq!(header.value("subject").unwrap().chars().count(), 4);
    }

    #[test]
    fn nothing_breaks_it() {
        let long = [vec![b'a'; 200_000], b": x\r\n".to_vec()].concat();
        let folded = b" x\r\n y\r\n\r\n".to_vec();
        let many = b"a: b\n".repeat(5_000);
        for mail in [b"".to_vec(), b"\r\n".to_vec(), b":".to_vec(), b"\n\n\n".to_vec(), b"no colon\r\nA: b".to_vec()]
            .into_iter()
            .chain([long, folded, many, vec![0; 100_000], b"A: b".to_vec()])
        {
            let header = Header::read(&mail);
            assert!(header.fields.len() <= FIELDS_MAX);
        }
        assert_eq!(Header::read(b"no colon\r\nA: b").value("a").as_deref(), Some("b"));
    }
}
