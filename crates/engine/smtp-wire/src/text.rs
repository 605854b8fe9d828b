//! Makes what a remote wrote safe to store and show, without losing a byte of meaning.

use std::fmt::Write;

/// Appends `bytes` as text: printable UTF-8 as it is, TAB as a space, everything that could steer a terminal, a log or a
/// page as `\x1b` (one byte) or `\u{202e}` (one character).
pub fn push_escaped(out: &mut String, bytes: &[u8]) {
    out.reserve(bytes.len());
    for chunk in bytes.utf8_chunks() {
        let valid = chunk.valid();
        if valid.bytes().all(|b| (0x20..0x7f).contains(&b)) {
            out.push_str(valid);
        } else {
            valid.chars().for_each(|c| push_char(out, c));
        }
        for byte in chunk.invalid() {
            // Writing to a String cannot fail.
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
}

fn push_char(out: &mut String, c: char) {
    let _ = match c {
        '\t' => out.write_char(' '),
        _ if c.is_ascii_control() => write!(out, "\\x{:02x}", u32::from(c)),
        _ if c.is_control() || steers_display(c) => write!(out, "\\u{{{:x}}}", u32::from(c)),
        _ => out.write_char(c),
    };
}

/// Line and paragraph separators, direction marks and overrides, the byte order mark.
fn steers_display(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_steers_a_terminal_or_a_page_stays_raw() {
        let table: [(&[u8], &str); 9] = [
            (b"plain words", "plain words"),
            (b"a\tb", "a b"),
            (b"\x1b[2J\x07\0", "\\x1b[2J\\x07\\x00"),
            (b"a\rb\nc", "a\\x0db\\x0ac"),
            (b"\x7f", "\\x7f"),
            ("宛先不明".as_bytes(), "宛先不明"),
            (b"\x82\xa0\xff ok", "\\x82\\xa0\\xff ok"),
            ("\u{9b}31m\u{202e}txt".as_bytes(), "\\u{9b}31m\\u{202e}txt"),
            (b"back\\slash", "back\\slash"),
        ];
        for (bytes, text) in table {
            let mut out = String::new();
            push_escaped(&mut out, bytes);
            assert_eq!(out, text);
        }
    }
}
