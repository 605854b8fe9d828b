//! Mail addresses as they stand in running text and in the fields of reports.

use mail_model::EmailAddress;

use super::model::ReportedAddress;

/// An address found in a text, by its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found<'t> {
    /// Where it begins, in bytes.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// The address.
    pub address: &'t str,
}

/// The first address of `text` at or after `from`.
pub(crate) fn next(text: &str, from: usize) -> Option<Found<'_>> {
    let bytes = text.as_bytes();
    let mut at = from;
    while let Some(found) = bytes.get(at..).and_then(|rest| memchr::memchr(b'@', rest)) {
        let middle = at + found;
        let start = local_start(bytes, middle, from);
        let end = domain_end(bytes, middle);
        if start < middle && end > middle + 1 {
            let address = text.get(start..end)?;
            return Some(Found { start, end, address });
        }
        at = middle + 1;
    }
    None
}

/// Every address of `text`.
pub(crate) fn all(text: &str) -> impl Iterator<Item = Found<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let found = next(text, at)?;
        at = found.end;
        Some(found)
    })
}

fn is_local(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b".!#$%&'*+-/=?^_`{|}~".contains(&byte)
}

/// Where the part before the `@` begins. Letters of other scripts count only where nothing else stands before the `@`:
/// Japanese text runs into addresses without a space.
fn local_start(bytes: &[u8], middle: usize, from: usize) -> usize {
    let before = bytes.get(from..middle).unwrap_or_default();
    if before.ends_with(b"\"") {
        let inner = before.get(..before.len() - 1).unwrap_or_default();
        return match memchr::memrchr(b'"', inner) {
            Some(quote)
                if middle - (from + quote) <= 66 && !inner.get(quote..).unwrap_or_default().contains(&b'\n') =>
            {
                from + quote
            }
            _ => middle,
        };
    }
    let plain = before.iter().rev().take_while(|byte| is_local(**byte)).count();
    let other = before.iter().rev().take_while(|byte| **byte >= 0x80).count();
    let mut start = middle - if plain == 0 { other } else { plain };
    // `to=<a@b>` and quotes around an address are no part of it; `=` inside is, as in VERP.
    for prefix in [&b"to="[..], b"rcpt=", b"for=", b"orcpt="] {
        start += if bytes.get(start..middle).unwrap_or_default().starts_with(prefix) { prefix.len() } else { 0 };
    }
    while start < middle
        && bytes.get(start).is_some_and(|byte| b"'`*|-=/".contains(byte))
        && !bytes.get(start..).is_some_and(|rest| rest.starts_with(b"=?"))
    {
        start += 1;
    }
    start
}

fn domain_end(bytes: &[u8], middle: usize) -> usize {
    let after = bytes.get(middle + 1..).unwrap_or_default();
    if after.starts_with(b"[") {
        return memchr::memchr(b']', after.get(..48).unwrap_or(after)).map_or(middle, |close| middle + 2 + close);
    }
    let mut length = after.iter().take_while(|b| b.is_ascii_alphanumeric() || b"-._".contains(b)).count();
    while length > 0 && after.get(length - 1).is_some_and(|b| b"-._".contains(b)) {
        length -= 1;
    }
    middle + 1 + length
}

/// The address in a field of a report: `rfc822; <a@b>`, `a@b>`, `RFC822;a@b (comment)`. `None` for an empty field.
pub(crate) fn of_field(value: &str) -> Option<ReportedAddress> {
    let without_type = match value.split_once(';') {
        Some((kind, rest)) if !kind.contains('@') => rest,
        _ => value,
    };
    let trimmed = without_type.trim();
    // A source route: `@relay:a@b`, which names the relay first.
    let found = all(trimmed).next().filter(|found| !trimmed.get(..found.start).is_some_and(|b| b.contains('|')));
    match found {
        Some(found) => Some(reported(found.address)),
        None => {
            let raw = trimmed.trim_matches(|c: char| c == '<' || c == '>' || c.is_whitespace());
            (!raw.is_empty()).then(|| ReportedAddress::Raw(raw.chars().take(256).collect()))
        }
    }
}

/// An address as a value: one that SMTP can carry, or the raw text.
pub(crate) fn reported(address: &str) -> ReportedAddress {
    match address.parse::<EmailAddress>() {
        Ok(address) => ReportedAddress::Email(address),
        Err(_) => ReportedAddress::Raw(address.chars().take(256).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_in_running_text() {
        let table = [
            ("<a@b.jp>: User unknown", vec!["a@b.jp"]),
            ("to a..b.@docomo.ne.jp, or \"c d\"@e.jp.", vec!["a..b.@docomo.ne.jp", "\"c d\"@e.jp"]),
            ("宛先neko@example.jp宛", vec!["neko@example.jp"]),
            ("  \u{1f408}@example.jp", vec!["\u{1f408}@example.jp"]),
            ("'a@b.jp' is no user; to=<c@d.jp>, to=e@f.jp", vec!["a@b.jp", "c@d.jp", "e@f.jp"]),
            ("bounce+x=y.jp@z.jp", vec!["bounce+x=y.jp@z.jp"]),
            ("a@[192.0.2.1] b@c.", vec!["a@[192.0.2.1]", "b@c"]),
            ("@ @@ x@ @y", vec![]),
        ];
        for (text, wanted) in table {
            assert_eq!(all(text).map(|found| found.address).collect::<Vec<_>>(), wanted, "{text}");
        }
    }

    #[test]
    fn fields_of_reports_are_read_as_carriers_write_them() {
        let table = [
            ("rfc822; a@B.jp", Some("a@b.jp")),
            ("rfc822;<a@b.jp>", Some("a@b.jp")),
            ("RFC822; a@b.jp>", Some("a@b.jp")),
            ("<a@b.jp>", Some("a@b.jp")),
            ("rfc822;@relay.example:a@b.jp", Some("a@b.jp")),
            ("rfc822; kijitora", Some("kijitora")),
            ("rfc822;", None),
            ("", None),
        ];
        for (value, wanted) in table {
            assert_eq!(of_field(value).map(|a| a.as_str().to_owned()).as_deref(), wanted, "{value}");
        }
    }
}
