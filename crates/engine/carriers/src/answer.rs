//! From records to a domain's mail hosts: RFC 5321 5.1 and RFC 7505.

use std::net::IpAddr;
use std::sync::Arc;

use dns::{Dns, Mx, Records, is_public};
use engine_config::IpVersion;
use futures_util::future::join_all;

/// Hosts of a domain that are looked up; a hundred MX records would otherwise cost a hundred questions.
pub(crate) const HOSTS_MAX: usize = 20;

/// A route without port, order among equals or owner: what is worth remembering.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Hosts(Arc<[Host]>),
    NoDomain,
    NullMx,
    NoMx,
    Refused,
    Failed,
}

/// A mail host with its addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Host {
    pub preference: u16,
    pub name: String,
    pub addresses: Vec<IpAddr>,
}

/// An answer and for how long DNS vouches for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub answer: Answer,
    pub ttl_s: Option<u32>,
}

/// What may be connected to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reach {
    pub version: IpVersion,
    pub private_too: bool,
}

/// The mail hosts of a domain, most preferred first. `shuffle` decides which of many equals are looked up.
pub(crate) async fn mail_hosts(dns: &Dns, domain: &str, reach: Reach, shuffle: impl FnOnce(&mut [Mx])) -> Found {
    let (mut records, ttl_s) = match dns.mx(domain).await {
        Records::Found { records, ttl_s } => (records, ttl_s),
        // No MX record: the domain itself is the host (the implicit MX of RFC 5321 5.1).
        Records::NoData { .. } => return host(dns, domain, reach).await,
        Records::NoName { ttl_s } => return Found { answer: Answer::NoDomain, ttl_s },
        Records::Failed => return Found { answer: Answer::Failed, ttl_s: None },
    };
    // RFC 7505 3: `.` beside other records is a mistake, and the others count.
    records.retain(|mx| !mx.host.is_empty());
    if records.is_empty() {
        return Found { answer: Answer::NullMx, ttl_s: Some(ttl_s) };
    }
    shuffle(&mut records);
    records.sort_by_key(|mx| mx.preference);
    records.truncate(HOSTS_MAX);
    let questions = records.iter().map(|mx| dns.addresses(&mx.host, reach.version));
    let answers = join_all(questions).await;
    let hosts = records.into_iter().zip(answers).map(|(mx, found)| (mx.preference, mx.host, found));
    gathered(hosts, Some(ttl_s), reach)
}

/// A host by its name, as if it were the only mail host.
pub(crate) async fn host(dns: &Dns, name: &str, reach: Reach) -> Found {
    let addresses = dns.addresses(name, reach.version).await;
    let ttl_s = if matches!(addresses, Records::Found { .. }) { None } else { addresses.ttl_s() };
    gathered(std::iter::once((0, name.to_owned(), addresses)), ttl_s, reach)
}

/// Keeps the hosts that have an address within reach; when none has, says why.
fn gathered(asked: impl Iterator<Item = (u16, String, Records<IpAddr>)>, ttl_s: Option<u32>, reach: Reach) -> Found {
    let (mut hosts, mut refused, mut failed) = (Vec::new(), false, false);
    let mut shortest = ttl_s;
    for (preference, name, found) in asked {
        match found {
            Records::Found { records: mut addresses, ttl_s } => {
                shortest = Some(shortest.map_or(ttl_s, |shortest| shortest.min(ttl_s)));
                addresses.retain(|address| reach.private_too || is_public(*address));
                if addresses.is_empty() {
                    refused = true;
                } else {
                    hosts.push(Host { preference, name, addresses });
                }
            }
            Records::Failed => failed = true,
            Records::NoData { .. } | Records::NoName { .. } => {}
        }
    }
    let answer = match (hosts.is_empty(), failed, refused) {
        (false, ..) => Answer::Hosts(hosts.into()),
        (true, true, _) => Answer::Failed,
        (true, false, true) => Answer::Refused,
        (true, false, false) => Answer::NoMx,
    };
    // A host that could not be looked up is asked for again as soon as the bounds allow.
    Found { answer, ttl_s: if failed { Some(0) } else { shortest } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_refused_or_without_hosts_only_when_every_host_was_heard() {
        let found = |text: &str| Records::Found { records: vec![text.parse().unwrap()], ttl_s: 50 };
        let nothing = Records::NoData { ttl_s: Some(9) };
        let table: [(Vec<Records<IpAddr>>, &str, Option<u32>); 6] = [
            (vec![found("203.138.180.112"), nothing.clone()], "hosts", Some(50)),
            (vec![found("203.138.180.112"), Records::Failed], "hosts", Some(0)),
            (vec![found("127.0.0.1"), Records::Failed], "failed", Some(0)),
            (vec![found("127.0.0.1"), nothing.clone()], "refused", Some(50)),
            (vec![nothing.clone(), nothing.clone()], "no mx", Some(300)),
            (vec![found("127.0.0.1"), found("203.138.180.112")], "hosts", Some(50)),
        ];
        let reach = Reach { version: IpVersion::V4, private_too: false };
        for (records, expected, ttl_s) in table {
            let shown = format!("{records:?}");
            let asked = records.into_iter().map(|found| (10, "mx.example.jp".to_owned(), found));
            let found = gathered(asked, Some(300), reach);
            let answer = match found.answer {
                Answer::Hosts(hosts) => {
                    assert_eq!(hosts.len(), 1);
                    "hosts"
                }
                Answer::Failed => "failed",
                Answer::Refused => "refused",
                _ => "no mx",
            };
            assert_eq!((answer, found.ttl_s), (expected, ttl_s), "{shown}");
        }
    }
}
