//! Every file in `tests/scenarios` is a set of pools, a course of events and the sources that must have sent.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use ip_pools::{MemberConfig, PoolConfig, PoolKind, Pools, PoolsConfig, SourceConfig};
use mail_model::{CarrierName, Class, PoolName, SourceName, UnixMs};
use serde::Deserialize;

/// A full hour in 2027.
const START: u64 = 500_000 * 3_600_000;
const DAY_MS: u64 = 86_400_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenario {
    title: String,
    #[serde(default)]
    hourly_cap_by_day: Vec<u32>,
    sources: Vec<Source>,
    pools: Vec<Pool>,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    name: SourceName,
    /// Days since its warm-up started; without it the source is warm.
    day: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pool {
    name: PoolName,
    weights: BTreeMap<SourceName, u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    at_s: u64,
    #[serde(default)]
    mails: u32,
    #[serde(default)]
    apart_ms: u64,
    pool: PoolName,
    #[serde(default = "docomo")]
    carrier: CarrierName,
    #[serde(default = "normal")]
    class: Class,
    /// Sources whose path is not open.
    #[serde(default)]
    shut: Vec<SourceName>,
    /// Sources blocked at the carrier from now on, with the seconds they rest.
    #[serde(default)]
    rest: BTreeMap<SourceName, u64>,
    #[serde(default)]
    wake: Vec<SourceName>,
    /// Share of each source in the mails that were sent, to 1 %; sources not named have none.
    shares: Option<BTreeMap<SourceName, f64>>,
    /// Exact numbers; sources not named have none.
    counts: Option<BTreeMap<SourceName, u32>>,
    /// Mails for which there was no source.
    #[serde(default)]
    none: u32,
    /// Seconds from the start at which a source may be there again, as told after the step.
    next_change_s: Option<u64>,
}

fn docomo() -> CarrierName {
    CarrierName::new("docomo").expect("a name")
}

fn normal() -> Class {
    Class::Normal
}

fn pools(scenario: &Scenario) -> Pools {
    let source = |source: &Source| SourceConfig {
        name: source.name.clone(),
        warmup_started: source.day.map(|day| UnixMs(START - day * DAY_MS)),
    };
    let member = |(source, weight): (&SourceName, &u32)| MemberConfig { source: source.clone(), weight: *weight };
    let pool = |pool: &Pool| PoolConfig {
        name: pool.name.clone(),
        kind: PoolKind::by_name(&pool.name),
        members: pool.weights.iter().map(member).collect(),
    };
    let config = PoolsConfig {
        sources: scenario.sources.iter().map(source).collect(),
        pools: scenario.pools.iter().map(pool).collect(),
        hourly_cap_by_day: scenario.hourly_cap_by_day.clone(),
    };
    Pools::new(&config).expect("usable pools")
}

fn play(step: &Step, pools: &mut Pools) -> Vec<String> {
    let mut now = UnixMs(START + step.at_s * 1_000);
    for (source, seconds) in &step.rest {
        pools.rest(source, &step.carrier, UnixMs(now.0 + seconds * 1_000));
    }
    for source in &step.wake {
        pools.wake(source, &step.carrier);
    }
    let mut sent: BTreeMap<SourceName, u32> = BTreeMap::new();
    let mut none = 0;
    for _ in 0..step.mails {
        let open = &mut |source: &SourceName| !step.shut.contains(source);
        match pools.pick(&step.pool, &step.carrier, step.class, now, open) {
            None => none += 1,
            Some(source) => {
                pools.sent(&source, &step.carrier, now);
                *sent.entry(source).or_default() += 1;
            }
        }
        now.0 += step.apart_ms;
    }
    let change = pools.next_change(&step.pool, &step.carrier, step.class, now).map(|at| (at.0 - START) / 1_000);
    complaints(step, &sent, none, change)
}

fn complaints(step: &Step, sent: &BTreeMap<SourceName, u32>, none: u32, change: Option<u64>) -> Vec<String> {
    let mut faults = Vec::new();
    let total: u32 = sent.values().sum();
    if let Some(shares) = &step.shares {
        let got = |source: &SourceName| f64::from(sent.get(source).copied().unwrap_or(0)) / f64::from(total.max(1));
        let right = |(source, share): (&SourceName, &f64)| (got(source) - share).abs() <= 0.01;
        if !shares.iter().all(right) || sent.keys().any(|source| !shares.contains_key(source)) {
            faults.push(format!("shares of {sent:?}"));
        }
    }
    if step.counts.as_ref().is_some_and(|counts| counts != sent) {
        faults.push(format!("counts {sent:?}"));
    }
    if none != step.none {
        faults.push(format!("{none} mails had no source"));
    }
    if step.next_change_s.is_some() && step.next_change_s != change {
        faults.push(format!("next change at {change:?} s"));
    }
    faults
}

#[test]
fn every_scenario_goes_as_it_expects() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut complaints = Vec::new();
    let mut played = 0;
    for entry in fs::read_dir(folder).expect("the scenarios") {
        let path = entry.expect("an entry").path();
        let text = fs::read_to_string(&path).expect("a scenario");
        let scenario: Scenario = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut pools = pools(&scenario);
        for (number, step) in scenario.steps.iter().enumerate() {
            for complaint in play(step, &mut pools) {
                complaints.push(format!("{}, step {}: {complaint}", scenario.title, number + 1));
            }
        }
        played += 1;
    }
    assert!(played >= 5);
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}
