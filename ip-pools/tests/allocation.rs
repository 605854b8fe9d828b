//! Who carries what: shares follow what each source may do, nothing stands idle, and a lane ends when it can.

use std::time::Duration;

use ip_pools::{Demand, MemberConfig, Pace, PoolConfig, PoolKind, Pools, PoolsConfig, SourceConfig, Turn};
use mail_model::{CarrierName, Class, PoolName, SourceName, UnixMs};
use proptest::prelude::*;

const START: UnixMs = UnixMs(500_000 * 3_600_000);
const DAY_MS: u64 = 86_400_000;

fn source(number: usize) -> SourceName {
    SourceName::new(&format!("s{number}")).expect("a name")
}

fn number(source: &SourceName) -> usize {
    source.as_str()[1..].parse().expect("s and a number")
}

fn pool() -> PoolName {
    PoolName::new("pool").expect("a name")
}

fn carrier() -> CarrierName {
    CarrierName::new("docomo").expect("a name")
}

fn demand(waiting: u64) -> Demand {
    Demand { waiting, within: Duration::from_secs(120) }
}

/// Pools with one member a weight; those with a day are in their warm-up, with a cap of 60 an hour for 10 days.
fn pools(kind: PoolKind, members: &[(u32, Option<u64>)]) -> Pools {
    let config = |(number, (_, day)): (usize, &(u32, Option<u64>))| SourceConfig {
        name: source(number),
        warmup_started: day.map(|day| UnixMs(START.0 - day * DAY_MS)),
    };
    let member =
        |(number, (weight, _)): (usize, &(u32, Option<u64>))| MemberConfig { source: source(number), weight: *weight };
    let members_of = members.iter().enumerate().map(member).collect();
    Pools::new(&PoolsConfig {
        sources: members.iter().enumerate().map(config).collect(),
        pools: vec![PoolConfig { name: pool(), kind, members: members_of }],
        hourly_cap_by_day: vec![60; 10],
    })
    .expect("usable pools")
}

/// One carrier that takes from each source what its rate allows, and no more.
struct Carrier {
    rates_per_min: Vec<f64>,
    /// What has ripened for each source, in mails; one at most, so that nothing can be sent in a burst.
    ripe: Vec<f64>,
}

impl Carrier {
    fn new(rates_per_min: &[f64]) -> Self {
        Self { rates_per_min: rates_per_min.to_vec(), ripe: vec![1.0; rates_per_min.len()] }
    }

    fn ripen(&mut self, ms: u64) {
        for (ripe, rate) in self.ripe.iter_mut().zip(&self.rates_per_min) {
            *ripe = (*ripe + rate / 60_000.0 * ms as f64).min(1.0);
        }
    }

    fn take(&mut self, source: &SourceName) -> bool {
        let ripe = &mut self.ripe[number(source)];
        let open = *ripe >= 1.0 - 1e-9;
        *ripe -= if open { 1.0 } else { 0.0 };
        open
    }
}

struct Run {
    sent: Vec<u64>,
    took_s: f64,
}

const STEP_MS: u64 = 10;

/// Sends `mails` as fast as pools and carrier allow; gives up after two hours.
fn run(pools: &mut Pools, rates_per_min: &[f64], mails: u64) -> Run {
    let mut carrier_side = Carrier::new(rates_per_min);
    let (mut now, mut left, mut sent) = (START, mails, vec![0; rates_per_min.len()]);
    while left > 0 && now.since_ms(START) < 7_200_000 {
        if now.since_ms(START) % 1_000 == 0 {
            let pace = &mut |source: &SourceName| Pace::steady(rates_per_min[number(source)]);
            pools.plan(&pool(), &carrier(), demand(left), now, pace);
        }
        while left > 0
            && let Some(source) =
                pools.pick(&pool(), &carrier(), Class::Normal, now, &mut |source| carrier_side.take(source))
        {
            pools.sent(&source, &carrier(), now);
            sent[number(&source)] += 1;
            left -= 1;
        }
        now = UnixMs(now.0 + STEP_MS);
        carrier_side.ripen(STEP_MS);
    }
    Run { sent, took_s: now.since_ms(START) as f64 / 1_000.0 }
}

