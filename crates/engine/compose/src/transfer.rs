//! Bodies: line ends, and the transfer encoding that brings them through every server unharmed.

use memchr::{memchr_iter, memchr2_iter};

use crate::limits::LINE_BYTES_MAX;

/// How a body goes over the wire. 8bit is never used: a server on the way may lack 8BITMIME.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transfer {
    SevenBit,
    QuotedPrintable,
    Base64,
}

impl Transfer {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SevenBit => "7bit",
            Self::QuotedPrintable => "quoted-printable",
            Self::Base64 => "base64",
        }
    }

    /// The plainest encoding that is safe and short for `body`, whose lines end in CRLF.
    pub fn choose(body: &[u8]) -> Self {
        let foreign = body.iter().filter(|b| !b.is_ascii()).count();
        if foreign == 0 && lines(body).all(travels_unharmed) {
            Self::SevenBit
        } else if foreign * 6 <= body.len() {
            Self::QuotedPrintable
        } else {
            Self::Base64
        }
    }

    /// The same for ISO-2022-JP, which is ASCII on the wire: as it is when no line is longer than 76, which is what its
    /// readers were made for. A longer line is not wrapped, since that would cut links and change what was written.
    pub fn choose_for_old_readers(body: &[u8]) -> Self {
        let fits = |line: &[u8]| line.len() <= OLD_LINE_BYTES_MAX && travels_unharmed(line);
        if lines(body).all(fits) { Self::SevenBit } else { Self::Base64 }
    }
}

/// Longest line, without its CRLF, that every reader of ISO-2022-JP shows.
const OLD_LINE_BYTES_MAX: usize = 76;

/// The lines of a normalised text without their CRLF.
fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut start = 0;
    let ends = memchr_iter(b'\n', bytes).chain([bytes.len()]);
    ends.map(move |end| {
        let line = bytes.get(start..end).unwrap_or_default();
        start = end + 1;
        line.strip_suffix(b"\r").unwrap_or(line)
    })
}

/// "From " gets a `>` from some servers, which breaks a signature; "--=_" could end a part (see `built::boundary`).
fn travels_unharmed(line: &[u8]) -> bool {
    line.len() <= LINE_BYTES_MAX && !line.starts_with(b"From ") && !line.starts_with(b"--=_")
}

/// Which control characters stay in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Controls {
    /// Tab only: no phone shows the others, and some servers refuse them.
    Dropped,
    /// All but NUL: in a caller's own MIME form they may be part of an encoding (ISO-2022-JP switches with ESC).
    Kept,
}

/// Makes every line end (CRLF, lone CR, lone LF) a CRLF, and ends the text with exactly one of them.
///
/// White lines at the end are cut off: signers disagree about them (mail-auth < 0.15 makes a wrong `bh=`).
pub(crate) fn normalise(text: &str, controls: Controls) -> String {
    let text = text.trim_end_matches([' ', '\t', '\r', '\n']);
    let bytes = text.as_bytes();
    let mut lines = String::with_capacity(text.len() + text.len() / 32 + 2);
    // This runs for every recipient of a text with marks, and nearly no text holds other control characters than line
    // ends. One look that becomes vector instructions finds out; looking at byte after byte takes ten times as long.
    let other = |b: u8| b.is_ascii_control() && !matches!(b, b'\t' | b'\r' | b'\n');
    if bytes.iter().fold(false, |seen, b| seen | other(*b)) {
        let stops = bytes.iter().enumerate().filter(|(_, b)| b.is_ascii_control() && **b != b'\t');
        copy_lines(text, stops.map(|(i, _)| i), controls, &mut lines);
    } else {
        copy_lines(text, memchr2_iter(b'\r', b'\n', bytes), controls, &mut lines);
    }
    // A control character that was dropped may have stood behind the last white line.
    lines.truncate(lines.trim_end_matches([' ', '\t', '\r', '\n']).len());
    if !lines.is_empty() {
        lines.push_str("\r\n");
    }
    lines
}

/// Copies the stretches between `stops`, the places of control characters, and decides about these.
fn copy_lines(text: &str, stops: impl Iterator<Item = usize>, controls: Controls, lines: &mut String) {
    let mut copied = 0;
    for i in stops {
        let b = text.as_bytes().get(i).copied().unwrap_or_default();
        let line_end = b == b'\r' || b == b'\n';
        if !line_end && b != 0 && controls == Controls::Kept {
            continue;
        }
        lines.push_str(text.get(copied..i).unwrap_or_default());
        let second_half = b == b'\n' && i > 0 && text.as_bytes().get(i - 1) == Some(&b'\r');
        if line_end && !second_half {
            lines.push_str("\r\n");
        }
        copied = i + 1;
    }
    lines.push_str(text.get(copied..).unwrap_or_default());
}

