//! `Dns`: one question, one answer.

use std::net::IpAddr;
use std::path::Path;

use engine_config::{DnsConfig, IpVersion};
use hickory_resolver::TokioResolver;
use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::{DnsError as Refusal, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, RData, RecordType};

use crate::ask;
use crate::records::{Mx, Records};
use crate::setup::{self, DnsError};

/// Asks DNS. Cheap to clone. Remembers nothing: whoever asks knows for how long an answer serves.
///
/// The names of RFC 6761 are answered without a question: `localhost`, 127.0.0.0/8 backwards, `invalid`.
#[derive(Clone)]
pub struct Dns {
    plain: TokioResolver,
    pub(crate) validating: TokioResolver,
}

impl Dns {
    /// Makes a resolver; asks nothing yet. DNSSEC is proved from the root's keys.
    ///
    /// # Errors
    /// When the machine's own DNS configuration is to be used and cannot be read.
    pub fn new(config: &DnsConfig) -> Result<Self, DnsError> {
        Self::with_trust_anchors(config, None)
    }

    /// Like [`Self::new`], with the DNSKEY records of a file in place of the root's keys.
    ///
    /// # Errors
    /// As [`Self::new`], and when the file cannot be read.
    pub fn with_trust_anchors(config: &DnsConfig, anchors: Option<&Path>) -> Result<Self, DnsError> {
        Ok(Self { plain: setup::plain(config)?, validating: setup::validating(config, anchors)? })
    }

    /// MX records of a domain, in no particular order.
    pub async fn mx(&self, domain: &str) -> Records<Mx> {
        self.ask(domain, RecordType::MX, ask::mx).await
    }

    /// Addresses of a host, IPv4 first.
    pub async fn addresses(&self, host: &str, version: IpVersion) -> Records<IpAddr> {
        let v4 = self.ask(host, RecordType::A, ask::v4);
        if version == IpVersion::V4 {
            return v4.await;
        }
        let (v4, v6) = futures_util::future::join(v4, self.ask(host, RecordType::AAAA, ask::v6)).await;
        v4.and(v6)
    }

    /// TXT records of a name, the strings of each joined.
    pub async fn txt(&self, name: &str) -> Records<String> {
        self.ask(name, RecordType::TXT, ask::text).await
    }

    /// Names of an address, in lower case without the final dot.
    pub async fn ptr(&self, address: IpAddr) -> Records<String> {
        self.ask_name(Name::from(address), RecordType::PTR, ask::pointer).await
    }

    async fn ask<T>(&self, name: &str, kind: RecordType, pick: fn(&RData) -> Option<T>) -> Records<T> {
        match ask::absolute(name) {
            Some(name) => self.ask_name(name, kind, pick).await,
            None => Records::NoName { ttl_s: None },
        }
    }

    async fn ask_name<T>(&self, name: Name, kind: RecordType, pick: fn(&RData) -> Option<T>) -> Records<T> {
        match self.plain.lookup(name, kind).await {
            Ok(lookup) => picked(&lookup, pick),
            Err(NetError::Dns(Refusal::NoRecordsFound(none))) => match none.response_code {
                ResponseCode::NXDomain => Records::NoName { ttl_s: none.negative_ttl },
                ResponseCode::NoError => Records::NoData { ttl_s: none.negative_ttl },
                _ => Records::Failed,
            },
            Err(_) => Records::Failed,
        }
    }
}

fn picked<T>(lookup: &Lookup, pick: fn(&RData) -> Option<T>) -> Records<T> {
    let records: Vec<T> = lookup.answers().iter().filter_map(|record| pick(&record.data)).collect();
    match ask::shortest_ttl_s(lookup.answers()) {
        Some(ttl_s) if !records.is_empty() => Records::Found { records, ttl_s },
        ttl_s => Records::NoData { ttl_s },
    }
}
