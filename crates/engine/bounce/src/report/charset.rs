//! Bytes to text: transfer encodings, charsets, and charsets that are not what was declared.

use std::borrow::Cow;

use encoding_rs::{EUC_JP, Encoding, ISO_2022_JP, SHIFT_JIS, UTF_8, WINDOWS_1252};

/// What is decoded of one part, in bytes before decoding.
pub(crate) const PART_BYTES_MAX: usize = 128 << 10;

/// A `Content-Transfer-Encoding`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Transfer {
    /// 7bit, 8bit, binary, or something unknown.
    #[default]
    Plain,
    Base64,
    QuotedPrintable,
}

impl Transfer {
    /// Reads the value of the header field.
    pub fn read(value: &str) -> Self {
        let value = value.trim_matches(|c: char| c == '"' || c.is_whitespace());
        if value.eq_ignore_ascii_case("base64") {
            Self::Base64
        } else if value.eq_ignore_ascii_case("quoted-printable") {
            Self::QuotedPrintable
        } else {
            Self::Plain
        }
    }

    /// Undoes it.
    pub fn decode(self, body: &[u8]) -> Cow<'_, [u8]> {
        let body = body.get(..PART_BYTES_MAX).unwrap_or(body);
        match self {
            Self::Plain => Cow::Borrowed(body),
            // Gateways that decode a body leave the header: a body with spaces in its lines is no base64.
            Self::Base64 if memchr::memchr(b' ', body.get(..256).unwrap_or(body)).is_some() => Cow::Borrowed(body),
            Self::Base64 => Cow::Owned(base64(body)),
            Self::QuotedPrintable => quoted_printable(body),
        }
    }
}

fn sextet(byte: u8) -> Option<u32> {
    Some(u32::from(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    }))
}

/// Base64 with anything between its letters skipped.
pub(crate) fn base64(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() / 4 * 3 + 3);
    let (mut bits, mut held) = (0_u32, 0_u32);
    for value in bytes.iter().filter_map(|byte| sextet(*byte)) {
        bits = bits << 6 | value;
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push(((bits >> held) & 0xff) as u8);
        }
        bits &= 0xffff;
    }
    out
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

fn quoted_printable(bytes: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'=', bytes).is_none() {
        return Cow::Borrowed(bytes);
    }
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = memchr::memchr(b'=', rest) {
        out.extend_from_slice(rest.get(..at).unwrap_or_default());
        rest = rest.get(at + 1..).unwrap_or_default();
        match rest {
            [b'\n', tail @ ..] => rest = tail,
            [b' ' | b'\t', ..] => {
                let blanks = rest.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
                match rest.get(blanks..) {
                    Some([b'\n', tail @ ..]) => rest = tail,
                    _ => out.push(b'='),
                }
            }
            [a, b, tail @ ..] => match (hex(*a), hex(*b)) {
                (Some(a), Some(b)) => {
                    out.push(a << 4 | b);
                    rest = tail;
                }
                _ => out.push(b'='),
            },
            _ => out.push(b'='),
        }
    }
    out.extend_from_slice(rest);
    // A decoded CR is a line end like any other.
    if memchr::memchr(b'\r', &out).is_some() {
        return Cow::Owned(super::lines::with_lf(&out).into_owned());
    }
    Cow::Owned(out)
}

/// The text of `bytes`. `declared` is believed only where the bytes do not contradict it: Japanese carriers declare
/// ISO-2022-JP above UTF-8, EUC-JP and Shift_JIS.
pub(crate) fn text<'b>(bytes: &'b [u8], declared: Option<&str>) -> Cow<'b, str> {
    let switches = |at: usize| bytes.get(at + 1).is_some_and(|b| matches!(b, b'$' | b'('));
    if memchr::memchr_iter(0x1b, bytes).any(switches) {
        return ISO_2022_JP.decode_without_bom_handling(bytes).0;
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let named = declared.and_then(|label| Encoding::for_label(label.trim().as_bytes()));
    let believed = named.filter(|encoding| ![UTF_8, ISO_2022_JP, WINDOWS_1252].contains(encoding));
    let candidates = [believed, Some(guess(bytes))];
    (candidates.into_iter().flatten())
        .find_map(|encoding| encoding.decode_without_bom_handling_and_without_replacement(bytes))
        .unwrap_or_else(|| match named {
            Some(encoding) if encoding != ISO_2022_JP => encoding.decode_without_bom_handling(bytes).0,
            _ => String::from_utf8_lossy(bytes),
        })
}

/// EUC-JP uses no byte of 0x80–0xA0 but 8E and 8F; Shift_JIS begins its kana with 0x82 and 0x83. Latin text has single
/// high bytes between letters, which both decoders refuse or which stand alone.
fn guess(bytes: &[u8]) -> &'static Encoding {
    let high = bytes.iter().filter(|byte| **byte >= 0x80).count();
    let paired = bytes.windows(2).filter(|pair| pair.iter().all(|byte| *byte >= 0x80)).count();
    let is_latin = paired * 3 < high;
    let has_low_leads = bytes.iter().any(|byte| (0x80..=0xa0).contains(byte) && !matches!(byte, 0x8e | 0x8f));
    match (is_latin, has_low_leads) {
        (_, true) if !is_latin || bytes.iter().any(|byte| matches!(byte, 0x82 | 0x83)) => SHIFT_JIS,
        (true, _) => WINDOWS_1252,
        _ => EUC_JP,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transfer_encodings_are_undone_and_broken_ones_left_readable() {
        let table = [
            (Transfer::QuotedPrintable, "a=3D=\nb=E3=81=82", "a=b\u{3042}"),
            (Transfer::QuotedPrintable, "x= \ny=zz=", "xy=zz="),
            (Transfer::QuotedPrintable, "a=0D=0Ab", "a\nb"),
            (Transfer::Base64, "44GC\n44GE", "\u{3042}\u{3044}"),
            (Transfer::Base64, "not base64 at all", "not base64 at all"),
            (Transfer::Plain, "=3D", "=3D"),
        ];
        for (transfer, given, wanted) in table {
            assert_eq!(String::from_utf8_lossy(&transfer.decode(given.as_bytes())), wanted, "{given:?}");
        }
        assert_eq!(Transfer::read(" Quoted-Printable "), Transfer::QuotedPrintable);
        assert_eq!(Transfer::read("8bit"), Transfer::Plain);
    }

    #[test]
    fn japanese_is_read_whatever_was_declared() {
        let words = "送信先メールアドレスが見つかりませんでした。";
        for encoding in [ISO_2022_JP, SHIFT_JIS, EUC_JP, UTF_8] {
            let bytes = if encoding == UTF_8 { words.as_bytes().into() } else { encoding.encode(words).0 };
            for declared in [None, Some("iso-2022-jp"), Some("us-ascii"), Some("utf-8"), Some("nonsense")] {
                assert_eq!(text(&bytes, declared), words, "{} declared {declared:?}", encoding.name());
            }
        }
    }

    #[test]
    fn latin_text_without_a_charset_stays_readable() {
        assert_eq!(text(b"Bo\xeete pleine", None), "Bo\u{ee}te pleine");
        assert_eq!(text(b"Bo\xeete pleine", Some("iso-8859-1")), "Bo\u{ee}te pleine");
        assert_eq!(text(b"plain", Some("x-unknown")), "plain");
    }
}