/// Writes a body whose lines end in CRLF.
pub(crate) fn write_body(body: &[u8], transfer: Transfer, out: &mut Vec<u8>) {
    match transfer {
        Transfer::SevenBit => out.extend_from_slice(body),
        Transfer::QuotedPrintable => quoted_printable(body, out),
        Transfer::Base64 => base64_lines(body, out),
    }
}

/// Writes Base64 in lines of 76 characters, RFC 2045 6.8.
pub(crate) fn base64_lines(bytes: &[u8], out: &mut Vec<u8>) {
    out.reserve(bytes.len() / 57 * 78 + 80);
    for chunk in bytes.chunks(57) {
        base64(chunk, out);
        out.extend_from_slice(b"\r\n");
    }
}

/// Writes Base64 without line ends; gives the number of characters.
pub(crate) fn base64(bytes: &[u8], out: &mut Vec<u8>) -> usize {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |word: u32, shift: u32| DIGITS.get((word >> shift & 63) as usize).copied().unwrap_or(b'=');
    let before = out.len();
    let mut groups = bytes.chunks_exact(3);
    for group in &mut groups {
        if let [a, b, c] = *group {
            let word = u32::from(a) << 16 | u32::from(b) << 8 | u32::from(c);
            out.extend_from_slice(&[digit(word, 18), digit(word, 12), digit(word, 6), digit(word, 0)]);
        }
    }
    match *groups.remainder() {
        [a] => {
            let word = u32::from(a) << 16;
            out.extend_from_slice(&[digit(word, 18), digit(word, 12), b'=', b'=']);
        }
        [a, b] => {
            let word = u32::from(a) << 16 | u32::from(b) << 8;
            out.extend_from_slice(&[digit(word, 18), digit(word, 12), digit(word, 6), b'=']);
        }
        _ => {}
    }
    out.len() - before
}

/// Reads Base64; white space is skipped, the padding may be missing. `None` for anything else.
pub(crate) fn from_base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut word, mut digits, mut padding) = (0u32, 0u32, false);
    for b in text.bytes().filter(|b| !b.is_ascii_whitespace()) {
        let value = match b {
            b'A'..=b'Z' => b - b'A',
            b'a'..=b'z' => b - b'a' + 26,
            b'0'..=b'9' => b - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' => {
                padding = true;
                continue;
            }
            _ => return None,
        };
        if padding {
            return None;
        }
        word = word << 6 | u32::from(value);
        digits += 1;
        if digits == 4 {
            bytes.extend_from_slice(word.to_be_bytes().get(1..)?);
            (word, digits) = (0, 0);
        }
    }
    let rest = (word << (6 * (4 - digits))).to_be_bytes();
    match digits {
        0 => {}
        2 => bytes.extend_from_slice(rest.get(1..2)?),
        3 => bytes.extend_from_slice(rest.get(1..3)?),
        _ => return None,
    }
    Some(bytes)
}

/// RFC 2045 6.7. A dot or "From " at the beginning of a line is encoded too, so no server touches it.
fn quoted_printable(body: &[u8], out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    out.reserve(body.len() + body.len() / 4);
    for line in body.split_inclusive(|b| *b == b'\n') {
        let line = line.strip_suffix(b"\r\n").unwrap_or(line);
        let mut column = 0;
        for (i, &b) in line.iter().enumerate() {
            let last = i + 1 == line.len();
            let mut plain = stays_plain(line, i, column);
            let width = if plain { 1 } else { 3 };
            // 76 with the "=" of a soft line break; the last character of a line needs no break after it.
            if column + width > 75 && !(last && column + width <= 76) {
                out.extend_from_slice(b"=\r\n");
                column = 0;
                plain = stays_plain(line, i, column);
            }
            if plain {
                out.push(b);
                column += 1;
            } else {
                let hex = |nibble: u8| HEX.get(usize::from(nibble)).copied().unwrap_or(b'0');
                out.extend_from_slice(&[b'=', hex(b >> 4), hex(b & 15)]);
                column += 3;
            }
        }
        out.extend_from_slice(b"\r\n");
    }
}

fn stays_plain(line: &[u8], at: usize, column: usize) -> bool {
    let rest = line.get(at..).unwrap_or_default();
    match rest.first() {
        Some(b' ' | b'\t') => rest.len() > 1,
        Some(b'.') => column > 0,
        Some(b'F') => column > 0 || !rest.starts_with(b"From "),
        Some(b'=') | None => false,
        Some(b) => b.is_ascii_graphic(),
    }
}

#[cfg(test)]
#[path = "transfer_tests.rs"]
mod tests;
