//! A table of replies in our own words, one or more for every cause, carrier and command.

use std::collections::BTreeSet;
use std::path::Path;

use clock::Clock;
use mail_model::{Cause, Stage};

mod support;

use support::{Table, judge};

fn examples() -> Table {
    Table::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/examples.tsv"))
}

#[test]
fn every_example_is_judged_as_written() {
    let (table, mut misses) = (examples(), Vec::new());
    let mut causes = BTreeSet::new();
    for row in table.rows() {
        let reply = row.reply_with(row.get("text"));
        let stage = Stage::parse(row.get("command"));
        assert!(stage.is_some(), "command {:?}", row.get("command"));
        let verdict = judge(&reply, stage, row.get("carrier"));
        causes.insert(verdict.cause);
        if verdict.cause.id() != row.get("cause") {
            let (carrier, want) = (row.get("carrier"), row.get("cause"));
            misses.push(format!("{carrier} {reply}: want {want}, got {} by {}", verdict.cause, verdict.rule));
        }
    }
    assert!(misses.is_empty(), "{} misses\n{}", misses.len(), misses.join("\n"));
    assert!(table.rows().count() >= 120);
    assert_eq!(causes.len(), Cause::ALL.len(), "every cause has an example");
}

#[test]
fn every_verdict_names_its_rule() {
    for row in examples().rows() {
        let verdict = judge(&row.reply_with(row.get("text")), Stage::parse(row.get("command")), row.get("carrier"));
        let (group, rest) = verdict.rule.split_once('/').expect("group/rule");
        assert!(!group.is_empty() && !rest.is_empty(), "{}", verdict.rule);
    }
}

#[test]
fn the_speed_is_printed() {
    let table = examples();
    let replies: Vec<_> = table.rows().map(|row| (row.reply_with(row.get("text")), row)).collect();
    let judge_all = || {
        for (reply, row) in &replies {
            std::hint::black_box(judge(reply, Stage::parse(row.get("command")), row.get("carrier")));
        }
    };
    judge_all();
    let clock = Clock::system();
    let begun = clock.mono();
    let rounds = 50;
    (0..rounds).for_each(|_| judge_all());
    let per_second = f64::from(rounds) * replies.len() as f64 / clock.mono().since(begun).as_secs_f64();
    println!("{per_second:.0} replies a second on one CPU");
}
