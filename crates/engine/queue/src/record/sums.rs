//! Sums over the attempts of a message: counts by carrier and outcome, and a histogram of the time to hand-over.

use std::collections::BTreeMap;

use mail_model::{CarrierName, Outcome, UnixMs};

use crate::record::attempt::{outcome_code, outcome_of};
use crate::record::line::{Correction, Line, Tail};
use crate::record::wire::{Corrupt, Reader, Writer};

/// Version of this record.
pub const VERSION: u8 = 1;

/// Numbers below this have a bucket of their own; above, each doubling is cut into this many.
const STEPS: u64 = 16;

/// Milliseconds in logarithmic buckets: a percentile is at most 1/16 (6.25 %) too high, the greatest is exact.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    buckets: BTreeMap<u16, u64>,
    max_ms: u64,
}

fn bucket_of(ms: u64) -> u16 {
    if ms < STEPS {
        return u16::try_from(ms).unwrap_or(0);
    }
    // `ms` has its highest bit at `top` ≥ 4; the next four bits tell the step inside that doubling.
    let top = u64::from(ms.ilog2());
    let step = (ms >> (top - 4)) & (STEPS - 1);
    u16::try_from((top - 3) * STEPS + step).unwrap_or(u16::MAX)
}

/// The greatest number of milliseconds that falls into the bucket.
fn bucket_end_ms(bucket: u16) -> u64 {
    let bucket = u64::from(bucket);
    if bucket < STEPS {
        return bucket;
    }
    // In 128 bits, because the end of the last bucket is 2^64 - 1.
    let (shift, step) = (bucket / STEPS - 1, bucket % STEPS);
    let end = (u128::from(STEPS + step + 1) << shift.min(64)) - 1;
    u64::try_from(end).unwrap_or(u64::MAX)
}

impl Histogram {
    /// Counts one time.
    pub fn record(&mut self, ms: u64) {
        *self.buckets.entry(bucket_of(ms)).or_default() += 1;
        self.max_ms = self.max_ms.max(ms);
    }

    /// How many times were counted.
    pub fn count(&self) -> u64 {
        self.buckets.values().sum()
    }

    /// The time within which `percent` (0–100) of the counted ones ended; `None` when there is none.
    pub fn percentile_ms(&self, percent: f64) -> Option<u64> {
        let count = self.count();
        if count == 0 {
            return None;
        }
        if percent >= 100.0 {
            return Some(self.max_ms);
        }
        // At most 2^53 are counted, so the product is exact enough; the rank is between 1 and count.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
        let rank = ((count as f64 * percent / 100.0).ceil() as u64).clamp(1, count);
        let mut seen = 0;
        for (bucket, n) in &self.buckets {
            seen += n;
            if seen >= rank {
                return Some(bucket_end_ms(*bucket).min(self.max_ms));
            }
        }
        Some(self.max_ms)
    }

    fn merge(&mut self, other: &Self) {
        for (bucket, n) in &other.buckets {
            *self.buckets.entry(*bucket).or_default() += n;
        }
        self.max_ms = self.max_ms.max(other.max_ms);
    }
}

/// Sums over one message, or over a campaign.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Notifications accepted into the queue.
    pub count: u64,
    /// How many of them ended. One that came back by mail and is tried once more has not.
    pub ended: u64,
    /// When the first was handed over to a carrier, whether it came back later or not.
    pub first_accepted: Option<UnixMs>,
    /// When the last was.
    pub last_accepted: Option<UnixMs>,
    outcomes: BTreeMap<(CarrierName, (u8, u8)), u64>,
    latency: BTreeMap<CarrierName, Histogram>,
}

impl Tally {
    /// Of a message with this many notifications and no attempt yet.
    pub fn of_count(count: u32) -> Self {
        Self { count: u64::from(count), ..Self::default() }
    }

    /// How many have not ended.
    pub fn queued(&self) -> u64 {
        self.count.saturating_sub(self.ended)
    }

    /// Attempts by carrier and outcome. Deferred ones are no ends: a notification may stand here several times. Of the
    /// ends each notification has one: an acceptance that was followed by a bounce or a complaint is not counted.
    pub fn outcomes(&self) -> impl Iterator<Item = (&CarrierName, Outcome, u64)> {
        self.outcomes.iter().filter_map(|((carrier, (kind, detail)), n)| {
            outcome_of(*kind, *detail).ok().map(|outcome| (carrier, outcome, *n))
        })
    }

