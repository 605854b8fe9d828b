//! The policies in force, by domain.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use mail_model::UnixMs;

use crate::sts_policy::StsPolicy;

/// Policies kept. One takes about a KiB; the file of a full shelf has a few MiB.
const POLICIES_MAX: usize = 10_000;

/// A policy with what is known of its age.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    /// The id its TXT record had.
    pub(crate) id: String,
    pub(crate) policy: StsPolicy,
    pub(crate) fetched_at: UnixMs,
}

impl Held {
    /// When it ends, whether or not its server or its TXT record is still there.
    pub(crate) fn ends_at(&self) -> UnixMs {
        self.fetched_at + Duration::from_secs(self.policy.max_age_s)
    }

    /// Whether it is to be fetched again although its id is the same: daily, and well before it ends.
    pub(crate) fn is_stale(&self, now: UnixMs) -> bool {
        let fresh_s = (self.policy.max_age_s / 2).min(86_400);
        now.since_ms(self.fetched_at) >= fresh_s.saturating_mul(1_000)
    }
}

/// The policies in force. Apart from the memory of domains without one, so that no flood of domains pushes a policy out.
#[derive(Debug, Default)]
pub(crate) struct Shelf(HashMap<Box<str>, Arc<Held>>);

impl Shelf {
    pub(crate) fn live(&self, domain: &str, now: UnixMs) -> Option<Arc<Held>> {
        self.0.get(domain).filter(|held| held.ends_at() > now).cloned()
    }

    /// Puts a policy in place of the domain's earlier one. When the shelf is full, the one that ends first goes.
    pub(crate) fn put(&mut self, domain: &str, held: Held, now: UnixMs) {
        if self.0.len() >= POLICIES_MAX && !self.0.contains_key(domain) {
            self.0.retain(|_, held| held.ends_at() > now);
            if self.0.len() >= POLICIES_MAX {
                let first = self.0.iter().min_by_key(|(_, held)| held.ends_at()).map(|(domain, _)| domain.clone());
                first.map(|domain| self.0.remove(&domain));
            }
        }
        self.0.insert(domain.into(), Arc::new(held));
    }

    /// Every policy in force, by domain.
    pub(crate) fn all(&self, now: UnixMs) -> Vec<(Box<str>, Arc<Held>)> {
        let live = self.0.iter().filter(|(_, held)| held.ends_at() > now);
        let mut all: Vec<_> = live.map(|(domain, held)| (domain.clone(), Arc::clone(held))).collect();
        all.sort_by(|(a, _), (b, _)| a.cmp(b));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(max_age_s: u64, fetched_at: u64) -> Held {
        let text = format!("version: STSv1\nmode: enforce\nmx: a.jp\nmax_age: {max_age_s}");
        Held { id: "1".to_owned(), policy: StsPolicy::parse(text.as_bytes()).unwrap(), fetched_at: UnixMs(fetched_at) }
    }

    #[test]
    fn a_policy_is_fetched_again_daily_or_at_half_its_life_and_holds_to_its_end() {
        for (max_age_s, stale_after_s) in [(604_800, 86_400), (86_400, 43_200), (300, 150)] {
            let held = held(max_age_s, 5_000);
            let at = |s: u64| UnixMs(5_000 + s * 1_000);
            assert_eq!((held.is_stale(at(stale_after_s - 1)), held.is_stale(at(stale_after_s))), (false, true));
            let mut shelf = Shelf::default();
            shelf.put("a.jp", held, at(0));
            assert!(shelf.live("a.jp", at(max_age_s - 1)).is_some());
            assert!(shelf.live("a.jp", at(max_age_s)).is_none());
        }
    }

    #[test]
    fn a_full_shelf_gives_up_the_policy_that_ends_first() {
        let mut shelf = Shelf::default();
        shelf.put("first.jp", held(300, 0), UnixMs(0));
        for n in 0..POLICIES_MAX {
            shelf.put(&format!("{n}.jp"), held(86_400, 0), UnixMs(0));
        }
        assert_eq!(shelf.all(UnixMs(0)).len(), POLICIES_MAX);
        assert!(shelf.live("first.jp", UnixMs(0)).is_none());
    }
}
