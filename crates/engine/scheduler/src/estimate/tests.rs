//! Worlds whose end can be worked out by hand.

use std::collections::BTreeMap;

use mail_model::{CarrierName, Class, UnixMs};

use super::answer::{Done, answer};
use super::curve::Curve;
use super::model::{CrowdView, GroupView, Hourly, Pace, PathView, PutOff, World};
use super::{Estimate, Reason, Sureness};

fn carrier(name: &str) -> CarrierName {
    name.parse().unwrap()
}

/// A pace that was measured: so many mails a minute and no more. Sending settles at 0.95 of the ceiling.
fn known(per_min: f64) -> Pace {
    Pace {
        now_per_s: per_min / 60.0,
        ceiling_per_s: Some(per_min / 60.0),
        confirmed: true,
        growth: 1.25,
        round_s: 10.0,
        max_per_s: 100.0,
        known: true,
        age_s: 3.0 * 86_400.0,
    }
}

fn path(source: usize, pace: Pace) -> PathView {
    PathView { source, netblock: 0, pace, shut_s: 0.0, sessions: 2.0, sessions_max: 2.0 }
}

fn crowd(class: Class, paths: usize, ours: f64) -> CrowdView {
    CrowdView { class: Some(class), members: vec![true; paths], ours, ..CrowdView::default() }
}

fn group(name: &str, paths: Vec<PathView>, mails: f64) -> GroupView {
    let crowds = vec![crowd(Class::Normal, paths.len(), mails)];
    GroupView {
        carrier: carrier(name),
        weight: 1.0,
        paths,
        netblocks: Vec::new(),
        crowds,
        pause_s: 0.0,
        efficiency: 1.0,
        mail_s: Some(0.1),
        first_mail_s: Some(0.3),
        session_mails: 20.0,
        put_off: [PutOff { share: 0.0, wait_s: 60.0 }; 2],
    }
}

fn world(groups: Vec<GroupView>) -> World {
    let paths = groups.iter().map(|group| group.paths.len()).max().unwrap_or(0);
    World { groups, sources: vec![None; paths], sessions_max: 512.0, not_after_s: None }
}

fn eight(per_min: f64) -> Vec<PathView> {
    (0..8).map(|source| path(source, known(per_min))).collect()
}

fn estimate(world: &World) -> Estimate {
    answer(world, &Done { by_carrier: &BTreeMap::new(), elapsed_s: 0.0, at: UnixMs(1_000_000) })
}

#[track_caller]
fn near(found: Option<f64>, expected_s: f64) {
    let found = found.expect("it comes to an end");
    assert!((found - expected_s).abs() <= expected_s * 0.01 + 0.2, "{found} s, not {expected_s} s");
}

#[test]
fn known_ceilings_give_exact_times() {
    // (mails, a minute for each of eight sources, seconds of 50, 95 and 99 %)
    let table = [
        (800.0, 10.0, [300.0, 570.0, 594.0]),
        (80.0, 10.0, [30.0, 57.0, 59.4]),
        (48_000.0, 60.0, [3_000.0, 5_700.0, 5_940.0]),
        (8.0, 600.0, [0.05, 0.095, 0.099]),
    ];
    for (mails, per_min, [p50, p95, p99]) in table {
        let estimate = estimate(&world(vec![group("softbank", eight(per_min), mails)]));
        let times = estimate.all.likely;
        near(times.p50_s, p50);
        near(times.p95_s, p95);
        near(times.p99_s, p99);
        assert_eq!((estimate.all.sureness, estimate.all.late), (Sureness::Learned, 0));
        let reason = Reason::Learned { sources: 8, rate_per_min: per_min, age_s: 3 * 86_400 };
        assert_eq!(estimate.all.reason, reason);
    }
}

#[test]
fn a_path_below_its_ceiling_climbs_to_a_little_below_it() {
    let slow = Pace { now_per_s: 0.1, ..known(120.0) };
    let estimate = estimate(&world(vec![group("au", vec![path(0, slow)], 60_000.0)]));
    // 0.95 × 2 a second, reached after 14 rounds of a quarter more; what was missed until then is about 190 mails.
    near(estimate.all.likely.p50_s, (30_000.0 + 190.0) / 1.9);
}

#[test]
fn growth_is_followed_to_the_highest_pace_and_the_range_says_how_unsure_it_is() {
    let young = Pace {
        now_per_s: 1.0,
        ceiling_per_s: None,
        confirmed: false,
        growth: 2.0,
        round_s: 10.0,
        max_per_s: 4.0,
        known: true,
        age_s: 0.0,
    };
    let mut start = young;
    start.known = false;
    // 10 s at 1 a second, then at twice that, or a round of half the time and then at three times; with luck at four times.
    let table = [
        (young, Sureness::Growing, 950.0, 10.0 + 940.0 / 2.0),
        (start, Sureness::Unknown, 1_900.0, 15.0 + 930.0 / 3.0),
    ];
    for (pace, sureness, slow_s, likely_s) in table {
        let estimate = estimate(&world(vec![group("google", vec![path(0, pace)], 1_000.0)]));
        near(estimate.all.likely.p95_s, likely_s);
        near(estimate.all.earliest.p95_s, 15.0 + (950.0 - 20.0) / 4.0);
        near(estimate.all.latest.p95_s, slow_s);
        assert_eq!(estimate.all.sureness, sureness);
        match estimate.all.reason {
            Reason::Growing { sources: 1, rate_per_min } | Reason::NothingLearned { sources: 1, rate_per_min } => {
                assert!((rate_per_min - 60.0).abs() < 1e-9);
            }
            reason => panic!("{reason:?}"),
        }
    }
}

