//! Questions whose answers are proved by DNSSEC.

use std::net::IpAddr;

use engine_config::IpVersion;
use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::{DnsError, NetError, NoRecords};
use hickory_resolver::proto::dnssec::Proof as Proved;
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{RData, Record, RecordType};

use crate::ask;
use crate::dns::Dns;
use crate::records::{Mx, Proof, Records, Secured, Tlsa};

impl Dns {
    /// MX records of a domain with their proof.
    pub async fn mx_secured(&self, domain: &str) -> Secured<Mx> {
        self.ask_secured(domain, RecordType::MX, ask::mx).await
    }

    /// Addresses of a host with their proof: those of IPv4, or where it has none, those of IPv6.
    pub async fn addresses_secured(&self, host: &str, version: IpVersion) -> Secured<IpAddr> {
        let v4 = self.ask_secured(host, RecordType::A, ask::v4).await;
        match v4.records {
            Records::NoData { .. } | Records::NoName { .. } if version != IpVersion::V4 => {
                self.ask_secured(host, RecordType::AAAA, ask::v6).await
            }
            _ => v4,
        }
    }

    /// TLSA records of a TCP port with their proof (RFC 6698 3).
    pub async fn tlsa(&self, host: &str, port: u16) -> Secured<Tlsa> {
        self.ask_secured(&format!("_{port}._tcp.{host}"), RecordType::TLSA, ask::tlsa).await
    }

    async fn ask_secured<T>(&self, name: &str, kind: RecordType, pick: fn(&RData) -> Option<T>) -> Secured<T> {
        let plain = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        let Some(name) = ask::absolute(name) else {
            return Secured { records: Records::NoName { ttl_s: None }, proof: Proof::Unknown, name: plain };
        };
        let (records, proof) = match self.validating.lookup(name, kind).await {
            Ok(lookup) => return found(&lookup, kind, pick, plain),
            Err(NetError::Dns(DnsError::NoRecordsFound(none))) => absent(&none),
            // Denied by records that prove too little, such as NSEC3 with too many iterations (RFC 9276): unsigned.
            Err(NetError::Dns(DnsError::Nsec { response, proof, .. })) if proof != Proved::Bogus => {
                let is_absent = response.metadata.response_code == ResponseCode::NXDomain;
                let none = if is_absent { Records::NoName { ttl_s: None } } else { Records::NoData { ttl_s: None } };
                (none, Proof::Insecure)
            }
            Err(NetError::Dns(DnsError::Nsec { .. } | DnsError::DnssecBogus)) => (Records::Failed, Proof::Bogus),
            Err(_) => (Records::Failed, Proof::Unknown),
        };
        Secured { records, proof, name: plain }
    }
}

fn found<T>(lookup: &Lookup, kind: RecordType, pick: fn(&RData) -> Option<T>, asked: String) -> Secured<T> {
    let is_ours = |record: &&Record| [kind, RecordType::CNAME].contains(&record.record_type());
    let answers: Vec<&Record> = lookup.answers().iter().filter(is_ours).collect();
    let proof = weakest(answers.iter().copied());
    let owner = answers.iter().find(|record| record.record_type() == kind).map(|record| ask::plain_name(&record.name));
    let records: Vec<T> = answers.iter().filter_map(|record| pick(&record.data)).collect();
    let ttl_s = answers.iter().map(|record| record.ttl).min();
    let records = match (ttl_s, proof) {
        (_, Proof::Bogus) => Records::Failed,
        (Some(ttl_s), _) if !records.is_empty() => Records::Found { records, ttl_s },
        _ => Records::NoData { ttl_s },
    };
    Secured { records, proof, name: owner.unwrap_or(asked) }
}

/// The absence of records, and what the denial proves.
fn absent<T>(none: &NoRecords) -> (Records<T>, Proof) {
    let authorities = none.authorities.as_deref().unwrap_or_default();
    let proof = weakest(authorities.iter());
    // RFC 2308 5. The library withholds it from those who validate.
    let ttl_s = none.soa.as_ref().map(|soa| soa.ttl.min(soa.data.minimum));
    match none.response_code {
        ResponseCode::NXDomain => (Records::NoName { ttl_s }, proof),
        ResponseCode::NoError => (Records::NoData { ttl_s }, proof),
        _ => (Records::Failed, Proof::Unknown),
    }
}

/// The weakest proof of several records. Signatures count by what they sign. An answer without any was let through by
/// the library, which refuses what it must call forged: nothing is proved of it.
fn weakest<'a>(records: impl Iterator<Item = &'a Record>) -> Proof {
    let of = |record: &Record| match record.proof {
        Proved::Secure => Proof::Secure,
        Proved::Insecure => Proof::Insecure,
        Proved::Bogus => Proof::Bogus,
        Proved::Indeterminate => Proof::Unknown,
    };
    let rank = |proof: &Proof| match proof {
        Proof::Bogus => 0,
        Proof::Unknown => 1,
        Proof::Insecure => 2,
        Proof::Secure => 3,
    };
    let signed = records.filter(|record| record.record_type() != RecordType::RRSIG);
    signed.map(of).min_by_key(rank).unwrap_or(Proof::Insecure)
}
