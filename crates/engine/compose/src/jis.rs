//! ISO-2022-JP: which characters it has, and what is written for those that it lacks.
//!
//! Only what stands in JIS X 0208 is used. encoding_rs would also write NEC's row 13 (`①`) and IBM's kanji (`髙`), which
//! the systems for which this charset is kept show as something else.

use std::borrow::Cow;

use encoding_rs::ISO_2022_JP;

use crate::jis_table::{HALF_WIDTH, NEAREST};

const ESCAPE: u8 = 0x1b;
/// First bytes of row 13 and of the row behind the last one of JIS X 0208.
const ROW_13: u8 = 0x2d;
const ROW_85: u8 = 0x75;
/// Length of an escape sequence.
const SWITCH: usize = 3;

/// The text with every character that JIS X 0208 lacks replaced by what is nearest, where there is such a thing:
/// half-width kana by full-width ones, `①` by `(1)`, `髙` by `高`.
pub(crate) fn nearest(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let mut spelled = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\u{ff9e}' | '\u{3099}' | '\u{309b}' => voice(&mut spelled, 1, '゛', c),
            '\u{ff9f}' | '\u{309a}' | '\u{309c}' => voice(&mut spelled, 2, '゜', c),
            '\u{ff61}'..='\u{ff9d}' => spelled.push(full_width(c)),
            _ => push_nearest(c, &mut spelled),
        }
    }
    Cow::Owned(spelled)
}

fn full_width(c: char) -> char {
    let place = u32::from(c).wrapping_sub(0xff61) as usize;
    HALF_WIDTH.chars().nth(place).unwrap_or(c)
}

/// Adds a voiced (1) or half-voiced (2) mark: to the kana before it where it has that form, else as a character.
fn voice(spelled: &mut String, mark: u32, alone: char, written: char) {
    let stands_alone = matches!(written, '\u{309b}' | '\u{309c}');
    let joined = spelled.chars().next_back().filter(|_| !stands_alone).and_then(|kana| voiced(kana, mark));
    if let Some(joined) = joined {
        spelled.pop();
        spelled.push(joined);
    } else {
        spelled.push(alone);
    }
}

/// `カ` and 1 to `ガ`, `ハ` and 2 to `パ`, in both kana.
fn voiced(kana: char, mark: u32) -> Option<char> {
    let code = u32::from(kana);
    let in_hiragana = matches!(code, 0x3040..=0x309f);
    let katakana = if in_hiragana { code + 0x60 } else { code };
    let to = match (katakana, mark) {
        (0x30a6, 1) => 0x30f4,
        // カ to チ alternate with their voiced forms, ツ to ト as well behind a small ッ, ハ to ホ come in threes.
        (0x30ab..=0x30c1, 1) if katakana % 2 == 1 => katakana + 1,
        (0x30c4 | 0x30c6 | 0x30c8, 1) => katakana + 1,
        (0x30cf..=0x30db, 1 | 2) if (katakana - 0x30cf) % 3 == 0 => katakana + mark,
        _ => return None,
    };
    // Hiragana has no ヴ of its own in JIS X 0208.
    char::from_u32(if in_hiragana && to != 0x30f4 { to - 0x60 } else { to })
}

fn push_nearest(c: char, spelled: &mut String) {
    if let Some(number) = numbered(c) {
        spelled.push('(');
        spelled.push_str(&number.to_string());
        spelled.push(')');
        return;
    }
    match NEAREST.binary_search_by_key(&c, |(from, _)| *from) {
        Ok(place) => spelled.push_str(NEAREST.get(place).map_or("", |(_, to)| to)),
        // Variation selectors choose a glyph of the kanji before them.
        Err(_) if matches!(c, '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}') => {}
        Err(_) => spelled.push(c),
    }
}

/// Circled and bracketed numbers.
fn numbered(c: char) -> Option<u32> {
    let (first, number) = match c {
        '①'..='⑳' => ('①', 1),
        '⑴'..='⒇' => ('⑴', 1),
        '㉑'..='㉟' => ('㉑', 21),
        '㊱'..='㊿' => ('㊱', 36),
        '❶'..='❿' => ('❶', 1),
        '⓫'..='⓴' => ('⓫', 11),
        _ => return None,
    };
    Some(u32::from(c) - u32::from(first) + number)
}

/// The bytes, which begin and end in ASCII and come back to it before every line end. `None` when a character stands
/// neither in ASCII nor in JIS X 0208.
pub(crate) fn encode(text: &str) -> Option<Vec<u8>> {
    let (bytes, _, has_lost) = ISO_2022_JP.encode(text);
    (!has_lost && is_pure(&bytes)).then(|| bytes.into_owned())
}

/// Whether only ASCII and the assigned rows of JIS X 0208 are used, and no other set is switched to.
fn is_pure(bytes: &[u8]) -> bool {
    let (mut rest, mut in_kanji) = (bytes, false);
    loop {
        rest = match rest {
            [] => return !in_kanji,
            [ESCAPE, b'$', b'B', tail @ ..] => {
                in_kanji = true;
                tail
            }
            [ESCAPE, b'(', b'B', tail @ ..] => {
                in_kanji = false;
                tail
            }
            [ESCAPE, ..] => return false,
            [row, _, tail @ ..] if in_kanji => {
                if *row == ROW_13 || *row >= ROW_85 {
                    return false;
                }
                tail
            }
            [_, tail @ ..] => tail,
        }
    }
}

/// How much of a spelled text, cut between two characters, has at most `bytes` bytes when encoded by itself.
pub(crate) fn fitting(text: &str, bytes: usize) -> usize {
    let (mut used, mut in_kanji) = (0, false);
    for (at, c) in text.char_indices() {
        let switch = if c.is_ascii() == in_kanji { SWITCH } else { 0 };
        let size = if c.is_ascii() { 1 } else { 2 };
        let way_back = if c.is_ascii() { 0 } else { SWITCH };
        if used + switch + size + way_back > bytes {
            return at;
        }
        used += switch + size;
        in_kanji = !c.is_ascii();
    }
    text.len()
}

#[cfg(test)]
#[path = "jis_tests.rs"]
mod tests;
