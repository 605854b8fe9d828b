//! DANE: which TLSA records a host must match (RFC 7672 2.2).

use std::collections::HashSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use clock::Clock;
use dns::{Dns, Halves, Proof, Records, Secured, Tlsa, Turns};
use engine_config::IpVersion;
use mail_model::MonoUs;
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use crate::demand::WhyUnusable;
use crate::settings::Settings;

/// An answer is believed at least and at most this long, whatever its time to live.
const TTL_S: (u32, u32) = (60, 3_600);
/// How long a failure is not asked for again.
const FAILURE_TTL_S: u32 = 30;
/// Domains and hosts asked for at once. Each proof takes several questions.
const QUESTIONS_AT_ONCE_MAX: usize = 32;

/// What a domain's MX records say of DANE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Hosts {
    /// They are signed, and these are the hosts.
    Signed(Arc<HashSet<String>>),
    /// They are not signed: no DANE.
    Unsigned,
    Unusable(WhyUnusable),
}

/// What a host's TLSA records demand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HostRecords {
    /// A match with one of these; and the name that has them.
    Match(Arc<[Tlsa]>, Arc<str>),
    /// There are records, and none can be used.
    NoneUsable,
    /// There are none.
    Absent,
    Unusable(WhyUnusable),
}

/// TLSA records of hosts, remembered.
pub(crate) struct Dane {
    dns: Dns,
    domains: Memory<Hosts>,
    hosts: Memory<HostRecords>,
    questions: Semaphore,
}

impl Dane {
    pub(crate) fn new(settings: &Settings, dns: Dns, clock: &Clock) -> Self {
        Self {
            dns,
            domains: Memory::new(settings.domains_max, clock.clone()),
            hosts: Memory::new(settings.domains_max, clock.clone()),
            questions: Semaphore::new(QUESTIONS_AT_ONCE_MAX),
        }
    }

    /// The signed hosts of a domain.
    pub(crate) async fn hosts(&self, domain: &str) -> Hosts {
        let ask = || async {
            let _place = self.questions.acquire().await;
            signed_hosts(domain, &self.dns.mx_secured(domain).await)
        };
        self.domains.answer(domain, ask).await
    }

    /// What a host's records demand on a port. Ask only for hosts that are signed for.
    pub(crate) async fn records(&self, host: &str, port: u16) -> HostRecords {
        let ask = || async {
            let _place = self.questions.acquire().await;
            self.ask_host(host, port).await
        };
        self.hosts.answer(&format!("{host}:{port}"), ask).await
    }

    async fn ask_host(&self, host: &str, port: u16) -> (HostRecords, Option<u32>) {
        let addresses = self.dns.addresses_secured(host, IpVersion::V4V6).await;
        let ttl_s = addresses.records.ttl_s();
        // Servers of unsigned zones often fail at TLSA questions; they are not asked (RFC 7672 2.2.2).
        match proven(&addresses) {
            Ok(true) => {}
            Ok(false) => return (HostRecords::Absent, ttl_s),
            Err(why) => return (HostRecords::Unusable(why), None),
        }
        let mut answer = self.ask_tlsa(&addresses.name, port).await;
        if answer.0 == HostRecords::Absent && addresses.name != host {
            // The host is an alias and the name behind it has no records: the alias's own count (RFC 7672 2.2.2).
            answer = self.ask_tlsa(host, port).await;
        }
        match answer {
            failed @ (HostRecords::Unusable(_), _) => failed,
            (records, own_ttl_s) => (records, own_ttl_s.or(ttl_s)),
        }
    }

    async fn ask_tlsa(&self, base: &str, port: u16) -> (HostRecords, Option<u32>) {
        let found = self.dns.tlsa(base, port).await;
        let ttl_s = found.records.ttl_s();
        match proven(&found) {
            Err(why) => return (HostRecords::Unusable(why), None),
            Ok(false) => return (HostRecords::Absent, ttl_s),
            Ok(true) => {}
        }
        let records = found.records.found();
        if records.is_empty() {
            return (HostRecords::Absent, ttl_s);
        }
        let usable: Arc<[Tlsa]> = records.iter().filter(|record| is_usable(record)).cloned().collect();
        let demand = if usable.is_empty() { HostRecords::NoneUsable } else { HostRecords::Match(usable, base.into()) };
        (demand, ttl_s)
    }
}

