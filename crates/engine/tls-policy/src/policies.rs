//! `TlsPolicies`: what a host must show before it gets mail for a domain, and how it went.

use std::net::IpAddr;
use std::sync::Arc;

use clock::Clock;
use dns::{Dns, Tlsa};
use mail_model::UnixMs;
use telemetry::TlsSessionCounted;

use crate::dane::{Dane, HostRecords, Hosts};
use crate::demand::{Demand, WhyUnusable};
use crate::error::TlsPolicyError;
use crate::report::{Report, report};
use crate::result::TlsResult;
use crate::settings::Settings;
use crate::shelf::Held;
use crate::sts::Sts;
use crate::sts_policy::Mode;
use crate::tally::{DetailKey, PolicyKey, Tally, day_of};

/// The policies of all domains. Cheap to clone; clones share what they remember.
#[derive(Clone)]
pub struct TlsPolicies(Arc<Inner>);

struct Inner {
    sts: Option<Sts>,
    dane: Option<Dane>,
    tally: Tally,
    clock: Clock,
    organization: String,
}

/// A session that had its chance to be encrypted.
#[derive(Clone, Copy, Debug)]
pub struct Session<'a> {
    /// The recipient's domain.
    pub domain: &'a str,
    /// The host.
    pub mx_host: &'a str,
    /// What it had to show.
    pub demand: &'a Demand,
    /// Our address, where we chose it.
    pub sending_ip: Option<IpAddr>,
    /// The host's address; none when it was not connected to.
    pub receiving_ip: Option<IpAddr>,
    /// What it came to.
    pub result: TlsResult,
}

impl TlsPolicies {
    /// Reads the policies of before the last stop; looks nothing up yet.
    ///
    /// # Errors
    /// When the TLS library refuses its settings.
    pub fn new(settings: &Settings, dns: &Dns, clock: Clock) -> Result<Self, TlsPolicyError> {
        let sts = settings.mta_sts.then(|| Sts::new(settings, dns.clone(), clock.clone())).transpose()?;
        let dane = settings.dane.then(|| Dane::new(settings, dns.clone(), &clock));
        let organization = settings.organization.clone();
        Ok(Self(Arc::new(Inner { sts, dane, tally: Tally::default(), clock, organization })))
    }

    /// Looks up what will be asked for a domain, so that it can be done while its hosts are looked up. Answers that
    /// are remembered take microseconds.
    pub async fn look_ahead(&self, domain: &str) {
        let sts = async {
            if let Some(sts) = &self.0.sts {
                sts.current(domain).await;
            }
        };
        let dane = async {
            if let Some(dane) = &self.0.dane {
                dane.hosts(domain).await;
            }
        };
        tokio::join!(sts, dane);
    }

    /// What a host must show. DANE goes before MTA-STS (RFC 8461 2): what is signed needs no second opinion.
    ///
    /// Takes microseconds for what is remembered; for a domain that is new, up to `Settings::patience`, and with DANE
    /// as long as its questions take.
    pub async fn demand(&self, domain: &str, mx_host: &str, port: u16) -> Demand {
        if let Some(dane) = &self.0.dane {
            match by_dane(dane, domain, mx_host, port).await {
                Demand::Nothing => {}
                demand => return demand,
            }
        }
        let Some(sts) = &self.0.sts else { return Demand::Nothing };
        let Some(held) = sts.current(domain).await.held else { return Demand::Nothing };
        let names = held.policy.mx.clone();
        match held.policy.mode {
            Mode::Enforce => Demand::Authenticated(names),
            Mode::Testing => Demand::Testing(names),
            Mode::None => Demand::Nothing,
        }
    }