/// Seconds in which sources that are never idle carry it all: each at its rate, a warming one up to 60 in each hour, one
/// that rests from then on.
fn fluid_s(members: &[(f64, bool, f64)], mails: u64) -> f64 {
    let carried = |seconds: f64| {
        members
            .iter()
            .map(|(rate, warming, rests_s)| {
                let mails = rate / 60.0 * (seconds - rests_s).max(0.0);
                if *warming { mails.min(60.0 * (seconds / 3_660.0).floor() + 60.0) } else { mails }
            })
            .sum::<f64>()
    };
    (1..720_000).map(|tenth| f64::from(tenth) / 10.0).find(|s| carried(*s) >= mails as f64).unwrap_or(f64::INFINITY)
}

#[test]
fn a_lane_ends_when_the_fluid_optimum_does_whatever_limits_are_mixed() {
    // (mails a minute, warming, rests for so many seconds), and mails
    let table: [(&[(f64, bool, f64)], u64); 6] = [
        (&[(60.0, false, 0.0), (60.0, false, 0.0), (60.0, false, 0.0)], 3_000),
        (&[(600.0, false, 0.0), (60.0, false, 0.0), (6.0, false, 0.0)], 5_000),
        (&[(300.0, false, 0.0), (300.0, true, 0.0), (120.0, false, 300.0)], 4_000),
        (&[(100.0, true, 0.0), (100.0, true, 0.0), (100.0, true, 0.0), (30.0, false, 0.0)], 1_500),
        (&[(40.0, false, 600.0), (40.0, false, 0.0)], 1_000),
        (&[(1_200.0, false, 0.0), (90.0, false, 60.0), (700.0, true, 0.0), (33.0, false, 0.0)], 20_000),
    ];
    for (members, mails) in table {
        let weights: Vec<_> = members.iter().map(|(_, warming, _)| (1, warming.then_some(3))).collect();
        let rates: Vec<f64> = members.iter().map(|(rate, ..)| *rate).collect();
        let mut pools = pools(PoolKind::Wide, &weights);
        for (number, (.., rests_s)) in members.iter().enumerate() {
            pools.rest(&source(number), &carrier(), START + Duration::from_secs_f64(*rests_s));
        }
        let run = run(&mut pools, &rates, mails);
        let fluid = fluid_s(members, mails);
        assert_eq!(run.sent.iter().sum::<u64>(), mails);
        assert!(run.took_s <= fluid * 1.03 + 1.0, "{members:?}: {} s, at best {fluid} s", run.took_s);
    }
}

#[test]
fn a_narrow_pool_keeps_to_its_first_member_while_that_ends_in_time() {
    // (mails, which members sent, seconds it may take)
    let table =
        [(1_000, [true, false, false], 101.0), (2_000, [true, true, false], 121.0), (9_000, [true, true, true], 301.0)];
    for (mails, who, within_s) in table {
        let mut pools = pools(PoolKind::Narrow, &[(1, None), (1, None), (1, None)]);
        let run = run(&mut pools, &[600.0, 600.0, 600.0], mails);
        assert_eq!(run.sent.iter().map(|sent| *sent > 0).collect::<Vec<_>>(), who, "{mails} mails: {:?}", run.sent);
        assert!(run.took_s <= within_s, "{mails} mails took {} s", run.took_s);
    }
}

#[test]
fn the_next_of_a_narrow_pool_takes_over_from_one_that_rests_and_gives_it_back() {
    let mut pools = pools(PoolKind::Narrow, &[(1, None), (1, None)]);
    let plan = |pools: &mut Pools, now: UnixMs| {
        pools.plan(&pool(), &carrier(), demand(10), now, &mut |_| Pace::steady(600.0));
    };
    plan(&mut pools, START);
    let turn = |pools: &Pools, class, now| pools.turn(&pool(), &carrier(), &source(1), class, now);
    assert_eq!(turn(&pools, Class::Normal, START), Turn::Over);
    assert_eq!(turn(&pools, Class::Emergency, START), Turn::Go, "an emergency takes whoever is there");
    pools.rest(&source(0), &carrier(), START + Duration::from_secs(600));
    plan(&mut pools, START);
    let pick = |pools: &mut Pools, now| pools.pick(&pool(), &carrier(), Class::Normal, now, &mut |_| true);
    assert_eq!(pick(&mut pools, START), Some(source(1)));
    let gone = pools.pick_among(&pool(), &carrier(), Class::Normal, &[], START, &mut |_| true);
    assert_eq!(gone, None, "nobody is wanted");
    let after = START + Duration::from_secs(600);
    plan(&mut pools, after);
    assert_eq!(pick(&mut pools, after), Some(source(0)));
    assert_eq!(turn(&pools, Class::Normal, after), Turn::Go, "a session of the other one ends what it began");
    for second in [601, 720] {
        plan(&mut pools, START + Duration::from_secs(second));
    }
    assert_eq!(turn(&pools, Class::Normal, after), Turn::Over);
    let wanted = [source(1)];
    let same = pools.pick_among(&pool(), &carrier(), Class::Normal, &wanted, after, &mut |_| true);
    assert_eq!(same, Some(source(1)), "greylisting gets the source it knows");
}