/// Whether an answer is signed; an error when it should be and nothing is known.
fn proven<T>(answer: &Secured<T>) -> Result<bool, WhyUnusable> {
    match (&answer.records, answer.proof) {
        (_, Proof::Bogus) => Err(WhyUnusable::Bogus),
        (Records::Failed, _) => Err(WhyUnusable::NoAnswer),
        (_, proof) => Ok(proof == Proof::Secure),
    }
}

fn signed_hosts(domain: &str, mx: &Secured<dns::Mx>) -> (Hosts, Option<u32>) {
    let ttl_s = mx.records.ttl_s();
    let hosts = match proven(mx) {
        Err(why) => return (Hosts::Unusable(why), None),
        Ok(false) => Hosts::Unsigned,
        // Provably no MX: the domain is its own host (RFC 5321 5.1).
        Ok(true) if mx.records.found().is_empty() => Hosts::Signed(Arc::new(HashSet::from([domain.to_owned()]))),
        Ok(true) => Hosts::Signed(Arc::new(mx.records.found().iter().map(|mx| mx.host.clone()).collect())),
    };
    (hosts, ttl_s)
}

/// Whether mail can use a record: DANE-TA or DANE-EE (RFC 7672 3.1.3), with a selector and a matching type that are
/// known, and as much data as the hash has.
fn is_usable(record: &Tlsa) -> bool {
    let length_fits = match record.matching {
        0 => !record.data.is_empty(),
        1 => record.data.len() == 32,
        2 => record.data.len() == 64,
        _ => false,
    };
    matches!(record.usage, 2 | 3) && record.selector <= 1 && length_fits
}

/// Answers remembered, asked for by one caller at a time.
struct Memory<T> {
    halves: Mutex<Halves<(T, MonoUs)>>,
    turns: Turns,
    clock: Clock,
}

impl<T: Clone> Memory<T> {
    fn new(entries_max: usize, clock: Clock) -> Self {
        Self { halves: Mutex::new(Halves::new(entries_max)), turns: Turns::default(), clock }
    }

    async fn answer<F: Future<Output = (T, Option<u32>)>>(&self, key: &str, ask: impl FnOnce() -> F) -> T {
        if let Some(answer) = self.fresh(key) {
            return answer;
        }
        let turn = self.turns.at(key);
        let _held = turn.taken().await;
        if let Some(answer) = self.fresh(key) {
            return answer;
        }
        let (answer, ttl_s) = ask().await;
        let life_s = ttl_s.map_or(FAILURE_TTL_S, |ttl_s| ttl_s.clamp(TTL_S.0, TTL_S.1));
        let until = self.clock.mono() + Duration::from_secs(life_s.into());
        self.halves.lock().put(key, (answer.clone(), until));
        answer
    }

    fn fresh(&self, key: &str) -> Option<T> {
        let now = self.clock.mono();
        let mut halves = self.halves.lock();
        halves.get(key).filter(|(_, until)| *until > now).map(|(answer, _)| answer.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mail_uses_dane_ta_and_dane_ee_with_known_selectors_and_whole_hashes() {
        let record = |usage, selector, matching, bytes| Tlsa { usage, selector, matching, data: vec![1; bytes] };
        let table = [
            (record(3, 1, 1, 32), true),
            (record(3, 0, 2, 64), true),
            (record(2, 0, 0, 900), true),
            (record(2, 1, 1, 32), true),
            (record(0, 1, 1, 32), false),
            (record(1, 1, 1, 32), false),
            (record(255, 1, 1, 32), false),
            (record(3, 2, 1, 32), false),
            (record(3, 1, 3, 32), false),
            (record(3, 1, 1, 31), false),
            (record(3, 1, 2, 32), false),
            (record(3, 0, 0, 0), false),
        ];
        for (record, usable) in table {
            assert_eq!(is_usable(&record), usable, "{record:?}");
        }
    }
}
