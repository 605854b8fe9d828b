//! Relaxed canonicalisation, RFC 6376 3.4.2 and 3.4.4: what survives the white space that servers change.

use aws_lc_rs::digest::{Context, SHA256};
use memchr::memchr2;

/// SHA-256 of a body, relaxed. An empty body, and one of white lines only, is hashed as nothing.
pub(crate) fn body_hash(body: &[u8]) -> [u8; 32] {
    let mut hash = Context::new(&SHA256);
    relaxed_body(body, |run| hash.update(run));
    let mut bytes = [0; 32];
    for (to, from) in bytes.iter_mut().zip(hash.finish().as_ref()) {
        *to = *from;
    }
    bytes
}

/// Hands on the canonical body in runs. A body as we make it is nearly one run: Base64 has no white space, and a single
/// space between two words is canonical.
fn relaxed_body(body: &[u8], mut put: impl FnMut(&[u8])) {
    let is_white = |b: &u8| matches!(b, b' ' | b'\t' | b'\r' | b'\n');
    let Some(last) = body.iter().rposition(|b| !is_white(b)) else { return };
    let text = body.get(..=last).unwrap_or_default();
    let between = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    let (mut kept, mut at) = (0, 0);
    while let Some(found) = memchr2(b' ', b'\t', between(at, text.len())) {
        let start = at + found;
        // The text ends in no white space, so the run ends before it does.
        let run = between(start, text.len()).iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
        at = start + run;
        if text.get(at) == Some(&b'\r') {
            put(between(kept, start));
            kept = at;
        } else if run > 1 || text.get(start) == Some(&b'\t') {
            put(between(kept, start));
            put(b" ");
            kept = at;
        }
    }
    put(between(kept, text.len()));
    put(b"\r\n");
}

/// Appends `name:value` of one field, relaxed, without its CRLF.
pub(crate) fn relaxed_field(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    out.extend(name.iter().map(u8::to_ascii_lowercase));
    out.push(b':');
    let mut is_begun = false;
    let mut has_gap = false;
    for b in value {
        match b {
            // Line ends stand in a value only where it is folded, before the white space that stays.
            b' ' | b'\t' | b'\r' | b'\n' => has_gap = is_begun,
            b => {
                if std::mem::take(&mut has_gap) {
                    out.push(b' ');
                }
                out.push(*b);
                is_begun = true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::BASE64;

    #[test]
    fn a_body_is_reduced_to_what_servers_leave_alone() {
        let table: [(&str, &str); 14] = [
            (" C \r\nD \t E\r\n\r\n\r\n", " C\r\nD E\r\n"), // RFC 6376 3.4.5
            ("", ""),
            ("\r\n", ""),
            ("\r\n\r\n", ""),
            (" \t\r\n \r\n", ""),
            ("x", "x\r\n"),
            ("x\r\n", "x\r\n"),
            ("x\r\n \t\r\n  \r\n", "x\r\n"),
            ("x\r\n\r\n\t\r\ny\r\n", "x\r\n\r\n\r\ny\r\n"),
            ("x  \r\n", "x\r\n"),
            ("\tx\ty  z\t\r\n", " x y z\r\n"),
            ("a b c\r\n", "a b c\r\n"),
            ("  x", " x\r\n"),
            ("\u{1b}$B$\"\u{1b}(B \r\n \r\n", "\u{1b}$B$\"\u{1b}(B\r\n"),
        ];
        for (body, expected) in table {
            let mut canonical = Vec::new();
            relaxed_body(body.as_bytes(), |run| canonical.extend_from_slice(run));
            assert_eq!(String::from_utf8(canonical).unwrap(), expected, "{body:?}");
        }
    }

    #[test]
    fn known_bodies_have_their_known_hashes() {
        let table = [
            ("", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="),
            // RFC 8463 A.3.
            (
                "Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n",
                "2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=",
            ),
        ];
        for (body, hash) in table {
            assert_eq!(BASE64.encode(&body_hash(body.as_bytes())), hash, "{body:?}");
        }
    }

    #[test]
    fn a_field_is_unfolded_and_its_white_space_made_one() {
        let table = [
            ("A", " X", "a:X"), // RFC 6376 3.4.5
            ("B ", " Y\t\r\n\tZ  ", "b :Y Z"),
            ("Subject", "", "subject:"),
            ("Subject", " \r\n ", "subject:"),
            ("SUBJECT", "  a \r\n  b\t c \t", "subject:a b c"),
        ];
        for (name, value, expected) in table {
            let mut out = Vec::new();
            relaxed_field(name.as_bytes(), value.as_bytes(), &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }
}
