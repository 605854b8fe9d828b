//! Records of the name server beside MX and A of the carriers: what senders publish, reverse names, certificates.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// A record and its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DnsRecord {
    /// Whole name; no wildcard.
    pub name: String,
    /// What stands there.
    pub data: DnsData,
}

/// What a record says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DnsData {
    /// Text: SPF, DKIM keys, DMARC. Split into strings of 255 octets on the wire.
    Txt(String),
    /// A host name, below `in-addr.arpa` or `ip6.arpa`.
    Ptr(String),
    /// A further address of the name.
    Address(IpAddr),
    /// A certificate of a service (RFC 6698), below `_25._tcp`. Unsigned: this name server knows no DNSSEC.
    Tlsa {
        /// 2 or 3 for mail (RFC 7672 3.1).
        usage: u8,
        /// 0 the certificate, 1 its public key.
        selector: u8,
        /// 0 all of it, 1 SHA-256, 2 SHA-512.
        matching: u8,
        /// Certificate, key or hash.
        data: Vec<u8>,
    },
}

impl DnsRecord {
    /// A text.
    pub fn txt(name: &str, text: &str) -> Self {
        Self { name: name.to_owned(), data: DnsData::Txt(text.to_owned()) }
    }

    /// The reverse name of an address.
    pub fn ptr(address: IpAddr, host: &str) -> Self {
        Self { name: reverse_name(address), data: DnsData::Ptr(host.to_owned()) }
    }

    /// A further address of a name.
    pub fn address(name: &str, address: IpAddr) -> Self {
        Self { name: name.to_owned(), data: DnsData::Address(address) }
    }
}

/// Where the reverse name of an address is looked up (RFC 1035 3.5, RFC 3596 2.5).
pub fn reverse_name(address: IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, d] = v4.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(v6) => {
            let digits = v6.octets().into_iter().rev().flat_map(|octet| [octet & 0xf, octet >> 4]);
            digits.map(|digit| format!("{digit:x}.")).collect::<String>() + "ip6.arpa"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_reversed_by_octets_or_by_digits() {
        assert_eq!(reverse_name("192.0.2.7".parse().unwrap()), "7.2.0.192.in-addr.arpa");
        let v6 = reverse_name("2001:db8::25".parse().unwrap());
        assert!(v6.starts_with("5.2.0.0.0.") && v6.ends_with(".8.b.d.0.1.0.0.2.ip6.arpa"), "{v6}");
        assert_eq!(v6.len(), 32 * 2 + "ip6.arpa".len());
    }
}
