//! RFC 2047 encoded words in header fields.

use std::borrow::Cow;

use super::charset::{Transfer, base64, text};

/// The text of a field with its encoded words decoded; what is malformed stays as it is.
pub(crate) fn decode(value: &str) -> Cow<'_, str> {
    if !value.contains("=?") {
        return Cow::Borrowed(value);
    }
    let mut out = String::with_capacity(value.len());
    // Neighbours of one charset are joined before decoding: senders cut characters between words.
    let mut held: Option<(String, Vec<u8>)> = None;
    let mut rest = value;
    while let Some(at) = rest.find("=?") {
        let (before, from_word) = rest.split_at(at);
        let Some((charset, bytes, after)) = word(from_word) else {
            flush(&mut out, &mut held);
            out.push_str(before);
            out.push_str("=?");
            rest = from_word.get(2..).unwrap_or_default();
            continue;
        };
        let continues = held.as_ref().is_some_and(|(name, _)| name.eq_ignore_ascii_case(charset));
        if !(continues && before.trim().is_empty()) {
            let is_gap_between_words = held.is_some() && before.trim().is_empty();
            flush(&mut out, &mut held);
            out.push_str(if is_gap_between_words { "" } else { before });
        }
        held.get_or_insert_with(|| (charset.to_owned(), Vec::new())).1.extend_from_slice(&bytes);
        rest = after;
    }
    flush(&mut out, &mut held);
    out.push_str(rest);
    Cow::Owned(out)
}

fn flush(out: &mut String, held: &mut Option<(String, Vec<u8>)>) {
    if let Some((charset, bytes)) = held.take() {
        out.push_str(&text(&bytes, Some(&charset)));
    }
}

/// `=?charset?B|Q?text?=` at the beginning of `from`: charset, bytes, and what follows.
fn word(from: &str) -> Option<(&str, Vec<u8>, &str)> {
    let mut fields = from.strip_prefix("=?")?.splitn(3, '?');
    let charset = fields.next()?;
    let encoding = fields.next()?;
    let (payload, after) = fields.next()?.split_once("?=")?;
    let bytes = match encoding {
        "B" | "b" => base64(payload.as_bytes()),
        "Q" | "q" => Transfer::QuotedPrintable.decode(payload.replace('_', " ").as_bytes()).into_owned(),
        _ => return None,
    };
    // RFC 2231 5: a language may follow the charset.
    Some((charset.split('*').next().unwrap_or(charset), bytes, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoded_words_are_joined_and_broken_ones_left_alone() {
        let table = [
            ("Returned mail", "Returned mail"),
            ("=?utf-8?B?44GC?= b", "\u{3042} b"),
            ("=?utf-8?B?44GC?= =?UTF-8?Q?=E3=81=84_x?=", "\u{3042}\u{3044} x"),
            ("a =?utf-8?B?44GC?=", "a \u{3042}"),
            ("=?utf-8?B?44GC", "=?utf-8?B?44GC"),
            ("=?utf-8?X?44GC?= b", "=?utf-8?X?44GC?= b"),
            ("=?iso-2022-jp?B?GyRCJCIbKEI=?=", "\u{3042}"),
            ("=?", "=?"),
        ];
        for (given, wanted) in table {
            assert_eq!(decode(given), wanted, "{given:?}");
        }
    }
}
