//! Walks a record as a verifier does (RFC 7208 section 5), and counts what the walk costs.

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::pin::Pin;

use super::expand::{Client, expand};
use super::published::{Published, published};
use super::record::{Directive, Mechanism, Qualifier, parse};
use crate::names::{Answer, Names};

/// Questions that a verifier asks for one record and all that it includes, RFC 7208 4.6.4.
pub(crate) const LOOKUPS_MAX: usize = 10;
/// Questions that may come back empty.
pub(crate) const VOIDS_MAX: usize = 2;
/// Where our own walk ends, so that records that include each other do not keep it going.
const LOOKUPS_STOP: usize = 60;
/// Hosts of one `mx` that are looked at.
const HOSTS_MAX: usize = 10;

/// How a walk ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Pass,
    Fail,
    SoftFail,
    Neutral,
    /// No record.
    None,
    Broken(Broken),
    /// No answer for this name.
    Unanswered(String),
}

/// Why a record is of no use to anybody (`permerror`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// Several records at this name.
    Several(String),
    /// This term of the record at this name.
    Term { name: String, term: String },
    /// An include or redirect to a name without a record.
    Missing(String),
    /// An `mx` with more hosts than a verifier looks at.
    TooManyHosts(String),
}

/// A walk and its costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Walk {
    pub verdict: Verdict,
    pub lookups: usize,
    /// Names that came back empty.
    pub voids: Vec<String>,
}

/// Walks the record of `client.domain`. Without an address nothing but `all` matches, so that every term is paid for.
pub(crate) async fn walk(names: &impl Names, client: &Client<'_>) -> Walk {
    let mut walker = Walker { names, client, lookups: 0, voids: Vec::new() };
    let verdict = walker.record_of(client.domain.to_owned()).await;
    Walk { verdict, lookups: walker.lookups, voids: walker.voids }
}

struct Walker<'a, N> {
    names: &'a N,
    client: &'a Client<'a>,
    lookups: usize,
    voids: Vec<String>,
}

/// Whether a directive matches; `Err` ends the walk.
type Match = Result<bool, Verdict>;