    /// Counts what became of a session, for TLS-RPT and the metrics. After a failure under an MTA-STS policy, the policy
    /// is looked up again soon.
    pub fn report(&self, session: &Session<'_>) {
        let at_hand = self.0.sts.as_ref().map(|sts| sts.at_hand(session.domain));
        let (held, fault) = at_hand.map_or((None, None), |current| (current.held, current.fault));
        // A policy that is announced and cannot be had fails every session, however well it went otherwise.
        let (result, has_fault) = match (session.demand, fault) {
            (Demand::Nothing, Some(fault)) => (TlsResult::Failure(fault), true),
            _ => (session.result, false),
        };
        let policy = if has_fault { "sts" } else { session.demand.policy() };
        TlsSessionCounted { policy, result: result.as_str() }.emit();
        let key = policy_key(session.demand, held.as_deref(), has_fault);
        if let TlsResult::Failure(kind) = result {
            let detail = DetailKey {
                kind,
                mx_host: session.mx_host.to_owned(),
                sending_ip: session.sending_ip,
                receiving_ip: session.receiving_ip,
                reason: reason(session),
            };
            self.0.tally.count_failure(self.0.clock.unix(), session.domain, key, detail);
        } else {
            self.0.tally.count_success(self.0.clock.unix(), session.domain, key);
        }
        if let (TlsResult::Failure(_), Demand::Authenticated(_), Some(sts)) = (result, session.demand, &self.0.sts) {
            sts.doubt(session.domain);
        }
    }

    /// The reports of the day that `at` is in, UTC, by domain. Today and yesterday are kept.
    pub fn reports(&self, at: UnixMs) -> Vec<Report> {
        let day = day_of(at);
        let domains = self.0.tally.of_day(day);
        domains.iter().map(|(domain, policies)| report(&self.0.organization, day, domain, policies.iter())).collect()
    }
}

async fn by_dane(dane: &Dane, domain: &str, mx_host: &str, port: u16) -> Demand {
    match dane.hosts(domain).await {
        Hosts::Unsigned => return Demand::Nothing,
        Hosts::Unusable(why) => return Demand::Unusable(why),
        // Somebody on the way has put in a host of his own, or the records changed a moment ago.
        Hosts::Signed(hosts) if !hosts.contains(mx_host) => return Demand::Unusable(WhyUnusable::HostNotSigned),
        Hosts::Signed(_) => {}
    }
    match dane.records(mx_host, port).await {
        HostRecords::Match(records, base) => {
            let mut names = vec![base.to_string()];
            for name in [mx_host, domain] {
                if !names.iter().any(|known| known == name) {
                    names.push(name.to_owned());
                }
            }
            Demand::Dane { records, names: names.into() }
        }
        HostRecords::NoneUsable => Demand::Encrypted,
        HostRecords::Absent => Demand::Nothing,
        HostRecords::Unusable(why) => Demand::Unusable(why),
    }
}

fn policy_key(demand: &Demand, held: Option<&Held>, has_fault: bool) -> PolicyKey {
    let nothing = |kind| PolicyKey { kind, lines: Vec::new(), mx_hosts: Vec::new() };
    match demand {
        Demand::Nothing if has_fault => nothing("sts"),
        Demand::Nothing => nothing("no-policy-found"),
        Demand::Authenticated(names) | Demand::Testing(names) => PolicyKey {
            kind: "sts",
            lines: held.map(|held| held.policy.lines()).unwrap_or_default(),
            mx_hosts: names.names().map(str::to_owned).collect(),
        },
        Demand::Dane { records, .. } => {
            let lines = records.iter().map(record_line).collect();
            PolicyKey { kind: "tlsa", lines, mx_hosts: Vec::new() }
        }
        Demand::Encrypted | Demand::Unusable(_) => nothing("tlsa"),
    }
}

/// As in a zone file: `3 1 1 c0ffee…`.
fn record_line(record: &Tlsa) -> String {
    let mut line = format!("{} {} {} ", record.usage, record.selector, record.matching);
    for byte in &record.data {
        line.push_str(&format!("{byte:02x}"));
    }
    line
}

fn reason(session: &Session<'_>) -> &'static str {
    match session.demand {
        Demand::Unusable(why) => why.as_str(),
        Demand::Authenticated(names) | Demand::Testing(names) if !names.admits(session.mx_host) => "mx-not-in-policy",
        _ => "",
    }
}
