//! One line on a run: what is good and what is not.

use crate::run_record::Run;

/// Slower than this, against the oracle, is worth a word.
const SLOW: f64 = 1.5;

/// Whether bans, slowness or lost mails are held against the run, in words.
pub fn of(run: &Run) -> String {
    let mut bad = Vec::new();
    if run.total.bans > 0 && !run.bans_expected {
        bad.push(format!("{} bans", run.total.bans));
    }
    match run.total.ratio {
        _ if !run.time_judged => {}
        None if run.total.oracle_s.iter().all(Option::is_some) => bad.push("never settled 99 %".to_owned()),
        Some(ratio) if ratio > SLOW => bad.push(format!("{ratio:.2} times the oracle's time")),
        _ => {}
    }
    if run.total.left > 0 {
        bad.push(format!("{} mails left at the horizon", run.total.left));
    }
    if bad.is_empty() {
        "good: nothing is held against this run".to_owned()
    } else {
        format!("not good: {}", bad.join(", "))
    }
}
