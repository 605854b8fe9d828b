//! The project's own scenarios, the small ones, with two seeds each: what must hold whatever the laws become.

use std::path::Path;

use simulator::{Order, play, scenarios};

/// Larger scenarios are for `cargo simulate sweep`.
const MAILS_MAX: u64 = 12_000;
/// Far above what is aimed at: this test guards against breaking, not against being a little slower.
const RATIO_MAX: f64 = 5.0;
/// Aimed at none. Carriers that ban at the third mail too many, or by twenty within a minute from one full bucket, are
/// faster than a limit can be found; README of `throttle` has their figures.
const BANS_MAX: u64 = 8;

#[test]
fn small_scenarios_lose_nothing_and_are_hardly_ever_banned() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/simulation/scenarios");
    let worlds = scenarios(&[folder]).unwrap_or_else(|fault| panic!("{fault}"));
    let small: Vec<_> = worlds.iter().filter(|world| world.mails() <= MAILS_MAX).collect();
    assert!(small.len() >= 4, "some scenarios are to stay small enough for this test");
    let (mut bad, mut bans) = (Vec::new(), 0);
    for world in small {
        for seed in [1, 2] {
            let run = play(world, &Order::seeded(seed)).unwrap();
            let (name, all) = (&run.scenario, &run.total);
            let ended = all.accepted + all.unknown + all.failed + all.expired + all.left;
            assert_eq!(ended, world.mails(), "{name} {seed}");
            assert_eq!(run.spins, 0, "{name} {seed}: bells without end");
            if !run.bans_expected {
                bans += u64::from(all.bans);
            }
            if run.time_judged && all.oracle_s.iter().all(Option::is_some) {
                let ratio = all.ratio.unwrap_or(f64::INFINITY);
                if ratio > RATIO_MAX {
                    bad.push(format!("{name} {seed}: {ratio:.2} times the oracle's time"));
                }
            }
        }
    }
    assert!(bad.is_empty(), "{bad:#?}");
    assert!(bans <= BANS_MAX, "{bans} bans");
}
