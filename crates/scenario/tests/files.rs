//! Every scenario file of the repository: it parses, it can be done in time, and a careful sender meets no ban.

mod seer;

use std::collections::BTreeSet;
use std::path::PathBuf;

use scenario::{Scenario, oracle};

fn files() -> Vec<Scenario> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/simulation/scenarios");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "toml"));
    paths.sort();
    let read = |path: &PathBuf| Scenario::read(path).unwrap_or_else(|why| panic!("{why}"));
    paths.iter().map(read).collect()
}

#[test]
fn every_file_parses_and_its_best_time_lies_within_its_horizon() {
    let files = files();
    assert!(files.len() >= 36, "{} files", files.len());
    let titles: BTreeSet<&str> = files.iter().map(|file| file.title.as_str()).collect();
    assert_eq!(titles.len(), files.len(), "two files have one title");
    for file in &files {
        let best_s = oracle::time_to_share(file, 0.99);
        assert!((90.0..=7_500.0).contains(&best_s), "{}: {best_s} s", file.name);
        assert!(best_s * 1.5 <= file.horizon_s as f64, "{}: {best_s} s of {} s", file.name, file.horizon_s);
        assert!((500..=80_000).contains(&file.mails()), "{}: {} mails", file.name, file.mails());
    }
}

#[test]
fn who_knows_the_limits_crosses_none_is_never_banned_and_comes_near_the_best_time() {
    let mut table = String::new();
    let mut faults = Vec::new();
    for file in files().iter().filter(|file| file.time_judged && !file.bans_expected) {
        let run = seer::play(file, 1);
        let best_s = oracle::time_to_share(file, 0.99);
        let wanted = usize::try_from(file.mails() - file.mails() / 100).unwrap();
        let took_s = run.done_s.get(wanted - 1).copied().unwrap_or(f64::INFINITY);
        let line = format!("{:34} best {best_s:8.1} s, seer {took_s:8.1} s, × {:.3}\n", file.name, took_s / best_s);
        if run.crossings + run.bans > 0 || took_s < best_s || took_s > best_s * 1.15 + 5.0 {
            faults.push(format!("{line}{} crossings, {} bans", run.crossings, run.bans));
        }
        table += &line;
    }
    assert!(faults.is_empty(), "{}\nall:\n{table}", faults.join("\n"));
}

#[test]
fn the_file_in_the_documentation_is_a_scenario() {
    let readme = include_str!("../README.md");
    let text = readme.split("```toml").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let small = Scenario::parse("README.md", text).unwrap_or_else(|why| panic!("{why}"));
    assert_eq!(small.mails(), 6_000);
}

#[test]
fn the_same_seed_is_the_same_world() {
    for file in files().iter().filter(|file| ["busy_now_and_then", "ward_cold"].contains(&file.name.as_str())) {
        assert_eq!(seer::play(file, 3).done_s, seer::play(file, 3).done_s, "{}", file.name);
        assert_ne!(seer::play(file, 3).done_s, seer::play(file, 4).done_s, "{}", file.name);
    }
}
