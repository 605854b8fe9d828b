//! Macros in the names of an SPF record, RFC 7208 section 7.

use std::net::IpAddr;

/// Whom the names are made for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Client<'a> {
    /// Where the mail comes from; none to walk a record without anybody matching.
    pub address: Option<IpAddr>,
    /// The domain that was asked about first.
    pub domain: &'a str,
    /// What it calls itself.
    pub ehlo: &'a str,
}

/// One `%{…}`.
struct Macro<'a> {
    letter: u8,
    parts: Option<usize>,
    reversed: bool,
    delimiters: &'a str,
}

fn read_macro(inside: &str) -> Option<Macro<'_>> {
    let (letter, rest) = inside.split_at_checked(1)?;
    let letter = letter.bytes().next()?.to_ascii_lowercase();
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (count, rest) = rest.split_at_checked(digits)?;
    let parts = if count.is_empty() { None } else { Some(count.parse().ok().filter(|n| (1..=127).contains(n))?) };
    let reversed = rest.starts_with(['r', 'R']);
    let delimiters = if reversed { rest.get(1..)? } else { rest };
    let legal = b"slodiphv".contains(&letter) && delimiters.bytes().all(|b| b".-+,/_=".contains(&b));
    legal.then_some(Macro { letter, parts, reversed, delimiters })
}

/// What stands in a name: text, or a macro.
enum Part<'a> {
    Text(&'a str),
    Macro(Macro<'a>),
}

/// Takes the next part off `rest`; none when it is malformed.
fn next_part<'a>(rest: &mut &'a str) -> Option<Part<'a>> {
    let Some(after) = rest.strip_prefix('%') else {
        let end = rest.find('%').unwrap_or(rest.len());
        let (text, behind) = rest.split_at_checked(end)?;
        *rest = behind;
        return Some(Part::Text(text));
    };
    if let Some(inside) = after.strip_prefix('{') {
        let (inside, behind) = inside.split_once('}')?;
        *rest = behind;
        return read_macro(inside).map(Part::Macro);
    }
    let (sign, behind) = after.split_at_checked(1)?;
    *rest = behind;
    match sign {
        "%" => Some(Part::Text("%")),
        "_" => Some(Part::Text(" ")),
        "-" => Some(Part::Text("%20")),
        _ => None,
    }
}

/// Whether every `%` of a name begins something that the RFC knows.
pub(crate) fn is_well_formed(name: &str) -> bool {
    let mut rest = name;
    while !rest.is_empty() {
        if next_part(&mut rest).is_none() {
            return false;
        }
    }
    true
}

/// The name with its macros filled in, at most 253 bytes: labels are cut off at the left, RFC 7208 7.3. `current` is the
/// domain whose record is read. None when the name is malformed.
pub(crate) fn expand(name: &str, client: &Client<'_>, current: &str) -> Option<String> {
    let mut rest = name;
    let mut out = String::with_capacity(name.len());
    while !rest.is_empty() {
        match next_part(&mut rest)? {
            Part::Text(text) => out.push_str(text),
            Part::Macro(found) => out.push_str(&transformed(&value(found.letter, client, current), &found)),
        }
    }
    while out.len() > 253 {
        out = out.split_once('.')?.1.to_owned();
    }
    Some(out.trim_end_matches('.').to_ascii_lowercase())
}

fn value(letter: u8, client: &Client<'_>, current: &str) -> String {
    match letter {
        b's' => format!("postmaster@{}", client.domain),
        b'l' => "postmaster".to_owned(),
        b'o' => client.domain.to_owned(),
        b'd' => current.to_owned(),
        b'h' => client.ehlo.to_owned(),
        b'i' => client.address.map(dotted).unwrap_or_default(),
        b'v' => if matches!(client.address, Some(IpAddr::V6(_))) { "ip6" } else { "in-addr" }.to_owned(),
        // `p` costs questions and is not to be used; "unknown" is what the RFC gives when it cannot be told.
        _ => "unknown".to_owned(),
    }
}

/// An address as `%{i}` has it: IPv6 by its nibbles.
fn dotted(address: IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => {
            let digits = v6.octets().map(|octet| format!("{:x}.{:x}", octet >> 4, octet & 15));
            digits.join(".")
        }
    }
}

fn transformed(value: &str, found: &Macro<'_>) -> String {
    let delimiters = if found.delimiters.is_empty() { "." } else { found.delimiters };
    let mut parts: Vec<&str> = value.split(|c: char| delimiters.contains(c)).collect();
    if found.reversed {
        parts.reverse();
    }
    let drop = found.parts.map_or(0, |kept| parts.len().saturating_sub(kept));
    parts.split_off(drop).join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    // The examples of RFC 7208 7.4, with postmaster for the local part that we never have.
    #[test]
    fn macros_are_filled_in_as_the_rfc_shows() {
        let v4 = Client { address: "192.0.2.3".parse().ok(), domain: "email.example.com", ehlo: "mx.example.com" };
        let v6 = Client { address: "2001:db8::cb01".parse().ok(), ..v4 };
        let table = [
            (&v4, "%{o}", "email.example.com"),
            (&v4, "%{d4}", "email.example.com"),
            (&v4, "%{d2}", "example.com"),
            (&v4, "%{d1}", "com"),
            (&v4, "%{dr}", "com.example.email"),
            (&v4, "%{d2r}", "example.email"),
            (&v4, "%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"),
            (&v4, "%{l1r-}.lp._spf.%{d2}", "postmaster.lp._spf.example.com"),
            (&v4, "%{h}", "mx.example.com"),
            (&v4, "a%%b%_c%-d", "a%b c%20d"),
            (
                &v6,
                "%{ir}.%{v}._spf.%{d2}",
                "1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6._spf.example.com",
            ),
        ];
        for (client, name, expected) in table {
            assert_eq!(expand(name, client, client.domain).as_deref(), Some(expected), "{name}");
        }
        for name in ["%", "%{", "%{q}", "%{d0}", "%{d128}", "%{d.x}", "%(d)", "%{}"] {
            assert!(!is_well_formed(name), "{name}");
            assert_eq!(expand(name, &v4, "a.jp"), None, "{name}");
        }
        let long = format!("%{{d}}.{}", "abcdefgh.".repeat(40));
        assert!(expand(&long, &v4, "a.jp").is_some_and(|name| name.len() <= 253));
    }
}
