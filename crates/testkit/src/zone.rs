//! What the name server knows: the carriers' names, records beside them, and rules that make names misbehave.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::record::{DnsData, DnsRecord};

/// Seconds that answers may be kept when the plan says nothing.
const TTL_S: u32 = 300;

/// What the name server says beyond the carriers' own names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DnsPlan {
    /// Time to live of every answer, in seconds.
    pub ttl_s: u32,
    /// Where it listens; a free port of 127.0.0.1 when left out. Programs that read `/etc/resolv.conf` know port 53 only.
    pub listen: Option<SocketAddr>,
    /// Names with an answer of their own. They go before the carriers' names.
    pub rules: Vec<DnsRule>,
    /// Records beside those: what senders publish, reverse names, certificates. A name may have many.
    pub records: Vec<DnsRecord>,
}

impl Default for DnsPlan {
    fn default() -> Self {
        Self { ttl_s: TTL_S, listen: None, rules: Vec::new(), records: Vec::new() }
    }
}

/// One name and its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DnsRule {
    /// Exact (`docmo.ne.jp`), all below (`*.invalid`) or all that is left (`*`).
    pub name: String,
    /// What is said of it.
    pub answer: DnsAnswer,
}

/// What is said of a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DnsAnswer {
    /// NXDOMAIN.
    NoDomain,
    /// SERVFAIL.
    ServerFailure,
    /// The query is swallowed.
    Silence,
    /// The name exists and has no record of the type asked for.
    NoRecords,
    /// `MX 0 .`, RFC 7505.
    NullMx,
    /// MX records.
    Mx(Vec<MxPlan>),
    /// A and AAAA records, no MX.
    Addresses(Vec<IpAddr>),
    /// An MX host that lies at a private address (10.0.0.25), as hostile domains have.
    PrivateMx,
}

/// One MX record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MxPlan {
    /// Lower goes first.
    pub preference: u16,
    /// The host.
    pub host: String,
}

/// The host name that [`DnsAnswer::PrivateMx`] gives, and its address.
pub(crate) const PRIVATE_HOST: (&str, Ipv4Addr) = ("mx.private.invalid", Ipv4Addr::new(10, 0, 0, 25));

/// Names with their answers.
#[derive(Debug, Default)]
pub(crate) struct Zone {
    pub ttl_s: u32,
    rules: Names,
    carriers: Names,
    records: HashMap<String, Vec<DnsData>>,
}

#[derive(Debug, Default)]
struct Names {
    exact: HashMap<String, DnsAnswer>,
    // Longest suffix first.
    below: Vec<(String, DnsAnswer)>,
}

impl Names {
    fn insert(&mut self, name: &str, answer: DnsAnswer) {
        let name = plain(name);
        let Some(suffix) = name.strip_prefix('*') else {
            self.exact.insert(name, answer);
            return;
        };
        let suffix = suffix.to_owned();
        self.below.retain(|(known, _)| *known != suffix);
        let place = self.below.partition_point(|(known, _)| known.len() >= suffix.len());
        self.below.insert(place, (suffix, answer));
    }

    fn remove(&mut self, name: &str) {
        let name = plain(name);
        self.exact.remove(&name);
        if let Some(suffix) = name.strip_prefix('*') {
            self.below.retain(|(known, _)| known != suffix);
        }
    }

    fn get(&self, name: &str) -> Option<&DnsAnswer> {
        let below = || self.below.iter().find(|(suffix, _)| name.ends_with(suffix.as_str())).map(|(_, answer)| answer);
        self.exact.get(name).or_else(below)
    }
}

