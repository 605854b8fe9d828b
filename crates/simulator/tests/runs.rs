//! Whole runs: deterministic, balanced, as fast as they can be where nothing holds them back.

use scenario::Scenario;
use simulator::{Order, Run, play};

const HEAD: &str = "title = \"t\"\nabout = \"a\"\n";

fn world(text: &str) -> Scenario {
    Scenario::parse("test.toml", &format!("{HEAD}{text}")).unwrap_or_else(|fault| panic!("{fault}"))
}

fn run(world: &Scenario, law: &str, seed: u64) -> Run {
    play(world, &Order::seeded(seed).with_law(law).unwrap()).unwrap()
}

/// Several sources, one carrier of which the engine believes nothing that would hold it back.
fn one_carrier(mails: u32, sources: u32, periods: &str) -> String {
    format!(
        "[[sources]]\nname = \"wide\"\ncount = {sources}\nnetblock = \"198.51.100.0/24\"\n\
         [[waves]]\ncarrier = \"fast\"\nmails = {mails}\n\
         [[carriers]]\nname = \"fast\"\n\
         [carriers.profile]\npool = \"wide\"\nconnections_start = 4\nconnections_max = 4\nmessages_per_connection_max = 1000\n\
         rate_start_per_min = 100000\nrate_max_per_min = 100000\n{periods}"
    )
}

const OPEN: &str = "[[carriers.periods]]\n";
const LIMITED: &str = "[[carriers.periods]]\n[[carriers.periods.limits]]\nkind = \"rate\"\nper_min = 120\nburst = 5\n";

fn mixed() -> Scenario {
    world(
        "nodes = 2\nhorizon_s = 7200\n\
         [[sources]]\nname = \"wide\"\ncount = 4\nnetblock = \"198.51.100.0/24\"\n\
         [[sources]]\nname = \"far\"\ncount = 2\nnetblock = \"203.0.113.0/24\"\nwarmup_day = 9\n\
         [[waves]]\ncarrier = \"docomo\"\nmails = 3000\nunknown_share = 0.01\n\
         [[waves]]\ncarrier = \"au\"\nmails = 2000\nnot_after_s = 900\n\
         [[waves]]\ncarrier = \"au\"\nat_s = 60\nmails = 100\nclass = \"emergency\"\n\
         [[carriers]]\nname = \"docomo\"\n[[carriers.periods]]\n\
         [[carriers.periods.limits]]\nkind = \"rate\"\nper_min = 90\nburst = 5\n\
         [[carriers.periods]]\nfrom_s = 600\nbusy = { share = 0.05 }\n\
         [[carriers.periods.limits]]\nkind = \"sessions\"\nmost = 1\n\
         [[carriers]]\nname = \"au\"\n[[carriers.periods]]\ngreylist = { delay_s = 120 }\n",
    )
}

#[test]
fn the_same_seed_is_the_same_run_byte_for_byte_and_another_seed_is_not() {
    let world = mixed();
    let text = |seed: u64| {
        let order = Order { with_series: true, ..Order::seeded(seed) };
        serde_json::to_string(&play(&world, &order).unwrap()).unwrap()
    };
    assert_eq!(text(3), text(3));
    assert_ne!(text(3), text(4));
}

#[test]
fn every_mail_ends_once_or_is_left() {
    let world = mixed();
    for law in throttle::Laws::names() {
        let run = run(&world, law, 1);
        for score in run.carriers.iter().chain([&run.total]) {
            let ended = score.accepted + score.unknown + score.failed + score.expired + score.left;
            assert_eq!(ended, score.mails, "{law} {score:?}");
        }
        let sum: u64 = run.carriers.iter().map(|score| score.accepted).sum();
        assert_eq!(sum, run.total.accepted, "{law}");
        assert_eq!((run.total.doubled, run.spins), (0, 0), "{law}: nobody was silent, no bell rings for ever");
    }
}

#[test]
fn a_carrier_without_limits_is_served_as_fast_as_its_sessions_allow() {
    // 8 sources with 4 sessions each, a mail in 100 ms: 320 a second.
    let text =
        one_carrier(20_000, 8, "[[carriers.periods]]\nlatency = { mail_ms = 100, connect_ms = 50, jitter_ms = 0 }\n");
    let run = run(&world(&text), "static-shaping", 1);
    let took = run.total.judged_s().unwrap();
    assert!((61.0..68.0).contains(&took), "{took}");
    assert_eq!((run.total.accepted, run.total.crossings, run.total.bans), (20_000, 0, 0));
}

#[test]
fn the_oracle_is_never_slower() {
    for (periods, laws) in [(OPEN, ["all", "fixed"]), (LIMITED, ["all", "static-shaping"])] {
        let world = world(&one_carrier(3_000, 4, periods));
        for law in laws {
            for seed in 1..=3 {
                let run = run(&world, law, seed);
                for (own, best) in run.total.settled_s.iter().zip(&run.total.oracle_s) {
                    if let (Some(own), Some(best)) = (own, best) {
                        assert!(own + 0.5 >= *best, "{law} {seed}: {own} against {best}");
                    }
                }
            }
        }
    }
}

#[test]
fn crossings_are_the_carriers_and_cost_time() {
    let world = world(&one_carrier(2_000, 4, LIMITED));
    // Twenty times too fast, again and again.
    let run = run(&world, "static-shaping", 1);
    assert!(run.total.crossings > 0 && run.total.deferred > 0, "{:?}", run.total);
    assert_eq!(run.total.accepted + run.total.left + run.total.failed + run.total.expired, 2_000);
}

#[test]
fn series_add_up_to_the_scores() {
    let world = mixed();
    let run = play(&world, &Order { with_series: true, ..Order::seeded(2) }).unwrap();
    let series = run.series.as_ref().unwrap();
    for (carrier, score) in series.carriers.iter().zip(&run.carriers) {
        let accepted: u64 = carrier.sum().accepted.iter().map(|n| u64::from(*n)).sum();
        assert_eq!(accepted, score.accepted, "{}", carrier.name);
    }
    let drawn = simulator::chart::terminal(&run, true);
    assert!(drawn.lines().all(|line| line.chars().count() <= 100) && drawn.contains("docomo"));
    assert!(simulator::chart::svg(&run).starts_with("<svg"));
}

#[test]
fn a_profile_that_no_engine_would_start_with_is_told() {
    let text = one_carrier(10, 1, OPEN).replace("connections_max = 4", "connections_maxx = 4");
    let fault = play(&world(&text), &Order::seeded(1)).unwrap_err();
    assert!(fault.to_string().contains("connections_max"), "{fault}");
}
