//! Tables for people, at most 100 columns wide.

use figures::report::{print, table};
use scenario::Scenario;

use crate::chart::clock;
use crate::foresight::Said;
use crate::run_record::{JUDGED, Run, Score};
use crate::sweep::{Cell, Result, Summary};

fn time(seconds: Option<f64>) -> String {
    seconds.map_or("never".to_owned(), clock)
}

fn ratio(value: Option<f64>) -> String {
    value.map_or("-".to_owned(), |value| format!("{value:.2}"))
}

fn finite(value: f64) -> String {
    if value.is_finite() { format!("{value:.2}") } else { "never".to_owned() }
}

fn words(line: &[&str]) -> Vec<String> {
    line.iter().map(|word| (*word).to_owned()).collect()
}

/// One run: a line for each carrier and one for all.
pub fn run(world: &Scenario, run: &Run) {
    let law = if run.rehearsed { format!("{}, rehearsed", run.law) } else { run.law.clone() };
    print(&format!("{}: {}", run.scenario, run.title));
    print(&format!("laws {law}, seed {}, {} sources, {} mails\n", run.seed, world.sources.len(), world.mails()));
    let head = [
        "carrier", "mails", "50 %", "95 %", "99 %", "100 %", "best 99", "ratio", "x/10k", "bans", "sess.", "retr.",
        "exp.",
    ];
    let mut rows = vec![words(&head)];
    let scores = run.carriers.iter().chain((run.carriers.len() > 1).then_some(&run.total));
    rows.extend(scores.map(score));
    table(&rows);
    let lost = run.total.failed + run.total.left + run.total.doubled;
    if lost > 0 {
        print(&format!(
            "\n{} refused for good, {} left at the end, {} taken twice",
            run.total.failed, run.total.left, run.total.doubled
        ));
    }
}

fn score(score: &Score) -> Vec<String> {
    let settled = |place: usize| time(score.settled_s.get(place).copied().flatten());
    vec![
        score.name.clone(),
        score.mails.to_string(),
        settled(0),
        settled(1),
        settled(JUDGED),
        settled(4),
        time(score.oracle_s.get(JUDGED).copied().flatten()),
        ratio(score.ratio),
        format!("{:.1}", score.crossings_per_10k()),
        score.bans.to_string(),
        score.sessions.to_string(),
        score.deferred.to_string(),
        score.expired.to_string(),
    ]
}

/// Several runs: a line for each.
pub fn runs(runs: &[Run]) {
    let head = ["scenario", "law", "seed", "99 %", "best", "ratio", "x/10k", "bans", "sess.", "retr.", "exp.", "left"];
    let mut rows = vec![words(&head)];
    for run in runs {
        let all = &run.total;
        rows.push(vec![
            short_name(&run.scenario),
            run.law.clone(),
            run.seed.to_string(),
            time(all.judged_s()),
            time(all.oracle_s.get(JUDGED).copied().flatten()),
            ratio(all.ratio),
            format!("{:.1}", all.crossings_per_10k()),
            all.bans.to_string(),
            all.sessions.to_string(),
            all.deferred.to_string(),
            all.expired.to_string(),
            all.left.to_string(),
        ]);
    }
    table(&rows);
}

fn short_name(name: &str) -> String {
    name.chars().take(34).collect()
}

/// A sweep: each scenario under the laws that are compared, then each set of laws over all scenarios.
pub fn sweep(result: &Result) {
    let judged = result.judged_laws();
    print(&format!(
        "\nTime to 99 % ÷ the oracle's, median and worst of {} seeds; x: crossings per 10,000 mails\n",
        result.seeds
    ));
    let mut head = vec!["scenario".to_owned(), "best 99".to_owned()];
    // The baselines are there for comparison: their crossings and worst runs stand in the record.
    for (place, law) in judged.iter().enumerate() {
        let name: String = law.chars().take(9).collect();
        let columns: &[&str] = if place == 0 { &[&name, "worst", "x", "bans"] } else { &[&name, "bans"] };
        head.extend(words(columns));
    }
    let mut rows = vec![head];
    for scenario in &result.scenarios {
        let mut row = vec![short_name(&scenario.name), time(scenario.oracle_s)];
        for (place, law) in judged.iter().enumerate() {
            let [median, worst, crossings, bans] =
                scenario.cell(law).map_or_else(Default::default, |cell| cell_words(cell, scenario.time_judged));
            row.extend(if place == 0 { vec![median, worst, crossings, bans] } else { vec![median, bans] });
        }
        rows.push(row);
    }
    table(&rows);
    print("\nOver all scenarios whose time is judged\n");
    let head = ["laws", "runs", "median", "9 of 10", "worst", "in", "never", "x/10k", "bans", "lost/10k"];
    let mut rows = vec![words(&head)];
    rows.extend(result.summaries.iter().map(summary));
    table(&rows);
    bought(result);
    print(&format!(
        "\n{} runs, {:.1} million mails in {:.0} s: {:.0} mails a second",
        result.runs,
        result.mails / 1e6,
        result.took_s,
        result.mails / result.took_s.max(1e-3)
    ));
}

