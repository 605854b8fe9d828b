//! One source address: what it sent this hour and where it rests.

use std::collections::HashMap;

use mail_model::{CarrierName, SourceName, UnixMs};

use crate::warmup::{HOUR_MS, WarmUp};

/// A source with its counters.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) name: SourceName,
    warmup_started: Option<UnixMs>,
    hour: u64,
    sent: u32,
    sent_to: HashMap<CarrierName, u32>,
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
        Self { name, warmup_started, hour: 0, sent: 0, sent_to: HashMap::new(), resting: HashMap::new() }
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

    pub(crate) fn count(&mut self, carrier: &CarrierName, now: UnixMs) {
        let hour = now.0 / HOUR_MS;
        if hour != self.hour {
            // The names stay, so that the hot path allocates once per carrier and not once per hour.
            self.hour = hour;
            self.sent = 0;
            self.sent_to.values_mut().for_each(|sent| *sent = 0);
        }
        self.sent = self.sent.saturating_add(1);
        match self.sent_to.get_mut(carrier) {
            Some(sent) => *sent = sent.saturating_add(1),
            None => {
                self.sent_to.insert(carrier.clone(), 1);
            }
        }
    }

    pub(crate) fn sent_this_hour(&self, now: UnixMs) -> u32 {
        if now.0 / HOUR_MS == self.hour { self.sent } else { 0 }
    }

    pub(crate) fn sent_this_hour_to(&self, carrier: &CarrierName, now: UnixMs) -> u32 {
        if now.0 / HOUR_MS == self.hour { self.sent_to.get(carrier).copied().unwrap_or(0) } else { 0 }
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
}
