//! Even spacing of mails by governor's GCRA, fed with the caller's time.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed, StateStore};
use governor::{Quota, RateLimiter};
use mail_model::MonoUs;

use crate::gate::Gate;
use crate::limits::{RATE_PER_MIN_MAX, RATE_PER_MIN_MIN};

const NS_PER_MINUTE: f64 = 60_000_000_000.0;

/// Lateness that may be made up. Timers tick in milliseconds and a busy worker is late by a few: without this, a path
/// of 10,000 mails a minute whose wake-ups are 1 ms late would lose every seventh mail.
const SLACK_NS: u64 = 5_000_000;

/// Largest cell. Slack is counted in whole cells, so it is exact to a fifth for any rate.
const CELL_NS_MAX: u64 = 1_000_000;

/// Beyond 146 years of uptime time stands still, so that no sum inside governor can overflow.
const NOW_NS_MAX: u64 = u64::MAX / 4;

type Limiter = RateLimiter<NotKeyed, InMemoryState, Hand, NoOpMiddleware<Nanos>>;

/// A clock that shows what it was told, in nanoseconds since the caller's zero.
///
/// An atomic and not a `Cell`, so that a throttle may stand behind any lock.
#[derive(Debug, Default)]
struct Hand(AtomicU64);

impl Hand {
    fn set(&self, now: MonoUs) {
        self.0.store(now_ns(now), Ordering::Relaxed);
    }
}

impl Clock for Hand {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        Nanos::new(self.0.load(Ordering::Relaxed))
    }
}

fn now_ns(now: MonoUs) -> u64 {
    now.0.saturating_mul(1_000).min(NOW_NS_MAX)
}

/// A rate in governor's terms.
///
/// A mail is several cells of at most 1 ms. governor counts its tolerance in whole cells, so one cell a mail would
/// leave every rate below 12,000 a minute without any; its `burst = 2` would let two mails a minute apart go together.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Spacing {
    cell_ns: u64,
    cells_per_mail: NonZeroU32,
    slack_cells: u32,
}

