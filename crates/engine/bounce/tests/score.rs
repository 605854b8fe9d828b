//! How well the rules judge the replies collected in `shared/bounces`, counted strictly and leniently.

#![allow(clippy::print_stdout)] // The scores are what the reader of this test wants to see.

use std::collections::BTreeMap;

use mail_model::{Cause, Stage};

#[path = "support/papers.rs"]
mod papers;
mod support;

use papers::paper;
use support::{Row, Table, judge};

#[derive(Clone, Copy, Default)]
struct Score {
    rows: u32,
    strict: u32,
    lenient: u32,
}

impl Score {
    fn note(&mut self, got: Cause, row: Row<'_>) {
        let is_strict = got.id() == row.get("cause");
        self.rows += 1;
        self.strict += u32::from(is_strict);
        self.lenient += u32::from(is_strict || row.get("alt_causes").split(',').any(|alt| alt == got.id()));
    }

    fn percent(self) -> (f64, f64) {
        let share = |part: u32| 100.0 * f64::from(part) / f64::from(self.rows.max(1));
        (share(self.strict), share(self.lenient))
    }

    fn print(self, name: &str) {
        let (strict, lenient) = self.percent();
        println!("{name:<44} {:>4} rows  strict {strict:5.1} %  lenient {lenient:5.1} %", self.rows);
    }
}

/// Every fifth text by a hash (FNV-1a) was first scored unread, to see how general the rules are.
fn is_held_back(text: &str) -> bool {
    let hash = text
        .to_lowercase()
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    (hash >> 16).is_multiple_of(5)
}

/// `sisimai:reason/userunknown (pattern…)` and all samples of one kind as one family.
fn family(origin: &str) -> String {
    let plain = origin.split(" (").next().unwrap_or(origin);
    let cut = if plain.starts_with("sample:") { "sample" } else { plain };
    cut.split(" InvalidRecipient").next().unwrap_or(cut).to_owned()
}

#[test]
fn collected_replies_are_judged_as_the_collection_says() {
    let Some(path) = paper("bounces/replies-dev.tsv") else { return };
    let table = Table::read(&path);
    let mut by_family: BTreeMap<String, Score> = BTreeMap::new();
    let mut by_remote: BTreeMap<String, Score> = BTreeMap::new();
    let mut totals: BTreeMap<&str, Score> = BTreeMap::new();
    for row in table.rows() {
        let (stage, reply) = (Stage::parse(row.get("command")), row.reply_with(row.get("text")));
        let verdict = judge(&reply, stage, row.get("remote"));
        let part = if is_held_back(row.get("text")) { "total: held back" } else { "total: developed on" };
        by_family.entry(family(row.get("origin"))).or_default().note(verdict.cause, row);
        by_remote.entry(row.get("remote").to_owned()).or_default().note(verdict.cause, row);
        totals.entry(part).or_default().note(verdict.cause, row);
        totals.entry("total").or_default().note(verdict.cause, row);
        let as_rcpt = judge(&reply, stage.or(Some(Stage::Rcpt)), row.get("remote"));
        totals.entry("total: lost command taken as RCPT").or_default().note(as_rcpt.cause, row);
        if verdict.cause.id() != row.get("cause") && std::env::var_os("SHOW_MISSES").is_some() {
            println!(
                "{part}: {} {reply} | want {} got {} by {}",
                row.get("remote"),
                row.get("cause"),
                verdict.cause,
                verdict.rule
            );
        }
    }
    for (name, score) in by_family.iter().chain(&by_remote) {
        score.print(name);
    }
    for (name, score) in &totals {
        score.print(name);
    }
    for (name, floors) in [("total: developed on", (97.0, 98.5)), ("total: held back", (93.5, 95.0))] {
        let (strict, lenient) = totals[name].percent();
        assert!(strict >= floors.0 && lenient >= floors.1, "{name}: {strict:.1} / {lenient:.1}");
    }
}

#[test]
fn what_japanese_carriers_say_in_a_session_is_judged_without_a_miss() {
    let Some(path) = paper("bounces/jp-carriers.tsv") else { return };
    let table = Table::read(&path);
    let mut judged = 0;
    for row in table.rows().filter(|row| row.get("channel") == "live" && !row.get("code").is_empty()) {
        let carrier = row.get("carrier").split(' ').next().unwrap_or_default();
        let carrier = if row.get("carrier").starts_with("UQ") { "au" } else { carrier };
        for command in row.get("command").split(" / ") {
            let stage = Stage::parse(command.split(" (").next().unwrap_or_default());
            for text in row.get("text").split(" / ") {
                let text = text.replace("<addr>", "<taro@example.ne.jp>").replace("421 (bare, no text)", "");
                let verdict = judge(&row.reply_with(&text), stage, carrier);
                assert_eq!(verdict.cause.id(), row.get("cause"), "{carrier} {command} {text}: {}", verdict.rule);
                judged += 1;
            }
        }
    }
    assert!(judged >= 30, "only {judged} live rows");
    println!("jp-carriers, live: {judged} of {judged}");
}
