//! Even spacing of mails: GCRA on the caller's time, in whole nanoseconds.

use mail_model::MonoUs;

use crate::gate::Gate;
use crate::limits::{RATE_PER_MIN_MAX, RATE_PER_MIN_MIN};

const NS_PER_MINUTE: f64 = 60_000_000_000.0;

/// Lateness that may be made up. Timers tick in milliseconds and a busy worker is late by a few: without this, a path
/// of 10,000 mails a minute whose wake-ups are 1 ms late would lose every seventh mail.
const SLACK_NS: u64 = 5_000_000;

/// Beyond 146 years of uptime time stands still, so that no sum can overflow.
const NOW_NS_MAX: u64 = u64::MAX / 4;

/// A share of the time lost beyond this is more than lateness of timers; one mail counts this much in it.
const BEHIND: f64 = 0.1;
const LOST_SMOOTHING: f64 = 0.125;

/// Sources of a few mails a minute need not be kept apart by more.
const PUT_OFF_NS_MAX: u64 = 1_000_000_000;

/// Gives permits at an even pace.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Pacer {
    /// Between two mails.
    spacing_ns: u64,
    /// GCRA's theoretical arrival time of the next mail. A mail may come before it by the slack.
    arrival_ns: u64,
    /// Share of the time that was lost of late because no mail came when one might go, 0–1, smoothed.
    lost: f64,
}

impl Pacer {
    /// A pacer that may give its first permit at once.
    pub(crate) fn new(rate_per_min: f64) -> Self {
        Self { spacing_ns: spacing_ns(rate_per_min), arrival_ns: 0, lost: 0.0 }
    }

    /// Whether a permit is there now; takes nothing.
    pub(crate) fn look(&self, now: MonoUs) -> Gate {
        let earliest_ns = self.arrival_ns.saturating_sub(SLACK_NS);
        if earliest_ns <= now_ns(now) {
            return Gate::Go;
        }
        Gate::WaitUntil(MonoUs(earliest_ns.div_ceil(1_000).max(now.0.saturating_add(1))))
    }

    /// Takes a permit, or says when the next one will be there.
    pub(crate) fn take(&mut self, now: MonoUs) -> Gate {
        let gate = self.look(now);
        if gate.is_go() {
            let late = real(now_ns(now).saturating_sub(self.arrival_ns));
            self.lost += (late / (late + real(self.spacing_ns)) - self.lost) * LOST_SMOOTHING;
            self.arrival_ns = self.arrival_ns.max(now_ns(now)).saturating_add(self.spacing_ns).min(NOW_NS_MAX * 2);
        }
        gate
    }

    /// Whether mails come later than they might. Asked when there are mails: then it is sessions that are lacking.
    pub(crate) fn is_behind(&self, now: MonoUs) -> bool {
        self.look(now).is_go() || self.lost > BEHIND
    }

    /// Leaves a share of a spacing before the next permit, at most a second.
    pub(crate) fn put_off(&mut self, now: MonoUs, share: f64) {
        let ahead = whole(real(self.spacing_ns) * share.clamp(0.0, 1.0)).min(PUT_OFF_NS_MAX);
        self.arrival_ns = self.arrival_ns.max(now_ns(now).saturating_add(SLACK_NS + ahead).min(NOW_NS_MAX * 2));
    }

    /// Goes on at another rate. The fraction of a mail that had ripened (or was owed) stays the same fraction: a change
    /// can neither grant a burst nor forget the mail just sent.
    pub(crate) fn set_rate(&mut self, now: MonoUs, rate_per_min: f64) {
        let spacing_ns = spacing_ns(rate_per_min);
        if spacing_ns == self.spacing_ns {
            return;
        }
        let now = now_ns(now);
        let arrival_ns = self.arrival_ns.max(now);
        // Ahead of its arrival by less than the slack a mail is ripe, and the rest of the slack is credit in mails.
        let wait = real(arrival_ns - now) - real(SLACK_NS);
        let scaled = wait * real(spacing_ns) / real(self.spacing_ns);
        let ahead = whole((real(SLACK_NS) + scaled).max(0.0).ceil());
        self.spacing_ns = spacing_ns;
        self.arrival_ns = now.saturating_add(ahead).min(NOW_NS_MAX * 2);
    }
}

/// Rounds up: never faster than asked, slower by at most 0.1 %.
#[expect(clippy::manual_clamp, reason = "`f64::max` also turns NaN into the bound")]
fn spacing_ns(rate_per_min: f64) -> u64 {
    let rate_per_min = rate_per_min.max(RATE_PER_MIN_MIN).min(RATE_PER_MIN_MAX);
    whole((NS_PER_MINUTE / rate_per_min).ceil()).max(1)
}

fn now_ns(now: MonoUs) -> u64 {
    now.0.saturating_mul(1_000).min(NOW_NS_MAX)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates, which is what is wanted")]
fn whole(number: f64) -> u64 {
    number as u64
}

/// 53 bits of nanoseconds are 104 days; a larger debt cannot be.
fn real(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken_until(pacer: &mut Pacer, from: MonoUs, until: MonoUs, tick_us: u64) -> u64 {
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
            let count = taken_until(&mut Pacer::new(rate), MonoUs(0), MonoUs(seconds * 1_000_000), 1_000);
            let (least, most) = (expected * 998 / 1_000, expected + expected / 2_000 + 1);
            assert!((least..=most).contains(&count), "{rate} a minute gave {count}, not {expected}");
        }
    }

    #[test]
    fn at_one_instant_no_more_goes_than_five_milliseconds_of_the_rate_and_one() {
        let table = [(1.0, 1), (60.0, 1), (11_000.0, 1), (12_000.0, 2), (120_000.0, 11), (60_000_000.0, 5_001)];
        for (rate, at_once) in table {
            let mut pacer = Pacer::new(rate);
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