impl<N: Names> Walker<'_, N> {
    /// Boxed, since records include records.
    fn record_of(&mut self, domain: String) -> Pin<Box<dyn Future<Output = Verdict> + Send + '_>> {
        Box::pin(async move {
            let text = match published(self.names, &domain).await {
                Published::One(text) => text,
                Published::None => return Verdict::None,
                Published::Several(_) => return Verdict::Broken(Broken::Several(domain)),
                Published::Failed => return Verdict::Unanswered(domain),
            };
            let record = match parse(&text) {
                Ok(record) => record,
                Err(term) => return Verdict::Broken(Broken::Term { name: domain, term }),
            };
            for directive in &record.directives {
                match self.matches(directive, &domain).await {
                    Ok(true) => return verdict(directive.qualifier),
                    Ok(false) => {}
                    Err(end) => return end,
                }
            }
            match &record.redirect {
                Some(target) => self.redirected(target, &domain).await,
                None => Verdict::Neutral,
            }
        })
    }

    async fn redirected(&mut self, target: &str, domain: &str) -> Verdict {
        let Some(target) = self.asked(Some(target), domain) else { return Verdict::Neutral };
        match self.record_of(target.clone()).await {
            Verdict::None => Verdict::Broken(Broken::Missing(target)),
            other => other,
        }
    }

    /// Counts a question. False when even our own patience is over.
    fn may_ask(&mut self) -> bool {
        self.lookups += 1;
        self.lookups < LOOKUPS_STOP
    }

    /// The name that a term means. None where nobody can tell: in a walk without an address macros lead nowhere, and a
    /// made-up name would count as one that is dead.
    fn name(&self, spec: Option<&str>, domain: &str) -> Option<String> {
        let Some(spec) = spec else { return Some(domain.to_owned()) };
        if self.client.address.is_none() && spec.contains('%') {
            return None;
        }
        expand(spec, self.client, domain)
    }

    async fn matches(&mut self, directive: &Directive, domain: &str) -> Match {
        match &directive.mechanism {
            Mechanism::All => Ok(true),
            Mechanism::Ip4 { network, bits } => {
                Ok(matches!(self.client.address, Some(IpAddr::V4(v4)) if same_v4(v4, *network, *bits)))
            }
            Mechanism::Ip6 { network, bits } => {
                Ok(matches!(self.client.address, Some(IpAddr::V6(v6)) if same_v6(v6, *network, *bits)))
            }
            Mechanism::Include(spec) => self.included(spec, domain).await,
            Mechanism::A { name, v4_bits, v6_bits } => match self.asked(name.as_deref(), domain) {
                Some(name) => self.host_matches(&name, *v4_bits, *v6_bits).await,
                None => Ok(false),
            },
            Mechanism::Mx { name, v4_bits, v6_bits } => match self.asked(name.as_deref(), domain) {
                Some(name) => self.mail_hosts_match(&name, *v4_bits, *v6_bits).await,
                None => Ok(false),
            },
            Mechanism::Exists(spec) => match self.asked(Some(spec), domain) {
                Some(name) => Ok(!self.addresses(&name).await?.is_empty() && self.client.address.is_some()),
                None => Ok(false),
            },
            Mechanism::Ptr(name) => match self.asked(name.as_deref(), domain) {
                Some(name) => self.reverse_matches(&name).await,
                None => Ok(false),
            },
        }
    }

    async fn included(&mut self, spec: &str, domain: &str) -> Match {
        let Some(target) = self.asked(Some(spec), domain) else { return Ok(false) };
        match self.record_of(target.clone()).await {
            Verdict::Pass => Ok(self.client.address.is_some()),
            Verdict::Fail | Verdict::SoftFail | Verdict::Neutral => Ok(false),
            Verdict::None => Err(Verdict::Broken(Broken::Missing(target))),
            end @ (Verdict::Broken(_) | Verdict::Unanswered(_)) => Err(end),
        }
    }

    /// The name to ask about, paid for; none where it is not to be asked.
    fn asked(&mut self, spec: Option<&str>, domain: &str) -> Option<String> {
        let may_ask = self.may_ask();
        self.name(spec, domain).filter(|_| may_ask)
    }

    /// Addresses of a host; a name without any is noted.
    async fn addresses(&mut self, host: &str) -> Result<Vec<IpAddr>, Verdict> {
        match self.names.addresses(host).await {
            Answer::Failed => Err(Verdict::Unanswered(host.to_owned())),
            Answer::Found(addresses) => Ok(addresses),
            Answer::Nothing | Answer::NoName => {
                self.voids.push(host.to_owned());
                Ok(Vec::new())
            }
        }
    }

    async fn host_matches(&mut self, host: &str, v4_bits: u32, v6_bits: u32) -> Match {
        let addresses = self.addresses(host).await?;
        Ok(addresses.iter().any(|address| match (self.client.address, address) {
            (Some(IpAddr::V4(client)), IpAddr::V4(host)) => same_v4(client, *host, v4_bits),
            (Some(IpAddr::V6(client)), IpAddr::V6(host)) => same_v6(client, *host, v6_bits),
            _ => false,
        }))
    }

    /// Whether a reverse name of the client stands below `domain` and leads back, RFC 7208 5.5. Questions that fail
    /// are no match there.
    async fn reverse_matches(&mut self, domain: &str) -> Match {
        let Some(address) = self.client.address else { return Ok(false) };
        let below = |name: &String| name == domain || name.strip_suffix(domain).is_some_and(|head| head.ends_with('.'));
        let pointers = self.names.ptr(address).await.records();
        for name in pointers.iter().take(HOSTS_MAX).filter(|name| below(name)) {
            if self.names.addresses(name).await.records().contains(&address) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn mail_hosts_match(&mut self, domain: &str, v4_bits: u32, v6_bits: u32) -> Match {
        let hosts = match self.names.mx(domain).await {
            Answer::Failed => return Err(Verdict::Unanswered(domain.to_owned())),
            Answer::Found(hosts) => hosts,
            Answer::Nothing | Answer::NoName => {
                self.voids.push(domain.to_owned());
                return Ok(false);
            }
        };
        if hosts.len() > HOSTS_MAX {
            return Err(Verdict::Broken(Broken::TooManyHosts(domain.to_owned())));
        }
        for host in hosts.iter().filter(|host| !host.host.is_empty()) {
            if self.host_matches(&host.host, v4_bits, v6_bits).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn verdict(qualifier: Qualifier) -> Verdict {
    match qualifier {
        Qualifier::Pass => Verdict::Pass,
        Qualifier::Fail => Verdict::Fail,
        Qualifier::SoftFail => Verdict::SoftFail,
        Qualifier::Neutral => Verdict::Neutral,
    }
}

fn same_v4(one: Ipv4Addr, other: Ipv4Addr, bits: u32) -> bool {
    let mask = u32::MAX.checked_shl(32 - bits.min(32)).unwrap_or(0);
    u32::from(one) & mask == u32::from(other) & mask
}

fn same_v6(one: Ipv6Addr, other: Ipv6Addr, bits: u32) -> bool {
    let mask = u128::MAX.checked_shl(128 - bits.min(128)).unwrap_or(0);
    u128::from(one) & mask == u128::from(other) & mask
}
