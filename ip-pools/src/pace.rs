//! What a source may carry at a carrier in the time to come.

/// What one source may carry at one carrier, as its throttle foresees it. Numbers that make no sense carry nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// Mails a minute now, or at the end of `shut_s`.
    pub rate_per_min: f64,
    /// Mails a minute at which growth ends.
    pub ceiling_per_min: f64,
    /// What a clean round multiplies the rate by; 1 and less: it stays.
    pub growth_per_round: f64,
    /// Length of such a round, seconds.
    pub round_s: f64,
    /// Nothing goes before so many seconds have passed.
    pub shut_s: f64,
    /// Its rest is over, and one mail is to find out whether the carrier takes mail again.
    pub probing: bool,
}

/// Rounds that are looked at one by one: enough to grow a millionfold at a quarter a round.
const ROUNDS_MAX: u32 = 64;

impl Pace {
    /// One rate, for ever.
    pub fn steady(rate_per_min: f64) -> Self {
        let (ceiling_per_min, growth_per_round, round_s) = (rate_per_min, 1.0, 0.0);
        Self { rate_per_min, ceiling_per_min, growth_per_round, round_s, shut_s: 0.0, probing: false }
    }

    /// Mails it carries in so many seconds from now. Never falls as time goes on.
    pub fn mails_in(&self, seconds: f64) -> f64 {
        let mut left_s = at_least_0(seconds - at_least_0(self.shut_s));
        let mut rate_per_s = at_least_0(self.rate_per_min) / 60.0;
        let ceiling_per_s = at_least_0(self.ceiling_per_min) / 60.0;
        let mut mails = 0.0;
        if self.growth_per_round > 1.0 && self.round_s > 0.0 {
            for _ in 0..ROUNDS_MAX {
                if rate_per_s >= ceiling_per_s || left_s <= self.round_s {
                    break;
                }
                mails += rate_per_s * self.round_s;
                left_s -= self.round_s;
                rate_per_s = (rate_per_s * self.growth_per_round).min(ceiling_per_s);
            }
        }
        mails + rate_per_s * left_s
    }
}

/// Also for NaN, which `f64::max` turns into the other number.
fn at_least_0(number: f64) -> f64 {
    number.max(0.0)
}

/// A pace under the cap of its source's warm-up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Forecast {
    pub(crate) pace: Pace,
    /// Mails that the cap leaves now, and how many more it gives each second; infinite for a warm source.
    pub(crate) room: f64,
    pub(crate) room_per_s: f64,
}

impl Forecast {
    pub(crate) fn mails_in(&self, seconds: f64) -> f64 {
        self.pace.mails_in(seconds).min(self.room + self.room_per_s * at_least_0(seconds))
    }
}

/// Longest time looked ahead.
const HORIZON_S: f64 = 86_400.0;

/// Seconds in which these carry so many mails together when none is ever idle: no way of sharing ends earlier. `None`:
/// not within a day.
pub(crate) fn finish_s(forecasts: &[Forecast], mails: f64) -> Option<f64> {
    let carried = |seconds: f64| forecasts.iter().map(|forecast| forecast.mails_in(seconds)).sum::<f64>();
    if carried(HORIZON_S) < mails {
        return None;
    }
    let (mut early, mut late) = (0.0, HORIZON_S);
    // Halved to a millisecond.
    for _ in 0..27 {
        let middle = (early + late) / 2.0;
        if carried(middle) < mails { early = middle } else { late = middle }
    }
    Some(late)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn forecast(pace: Pace) -> Forecast {
        Forecast { pace, room: f64::INFINITY, room_per_s: 0.0 }
    }

    #[test]
    fn mails_follow_rate_growth_ceiling_and_rest() {
        let growing = Pace { ceiling_per_min: 240.0, growth_per_round: 2.0, round_s: 10.0, ..Pace::steady(60.0) };
        let table = [
            (Pace::steady(60.0), 30.0, 30.0),
            (Pace { shut_s: 20.0, ..Pace::steady(60.0) }, 30.0, 10.0),
            (Pace { shut_s: 40.0, ..Pace::steady(60.0) }, 30.0, 0.0),
            (growing, 10.0, 10.0),
            (growing, 20.0, 30.0),
            (growing, 40.0, 10.0 + 20.0 + 80.0),
            (Pace::steady(f64::NAN), 30.0, 0.0),
            (Pace::steady(-5.0), 30.0, 0.0),
        ];
        for (pace, seconds, mails) in table {
            assert!(
                (pace.mails_in(seconds) - mails).abs() < 1e-9,
                "{pace:?} in {seconds} s: {}",
                pace.mails_in(seconds)
            );
        }
    }

    #[test]
    fn the_end_is_when_all_together_have_carried_it() {
        let two = [forecast(Pace::steady(60.0)), forecast(Pace::steady(120.0))];
        assert!(finish_s(&two, 300.0).is_some_and(|s| (s - 100.0).abs() < 0.01));
        let late = [two[0], forecast(Pace { shut_s: 50.0, ..Pace::steady(120.0) })];
        assert!(finish_s(&late, 350.0).is_some_and(|s| (s - 150.0).abs() < 0.01));
        let capped = [Forecast { room: 20.0, ..forecast(Pace::steady(600.0)) }];
        assert_eq!(finish_s(&capped, 21.0), None);
    }

    proptest! {
        #[test]
        fn more_time_never_carries_less(
            rate in 0.0_f64..1e5, ceiling in 0.0_f64..1e6, growth in 0.5_f64..3.0, round_s in 0.0_f64..60.0,
            shut_s in 0.0_f64..600.0, one in 0.0_f64..10_000.0, more in 0.0_f64..10_000.0,
        ) {
            let pace = Pace { rate_per_min: rate, ceiling_per_min: ceiling, growth_per_round: growth, round_s, shut_s, probing: false };
            prop_assert!(pace.mails_in(one + more) >= pace.mails_in(one) - 1e-6);
            prop_assert!(pace.mails_in(one) <= rate.max(ceiling) / 60.0 * one + 1e-6);
        }
    }
}