#[test]
fn rests_are_waited_for_and_named() {
    // (sources that rest, seconds, 95 % of 4,800 mails, reason)
    let resting =
        |sources, until_s: u64| Reason::Resting { sources, of: 8, until: UnixMs(1_000_000 + until_s * 1_000) };
    let table = [
        (8, 1_800.0, 1_800.0 + 570.0, resting(8, 1_800)),
        (4, 600.0, 600.0 + (4_560.0 - 2_400.0) / 8.0, resting(4, 600)),
    ];
    for (rest, rest_s, p95, reason) in table {
        let mut paths = eight(60.0);
        paths.iter_mut().take(rest).for_each(|path| path.shut_s = rest_s);
        let estimate = estimate(&world(vec![group("docomo", paths, 4_800.0)]));
        near(estimate.all.likely.p95_s, p95);
        assert_eq!(estimate.all.reason, reason);
    }
}

#[test]
fn an_emergency_goes_first_and_normal_mail_waits_behind_it() {
    let with = |ours: Class, others: Class, ahead: f64| {
        let mut group = group("docomo", eight(60.0), 0.0);
        let others = CrowdView { ahead, ..crowd(others, 8, 0.0) };
        group.crowds = vec![others, crowd(ours, 8, 800.0)];
        estimate(&world(vec![group]))
    };
    // (ours, the others, seconds until 95 % of our 800): eight a second.
    let table = [
        (Class::Emergency, Class::Normal, 95.0),
        (Class::Normal, Class::Emergency, 500.0 + 95.0),
        (Class::Normal, Class::Transactional, 500.0 + 95.0),
        // Two lanes of one class share.
        (Class::Normal, Class::Normal, 190.0),
    ];
    for (ours, others, p95) in table {
        near(with(ours, others, 4_000.0).all.likely.p95_s, p95);
    }
    let reason = with(Class::Normal, Class::Emergency, 4_000.0).all.reason;
    assert_eq!(reason, Reason::Ahead { mails: 4_000 });
}

#[test]
fn what_lies_before_it_in_its_own_lane_goes_first() {
    let mut group = group("docomo", eight(60.0), 800.0);
    group.crowds[0].ahead = 800.0;
    near(estimate(&world(vec![group])).all.likely.p50_s, 150.0);
}

#[test]
fn a_netblock_is_slower_than_the_sum_of_its_sources() {
    let mut group = group("au", eight(60.0), 4_800.0);
    // Four of them share a netblock that takes one mail a second: five a second in all.
    group.netblocks = vec![known(60.0), known(6_000.0)];
    group.paths.iter_mut().skip(4).for_each(|path| path.netblock = 1);
    let estimate = estimate(&world(vec![group]));
    near(estimate.all.likely.p95_s, 4_560.0 / 5.0);
    assert!(matches!(estimate.all.reason, Reason::Netblock { sources: 8, .. }), "{:?}", estimate.all.reason);
}

#[test]
fn few_sessions_and_slow_replies_limit_a_fast_path() {
    let mut group = group("au", eight(600.0), 4_800.0);
    (group.mail_s, group.first_mail_s) = (Some(2.0), Some(2.0));
    let estimate = estimate(&world(vec![group]));
    near(estimate.all.likely.p95_s, 4_560.0 / 8.0);
    assert_eq!(estimate.all.reason, Reason::Sessions { sessions: 16, reply_ms: 2_000 });
}

#[test]
fn reply_times_nobody_has_seen_make_a_wide_range_and_no_reason() {
    let mut group = group("au", eight(60_000.0), 48_000.0);
    (group.mail_s, group.first_mail_s) = (None, None);
    let estimate = estimate(&world(vec![group]));
    let (earliest, latest) = (estimate.all.earliest.p95_s.unwrap(), estimate.all.latest.p95_s.unwrap());
    assert!(latest > earliest * 10.0, "{earliest} to {latest}");
    assert_eq!(estimate.all.sureness, Sureness::Unknown);
    assert!(matches!(estimate.all.reason, Reason::NothingLearned { sources: 8, .. }));
}

#[test]
fn the_engines_own_sessions_are_shared() {
    let slow = |name| {
        let mut group = group(name, eight(600.0), 4_800.0);
        (group.mail_s, group.first_mail_s) = (Some(2.0), Some(2.0));
        group
    };
    let mut world = world(vec![slow("au"), slow("docomo")]);
    world.sessions_max = 16.0;
    let estimate = estimate(&world);
    // Three quarters of 16 sessions for two carriers, half a mail a second each.
    near(estimate.all.likely.p95_s, 9_120.0 / 6.0);
    assert_eq!(estimate.all.reason, Reason::EngineSessions { sessions: 16 });
}

