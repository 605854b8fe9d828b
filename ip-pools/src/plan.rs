//! Which member of a pool gets which share of a carrier's mail, and how many of a narrow pool are called upon.

use std::time::Duration;

use mail_model::UnixMs;

use crate::config::PoolKind;
use crate::pace::{Forecast, finish_s};

/// All shares of a plan together. Rotation counts in these units, so what it owes a member keeps its meaning when rates
/// change.
const WHOLE: f64 = 1_000_000.0;

/// Shares are taken over at least this time: what a source carries in the next second says little.
const LOOK_AHEAD_S: f64 = 60.0;

/// A narrow pool goes back to its first members when these would have ended this many times faster than they must, all
/// the time that a notice may take. Going back at once would leave the last mails of each notice to the few.
const BACK_AT: f64 = 4.0;

/// What is to be carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Demand {
    /// Mails that wait for this carrier in this pool.
    pub waiting: u64,
    /// In which time they should be handed over, counted from when it began to look doubtful.
    pub within: Duration,
}

/// The plan of one pool for one carrier.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    members: Vec<Planned>,
    /// Members called upon, in the order of the pool; the others wait behind them.
    called: usize,
    /// A narrow pool's mail is to be out by then; set while its first member is not enough.
    deadline: Option<UnixMs>,
    /// Since when fewer members would do by far.
    calm_since: Option<UnixMs>,
}

#[derive(Clone, Copy, Debug)]
struct Planned {
    share: u32,
    probing: bool,
}

impl Plan {
    /// The share of a member, out of about a million, at least 1.
    pub(crate) fn share(&self, member: usize) -> u32 {
        self.members.get(member).map_or(1, |planned| planned.share)
    }

    pub(crate) fn is_probing(&self, member: usize) -> bool {
        self.members.get(member).is_some_and(|planned| planned.probing)
    }

    pub(crate) fn calls(&self, member: usize) -> bool {
        member < self.called
    }

    /// Plans anew. `members` in the order of the pool, each with its weight.
    pub(crate) fn renew(&mut self, kind: PoolKind, demand: Demand, members: &[(u32, Forecast)], now: UnixMs) {
        let mails = demand.waiting as f64;
        let forecasts: Vec<Forecast> = members.iter().map(|(_, forecast)| *forecast).collect();
        let horizon_s = finish_s(&forecasts, mails).unwrap_or(f64::INFINITY).clamp(LOOK_AHEAD_S, 3_600.0);
        let parts: Vec<f64> =
            members.iter().map(|(weight, forecast)| f64::from(*weight) * forecast.mails_in(horizon_s)).collect();
        let all: f64 = parts.iter().sum();
        let share = |(part, (weight, _)): (&f64, &(u32, Forecast))| match all > 0.0 {
            true => whole(part / all * WHOLE),
            false => *weight,
        };
        let planned = |(index, share): (usize, u32)| Planned { share, probing: forecasts[index].pace.probing };
        self.members = parts.iter().zip(members).map(share).enumerate().map(planned).collect();
        self.called = match kind {
            PoolKind::Wide => members.len(),
            PoolKind::Narrow => self.call(demand, &forecasts, mails, now),
        };
    }

