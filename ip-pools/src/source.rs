//! One source address: what it sent in the last hour and where it rests.

use std::collections::HashMap;

use mail_model::{CarrierName, SourceName, UnixMs};

use crate::hour::Hour;
use crate::memory::SourceMemory;
use crate::warmup::{HOUR_MS, WarmUp};

/// Longest rest that is taken up from what was stored: a damaged value must not take an address away for ever.
const REST_MAX_MS: u64 = 24 * HOUR_MS;

/// A source with its counters.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) name: SourceName,
    warmup_started: Option<UnixMs>,
    sent: Hour,
    sent_to: HashMap<CarrierName, Hour>,
    resting: HashMap<CarrierName, UnixMs>,
}

/// Which sources a class asks first. The order of the variants is the order of preference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Standing {
    /// Warm.
    Warm,
    /// Warming, and below its cap.
    BelowCap,
    /// Warming, and the hour's cap is used up.
    AtCap,
}

impl Source {
    pub(crate) fn new(name: SourceName, warmup_started: Option<UnixMs>) -> Self {
        Self { name, warmup_started, sent: Hour::default(), sent_to: HashMap::new(), resting: HashMap::new() }
    }

    pub(crate) fn warm_up(&self, caps: &[u32], now: UnixMs) -> WarmUp {
        WarmUp::at(self.warmup_started, caps, now)
    }

    pub(crate) fn standing(&self, caps: &[u32], now: UnixMs) -> Standing {
        match self.warm_up(caps, now) {
            WarmUp::Warm => Standing::Warm,
            WarmUp::Warming { hourly_cap, .. } if self.sent_this_hour(now) < hourly_cap => Standing::BelowCap,
            WarmUp::Warming { .. } => Standing::AtCap,
        }
    }

    /// When a source at its cap is below it again, if it sends nothing meanwhile.
    pub(crate) fn below_cap_at(&self, caps: &[u32], now: UnixMs) -> Option<UnixMs> {
        match self.warm_up(caps, now) {
            WarmUp::Warm => None,
            WarmUp::Warming { hourly_cap, .. } => self.sent.below(hourly_cap, now),
        }
    }

    /// Mails that the cap leaves now, and how many more it gives a second; infinite and 0 when it is warm.
    pub(crate) fn room(&self, caps: &[u32], now: UnixMs) -> (f64, f64) {
        match self.warm_up(caps, now) {
            WarmUp::Warm => (f64::INFINITY, 0.0),
            WarmUp::Warming { hourly_cap, .. } => {
                let left = hourly_cap.saturating_sub(self.sent_this_hour(now));
                (f64::from(left), f64::from(hourly_cap) / 3_600.0)
            }
        }
    }

    pub(crate) fn count(&mut self, carrier: &CarrierName, now: UnixMs) {
        self.sent.count(now);
        match self.sent_to.get_mut(carrier) {
            Some(sent) => sent.count(now),
            None => self.sent_to.entry(carrier.clone()).or_default().count(now),
        }
    }

    pub(crate) fn sent_this_hour(&self, now: UnixMs) -> u32 {
        self.sent.sum(now)
    }

    pub(crate) fn sent_this_hour_to(&self, carrier: &CarrierName, now: UnixMs) -> u32 {
        self.sent_to.get(carrier).map_or(0, |sent| sent.sum(now))
    }

    pub(crate) fn carriers(&self) -> impl Iterator<Item = &CarrierName> {
        let only_resting = self.resting.keys().filter(|carrier| !self.sent_to.contains_key(*carrier));
        self.sent_to.keys().chain(only_resting)
    }

    /// The later end stands: two replies about one block must not shorten each other's rest.
    pub(crate) fn rest(&mut self, carrier: &CarrierName, until: UnixMs) {
        let end = self.resting.entry(carrier.clone()).or_insert(until);
        *end = (*end).max(until);
    }

    pub(crate) fn wake(&mut self, carrier: &CarrierName) {
        self.resting.remove(carrier);
    }

    pub(crate) fn resting(&self, carrier: &CarrierName, now: UnixMs) -> Option<UnixMs> {
        self.resting.get(carrier).copied().filter(|until| now < *until)
    }

    /// What must outlive the process. A warm source's mails are not counted by anybody.
    pub(crate) fn memory(&self, caps: &[u32], now: UnixMs) -> SourceMemory {
        let is_warm = self.warm_up(caps, now) == WarmUp::Warm;
        let mut rests: Vec<_> = self.resting.iter().map(|(carrier, until)| (carrier.clone(), *until)).collect();
        rests.retain(|(_, until)| now < *until);
        rests.sort();
        SourceMemory { sent: if is_warm { Vec::new() } else { self.sent.minutes(now) }, rests }
    }

    pub(crate) fn recall(&mut self, memory: &SourceMemory, now: UnixMs) {
        self.sent = Hour::restored(&memory.sent, now);
        let latest = UnixMs(now.0.saturating_add(REST_MAX_MS));
        for (carrier, until) in &memory.rests {
            self.rest(carrier, (*until).min(latest));
        }
    }
}
