//! What a caller and an operator may rely on.

use ip_pools::{
    AtCarrier, HOURLY_CAP_BY_DAY, MemberConfig, PoolConfig, PoolKind, Pools, PoolsConfig, PoolsError, SourceConfig,
    Turn, WarmUp,
};
use mail_model::{CarrierName, Class, PoolName, SourceName, UnixMs};
use proptest::prelude::*;

const NOW: UnixMs = UnixMs(500_000 * 3_600_000);
const HOUR_MS: u64 = 3_600_000;

fn source(name: &str) -> SourceName {
    SourceName::new(name).expect("a name")
}

fn pool(name: &str) -> PoolName {
    PoolName::new(name).expect("a name")
}

fn carrier(name: &str) -> CarrierName {
    CarrierName::new(name).expect("a name")
}

fn config(sources: &[(&str, Option<UnixMs>)], members: &[(&str, u32)]) -> PoolsConfig {
    let sources = sources.iter().map(|(name, started)| SourceConfig { name: source(name), warmup_started: *started });
    let members = members.iter().map(|(name, weight)| MemberConfig { source: source(name), weight: *weight });
    PoolsConfig {
        sources: sources.collect(),
        pools: vec![PoolConfig { name: pool("wide"), kind: PoolKind::Wide, members: members.collect() }],
        hourly_cap_by_day: HOURLY_CAP_BY_DAY.to_vec(),
    }
}

#[test]
fn a_configuration_that_makes_no_pools_is_refused_with_the_name_at_fault() {
    let two = [("a", None), ("b", None)];
    let (wide, a) = (pool("wide"), source("a"));
    let table = [
        (config(&two, &[]), PoolsError::Empty(wide.clone())),
        (config(&[("a", None), ("a", None)], &[("a", 1)]), PoolsError::SourceTwice(a.clone())),
        (config(&two, &[("c", 1)]), PoolsError::UnknownSource { pool: wide.clone(), source_name: source("c") }),
        (config(&two, &[("a", 0)]), PoolsError::NoWeight { pool: wide.clone(), source_name: a.clone() }),
        (config(&two, &[("a", 1), ("a", 2)]), PoolsError::MemberTwice { pool: wide.clone(), source_name: a.clone() }),
    ];
    for (config, error) in table {
        assert_eq!(Pools::new(&config).err(), Some(error));
    }
    let mut twice = config(&two, &[("a", 1)]);
    twice.pools.push(twice.pools[0].clone());
    assert_eq!(Pools::new(&twice).err(), Some(PoolsError::PoolTwice(wide)));
}

#[test]
fn the_first_source_that_says_open_is_the_one_returned_so_open_may_take_a_permit() {
    let mut pools =
        Pools::new(&config(&[("a", None), ("b", None), ("c", None)], &[("a", 3), ("b", 2), ("c", 1)])).expect("usable");
    for refusals in 0..4 {
        let mut asked = Vec::new();
        let picked = pools.pick(&pool("wide"), &carrier("au"), Class::Normal, NOW, &mut |source| {
            asked.push(source.clone());
            asked.len() > refusals
        });
        assert_eq!(picked, asked.get(refusals).cloned());
        asked.sort();
        asked.dedup();
        assert_eq!(asked.len(), (refusals + 1).min(3), "none is asked twice");
    }
}

#[test]
fn an_unknown_pool_or_source_is_no_accident() {
    let mut pools = Pools::new(&config(&[("a", None)], &[("a", 1)])).expect("usable");
    assert_eq!(pools.pick(&pool("narrow"), &carrier("au"), Class::Normal, NOW, &mut |_| true), None);
    assert!(pools.sources(&pool("narrow")).is_empty());
    assert_eq!(pools.sources(&pool("wide")), [source("a")]);
    pools.sent(&source("gone"), &carrier("au"), NOW);
    pools.rest(&source("gone"), &carrier("au"), UnixMs::NEVER);
    assert_eq!(pools.resting(&source("gone"), &carrier("au"), NOW), None);
}