    /// How many attempts ended in `outcome`, over all carriers.
    pub fn of(&self, outcome: Outcome) -> u64 {
        self.outcomes().filter(|(_, o, _)| *o == outcome).map(|(_, _, n)| n).sum()
    }

    /// Time from being handed in to being handed over, by carrier. Refused and withheld ones are not in it; those that
    /// came back later are.
    pub fn latency(&self) -> impl Iterator<Item = (&CarrierName, &Histogram)> {
        self.latency.iter()
    }

    /// [`Tally::latency`] over all carriers.
    pub fn latency_of_all(&self) -> Histogram {
        let mut all = Histogram::default();
        self.latency.values().for_each(|h| all.merge(h));
        all
    }

    /// Counts one line of the ledger. A line that corrects another takes that one's count back: what ended is counted
    /// once, under its last word. Times to hand-over stay as they were; it was handed over.
    pub fn record(&mut self, line: &Line) {
        let attempt = &line.record;
        if let Tail::Corrects { correction, .. } = &line.tail {
            self.take_back(correction);
        }
        *self.outcomes.entry((attempt.carrier.clone(), outcome_code(attempt.outcome))).or_default() += 1;
        if attempt.outcome.is_final() {
            self.ended += 1;
        }
        if attempt.outcome == Outcome::Accepted {
            self.latency.entry(attempt.carrier.clone()).or_default().record(attempt.latency_ms());
            self.first_accepted = Some(self.first_accepted.map_or(attempt.at, |t| t.min(attempt.at)));
            self.last_accepted = Some(self.last_accepted.map_or(attempt.at, |t| t.max(attempt.at)));
        }
    }

    fn take_back(&mut self, correction: &Correction) {
        self.ended = self.ended.saturating_sub(1);
        let key = (correction.carrier.clone(), correction.code);
        if let Some(n) = self.outcomes.get_mut(&key) {
            *n = n.saturating_sub(1);
            if *n == 0 {
                self.outcomes.remove(&key);
            }
        }
    }

    /// Adds another message's sums.
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.ended += other.ended;
        for (key, n) in &other.outcomes {
            *self.outcomes.entry(key.clone()).or_default() += n;
        }
        for (carrier, histogram) in &other.latency {
            self.latency.entry(carrier.clone()).or_default().merge(histogram);
        }
        self.first_accepted = [self.first_accepted, other.first_accepted].into_iter().flatten().min();
        self.last_accepted = self.last_accepted.max(other.last_accepted);
    }

    /// The bytes under `key`.
    pub fn encode(&self, key: &[u8]) -> Vec<u8> {
        let mut writer = Writer::new(VERSION, 128);
        writer.u64(self.count);
        writer.u64(self.ended);
        writer.opt_u64(self.first_accepted.map(|t| t.0));
        writer.opt_u64(self.last_accepted.map(|t| t.0));
        writer.u32(len(self.outcomes.len()));
        for ((carrier, (kind, detail)), n) in &self.outcomes {
            writer.text(carrier.as_str());
            writer.u8(*kind);
            writer.u8(*detail);
            writer.u64(*n);
        }
        writer.u32(len(self.latency.len()));
        for (carrier, histogram) in &self.latency {
            writer.text(carrier.as_str());
            writer.u64(histogram.max_ms);
            writer.u32(len(histogram.buckets.len()));
            for (bucket, n) in &histogram.buckets {
                writer.u16(*bucket);
                writer.u64(*n);
            }
        }
        writer.seal(key)
    }

    /// Reads the bytes under `key`.
    pub fn decode(key: &[u8], value: &[u8]) -> Result<Self, Corrupt> {
        let mut reader = Reader::open(key, value, VERSION)?;
        let mut tally = Self {
            count: reader.u64()?,
            ended: reader.u64()?,
            first_accepted: reader.opt_time("first_accepted")?,
            last_accepted: reader.opt_time("last_accepted")?,
            ..Self::default()
        };
        for _ in 0..reader.u32()? {
            let carrier = reader.parse("carrier")?;
            let (kind, detail) = (reader.u8()?, reader.u8()?);
            outcome_of(kind, detail)?;
            tally.outcomes.insert((carrier, (kind, detail)), reader.u64()?);
        }
        for _ in 0..reader.u32()? {
            let carrier = reader.parse("carrier")?;
            let mut histogram = Histogram { max_ms: reader.u64()?, ..Histogram::default() };
            for _ in 0..reader.u32()? {
                let bucket = reader.u16()?;
                histogram.buckets.insert(bucket, reader.u64()?);
            }
            tally.latency.insert(carrier, histogram);
        }
        reader.end()?;
        Ok(tally)
    }
}

