//! From the DNS library's data to our records, and its names to ours.

use std::net::IpAddr;

use hickory_resolver::proto::rr::{Name, RData, Record};

use crate::records::{Mx, Tlsa};

/// A name to be asked for as it is, and not below the machine's search domains. `None` for what is no name.
pub(crate) fn absolute(text: &str) -> Option<Name> {
    let mut name = Name::from_ascii(text).ok()?;
    name.set_fqdn(true);
    Some(name)
}

/// Lower case, without the final dot; empty for the root.
pub(crate) fn plain_name(name: &Name) -> String {
    let text = name.to_lowercase().to_ascii();
    text.strip_suffix('.').unwrap_or(&text).to_owned()
}

pub(crate) fn mx(data: &RData) -> Option<Mx> {
    match data {
        RData::MX(mx) => Some(Mx { preference: mx.preference, host: plain_name(&mx.exchange) }),
        _ => None,
    }
}

pub(crate) fn v4(data: &RData) -> Option<IpAddr> {
    match data {
        RData::A(a) => Some(IpAddr::V4(a.0)),
        _ => None,
    }
}

pub(crate) fn v6(data: &RData) -> Option<IpAddr> {
    match data {
        RData::AAAA(aaaa) => Some(IpAddr::V6(aaaa.0)),
        _ => None,
    }
}

/// The strings of one record joined without a space (RFC 7208 3.3, RFC 8461 3.1). What is no UTF-8 becomes U+FFFD:
/// nothing that is looked for in a TXT record has such a character.
pub(crate) fn text(data: &RData) -> Option<String> {
    match data {
        RData::TXT(txt) => Some(String::from_utf8_lossy(&txt.txt_data.concat()).into_owned()),
        _ => None,
    }
}

pub(crate) fn pointer(data: &RData) -> Option<String> {
    match data {
        RData::PTR(name) => Some(plain_name(&name.0)),
        _ => None,
    }
}

pub(crate) fn tlsa(data: &RData) -> Option<Tlsa> {
    match data {
        RData::TLSA(tlsa) => Some(Tlsa {
            usage: tlsa.cert_usage.into(),
            selector: tlsa.selector.into(),
            matching: tlsa.matching.into(),
            data: tlsa.cert_data.clone(),
        }),
        _ => None,
    }
}

/// The shortest life of an answer's records: a chain of CNAMEs lives as long as its shortest link.
pub(crate) fn shortest_ttl_s(answers: &[Record]) -> Option<u32> {
    answers.iter().map(|record| record.ttl).min()
}