#[test]
fn a_rest_holds_at_one_carrier_only_and_the_later_end_stands() {
    let mut pools = Pools::new(&config(&[("a", None)], &[("a", 1)])).expect("usable");
    let (a, wide) = (source("a"), pool("wide"));
    pools.rest(&a, &carrier("au"), UnixMs(NOW.0 + 900));
    pools.rest(&a, &carrier("au"), UnixMs(NOW.0 + 300));
    assert_eq!(pools.resting(&a, &carrier("au"), NOW), Some(UnixMs(NOW.0 + 900)));
    assert_eq!(pools.pick(&wide, &carrier("au"), Class::Emergency, NOW, &mut |_| true), None);
    assert_eq!(pools.next_change(&wide, &carrier("au"), Class::Emergency, NOW), Some(UnixMs(NOW.0 + 900)));
    assert!(pools.pick(&wide, &carrier("docomo"), Class::Normal, NOW, &mut |_| true).is_some());
    assert_eq!(pools.next_change(&wide, &carrier("docomo"), Class::Normal, NOW), None);
    assert!(pools.pick(&wide, &carrier("au"), Class::Normal, UnixMs(NOW.0 + 900), &mut |_| true).is_some());
    pools.wake(&a, &carrier("au"));
    assert_eq!(pools.resting(&a, &carrier("au"), NOW), None);
}

#[test]
fn an_operator_sees_warm_up_counters_and_rests() {
    let started = UnixMs(NOW.0 - 2 * 24 * HOUR_MS);
    let mut pools = Pools::new(&config(&[("a", Some(started)), ("b", None)], &[("a", 1)])).expect("usable");
    pools.sent(&source("a"), &carrier("docomo"), NOW);
    pools.sent(&source("a"), &carrier("docomo"), NOW);
    pools.sent(&source("a"), &carrier("au"), NOW);
    let until = UnixMs(NOW.0 + HOUR_MS * 2);
    pools.rest(&source("a"), &carrier("softbank"), until);
    let at = |name, sent_this_hour, resting_until| AtCarrier { carrier: carrier(name), sent_this_hour, resting_until };

    let status = pools.status(NOW);
    assert_eq!(status[0].warm_up, WarmUp::Warming { day: 2, hourly_cap: 39 });
    assert_eq!((status[0].sent_this_hour, &*status[0].pools), (3, &[pool("wide")][..]));
    assert_eq!(status[0].carriers, [at("au", 1, None), at("docomo", 2, None), at("softbank", 0, Some(until))]);
    assert_eq!((status[1].warm_up, status[1].pools.len()), (WarmUp::Warm, 0));

    let within = pools.status(UnixMs(NOW.0 + HOUR_MS));
    assert_eq!(within[0].sent_this_hour, 3, "a mail counts for a whole hour, also over the full hour");
    let next_hour = pools.status(UnixMs(NOW.0 + HOUR_MS + 60_000));
    assert_eq!(next_hour[0].sent_this_hour, 0);
    assert_eq!(next_hour[0].carriers[1], at("docomo", 0, None));
}

#[test]
fn a_restart_neither_gives_a_second_cap_nor_forgets_a_rest() {
    let config = config(&[("young", Some(NOW)), ("b", None)], &[("young", 1)]);
    let (young, wide, docomo) = (source("young"), pool("wide"), carrier("docomo"));
    let mut pools = Pools::new(&config).expect("usable");
    for _ in 0..15 {
        pools.sent(&young, &docomo, NOW);
        pools.sent(&source("b"), &docomo, NOW);
    }
    pools.rest(&young, &carrier("au"), UnixMs(NOW.0 + 600_000));
    pools.rest(&source("b"), &carrier("au"), UnixMs::NEVER);
    let memory = pools.memory(NOW);
    assert!(memory[1].1.sent.is_empty(), "nobody counts the mails of a warm source");

    let later = UnixMs(NOW.0 + 60_000);
    let mut pools = Pools::new(&config).expect("usable");
    for (source, memory) in &memory {
        pools.recall(source, memory, later);
    }
    pools.recall(&source("gone"), &memory[0].1, later);
    assert_eq!(pools.resting(&young, &carrier("au"), later), Some(UnixMs(NOW.0 + 600_000)));
    let longest = UnixMs(later.0 + 24 * HOUR_MS);
    assert_eq!(pools.resting(&source("b"), &carrier("au"), later), Some(longest), "no rest is for ever");
    let mut sent = 0;
    while pools.pick(&wide, &docomo, Class::Normal, later, &mut |_| true).is_some() {
        pools.sent(&young, &docomo, later);
        sent += 1;
    }
    assert_eq!(sent, 5);
}