fn len(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::attempt::AttemptRecord;
    use mail_model::{Cause, MessageId, NotificationId, SiteName};

    #[test]
    fn a_bucket_holds_its_own_end_and_the_next_number_falls_into_the_next() {
        for bucket in 0..900u16 {
            let end = bucket_end_ms(bucket);
            assert_eq!(bucket_of(end), bucket, "{end}");
            assert_eq!(bucket_of(end + 1), bucket + 1, "{end}");
        }
        assert_eq!(bucket_end_ms(bucket_of(u64::MAX)), u64::MAX);
    }

    #[test]
    fn a_percentile_is_at_most_a_sixteenth_too_high() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.percentile_ms(50.0), None);
        (1..=1_000).for_each(|ms| histogram.record(ms * 10));
        for (percent, exact) in [(50.0, 5_000), (95.0, 9_500), (99.0, 9_900), (100.0, 10_000)] {
            let got = histogram.percentile_ms(percent).unwrap();
            assert!(got >= exact && got <= exact + exact / 16 + 1, "{percent}: {got}");
        }
        assert_eq!(histogram.percentile_ms(100.0), Some(10_000));
    }

    #[test]
    fn sums_read_back_and_merging_is_adding() {
        let attempt = |carrier: &str, outcome, at| {
            Line::plain(AttemptRecord {
                seq: 0,
                id: NotificationId { message: MessageId(1), index: 0 },
                attempt: 1,
                outcome,
                at: UnixMs(at),
                accepted_at: UnixMs(1_000),
                carrier: carrier.parse().unwrap(),
                site: SiteName::none(),
                source: None,
                mx_host: String::new(),
                stage: None,
                reply: None,
                rule: String::new(),
                address: "a@b.jp".parse().unwrap(),
                in_doubt: false,
            })
        };
        let attempts = [
            attempt("au", Outcome::Deferred(Cause::RateLimited), 1_100),
            attempt("au", Outcome::Accepted, 1_500),
            attempt("docomo", Outcome::Failed(Cause::AddressUnknown), 1_200),
            attempt("docomo", Outcome::Accepted, 1_900),
        ];
        let (mut all, mut left, mut right) = (Tally::default(), Tally::default(), Tally::default());
        for (n, one) in attempts.iter().enumerate() {
            all.record(one);
            if n % 2 == 0 { left.record(one) } else { right.record(one) }
        }
        all.count = 5;
        (left.count, right.count) = (2, 3);
        left.merge(&right);
        assert_eq!(left, all);
        assert_eq!((all.ended, all.queued(), all.of(Outcome::Accepted)), (3, 2, 2));
        assert_eq!((all.first_accepted, all.last_accepted), (Some(UnixMs(1_500)), Some(UnixMs(1_900))));
        assert_eq!(all.latency_of_all().percentile_ms(100.0), Some(900));
        assert_eq!(Tally::decode(b"k", &all.encode(b"k")), Ok(all.clone()));
        let corrects = |of: &Line, outcome| Line {
            record: AttemptRecord { outcome, ..of.record.clone() },
            tail: Tail::Corrects { correction: Correction::of(&of.record), known: 0 },
        };
        let bounced = corrects(&attempts[3], Outcome::Bounced(Cause::MailboxFull));
        all.record(&bounced);
        assert_eq!((all.ended, all.of(Outcome::Accepted), all.of(bounced.record.outcome)), (3, 1, 1));
        all.record(&corrects(&bounced, Outcome::Deferred(Cause::MailboxFull)));
        assert_eq!((all.ended, all.queued(), all.of(bounced.record.outcome)), (2, 3, 0));
        assert_eq!(all.latency_of_all().count(), 2);
    }
}
