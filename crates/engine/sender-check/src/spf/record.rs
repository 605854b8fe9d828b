//! The text of an SPF record, read as strictly as RFC 7208 section 12 writes it.

use std::net::{Ipv4Addr, Ipv6Addr};

/// What a match means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Qualifier {
    Pass,
    Fail,
    SoftFail,
    Neutral,
}

/// What is compared with the address of the client. Names may hold macros.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Mechanism {
    All,
    Include(String),
    A { name: Option<String>, v4_bits: u32, v6_bits: u32 },
    Mx { name: Option<String>, v4_bits: u32, v6_bits: u32 },
    Ptr(Option<String>),
    Ip4 { network: Ipv4Addr, bits: u32 },
    Ip6 { network: Ipv6Addr, bits: u32 },
    Exists(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Directive {
    pub qualifier: Qualifier,
    pub mechanism: Mechanism,
    /// As it stands in the record.
    pub text: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub directives: Vec<Directive>,
    /// Where the answer stands when nothing matches.
    pub redirect: Option<String>,
}

impl Record {
    /// The directive `all`, if there is one.
    pub fn all(&self) -> Option<&Directive> {
        self.directives.iter().find(|directive| directive.mechanism == Mechanism::All)
    }
}

/// Whether a text claims to be an SPF record: exactly `v=spf1`, then a space or the end.
pub(crate) fn is_record(text: &str) -> bool {
    let version = text.get(..6).is_some_and(|head| head.eq_ignore_ascii_case("v=spf1"));
    version && text.get(6..).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
}

/// Reads a record.
///
/// # Errors
/// The term that no verifier understands. One such term makes the whole record void (RFC 7208 4.6).
pub(crate) fn parse(text: &str) -> Result<Record, String> {
    let mut record = Record { directives: Vec::new(), redirect: None };
    let mut explained = false;
    for term in text.split(' ').skip(1).filter(|term| !term.is_empty()) {
        let wrong = || term.to_owned();
        match modifier(term) {
            Some((name, value)) if name.eq_ignore_ascii_case("redirect") => {
                let known = record.redirect.replace(named(value).ok_or_else(wrong)?);
                known.map_or(Ok(()), |_| Err(wrong()))?;
            }
            Some((name, value)) if name.eq_ignore_ascii_case("exp") => {
                named(value).filter(|_| !explained).ok_or_else(wrong)?;
                explained = true;
            }
            // Unknown modifiers are ignored, RFC 7208 section 6.
            Some(_) => {}
            None => record.directives.push(directive(term).ok_or_else(wrong)?),
        }
    }
    Ok(record)
}

/// `name=value`. What stands before the first `=` tells a modifier from a mechanism such as `exists:%{l1r=}.a.jp`.
fn modifier(term: &str) -> Option<(&str, &str)> {
    let (name, value) = term.split_once('=')?;
    let mut letters = name.bytes();
    let first = letters.next().is_some_and(|b| b.is_ascii_alphabetic());
    let rest = letters.all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    (first && rest).then_some((name, value))
}

fn directive(term: &str) -> Option<Directive> {
    let (qualifier, rest) = match term.split_at_checked(1)? {
        ("+", rest) => (Qualifier::Pass, rest),
        ("-", rest) => (Qualifier::Fail, rest),
        ("~", rest) => (Qualifier::SoftFail, rest),
        ("?", rest) => (Qualifier::Neutral, rest),
        _ => (Qualifier::Pass, term),
    };
    let end = rest.find([':', '/']).unwrap_or(rest.len());
    let (name, argument) = rest.split_at_checked(end)?;
    let mechanism = match name.to_ascii_lowercase().as_str() {
        "all" if argument.is_empty() => Mechanism::All,
        "include" => Mechanism::Include(named(argument.strip_prefix(':')?)?),
        "exists" => Mechanism::Exists(named(argument.strip_prefix(':')?)?),
        "a" => {
            let (name, v4_bits, v6_bits) = name_and_bits(argument)?;
            Mechanism::A { name, v4_bits, v6_bits }
        }
        "mx" => {
            let (name, v4_bits, v6_bits) = name_and_bits(argument)?;
            Mechanism::Mx { name, v4_bits, v6_bits }
        }
        "ptr" if argument.is_empty() => Mechanism::Ptr(None),
        "ptr" => Mechanism::Ptr(Some(named(argument.strip_prefix(':')?)?)),
        "ip4" => {
            let (address, length) = network(argument.strip_prefix(':')?);
            Mechanism::Ip4 { network: address.parse().ok()?, bits: bits(length, 32)? }
        }
        "ip6" => {
            let (address, length) = network(argument.strip_prefix(':')?);
            Mechanism::Ip6 { network: address.parse().ok()?, bits: bits(length, 128)? }
        }
        _ => return None,
    };
    Some(Directive { qualifier, mechanism, text: term.to_owned() })
}

fn network(argument: &str) -> (&str, Option<&str>) {
    argument.split_once('/').map_or((argument, None), |(address, length)| (address, Some(length)))
}

/// A prefix length: digits without a leading zero, at most `max`; `max` when none is given.
fn bits(length: Option<&str>, max: u32) -> Option<u32> {
    let Some(text) = length else { return Some(max) };
    let digits = (1..=3).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    let plain = text == "0" || !text.starts_with('0');
    text.parse().ok().filter(|bits| digits && plain && *bits <= max)
}

/// `[:name][/v4][//v6]` of `a` and `mx`.
fn name_and_bits(argument: &str) -> Option<(Option<String>, u32, u32)> {
    let (name, lengths) = match argument.find('/') {
        // A slash inside a macro (`%{d/}`) is a delimiter and no length.
        Some(_) if argument.contains("/}") => (argument, ""),
        Some(at) => argument.split_at_checked(at)?,
        None => (argument, ""),
    };
    let (v4, v6) = match lengths.split_once("//") {
        Some((v4, v6)) => (v4.strip_prefix('/'), Some(v6)),
        None => (lengths.strip_prefix('/'), None),
    };
    let name = match name.strip_prefix(':') {
        Some(name) => Some(named(name)?),
        None if name.is_empty() => None,
        None => return None,
    };
    Some((name, bits(v4, 32)?, bits(v6, 128)?))
}

/// A domain-spec: visible ASCII, macros well formed, ending in a label or a macro.
fn named(text: &str) -> Option<String> {
    let visible = !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
    let known = super::expand::is_well_formed(text);
    let dotted = text.trim_end_matches('.').contains('.') || text.ends_with('}');
    (visible && known && dotted && !text.contains("..")).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_terms_are_read_and_a_bad_one_is_named() {
        let good = [
            "v=spf1",
            "v=spf1 -all",
            "V=SPF1 IP4:192.0.2.0/24 ip6:2001:db8::/32  ~all",
            "v=spf1 a mx a/24 mx//64 a:mail.a.jp/24//64 include:_spf.a.jp -all",
            "v=spf1 exists:%{ir}.%{l1r-}.a.jp ptr ?all",
            "v=spf1 redirect=_spf.a.jp exp=why.a.jp unknown=x",
            "v=spf1 include:%{d}.spf.a.jp -all",
        ];
        for text in good {
            assert!(is_record(text) && parse(text).is_ok(), "{text}: {:?}", parse(text));
        }
        let bad = [
            ("v=spf1 ipv4:192.0.2.1 -all", "ipv4:192.0.2.1"),
            ("v=spf1 ip4:192.0.2.300 -all", "ip4:192.0.2.300"),
            ("v=spf1 ip4:192.0.2.1/33 -all", "ip4:192.0.2.1/33"),
            ("v=spf1 ip4:192.0.2.1,192.0.2.2 -all", "ip4:192.0.2.1,192.0.2.2"),
            ("v=spf1 ip4: 192.0.2.1 -all", "ip4:"),
            ("v=spf1 include -all", "include"),
            ("v=spf1 include:a.jp;-all", ""),
            ("v=spf1 -all.", "-all."),
            ("v=spf1 redirect=a.jp redirect=b.jp", "redirect=b.jp"),
            ("v=spf1 include:%{z}.a.jp", "include:%{z}.a.jp"),
            ("v=spf1 192.0.2.1 -all", "192.0.2.1"),
            ("v=spf1 −all", "−all"),
        ];
        for (text, term) in bad {
            if term.is_empty() {
                // Odd, and legal: a name may hold any visible character.
                assert!(parse(text).is_ok(), "{text}");
            } else {
                assert_eq!(parse(text), Err(term.to_owned()), "{text}");
            }
        }
        assert!(!is_record("v=spf10 -all") && !is_record("spf1") && !is_record("v=spf"));
    }

    #[test]
    fn lengths_stand_behind_the_name() {
        let mechanism = |term: &str| directive(term).map(|directive| directive.mechanism);
        let a = |name: Option<&str>, v4_bits, v6_bits| Mechanism::A { name: name.map(str::to_owned), v4_bits, v6_bits };
        let table = [
            ("a", Some(a(None, 32, 128))),
            ("a/24", Some(a(None, 24, 128))),
            ("a//64", Some(a(None, 32, 64))),
            ("a:m.jp/24//64", Some(a(Some("m.jp"), 24, 64))),
            ("a:m.jp/024", None),
            ("a:m.jp/", None),
            ("a.m.jp", None),
        ];
        for (term, expected) in table {
            assert_eq!(mechanism(term), expected, "{term}");
        }
    }
}