#[test]
fn a_session_that_began_below_the_cap_ends_at_it_and_an_emergency_goes_on() {
    let mut pools = Pools::new(&config(&[("young", Some(NOW))], &[("young", 1)])).expect("usable");
    let (young, wide, docomo) = (source("young"), pool("wide"), carrier("docomo"));
    let turn = |pools: &Pools, class| pools.turn(&wide, &docomo, &young, class, NOW);
    for _ in 0..20 {
        assert_eq!(turn(&pools, Class::Normal), Turn::Go);
        pools.sent(&young, &docomo, NOW);
    }
    assert_eq!(turn(&pools, Class::Normal), Turn::After(UnixMs(NOW.0 + HOUR_MS + 60_000)));
    assert_eq!(turn(&pools, Class::Emergency), Turn::Go);
    pools.rest(&young, &docomo, UnixMs(NOW.0 + 5));
    assert_eq!(turn(&pools, Class::Emergency), Turn::After(UnixMs(NOW.0 + 5)));
    assert_eq!(pools.turn(&wide, &docomo, &source("gone"), Class::Normal, NOW), Turn::Go);
}

proptest! {
    #[test]
    fn no_normal_mail_goes_over_a_cap_or_from_a_resting_or_shut_source(
        days in prop::collection::vec(prop::option::of(0_u64..25), 1..6),
        acts in prop::collection::vec((0_u8..8, any::<u8>(), 0_u64..600_000), 1..600),
    ) {
        let names: Vec<String> = (0..days.len()).map(|n| format!("s{n}")).collect();
        let started = |day: &Option<u64>| day.map(|day| UnixMs(NOW.0 - day * 24 * HOUR_MS));
        let sources: Vec<_> = names.iter().map(String::as_str).zip(days.iter().map(started)).collect();
        let members: Vec<_> = names.iter().map(|name| (name.as_str(), 1)).collect();
        let mut pools = Pools::new(&config(&sources, &members)).expect("usable");
        let docomo = carrier("docomo");
        let mut now = NOW;
        for (act, mask, ms) in acts {
            now = UnixMs(now.0 + ms * u64::from(act == 0));
            if act == 1 {
                let name = &names[usize::from(mask) % names.len()];
                pools.rest(&source(name), &docomo, UnixMs(now.0 + ms));
            }
            let class = if act == 2 { Class::Emergency } else { Class::Normal };
            let is_open = |name: &SourceName| mask >> (name.as_str().as_bytes()[1] - b'0') & 1 == 1;
            let picked = pools.pick(&pool("wide"), &docomo, class, now, &mut |name| is_open(name));
            let Some(picked) = picked else { continue };
            prop_assert!(is_open(&picked));
            prop_assert_eq!(pools.resting(&picked, &docomo, now), None);
            let status = pools.status(now);
            let before = status.iter().find(|status| status.source == picked).expect("a known source");
            let over = |status: &ip_pools::SourceStatus| match status.warm_up {
                WarmUp::Warm => false,
                WarmUp::Warming { hourly_cap, .. } => status.sent_this_hour >= hourly_cap,
            };
            if over(before) {
                prop_assert_eq!(class, Class::Emergency);
                let better = status.iter().any(|other| {
                    is_open(&other.source) && !over(other) && pools.resting(&other.source, &docomo, now).is_none()
                });
                prop_assert!(!better, "a cap is exceeded only when no other source is open");
            }
            pools.sent(&picked, &docomo, now);
        }
    }
}
