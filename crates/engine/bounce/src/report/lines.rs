//! A mail with one kind of line end, whatever its file had.

use std::borrow::Cow;

/// What is considered of a mail, in bytes; a report says what matters in its first lines.
pub(crate) const MAIL_BYTES_MAX: usize = 10 << 20;

/// The mail with LF at every line end. CRLF, a lone CR and a lone LF each end one line, so a file means the same in
/// every form it may be stored in.
pub(crate) fn with_lf(mail: &[u8]) -> Cow<'_, [u8]> {
    let mail = mail.get(..MAIL_BYTES_MAX).unwrap_or(mail);
    let mail = mail.strip_prefix(b"\xef\xbb\xbf").unwrap_or(mail);
    if memchr::memchr(b'\r', mail).is_none() {
        return Cow::Borrowed(mail);
    }
    let mut out = Vec::with_capacity(mail.len());
    let mut rest = mail;
    while let Some(at) = memchr::memchr(b'\r', rest) {
        let (line, tail) = rest.split_at(at);
        out.extend_from_slice(line);
        out.push(b'\n');
        let after_cr = tail.get(1..).unwrap_or_default();
        rest = after_cr.strip_prefix(b"\n").unwrap_or(after_cr);
    }
    out.extend_from_slice(rest);
    Cow::Owned(out)
}

/// Whether a line holds nothing but spaces and tabs.
pub(crate) fn is_blank(line: &[u8]) -> bool {
    line.iter().all(|b| matches!(b, b' ' | b'\t'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_line_end_ends_one_line() {
        let table: [(&[u8], &[u8]); 7] = [
            (b"a\r\nb\r\n\r\nc", b"a\nb\n\nc"),
            (b"a\rb\r\rc", b"a\nb\n\nc"),
            (b"a\nb\n\nc", b"a\nb\n\nc"),
            (b"a\r", b"a\n"),
            (b"\r\r\n\n", b"\n\n\n"),
            (b"\xef\xbb\xbfa", b"a"),
            (b"", b""),
        ];
        for (given, wanted) in table {
            assert_eq!(with_lf(given).as_ref(), wanted, "{given:?}");
        }
    }
}
