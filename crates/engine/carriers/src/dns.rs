//! Questions to DNS and their answers without the DNS library's types.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use engine_config::{DnsConfig, IpVersion};
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig};
use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use thiserror::Error;

/// Why there is no resolver. Only our own machine can be the reason.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ResolverError {
    /// No DNS servers are configured and the machine's own (/etc/resolv.conf) cannot be read.
    #[error("the machine's DNS configuration cannot be read ({0}); set servers in [dns]")]
    SystemConfig(String),
    /// The resolver cannot be made.
    #[error("the DNS resolver cannot be made: {0}")]
    Setup(String),
}

/// What DNS says of one name and type. Times to live are seconds; none where the answer names none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Records<T> {
    /// At least one record.
    Found { records: Vec<T>, ttl_s: u32 },
    /// The name exists without such records.
    NoData { ttl_s: Option<u32> },
    /// The name does not exist.
    NoName { ttl_s: Option<u32> },
    /// No answer, or one that says nothing (SERVFAIL, REFUSED, time-out …).
    Failed,
}

/// An MX record. The host's name is empty for `.`, the null MX.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mx {
    pub preference: u16,
    pub host: String,
}

pub(crate) struct Dns(TokioResolver);

impl Dns {
    pub fn new(config: &DnsConfig) -> Result<Self, ResolverError> {
        let mut builder = if config.servers.is_empty() {
            TokioResolver::builder_tokio().map_err(|error| ResolverError::SystemConfig(error.to_string()))?
        } else {
            let servers = config.servers.iter().map(server).collect();
            let servers = ResolverConfig::from_name_servers(servers);
            TokioResolver::builder_with_config(servers, TokioRuntimeProvider::default())
        };
        let options = builder.options_mut();
        options.timeout = Duration::from_millis(config.timeout_ms);
        options.attempts = usize::try_from(config.retries).unwrap_or(usize::MAX);
        options.edns0 = true;
        // Our own memory keeps whole routes, with bounds on their age and the last good one; a second cache below it
        // would only make answers older than those bounds say.
        options.cache_size = 0;
        // /etc/hosts is this machine's view of names, not the carriers'.
        options.use_hosts_file = ResolveHosts::Never;
        builder.build().map(Self).map_err(|error| ResolverError::Setup(error.to_string()))
    }

    /// MX records of a domain, in no particular order.
    pub async fn mx(&self, domain: &str) -> Records<Mx> {
        self.ask(domain, RecordType::MX, |data| match data {
            RData::MX(mx) => Some(Mx { preference: mx.preference, host: host_name(&mx.exchange) }),
            _ => None,
        })
        .await
    }

    /// Addresses of a host, IPv4 first.
    pub async fn addresses(&self, host: &str, version: IpVersion) -> Records<IpAddr> {
        let v4 = self.ask(host, RecordType::A, |data| match data {
            RData::A(a) => Some(IpAddr::V4(a.0)),
            _ => None,
        });
        if version == IpVersion::V4 {
            return v4.await;
        }
        let v6 = self.ask(host, RecordType::AAAA, |data| match data {
            RData::AAAA(aaaa) => Some(IpAddr::V6(aaaa.0)),
            _ => None,
        });
        let (v4, v6) = futures_util::future::join(v4, v6).await;
        both(v4, v6)
    }

    async fn ask<T>(&self, name: &str, kind: RecordType, pick: impl Fn(&RData) -> Option<T>) -> Records<T> {
        // With its final dot the name is asked as it is, and not below the machine's search domains.
        let Ok(mut name) = Name::from_ascii(name) else { return Records::NoName { ttl_s: None } };
        name.set_fqdn(true);
        match self.0.lookup(name, kind).await {
            Ok(lookup) => picked(&lookup, pick),
            Err(NetError::Dns(DnsError::NoRecordsFound(none))) => match none.response_code {
                ResponseCode::NXDomain => Records::NoName { ttl_s: none.negative_ttl },
                ResponseCode::NoError => Records::NoData { ttl_s: none.negative_ttl },
                _ => Records::Failed,
            },
            Err(_) => Records::Failed,
        }
    }
}

fn server(address: &SocketAddr) -> NameServerConfig {
    let at = |mut connection: ConnectionConfig| {
        connection.port = address.port();
        connection
    };
    let connections = vec![at(ConnectionConfig::udp()), at(ConnectionConfig::tcp())];
    NameServerConfig::new(address.ip(), true, connections)
}

fn host_name(name: &Name) -> String {
    let text = name.to_lowercase().to_ascii();
    text.strip_suffix('.').unwrap_or(&text).to_owned()
}

fn picked<T>(lookup: &Lookup, pick: impl Fn(&RData) -> Option<T>) -> Records<T> {
    let answers: &[Record] = lookup.answers();
    let records: Vec<T> = answers.iter().filter_map(|record| pick(&record.data)).collect();
    // A chain of CNAMEs lives as long as its shortest link.
    let ttl_s = answers.iter().map(|record| record.ttl).min();
    match ttl_s {
        Some(ttl_s) if !records.is_empty() => Records::Found { records, ttl_s },
        _ => Records::NoData { ttl_s },
    }
}

/// Joins the answers for two types of one name. What is found counts even if the other question failed.
fn both<T>(first: Records<T>, second: Records<T>) -> Records<T> {
    match (first, second) {
        (Records::Found { mut records, ttl_s }, Records::Found { records: more, ttl_s: other }) => {
            records.extend(more);
            Records::Found { records, ttl_s: ttl_s.min(other) }
        }
        (found @ Records::Found { .. }, _) | (_, found @ Records::Found { .. }) => found,
        (Records::Failed, _) | (_, Records::Failed) => Records::Failed,
        (no_data @ Records::NoData { .. }, _) | (_, no_data @ Records::NoData { .. }) => no_data,
        (no_name, _) => no_name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_the_addresses_of_both_kinds_and_fails_only_when_none_is_found() {
        let found = |n: u8| Records::Found { records: vec![n], ttl_s: u32::from(n) };
        let (no_data, no_name) = (Records::NoData { ttl_s: None }, Records::NoName { ttl_s: None });
        let table = [
            (found(4), found(6), Records::Found { records: vec![4, 6], ttl_s: 4 }),
            (found(4), Records::Failed, found(4)),
            (no_data.clone(), found(6), found(6)),
            (no_data.clone(), Records::Failed, Records::Failed),
            (no_name.clone(), no_data.clone(), no_data.clone()),
            (no_name.clone(), no_name.clone(), no_name.clone()),
        ];
        for (v4, v6, expected) in table {
            assert_eq!(both(v4.clone(), v6.clone()), expected, "{v4:?} {v6:?}");
        }
    }
}
