//! Header fields: folding, and words of any script as RFC 2047 encoded-words.

use mail_model::EmailAddress;

use crate::charset::{Charset, Ink};
use crate::line::{FieldName, OneLine};
use crate::transfer::base64;

/// A line is folded before it grows beyond this, RFC 5322 2.1.1.
const LINE_WISHED: usize = 78;
/// A line with an encoded-word may not be longer, RFC 2047 2.
const ENCODED_LINE_MAX: usize = 76;
/// An encoded-word may not be longer, RFC 2047 2.
const ENCODED_WORD_MAX: usize = 75;
const CLOSE: &str = "?=";
/// A plain word beyond this is encoded, so that it can be folded; with the longest name it stays within 998.
const PLAIN_WORD_MAX: usize = 900;

/// White space beyond this is cut: a line must stay within 998, and no reader shows it.
const GAP_MAX: usize = 40;

fn opening(charset: Charset) -> &'static str {
    match charset {
        Charset::Utf8 => "=?UTF-8?B?",
        Charset::Iso2022Jp => "=?ISO-2022-JP?B?",
    }
}

/// Writes one header field, word by word, and folds it. What goes in has a type that cannot hold a line end.
pub(crate) struct Field<'o> {
    out: &'o mut Vec<u8>,
    ink: &'o Ink,
    column: usize,
    fresh: bool,
}

impl<'o> Field<'o> {
    /// Begins `Name:`.
    pub fn begin(out: &'o mut Vec<u8>, ink: &'o Ink, name: &FieldName) -> Self {
        let name = name.as_str();
        out.extend_from_slice(name.as_bytes());
        out.push(b':');
        Self { out, ink, column: name.len() + 1, fresh: true }
    }

    /// A display name: as atoms, as a quoted string or encoded, whichever is the plainest that is right.
    pub fn phrase(&mut self, name: &OneLine<'_>) {
        let name = self.ink.spelled(name.as_str());
        let atoms = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~ ".contains(c);
        let plain = name.is_ascii() && name.len() <= 60 && !name.contains("=?");
        if !plain {
            self.encoded(" ", &name);
        } else if name.chars().all(atoms) && !name.contains("  ") {
            for word in name.split(' ') {
                self.plain(" ", word);
            }
        } else {
            let quoted = format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""));
            self.plain(" ", &quoted);
        }
    }

    /// An address with what stands around it: angle brackets, a comma. Irregular local parts are quoted, as RFC 5322
    /// wants them; letters beyond ASCII stand as they are, RFC 6532.
    pub fn address(&mut self, before: &'static str, address: &EmailAddress, after: &'static str) {
        let wire = address.wire(true);
        if before.is_empty() && after.is_empty() {
            self.plain(" ", &wire);
        } else {
            self.plain(" ", &format!("{before}{wire}{after}"));
        }
    }

    /// One word in ASCII, such as a link, that is never cut.
    pub fn word(&mut self, word: &OneLine<'_>) {
        self.plain(" ", word.as_str());
    }

    /// Free text: ASCII words stay readable, runs of others are encoded.
    fn text(&mut self, text: &str) {
        let mut rest = text.trim_matches([' ', '\t']);
        while !rest.is_empty() {
            let start = rest.find(|c| c != ' ').unwrap_or(rest.len());
            let (gap, tail) = rest.split_at(start);
            let gap = gap.get(..GAP_MAX).unwrap_or(gap);
            let (run, after, plain) = next_run(tail);
            if plain {
                self.plain(gap, run);
            } else {
                self.encoded(gap, run);
            }
            rest = after;
        }
    }

    /// A word in ASCII. `gap` is the white space before it.
    fn plain(&mut self, gap: &str, word: &str) {
        let gap = if gap.is_empty() && self.fresh { " " } else { gap };
        if !self.fresh && !gap.is_empty() && self.column + gap.len() + word.len() > LINE_WISHED {
            self.fold();
        }
        self.push(gap);
        self.push(word);
        self.fresh = false;
    }

    /// A text in any script, as one or more encoded-words.
    fn encoded(&mut self, gap: &str, text: &str) {
        let mut gap = if gap.is_empty() { " " } else { gap };
        let mut rest = text;
        let open = opening(self.ink.charset());
        while !rest.is_empty() {
            let room = ENCODED_LINE_MAX.saturating_sub(self.column + gap.len()).min(ENCODED_WORD_MAX);
            let bytes = room.saturating_sub(open.len() + CLOSE.len()) / 4 * 3;
            let end = self.ink.fitting(rest, bytes);
            if end == 0 {
                // Not even one character fits behind the header's name or the word before: begin a line.
                self.fold();
                continue;
            }
            let (word, tail) = rest.split_at(end);
            self.push(gap);
            self.push(open);
            self.column += base64(&self.ink.bytes(word), self.out);
            self.push(CLOSE);
            rest = tail;
            gap = " ";
            if !rest.is_empty() {
                self.fold();
            }
        }
        self.fresh = false;
    }

    /// Ends the field.
    pub fn end(self) {
        self.out.extend_from_slice(b"\r\n");
    }

    // The white space that follows (at most GAP_MAX, so that a word fits behind it) begins the next line, so a line is never blank.
    fn fold(&mut self) {
        self.out.extend_from_slice(b"\r\n");
        self.column = 0;
    }

    fn push(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
        self.column += text.len();
    }
}

