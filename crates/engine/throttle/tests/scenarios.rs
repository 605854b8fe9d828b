//! Every file in `tests/scenarios` is a carrier's conduct and what the throttle must make of it.
#![allow(clippy::cast_possible_truncation, reason = "small numbers of a test")]

mod simulator;

use std::fs;
use std::path::Path;

use simulator::{Scenario, simulate};
use throttle::{ClosedBecause, HalveAndRecover, Pace, PathLimits, RateLaw};

fn scenario(name: &str) -> Scenario {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios").join(name);
    let text = fs::read_to_string(&path).expect("a scenario file");
    toml::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn names() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let entries = fs::read_dir(folder).expect("the scenarios");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8")).collect();
    names.sort();
    names
}

#[test]
fn every_scenario_ends_as_it_expects() {
    let names = names();
    assert!(names.len() >= 10);
    let mut complaints = Vec::new();
    for name in names {
        let scenario = scenario(&name);
        let outcome = simulate(&scenario, HalveAndRecover::new());
        for complaint in outcome.complaints(&scenario) {
            complaints.push(format!("{name} ({}): {complaint}", scenario.title));
        }
    }
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn the_same_scenario_gives_the_same_run() {
    let scenario = scenario("hidden-limit-sliding.toml");
    assert!(simulate(&scenario, HalveAndRecover::new()) == simulate(&scenario, HalveAndRecover::new()));
}

/// Additive increase, multiplicative decrease, no memory.
#[derive(Debug)]
struct Sawtooth;

impl RateLaw for Sawtooth {
    fn throttled(&mut self, pace: Pace, _: &PathLimits) -> Pace {
        Pace { rate_per_min: pace.rate_per_min / 2.0, connections: pace.connections / 2 }
    }

    fn connect_failed(&mut self, pace: Pace, _: &PathLimits) -> Pace {
        Pace { connections: pace.connections / 2, ..pace }
    }

    fn stopped(&mut self, pace: Pace, _: &PathLimits, _: ClosedBecause) -> Pace {
        Pace { rate_per_min: pace.rate_per_min / 2.0, connections: 1 }
    }

    fn clean_minute(&mut self, pace: Pace, limits: &PathLimits, _: f64) -> Pace {
        Pace { rate_per_min: pace.rate_per_min + limits.rate_step_per_min, connections: pace.connections + 1 }
    }
}

#[test]
fn remembering_where_the_carrier_said_no_is_worth_a_tenth_of_the_allowed_rate() {
    for name in ["hidden-limit-sliding.toml", "hidden-limit-fixed-minute.toml", "hidden-limit-high.toml"] {
        let scenario = scenario(name);
        let from_s = scenario.expect.share_from_s;
        let ours = simulate(&scenario, HalveAndRecover::new());
        let plain = simulate(&scenario, Sawtooth);
        let (share, plain_share) = (ours.share(&scenario, from_s), plain.share(&scenario, from_s));
        assert!(share >= plain_share + 0.1, "{name}: {share:.3} against {plain_share:.3}");
        assert!(ours.excess <= plain.excess, "{name}: {} against {}", ours.excess, plain.excess);
    }
}
