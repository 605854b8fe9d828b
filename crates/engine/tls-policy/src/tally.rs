//! Sessions counted by day, domain and policy, for TLS-RPT (RFC 8460).

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use mail_model::UnixMs;
use parking_lot::Mutex;

use crate::result::FailureType;

const DAY_MS: u64 = 86_400_000;
/// Days kept: today and yesterday, which is being reported.
const DAYS_MAX: u64 = 2;
/// Domains counted in one day. A report is asked for by the large ones, which come first.
const DOMAINS_MAX: usize = 10_000;
/// Policies counted for one domain in one day; it changes one perhaps once.
const POLICIES_MAX: usize = 8;
/// Kinds of failures counted for one policy: type × host × addresses.
const DETAILS_MAX: usize = 64;

/// The policy that a session was judged by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PolicyKey {
    /// `sts`, `tlsa` or `no-policy-found`.
    pub(crate) kind: &'static str,
    /// Its lines or records.
    pub(crate) lines: Vec<String>,
    /// The host names it has, for `sts`.
    pub(crate) mx_hosts: Vec<String>,
}

/// What failed, and between whom.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct DetailKey {
    pub(crate) kind: FailureType,
    pub(crate) mx_host: String,
    pub(crate) sending_ip: Option<IpAddr>,
    pub(crate) receiving_ip: Option<IpAddr>,
    /// Our own word where the type says too little, `mx-not-in-policy`.
    pub(crate) reason: &'static str,
}

/// Sessions of one day under one policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    pub(crate) successes: u64,
    pub(crate) failures: u64,
    pub(crate) details: BTreeMap<DetailKey, u64>,
}

type Domains = HashMap<Box<str>, BTreeMap<PolicyKey, Sums>>;

/// The counters.
#[derive(Debug, Default)]
pub(crate) struct Tally(Mutex<BTreeMap<u64, Domains>>);

/// The day a time is in, counted from 1970-01-01 UTC.
pub(crate) fn day_of(at: UnixMs) -> u64 {
    at.0 / DAY_MS
}

impl Tally {
    /// Counts a session that went well. What goes beyond the bounds is counted in the metrics only.
    pub(crate) fn count_success(&self, at: UnixMs, domain: &str, policy: PolicyKey) {
        self.count(at, domain, policy, |sums| sums.successes += 1);
    }

    /// Counts a session that failed. What goes beyond the bounds is counted in the metrics only.
    pub(crate) fn count_failure(&self, at: UnixMs, domain: &str, policy: PolicyKey, detail: DetailKey) {
        self.count(at, domain, policy, |sums| {
            sums.failures += 1;
            if sums.details.contains_key(&detail) || sums.details.len() < DETAILS_MAX {
                *sums.details.entry(detail).or_default() += 1;
            }
        });
    }

    fn count(&self, at: UnixMs, domain: &str, policy: PolicyKey, change: impl FnOnce(&mut Sums)) {
        let today = day_of(at);
        let mut days = self.0.lock();
        days.retain(|day, _| day.saturating_add(DAYS_MAX) > today);
        let domains = days.entry(today).or_default();
        if !domains.contains_key(domain) && domains.len() >= DOMAINS_MAX {
            return;
        }
        let policies = domains.entry(domain.into()).or_default();
        if policies.contains_key(&policy) || policies.len() < POLICIES_MAX {
            change(policies.entry(policy).or_default());
        }
    }

    /// One day's sums by domain, in the order of their names.
    pub(crate) fn of_day(&self, day: u64) -> Vec<(Box<str>, BTreeMap<PolicyKey, Sums>)> {
        let days = self.0.lock();
        let domains = days.get(&day).into_iter().flatten();
        let mut all: Vec<_> = domains.map(|(domain, policies)| (domain.clone(), policies.clone())).collect();
        all.sort_by(|(a, _), (b, _)| a.cmp(b));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> PolicyKey {
        PolicyKey { kind: "no-policy-found", lines: Vec::new(), mx_hosts: Vec::new() }
    }

    fn detail(mx_host: &str) -> DetailKey {
        let kind = FailureType::CertificateExpired;
        DetailKey { kind, mx_host: mx_host.to_owned(), sending_ip: None, receiving_ip: None, reason: "" }
    }

    #[test]
    fn two_days_are_kept_and_the_third_is_forgotten() {
        let tally = Tally::default();
        for (day, kept) in [(100, vec![100]), (101, vec![100, 101]), (102, vec![101, 102]), (110, vec![110])] {
            tally.count_success(UnixMs(day * DAY_MS + 5), "a.jp", policy());
            let found: Vec<u64> = (100..=110).filter(|day| !tally.of_day(*day).is_empty()).collect();
            assert_eq!(found, kept);
        }
    }

    #[test]
    fn a_flood_of_domains_and_hosts_is_bounded() {
        let tally = Tally::default();
        for n in 0..DOMAINS_MAX + 10 {
            tally.count_failure(UnixMs(5), &format!("{n}.jp"), policy(), detail("mx"));
            tally.count_failure(UnixMs(5), "0.jp", policy(), detail(&n.to_string()));
        }
        let day = tally.of_day(0);
        assert_eq!(day.len(), DOMAINS_MAX);
        let sums = &day[0].1[&policy()];
        assert_eq!((sums.failures, sums.details.len()), (DOMAINS_MAX as u64 + 11, DETAILS_MAX));
    }
}