#[test]
fn a_source_that_comes_back_from_a_block_is_tried_first_and_with_no_emergency() {
    let mut pools = pools(PoolKind::Wide, &[(1, None), (1, None), (1, None)]);
    let pace = |source: &SourceName| Pace {
        probing: number(source) == 2,
        ..Pace::steady(600.0 / (1.0 + number(source) as f64))
    };
    pools.plan(&pool(), &carrier(), demand(1_000), START, &mut |source| pace(source));
    let asked = |pools: &mut Pools, class, open: usize| {
        let mut asked = Vec::new();
        pools.pick(&pool(), &carrier(), class, START, &mut |source| {
            asked.push(number(source));
            number(source) == open
        });
        asked
    };
    assert_eq!(asked(&mut pools, Class::Normal, 2), [2]);
    assert_eq!(asked(&mut pools, Class::Normal, 0), [2, 0], "its probe is out: the others go on");
    assert_ne!(asked(&mut pools, Class::Emergency, 0)[0], 2);
}

proptest! {
    #[test]
    fn turns_are_weight_times_rate(
        members in prop::collection::vec((1_u32..10, 1.0_f64..2_000.0), 1..12),
    ) {
        let weights: Vec<_> = members.iter().map(|(weight, _)| (*weight, None)).collect();
        let mut pools = pools(PoolKind::Wide, &weights);
        pools.plan(&pool(), &carrier(), demand(1_000_000), START, &mut |source| Pace::steady(members[number(source)].1));
        let mut turns = vec![0_u32; members.len()];
        for _ in 0..2_000 {
            let picked = pools.pick(&pool(), &carrier(), Class::Normal, START, &mut |_| true).expect("all are open");
            turns[number(&picked)] += 1;
        }
        let whole: f64 = members.iter().map(|(weight, rate)| f64::from(*weight) * rate).sum();
        for ((weight, rate), turns) in members.iter().zip(turns) {
            let fair = f64::from(*weight) * rate / whole * 2_000.0;
            prop_assert!((f64::from(turns) - fair).abs() <= 2.0 + fair * 0.01, "{turns} turns, {fair} are fair");
        }
    }

    #[test]
    fn mail_goes_whenever_a_source_that_may_send_is_open(
        members in prop::collection::vec((1_u32..10, prop::option::of(0_u64..12), 0.0_f64..500.0), 1..8),
        acts in prop::collection::vec((any::<u8>(), any::<u8>(), 0_u64..60_000), 1..300),
    ) {
        let weights: Vec<_> = members.iter().map(|(weight, day, _)| (*weight, *day)).collect();
        let mut pools = pools(PoolKind::Wide, &weights);
        let mut now = START;
        for (act, mask, ms) in acts {
            now = UnixMs(now.0 + ms);
            if act % 7 == 0 {
                let pace = &mut |source: &SourceName| Pace { probing: mask % 3 == 0, ..Pace::steady(members[number(source)].2) };
                pools.plan(&pool(), &carrier(), demand(ms), now, pace);
            }
            if act % 11 == 0 {
                pools.rest(&source(usize::from(mask) % members.len()), &carrier(), UnixMs(now.0 + ms));
            }
            let open = |source: &SourceName| mask >> number(source) & 1 == 1;
            let may = (0..members.len()).map(source).any(|source| {
                open(&source) && pools.turn(&pool(), &carrier(), &source, Class::Normal, now) == Turn::Go
            });
            let mut asked = Vec::new();
            let picked = pools.pick(&pool(), &carrier(), Class::Normal, now, &mut |source| {
                asked.push(number(source));
                open(source)
            });
            prop_assert_eq!(picked.is_some(), may);
            let all = asked.len();
            asked.sort_unstable();
            asked.dedup();
            prop_assert_eq!(asked.len(), all, "nobody is asked twice");
            if let Some(picked) = picked {
                pools.sent(&picked, &carrier(), now);
            }
        }
        for status in pools.status(now) {
            let ip_pools::WarmUp::Warming { hourly_cap, .. } = status.warm_up else { continue };
            prop_assert!(status.sent_this_hour <= hourly_cap);
        }
    }
}