/// Writes a field of free text, such as `Subject`.
pub(crate) fn write_text(out: &mut Vec<u8>, ink: &Ink, name: &FieldName, value: &OneLine<'_>) {
    let value = ink.spelled(value.as_str());
    let mut field = Field::begin(out, ink, name);
    field.text(&value);
    field.end();
}

/// The first word of `text`, joined with those after it as long as all of them need encoding.
fn next_run(text: &str) -> (&str, &str, bool) {
    let word_end = |from: usize| text.get(from..).and_then(|t| t.find(' ')).map_or(text.len(), |i| from + i);
    let mut end = word_end(0);
    let plain = is_plain(text.get(..end).unwrap_or_default());
    if plain {
        let (run, after) = text.split_at(end);
        return (run, after, true);
    }
    loop {
        let gap = text.get(end..).unwrap_or_default();
        let next = end + gap.len() - gap.trim_start_matches(' ').len();
        let next_end = word_end(next);
        if next == next_end || is_plain(text.get(next..next_end).unwrap_or_default()) {
            break;
        }
        end = next_end;
    }
    let (run, after) = text.split_at(end);
    (run, after, false)
}

/// Whether a word may stand as it is. `=?` must not, or a reader would decode what was meant as text.
fn is_plain(word: &str) -> bool {
    word.is_ascii() && word.len() <= PLAIN_WORD_MAX && !word.contains("=?")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(charset: Charset, name: &'static str, value: &str) -> String {
        let (ink, mut out) = (Ink::new(charset), Vec::new());
        write_text(&mut out, &ink, &FieldName::ours(name), &OneLine::of(value));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_field_is_folded_and_encoded_by_words() {
        let table = [
            ("Subject", "hello", "Subject: hello\r\n"),
            ("Subject", "", "Subject:\r\n"),
            ("Subject", "a\r\nBcc: x@y", "Subject: a  Bcc: x@y\r\n"),
            ("Subject", "=?UTF-8?B?eA==?=", "Subject: =?UTF-8?B?PT9VVEYtOD9CP2VBPT0/PQ==?=\r\n"),
            ("List-Id", "学校 <a.example.jp>", "List-Id: =?UTF-8?B?5a2m5qCh?= <a.example.jp>\r\n"),
            (
                "Subject",
                "【第一小学校】運動会のお知らせ Sports day",
                "Subject: =?UTF-8?B?44CQ56ys5LiA5bCP5a2m5qCh44CR6YGL5YuV5Lya44Gu44GK55+l?=\r\n =?UTF-8?B?44KJ44Gb?= Sports day\r\n",
            ),
        ];
        for (name, value, expected) in table {
            assert_eq!(written(Charset::Utf8, name, value), expected, "{value}");
        }
        let jis = written(Charset::Iso2022Jp, "Subject", "①ｶﾞｯｺｳ notice");
        assert_eq!(jis, "Subject: =?ISO-2022-JP?B?KDEpGyRCJSwlQyUzJSYbKEI=?= notice\r\n");
    }

    #[test]
    fn no_encoded_line_is_longer_than_76() {
        for charset in [Charset::Utf8, Charset::Iso2022Jp] {
            for filler in ["あ", "𠮷野家", "👨‍👩‍👧", "ｶﾞ", "髙﨑 ", "é ", "あa"] {
                for before in 0..80 {
                    let text = written(charset, "Subject", &format!("{} {}", "x".repeat(before), filler.repeat(40)));
                    for line in text.split("\r\n").filter(|line| line.contains("=?")) {
                        assert!(line.len() <= ENCODED_LINE_MAX, "{line}");
                        let is_short = |word: &str| word.len() <= ENCODED_WORD_MAX || !word.contains("=?");
                        assert!(line.split(' ').all(is_short), "{line}");
                    }
                }
            }
        }
    }
}