/// Lower case, without the trailing dot.
fn plain(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

impl Zone {
    pub(crate) fn new(plan: &DnsPlan) -> Self {
        let mut zone = Self { ttl_s: plan.ttl_s, ..Self::default() };
        zone.carriers.insert(PRIVATE_HOST.0, DnsAnswer::Addresses(vec![PRIVATE_HOST.1.into()]));
        for rule in &plan.rules {
            zone.set(&rule.name, rule.answer.clone());
        }
        for record in &plan.records {
            zone.add(record.clone());
        }
        zone
    }

    /// Adds a record. One that is there already stays single: two SPF records would void each other.
    pub(crate) fn add(&mut self, record: DnsRecord) {
        let known = self.records.entry(plain(&record.name)).or_default();
        if !known.contains(&record.data) {
            known.push(record.data);
        }
    }

    pub(crate) fn remove_records(&mut self, name: &str) {
        self.records.remove(&plain(name));
    }

    /// Makes a carrier's domains and MX host known.
    pub(crate) fn add_carrier(&mut self, domains: &[String], mx_host: &str, address: Ipv4Addr) {
        for domain in domains {
            let mx = MxPlan { preference: 10, host: mx_host.to_owned() };
            self.carriers.insert(domain, DnsAnswer::Mx(vec![mx]));
        }
        self.carriers.insert(mx_host, DnsAnswer::Addresses(vec![address.into()]));
    }

    pub(crate) fn set(&mut self, name: &str, answer: DnsAnswer) {
        self.rules.insert(name, answer);
    }

    pub(crate) fn unset(&mut self, name: &str) {
        self.rules.remove(name);
    }

    /// The answer for a name, and the records beside it. NXDOMAIN for a name that nobody mentioned.
    pub(crate) fn answer(&self, name: &str) -> (DnsAnswer, &[DnsData]) {
        let name = plain(name);
        let records = self.records.get(&name).map_or(&[][..], Vec::as_slice);
        // A carrier for "*" must not claim host names of other carriers: those are exact and found first.
        match (self.rules.get(&name).or_else(|| self.carriers.get(&name)), records) {
            (Some(answer), records) => (answer.clone(), records),
            (None, []) => (DnsAnswer::NoDomain, records),
            (None, records) => (DnsAnswer::NoRecords, records),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mx(host: &str) -> DnsAnswer {
        DnsAnswer::Mx(vec![MxPlan { preference: 10, host: host.to_owned() }])
    }

    #[test]
    fn rules_go_before_carriers_exact_names_before_wild_ones_and_long_suffixes_before_short_ones() {
        let mut zone = Zone::new(&DnsPlan::default());
        let domains = |list: &[&str]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        zone.add_carrier(&domains(&["au.com", "*.ezweb.ne.jp"]), "lsean.ezweb.ne.jp", Ipv4Addr::new(127, 0, 0, 12));
        zone.add_carrier(&domains(&["*"]), "mx.other.example", Ipv4Addr::new(127, 0, 0, 20));
        zone.set("*.invalid", DnsAnswer::NoDomain);
        zone.set("slow.invalid", DnsAnswer::Silence);
        let table = [
            ("AU.com.", mx("lsean.ezweb.ne.jp")),
            ("t8.ezweb.ne.jp", mx("lsean.ezweb.ne.jp")),
            ("lsean.ezweb.ne.jp", DnsAnswer::Addresses(vec![Ipv4Addr::new(127, 0, 0, 12).into()])),
            ("anything.example", mx("mx.other.example")),
            ("x.invalid", DnsAnswer::NoDomain),
            ("slow.invalid", DnsAnswer::Silence),
        ];
        for (name, answer) in table {
            assert_eq!(zone.answer(name).0, answer, "{name}");
        }
        zone.set("au.com", DnsAnswer::NullMx);
        assert_eq!(zone.answer("au.com").0, DnsAnswer::NullMx);
        zone.unset("au.com");
        assert_eq!(zone.answer("au.com").0, mx("lsean.ezweb.ne.jp"));
    }

    #[test]
    fn a_name_nobody_mentioned_does_not_exist() {
        assert_eq!(Zone::new(&DnsPlan::default()).answer("docmo.ne.jp").0, DnsAnswer::NoDomain);
    }

    #[test]
    fn a_record_makes_its_name_exist_and_stands_beside_the_carriers_own() {
        let mut zone = Zone::new(&DnsPlan::default());
        zone.add_carrier(&["au.com".to_owned()], "lsean.ezweb.ne.jp", Ipv4Addr::new(127, 0, 0, 12));
        for name in ["au.com", "_dmarc.AU.com."] {
            zone.add(DnsRecord::txt(name, "v=1"));
        }
        let text = [DnsData::Txt("v=1".to_owned())];
        assert_eq!(zone.answer("au.com"), (mx("lsean.ezweb.ne.jp"), &text[..]));
        assert_eq!(zone.answer("_dmarc.au.com"), (DnsAnswer::NoRecords, &text[..]));
        zone.remove_records("_dmarc.au.com");
        assert_eq!(zone.answer("_dmarc.au.com").0, DnsAnswer::NoDomain);
    }
}