impl Spacing {
    /// Rounds up: never faster than asked, slower by at most 0.1 %.
    #[expect(clippy::manual_clamp, reason = "`f64::max` also turns NaN into the bound")]
    fn at(rate_per_min: f64) -> Self {
        let rate_per_min = rate_per_min.max(RATE_PER_MIN_MIN).min(RATE_PER_MIN_MAX);
        let mail_ns = whole((NS_PER_MINUTE / rate_per_min).ceil());
        let cells = mail_ns.div_ceil(CELL_NS_MAX);
        let cell_ns = mail_ns.div_ceil(cells);
        Self {
            cell_ns,
            cells_per_mail: u32::try_from(cells).ok().and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN),
            slack_cells: u32::try_from(SLACK_NS / cell_ns).unwrap_or(0),
        }
    }

    fn mail_ns(&self) -> u64 {
        self.cell_ns * u64::from(self.cells_per_mail.get())
    }

    fn slack_ns(&self) -> u64 {
        self.cell_ns * u64::from(self.slack_cells)
    }

    fn quota(&self) -> Quota {
        let capacity = self.cells_per_mail.saturating_add(self.slack_cells);
        // A cell is never shorter than 1 ns, so the first arm is the only one.
        let quota = Quota::with_period(Duration::from_nanos(self.cell_ns));
        quota.unwrap_or_else(|| Quota::per_second(NonZeroU32::MIN)).allow_burst(capacity)
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates, which is what is wanted")]
fn whole(number: f64) -> u64 {
    number as u64
}

/// 53 bits of nanoseconds are 104 days; a larger debt cannot be.
fn real(number: u64) -> f64 {
    number as f64
}

/// Gives permits at an even pace.
#[derive(Debug)]
pub(crate) struct Pacer {
    limiter: Limiter,
    spacing: Spacing,
}

impl Pacer {
    /// A pacer that may give its first permit at once.
    pub(crate) fn new(rate_per_min: f64) -> Self {
        Self::resumed(Spacing::at(rate_per_min), None)
    }

    /// `arrival_ns` is GCRA's theoretical arrival time of the next mail on the caller's clock.
    fn resumed(spacing: Spacing, arrival_ns: Option<u64>) -> Self {
        let state = InMemoryState::default();
        if let Some(at) = arrival_ns {
            let _: Result<(), ()> = state.measure_and_replace(&NotKeyed::NonKey, |_| Ok(((), Nanos::new(at))));
        }
        // The hand stands at zero while the limiter is made, so governor's own start is the caller's zero as well and
        // an arrival time means the same before and after a change of rate.
        Self { limiter: RateLimiter::new(spacing.quota(), state, Hand::default()), spacing }
    }

    /// Takes a permit, or says when the next one will be there.
    pub(crate) fn take(&self, now: MonoUs) -> Gate {
        self.limiter.clock().set(now);
        match self.limiter.check_n(self.spacing.cells_per_mail) {
            Ok(Ok(())) => Gate::Go,
            Ok(Err(not_until)) => Gate::WaitUntil(MonoUs(not_until.earliest_possible().as_u64().div_ceil(1_000))),
            // Capacity is a mail and its slack, so this cannot come; waiting one mail is the harmless answer.
            Err(_) => Gate::WaitUntil(now + Duration::from_nanos(self.spacing.mail_ns())),
        }
    }

    /// Goes on at another rate. The fraction of a mail that had ripened (or was owed) stays the same fraction: a change
    /// can neither grant a burst nor forget the mail just sent.
    pub(crate) fn set_rate(&mut self, now: MonoUs, rate_per_min: f64) {
        let next = Spacing::at(rate_per_min);
        if next == self.spacing {
            return;
        }
        let now = now_ns(now);
        let old = self.spacing;
        let before = std::mem::replace(self, Self::resumed(next, None));
        let arrival = before.arrival_ns().unwrap_or(now).max(now);
        // Ahead of its arrival by less than the slack, a mail may go: the rest of the slack is credit.
        let credit = real(old.slack_ns()) - real(arrival - now);
        let scaled = credit * real(next.mail_ns()) / real(old.mail_ns());
        let ahead = whole((real(next.slack_ns()) - scaled).ceil());
        *self = Self::resumed(next, Some(now.saturating_add(ahead).min(NOW_NS_MAX * 2)));
    }

    fn arrival_ns(self) -> Option<u64> {
        let state = self.limiter.into_state_store();
        let read: Result<(), Option<Nanos>> = state.measure_and_replace(&NotKeyed::NonKey, Err);
        read.err().flatten().map(Nanos::as_u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken_until(pacer: &Pacer, from: MonoUs, until: MonoUs, tick_us: u64) -> u64 {
        let mut count = 0;
        let mut now = from;
        while now < until {
            match pacer.take(now) {
                Gate::Go => count += 1,
                Gate::WaitUntil(then) => {
                    assert!(then > now);
                    now = MonoUs(then.0.div_ceil(tick_us) * tick_us);
                }
            }
        }
        count
    }

    #[test]
    fn the_pace_is_kept_at_every_rate_even_when_timers_tick_in_milliseconds() {
        // (mails a minute, seconds, mails expected)
        let table = [
            (1.0 / 60.0, 36_000, 10),
            (1.0, 600, 10),
            (60.0, 600, 600),
            (7_000.0, 60, 7_000),
            (9_999.0, 60, 9_999),
            (11_900.0, 60, 11_900),
            (600_000.0, 60, 600_000),
            (60_000_000.0, 10, 10_000_000),
        ];
        for (rate, seconds, expected) in table {
            let count = taken_until(&Pacer::new(rate), MonoUs(0), MonoUs(seconds * 1_000_000), 1_000);
            let (least, most) = (expected * 998 / 1_000, expected + expected / 2_000 + 1);
            assert!((least..=most).contains(&count), "{rate} a minute gave {count}, not {expected}");
        }
    }

    #[test]
    fn at_one_instant_no_more_goes_than_five_milliseconds_of_the_rate_and_one() {
        let table = [(1.0, 1), (60.0, 1), (11_000.0, 1), (12_000.0, 2), (120_000.0, 11), (60_000_000.0, 5_001)];
        for (rate, at_once) in table {
            let pacer = Pacer::new(rate);
            let now = MonoUs(9_000_000);
            let mut count = 0;
            while pacer.take(now).is_go() {
                count += 1;
            }
            assert_eq!(count, at_once, "{rate}");
        }
    }

    #[test]
    fn a_change_of_rate_keeps_the_ripened_fraction_and_grants_nothing() {
        // (old rate, new rate, ms after the last mail, ms to wait after the change)
        let table = [
            (1.0, 60.0, 30_000, 500),
            (60.0, 1.0, 500, 30_000),
            (60.0, 30.0, 0, 2_000),
            (60.0, 60_000_000.0, 0, 1),
            (60_000.0, 60.0, 100, 0),
        ];
        for (old, new, after_ms, wait_ms) in table {
            let mut pacer = Pacer::new(old);
            assert!(pacer.take(MonoUs(0)).is_go());
            let now = MonoUs(after_ms * 1_000);
            pacer.set_rate(now, new);
            let waited = match pacer.take(now) {
                Gate::Go => 0,
                Gate::WaitUntil(then) => then.since(now).as_micros().div_ceil(1_000),
            };
            // The slack of up to 5 ms belongs to both rates and is scaled with them.
            let apart = waited.abs_diff(wait_ms);
            assert!(apart <= 5 + wait_ms / 100, "{old} to {new}: waits {waited} ms, not {wait_ms}");
        }
        let mut pacer = Pacer::new(60.0);
        pacer.set_rate(MonoUs(0), 60_000_000.0);
        let at_once = (0..).take_while(|_| pacer.take(MonoUs(0)).is_go()).count();
        assert_eq!(at_once, 1, "an idle slow path has one mail ripe, and the change adds none");
    }

    #[test]
    fn nonsense_rates_and_the_end_of_time_do_no_harm() {
        for rate in [f64::NAN, f64::INFINITY, -1.0, 0.0] {
            let mut pacer = Pacer::new(rate);
            for now in [0, u64::MAX, 5, u64::MAX / 1_000] {
                let _ = pacer.take(MonoUs(now));
                pacer.set_rate(MonoUs(now), 77.0);
                let _ = pacer.take(MonoUs(now));
                pacer.set_rate(MonoUs(now), rate);
            }
        }
    }
}
