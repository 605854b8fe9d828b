//! A sudden row of "unknown user" on one path, which says more about the path than about the addresses. Pure.

use std::collections::VecDeque;
use std::time::Duration;

use bounce::Said;
use mail_model::{CarrierName, MonoUs, SiteName, SourceName, UnixMs};

/// When a row of "unknown" is a burst: docomo was seen to answer so for living addresses while it blocked a sender.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct BurstLimits {
    /// Within this time …
    pub window: Duration,
    /// … more than so many …
    pub unknown_min: u32,
    /// … and more than this share (0–1) of what the path accepted …
    pub share: f64,
    /// … in this time. Long, because a late bounce speaks of a mail of this morning.
    pub accepted_over: Duration,
    /// How far back a carrier's guard casts doubt when it stops; it counts recipients and knows no time.
    pub guard_window: Duration,
}

impl Default for BurstLimits {
    fn default() -> Self {
        Self {
            window: Duration::from_secs(600),
            unknown_min: 10,
            share: 0.05,
            accepted_over: Duration::from_secs(24 * 3_600),
            guard_window: Duration::from_secs(3_600),
        }
    }
}

/// Where and since when "unknown" is not believed. Whoever keeps suppressions takes back what they owe to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Burst {
    /// Whose mail system.
    pub carrier: CarrierName,
    /// The domain, for a carrier without a profile.
    pub site: SiteName,
    /// The source; `None` for all of ours, when the carrier's guard has stopped.
    pub source: Option<SourceName>,
    /// What was said since then is doubted.
    pub since: UnixMs,
}

impl Burst {
    /// Whether this word about an address is one of those that are doubted.
    pub fn covers(&self, said: &Said) -> bool {
        said.at >= self.since
            && said.carrier == self.carrier
            && said.site == self.site
            && self.source.as_ref().is_none_or(|source| *source == said.source)
    }
}

/// Watches one path. Costs an addition per mail and a few hundred bytes.
#[derive(Clone, Debug)]
pub(crate) struct BurstWatch {
    unknown: Recent,
    accepted: Recent,
    unknown_min: u32,
    share: f64,
    doubted_until: Option<MonoUs>,
}

impl BurstWatch {
    pub(crate) fn new(limits: &BurstLimits) -> Self {
        Self {
            unknown: Recent::new(limits.window),
            accepted: Recent::new(limits.accepted_over),
            unknown_min: limits.unknown_min,
            share: limits.share,
            doubted_until: None,
        }
    }

    /// The carrier took a mail.
    pub(crate) fn accepted(&mut self, now: MonoUs) {
        self.accepted.add(now);
    }

    /// The carrier knows no such user, said at once or later by mail. Whether that is the one too many: from now on the
    /// path is not believed for `pause`, and nothing is counted meanwhile.
    pub(crate) fn unknown(&mut self, now: MonoUs, pause: Duration) -> bool {
        if self.is_doubted(now) {
            return false;
        }
        self.unknown.add(now);
        let believable = (f64::from(self.accepted.sum(now)) * self.share).max(f64::from(self.unknown_min));
        let burst = f64::from(self.unknown.sum(now)) > believable;
        if burst {
            self.unknown.clear();
            self.doubted_until = Some(now + pause);
        }
        burst
    }

    /// Whether "unknown" is not believed now.
    pub(crate) fn is_doubted(&self, now: MonoUs) -> bool {
        self.doubted_until.is_some_and(|until| now < until)
    }
}

/// How many in the last `SLOTS` slots of time, the running one included.
#[derive(Clone, Debug)]
struct Recent {
    slot_us: u64,
    slots: VecDeque<(u64, u32)>,
}

const SLOTS: u64 = 20;

impl Recent {
    fn new(span: Duration) -> Self {
        let slot_us = u64::try_from(span.as_micros()).unwrap_or(u64::MAX) / SLOTS;
        Self { slot_us: slot_us.max(1), slots: VecDeque::new() }
    }

    fn add(&mut self, now: MonoUs) {
        let slot = now.0 / self.slot_us;
        match self.slots.back_mut() {
            Some((last, count)) if *last >= slot => *count = count.saturating_add(1),
            _ => self.slots.push_back((slot, 1)),
        }
        self.forget(slot);
    }