    /// The first members that together end in time. Once called upon, a member stays until fewer would end long before:
    /// a member that comes and goes is no steady address, and nobody gains by it.
    fn call(&mut self, demand: Demand, forecasts: &[Forecast], mails: f64, now: UnixMs) -> usize {
        let needed = |within_s: f64| {
            let mut carried = 0.0;
            let enough = forecasts.iter().position(|forecast| {
                // One that has to prove itself with one mail is not to be counted on yet.
                carried += if forecast.pace.probing { 0.0 } else { forecast.mails_in(within_s) };
                carried >= mails
            });
            enough.map_or(forecasts.len(), |last| last + 1)
        };
        let within_s = demand.within.as_secs_f64();
        let relaxed = needed(within_s / BACK_AT);
        self.calm_since = (relaxed < self.called).then(|| self.calm_since.unwrap_or(now));
        if self.calm_since.is_some_and(|since| now >= since + demand.within) {
            self.called = 0;
            self.deadline = None;
        }
        let Some(deadline) = self.deadline else {
            let enough = needed(within_s);
            self.deadline = (enough > 1).then(|| now + demand.within);
            return enough;
        };
        needed(deadline.since_ms(now) as f64 / 1_000.0).max(self.called)
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and a million")]
fn whole(number: f64) -> u32 {
    number.round().clamp(1.0, WHOLE) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pace::Pace;

    const NOW: UnixMs = UnixMs(1_000_000_000);

    fn member(rate_per_min: f64) -> (u32, Forecast) {
        (1, Forecast { pace: Pace::steady(rate_per_min), room: f64::INFINITY, room_per_s: 0.0 })
    }

    fn demand(waiting: u64) -> Demand {
        Demand { waiting, within: Duration::from_secs(120) }
    }

    fn at(seconds: u64) -> UnixMs {
        NOW + Duration::from_secs(seconds)
    }

    #[test]
    fn shares_are_weight_times_what_each_carries_until_the_end() {
        let warming = Forecast { room: 30.0, room_per_s: 0.0, ..member(600.0).1 };
        let shut = Forecast { pace: Pace { shut_s: 50.0, ..Pace::steady(60.0) }, ..member(0.0).1 };
        let table: [(&[(u32, Forecast)], &[u32]); 4] = [
            (&[member(60.0), member(120.0)], &[333_333, 666_667]),
            (&[(2, member(60.0).1), member(120.0)], &[500_000, 500_000]),
            // In the minute looked ahead the warming one carries what its cap leaves, and the shut one ten seconds of it.
            (&[member(60.0), (1, warming), (1, shut)], &[600_000, 300_000, 100_000]),
            (&[member(0.0), (3, member(0.0).1)], &[1, 3]),
        ];
        for (members, shares) in table {
            let mut plan = Plan::default();
            plan.renew(PoolKind::Wide, demand(1), members, NOW);
            let got: Vec<u32> = (0..members.len()).map(|member| plan.share(member)).collect();
            assert_eq!(got, shares);
        }
    }

    #[test]
    fn a_narrow_pool_calls_upon_as_many_as_end_in_time() {
        let members = [member(600.0), member(600.0), member(60.0)];
        let table = [(0, 1), (1_200, 1), (1_201, 2), (2_400, 2), (2_401, 3), (1_000_000, 3)];
        for (waiting, called) in table {
            let mut plan = Plan::default();
            plan.renew(PoolKind::Narrow, demand(waiting), &members, NOW);
            assert_eq!(plan.called, called, "{waiting} wait");
        }
    }

    #[test]
    fn a_member_once_called_upon_stays_until_fewer_would_end_long_before() {
        let members = [member(600.0), member(600.0), member(600.0)];
        let mut plan = Plan::default();
        // (seconds, waiting, called upon)
        let table = [
            (0, 2_000, 2),
            // It goes slower than foreseen: what is left of the time asks for the third.
            (60, 1_900, 3),
            (80, 1_000, 3),
            // The time is over: nobody is sent away for that, nor for the last mails.
            (121, 700, 3),
            (122, 300, 3),
            (130, 0, 3),
            (241, 100, 3),
            (242, 100, 1),
            (300, 1_201, 2),
        ];
        for (second, waiting, called) in table {
            plan.renew(PoolKind::Narrow, demand(waiting), &members, at(second));
            assert_eq!(plan.called, called, "after {second} s");
        }
    }

    #[test]
    fn the_next_member_takes_over_from_one_that_must_not_send() {
        let shut = (1, Forecast { pace: Pace { shut_s: 600.0, ..Pace::steady(600.0) }, ..member(0.0).1 });
        let mut plan = Plan::default();
        plan.renew(PoolKind::Narrow, demand(5), &[shut, member(60.0), member(60.0)], NOW);
        assert_eq!(plan.called, 2);
    }
}
