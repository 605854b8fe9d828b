//! From three courses of events to an answer: times, range, what will be late, and why. Pure.

use std::collections::BTreeMap;

use mail_model::{CarrierName, UnixMs};

use super::bet::Bet;
use super::curve::{self, Curve, Part};
use super::fluid;
use super::group_run::Course;
use super::model::World;
use super::reason::Reason;
use super::{Estimate, Forecast, Sureness, Times, count, why};

/// Points of the curve that is drawn.
const POINTS: u32 = 60;

/// What was handed over before now.
pub(crate) struct Done<'a> {
    pub(crate) by_carrier: &'a BTreeMap<CarrierName, Curve>,
    pub(crate) elapsed_s: f64,
    pub(crate) at: UnixMs,
}

/// Plays the world under each bet and reads the answer from it.
pub(crate) fn answer(world: &World, done: &Done<'_>) -> Estimate {
    let courses = [Bet::Likely, Bet::Fast, Bet::Slow].map(|bet| fluid::run(world, bet));
    let mut groups: BTreeMap<&CarrierName, Vec<usize>> = BTreeMap::new();
    for carrier in done.by_carrier.keys() {
        groups.entry(carrier).or_default();
    }
    for (at, group) in world.groups.iter().enumerate() {
        groups.entry(&group.carrier).or_default().push(at);
    }
    let table = Table { world, done, courses: &courses };
    let forecast =
        |(carrier, groups): (&CarrierName, Vec<usize>)| (carrier.clone(), table.forecast(&[carrier], &groups));
    let mut carriers: Vec<(CarrierName, Forecast)> = groups.into_iter().map(forecast).collect();
    let end_s = |forecast: &Forecast| forecast.likely.p99_s.unwrap_or(f64::INFINITY);
    carriers.sort_by(|a, b| end_s(&b.1).total_cmp(&end_s(&a.1)));
    let all: Vec<usize> = (0..world.groups.len()).collect();
    let names: Vec<&CarrierName> = done.by_carrier.keys().collect();
    let mut whole = table.forecast(&names, &all);
    if let Some((_, slowest)) = carriers.first() {
        (whole.sureness, whole.reason) = (slowest.sureness, slowest.reason);
    }
    whole.late = carriers.iter().map(|(_, forecast)| forecast.late).sum();
    let curve = table.drawn(&names, &all);
    Estimate { at: done.at, elapsed_s: done.elapsed_s, all: whole, carriers, curve }
}

struct Table<'a> {
    world: &'a World,
    done: &'a Done<'a>,
    /// Likely, fast, slow.
    courses: &'a [Vec<Course>; 3],
}

impl<'a> Table<'a> {
    fn parts(&self, carriers: &[&CarrierName], groups: &[usize], bet: usize) -> Vec<Part<'a>> {
        let past = carriers.iter().filter_map(|carrier| self.done.by_carrier.get(*carrier));
        let past = past.map(|curve| Part { curve, after_s: 0.0, weight: 1.0 });
        let courses = &self.courses[bet];
        let future = groups.iter().filter_map(|at| Some((courses.get(*at)?, self.world.groups.get(*at)?)));
        let after_s = self.done.elapsed_s;
        let future = future.map(|(course, group)| Part { curve: &course.curve, after_s, weight: group.weight });
        past.chain(future).collect()
    }

    /// Mails of these groups and carriers, whether they ever move or not.
    fn mails(&self, carriers: &[&CarrierName], groups: &[usize]) -> (f64, f64) {
        let past: f64 =
            carriers.iter().filter_map(|carrier| self.done.by_carrier.get(*carrier)).map(Curve::total).sum();
        let waiting = groups.iter().filter_map(|at| self.world.groups.get(*at));
        (past, waiting.map(|group| group.of_ours() * group.weight).sum())
    }

    fn forecast(&self, carriers: &[&CarrierName], groups: &[usize]) -> Forecast {
        let (past, waiting) = self.mails(carriers, groups);
        let mails = past + waiting;
        let times = |bet| {
            let parts = self.parts(carriers, groups, bet);
            let share = |share: f64| curve::when(&parts, mails * share);
            // The last fraction of a fluid is no mail.
            let all = curve::when(&parts, (mails - 0.5).max(mails * 0.998));
            Times { p50_s: share(0.5), p95_s: share(0.95), p99_s: share(0.99), all_s: all }
        };
        let likely = times(0);
        let late = self.world.not_after_s.map_or(0.0, |end_s| {
            mails - curve::reached(&self.parts(carriers, groups, 0), self.done.elapsed_s + end_s.max(0.0))
        });
        let (sureness, reason) = self.reason(groups);
        Forecast {
            mails: count(mails),
            done: count(past),
            likely,
            // A bet on growth may meet a netblock earlier; the range always holds what is likely.
            earliest: pairwise(likely, times(1), f64::min),
            latest: pairwise(likely, times(2), f64::max),
            late: count(late),
            sureness,
            reason,
        }
    }

    /// Those of the group that ends last.
    fn reason(&self, groups: &[usize]) -> (Sureness, Reason) {
        let open = groups.iter().filter_map(|at| Some((self.world.groups.get(*at)?, self.courses[0].get(*at)?)));
        let ends_s = |group: &super::model::GroupView, course: &Course| {
            let part = [Part { curve: &course.curve, after_s: 0.0, weight: 1.0 }];
            curve::when(&part, group.of_ours() * 0.95).unwrap_or(f64::INFINITY)
        };
        let last = open
            .filter(|(group, _)| group.of_ours() > 0.0)
            .max_by(|a, b| ends_s(a.0, a.1).total_cmp(&ends_s(b.0, b.1)));
        match last {
            Some((group, course)) => {
                let bind = course.lost.most();
                (why::sureness_of(group, bind), why::reason(self.world, group, bind, self.done.at))
            }
            None => (Sureness::Learned, Reason::Done),
        }
    }

    fn drawn(&self, carriers: &[&CarrierName], groups: &[usize]) -> Vec<(f64, f64)> {
        let parts = self.parts(carriers, groups, 0);
        let (past, waiting) = self.mails(carriers, groups);
        let mails = past + waiting;
        let Some(end_s) = curve::when(&parts, mails * 0.998).filter(|_| mails > 0.0) else { return Vec::new() };
        let at = |point: u32| {
            let at_s = end_s * f64::from(point) / f64::from(POINTS);
            (at_s, curve::reached(&parts, at_s) / mails)
        };
        (0..=POINTS).map(at).collect()
    }
}

/// Field by field; what never happens is later than all.
fn pairwise(a: Times, b: Times, of: fn(f64, f64) -> f64) -> Times {
    let pick = |a: Option<f64>, b: Option<f64>| {
        let picked = of(a.unwrap_or(f64::INFINITY), b.unwrap_or(f64::INFINITY));
        picked.is_finite().then_some(picked)
    };
    Times {
        p50_s: pick(a.p50_s, b.p50_s),
        p95_s: pick(a.p95_s, b.p95_s),
        p99_s: pick(a.p99_s, b.p99_s),
        all_s: pick(a.all_s, b.all_s),
    }
}