fn bought(result: &Result) {
    if result.bought.is_empty() {
        return;
    }
    print(&format!("\nWhat each law bought: without it, against all laws, {} seeds each\n", result.ablation_seeds));
    let head = ["without", "time", "slower", "slowest", "in", "x/10k", "bans"];
    let mut rows = vec![words(&head)];
    for bought in &result.bought {
        rows.push(vec![
            bought.law.clone(),
            format!("{:+.1} %", (bought.time_factor - 1.0) * 100.0),
            bought.slower.to_string(),
            if bought.most.is_finite() { format!("× {:.2}", bought.most) } else { "never".to_owned() },
            short_name(&bought.most_in),
            format!("{:+.1}", bought.crossings_per_10k),
            format!("{:+}", bought.bans),
        ]);
    }
    table(&rows);
}

fn cell_words(cell: &Cell, time_judged: bool) -> [String; 4] {
    let bans = if cell.bans == 0 { String::new() } else { cell.bans.to_string() };
    let (median, worst) =
        if time_judged { (finite(cell.median), finite(cell.worst)) } else { ("-".to_owned(), "-".to_owned()) };
    [median, worst, format!("{:.0}", cell.crossings_per_10k), bans]
}

fn summary(summary: &Summary) -> Vec<String> {
    vec![
        summary.law.clone(),
        summary.runs.to_string(),
        finite(summary.median),
        finite(summary.nine_of_ten),
        finite(summary.worst),
        short_name(&summary.worst_in),
        summary.never.to_string(),
        format!("{:.1}", summary.crossings_per_10k),
        summary.bans.to_string(),
        format!("{:.1}", summary.lost_per_10k),
    ]
}

/// What was foreseen of one run's waves.
pub fn foreseen(run: &Run) {
    let head = ["wave", "mails", "95 % came", "before", "error", "sure", "quarter", "error", "sure", "why"];
    let mut rows = vec![words(&head)];
    for wave in &run.foreseen {
        let said = |said: &Option<Said>| {
            let error = said.as_ref().and_then(|said| said.error(wave.came_s));
            let error = error.map_or("-".to_owned(), |error| format!("{:+.0} %", error * 100.0));
            let likely = time(said.as_ref().and_then(|said| said.likely_s));
            [likely, error, said.as_ref().map_or(String::new(), |said| said.sureness.to_owned())]
        };
        let mut row = vec![wave.carrier.clone(), wave.mails.to_string(), time(wave.came_s)];
        row.extend(said(&wave.before));
        row.extend(said(&wave.at_quarter));
        row.push(wave.at_quarter.as_ref().map_or(String::new(), |said| said.reason.to_owned()));
        rows.push(row);
    }
    print("\nForeseen: 95 % of each wave, before it was sent and when a quarter of it had ended\n");
    table(&rows);
}

/// How honest all estimates of a sweep were.
pub fn honesty(result: &Result) {
    print("\nEstimates of 95 % of a wave: size of the error, share within a fifth, share within the range named\n");
    let head = ["when", "sure", "waves", "median", "9 of 10", "good", "in range", "worst in"];
    let mut rows = vec![words(&head)];
    for kind in &result.honesty {
        rows.push(vec![
            kind.when.to_owned(),
            kind.sureness.to_owned(),
            kind.waves.to_string(),
            finite(kind.median),
            finite(kind.nine_of_ten),
            finite(kind.good),
            finite(kind.in_range),
            short_name(&kind.worst_in),
        ]);
    }
    table(&rows);
}