    fn sum(&mut self, now: MonoUs) -> u32 {
        self.forget(now.0 / self.slot_us);
        self.slots.iter().fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }

    fn forget(&mut self, slot: u64) {
        while self.slots.front().is_some_and(|(first, _)| first + SLOTS <= slot) {
            self.slots.pop_front();
        }
    }

    fn clear(&mut self) {
        self.slots.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE_US: u64 = 60_000_000;
    const PAUSE: Duration = Duration::from_secs(1_800);

    /// After `accepted` mails at minute 0, the number of the unknown that makes the burst; one every `every_s` seconds.
    fn burst_at(accepted: u32, every_s: u64, upto: u32) -> Option<u32> {
        let mut watch = BurstWatch::new(&BurstLimits::default());
        for _ in 0..accepted {
            watch.accepted(MonoUs(1));
        }
        (1..=upto).find(|n| watch.unknown(MonoUs(MINUTE_US + u64::from(*n) * every_s * 1_000_000), PAUSE))
    }

    #[test]
    fn more_than_ten_and_more_than_a_twentieth_within_ten_minutes_are_a_burst() {
        // (accepted lately, one unknown every … seconds, the unknown that is one too many)
        let table = [
            (0, 1, Some(11)),
            (100, 1, Some(11)),
            (200, 1, Some(11)),
            (1_000, 1, Some(51)),
            (20_000, 0, Some(1_001)),
            // One a minute is the everyday life of a large list.
            (0, 60, None),
            (0, 120, None),
            (0, 50, Some(11)),
        ];
        for (accepted, every_s, expected) in table {
            assert_eq!(burst_at(accepted, every_s, 2_000), expected, "{accepted} accepted, every {every_s} s");
        }
    }

    #[test]
    fn what_was_accepted_yesterday_excuses_nothing() {
        let mut watch = BurstWatch::new(&BurstLimits::default());
        for _ in 0..100_000 {
            watch.accepted(MonoUs(1));
        }
        let later = MonoUs(26 * 60 * MINUTE_US);
        let at = (1..100).find(|_| watch.unknown(later, PAUSE));
        assert_eq!(at, Some(11));
    }

    #[test]
    fn a_burst_is_told_once_and_its_path_is_believed_again_after_the_pause() {
        let mut watch = BurstWatch::new(&BurstLimits::default());
        let told = (0..500).filter(|_| watch.unknown(MonoUs(5), PAUSE)).count();
        assert_eq!(told, 1);
        assert!(watch.is_doubted(MonoUs(1_799_000_000)));
        let after = MonoUs(5) + PAUSE;
        assert!(!watch.is_doubted(after));
        let again = (1..=20).find(|_| watch.unknown(after, PAUSE));
        assert_eq!(again, Some(11), "a new row is counted from nothing");
    }

    #[test]
    fn a_burst_covers_what_its_path_said_since_it_began() {
        let burst = |source: Option<&str>| Burst {
            carrier: "docomo".parse().unwrap(),
            site: SiteName::none(),
            source: source.map(|source| source.parse().unwrap()),
            since: UnixMs(1_000),
        };
        let mut history = bounce::AddressHistory::default();
        let path = mail_model::EgressPath {
            carrier: "docomo".parse().unwrap(),
            site: SiteName::none(),
            source: "tokyo-1".parse().unwrap(),
        };
        history.record_from(mail_model::Cause::AddressUnknown, UnixMs(1_000), &path, false);
        let said = history.said_unknown().unwrap();
        assert!(burst(Some("tokyo-1")).covers(said) && burst(None).covers(said));
        assert!(!burst(Some("tokyo-2")).covers(said), "another source was believed");
        assert!(!Burst { since: UnixMs(1_001), ..burst(None) }.covers(said), "said before");
        assert!(!Burst { carrier: "au".parse().unwrap(), ..burst(None) }.covers(said));
        assert!(!Burst { site: "example.jp".parse().unwrap(), ..burst(None) }.covers(said));
    }
}