#[test]
fn warm_up_caps_hold_normal_mail_and_let_an_emergency_pass() {
    // 100 of 200 an hour are left, the others come back after half an hour. Of 400 normal mails 100 go at once, 100 after
    // half an hour, and the rest an hour after these.
    for (class, p95) in [(Class::Normal, 1_800.0 + 3_660.0 + 80.0), (Class::Emergency, 380.0)] {
        let mut group = group("au", vec![path(0, known(60.0))], 400.0);
        group.crowds[0].class = Some(class);
        let mut world = world(vec![group]);
        world.sources = vec![Some(Hourly { cap: 200.0, left: 100.0, back: vec![(1_800.0, 100.0)] })];
        let estimate = estimate(&world);
        near(estimate.all.likely.p95_s, p95);
        let held = matches!(estimate.all.reason, Reason::WarmUp { sources: 1, mails_per_hour: 200 });
        assert_eq!(held, class == Class::Normal, "{:?}", estimate.all.reason);
    }
}

#[test]
fn mails_put_off_come_back_and_are_counted_when_they_are_taken() {
    let greylisted = |share, ours: f64| {
        let mut group = group("jp_isp", eight(60.0), ours);
        group.put_off = [PutOff { share, wait_s: 600.0 }, PutOff { share: 0.0, wait_s: 900.0 }];
        estimate(&world(vec![group]))
    };
    let all = greylisted(1.0, 800.0);
    near(all.all.likely.p50_s, 650.0);
    near(all.all.likely.p95_s, 695.0);
    assert_eq!(all.all.reason, Reason::Retries { percent: 100, wait_s: 600 });
    // A twenty-fifth: the last 4 % end 600 s later, 95 % before.
    let some = greylisted(0.04, 800.0);
    near(some.all.likely.p95_s, 99.0);
    assert!(some.all.likely.p99_s.is_some_and(|s| (660.0..710.0).contains(&s)), "{:?}", some.all.likely);
}

#[test]
fn late_mails_are_counted_carrier_by_carrier() {
    let mut world = world(vec![group("au", eight(60.0), 4_800.0), group("docomo", eight(600.0), 4_800.0)]);
    world.not_after_s = Some(300.0);
    let estimate = estimate(&world);
    assert_eq!(estimate.all.late, 2_400);
    let late: Vec<_> = estimate.carriers.iter().map(|(name, forecast)| (name.as_str(), forecast.late)).collect();
    assert_eq!(late, [("au", 2_400), ("docomo", 0)], "slowest first");
}

#[test]
fn what_was_handed_over_already_counts_and_the_rest_is_added_to_it() {
    let past = BTreeMap::from([
        (carrier("softbank"), Curve::of(vec![(0.0, 0.0), (600.0, 400.0)])),
        (carrier("au"), Curve::of(vec![(0.0, 0.0), (10.0, 100.0)])),
    ]);
    let done = Done { by_carrier: &past, elapsed_s: 600.0, at: UnixMs(0) };
    let estimate = answer(&world(vec![group("softbank", eight(10.0), 400.0)]), &done);
    let softbank = &estimate.carriers[0].1;
    assert_eq!((softbank.mails, softbank.done), (800, 400));
    near(softbank.likely.p50_s, 600.0);
    near(softbank.likely.p95_s, 600.0 + 360.0 / 400.0 * 300.0);
    let (name, au) = &estimate.carriers[1];
    assert_eq!((name.as_str(), au.mails, au.reason), ("au", 100, Reason::Done));
    near(au.likely.p95_s, 9.5);
    assert_eq!((estimate.all.mails, estimate.all.done), (900, 500));
    assert!(estimate.curve.windows(2).all(|pair| pair[0].1 <= pair[1].1), "the curve never falls");
}

#[test]
fn what_never_moves_has_no_time_and_says_why() {
    let pause = {
        let mut group = group("au", eight(60.0), 100.0);
        group.pause_s = 4.0 * 86_400.0;
        group
    };
    let table = [
        (group("au", Vec::new(), 100.0), Reason::NoSource),
        (pause, Reason::UnknownUsers { until: UnixMs(1_000_000 + 4 * 86_400_000) }),
    ];
    for (group, reason) in table {
        let estimate = estimate(&world(vec![group]));
        assert_eq!((estimate.all.likely.p95_s, estimate.all.reason), (None, reason));
        assert!(estimate.curve.is_empty());
    }
}

#[test]
fn one_group_can_stand_for_many() {
    let mut one = group("other", eight(60.0), 480.0);
    one.weight = 10.0;
    let estimate = estimate(&world(vec![one]));
    assert_eq!(estimate.all.mails, 4_800);
    near(estimate.all.likely.p95_s, 57.0);
}
