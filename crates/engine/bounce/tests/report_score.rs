//! How well reports are read that were collected in `shared/bounces`: strictly, leniently, with status and recipient.

#![allow(clippy::print_stdout)] // The scores are what the reader of this test wants to see.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use bounce::{RecipientReport, Report, ReportAction, ReportKind, read_report};

#[path = "support/papers.rs"]
mod papers;
#[expect(dead_code, reason = "the tables of replies use more of it")]
mod support;

use papers::paper;
use support::{Row, Table};

#[derive(Clone, Copy, Default)]
struct Score {
    rows: u32,
    strict: u32,
    lenient: u32,
    status: u32,
    recipient: u32,
}

impl Score {
    fn percent(self, part: u32) -> f64 {
        100.0 * f64::from(part) / f64::from(self.rows.max(1))
    }

    fn print(self, name: &str) {
        let (strict, lenient) = (self.percent(self.strict), self.percent(self.lenient));
        let (status, recipient) = (self.percent(self.status), self.percent(self.recipient));
        println!(
            "{name:<24} {:>4} rows  strict {strict:5.1} %  lenient {lenient:5.1} %  status {status:5.1} %  \
             recipient {recipient:5.1} %",
            self.rows
        );
    }
}

/// What does not arrive, or not yet, counts as a bounce in the collection.
fn is_bounce(kind: ReportKind) -> bool {
    matches!(kind, ReportKind::Bounce | ReportKind::Delayed)
}

fn recipient<'r>(report: &'r Report, row: Row<'_>) -> (Option<&'r RecipientReport>, bool) {
    let named = report.recipients.iter().find(|recipient| {
        recipient.recipient.as_ref().is_some_and(|address| address.as_str().eq_ignore_ascii_case(row.get("recipient")))
    });
    let only = report.recipients.first().filter(|_| report.recipients.len() == 1);
    (named.or(only), named.is_some())
}

fn note(score: &mut Score, report: &Report, row: Row<'_>) -> bool {
    let (recipient, is_named) = recipient(report, row);
    let said = recipient.filter(|_| is_bounce(report.kind));
    let cause = said.map(|said| said.cause.id()).unwrap_or_default();
    let status = said.and_then(|said| said.status).map(|status| status.to_string()).unwrap_or_default();
    let is_strict = cause == row.get("cause");
    let is_lenient = is_strict || !cause.is_empty() && row.get("alt_causes").split(',').any(|alt| alt == cause);
    score.rows += 1;
    score.strict += u32::from(is_strict);
    score.lenient += u32::from(is_lenient);
    score.status += u32::from(said.is_some() && status == row.get("status"));
    score.recipient += u32::from(is_named);
    is_strict
}

fn kind_in_truth(row: Row<'_>) -> &str {
    if row.get("cause") == "not_bounce" { "other" } else { row.get("cause") }
}

#[test]
fn collected_reports_are_read_as_the_collection_says() {
    let Some(path) = paper("bounces/truth.tsv") else { return };
    let table = Table::read(&path);
    let mut by_family: BTreeMap<String, Score> = BTreeMap::new();
    let mut total = Score::default();
    let mut wrong_kinds = Vec::new();
    for row in table.rows() {
        let mail = fs::read(path.with_file_name(row.get("file"))).unwrap();
        let report = read_report(&mail);
        if row.get("is_bounce") == "0" {
            assert!(!is_bounce(report.kind), "{} is no bounce, {}", row.get("file"), report.rule);
            if report.kind.as_str() != kind_in_truth(row) {
                wrong_kinds.push(format!("{}: {}", row.get("file"), report.kind.as_str()));
            }
            continue;
        }
        let is_strict = note(by_family.entry(row.get("decoded_by").to_owned()).or_default(), &report, row);
        note(&mut total, &report, row);
        if !is_strict && std::env::var_os("SHOW_MISSES").is_some() {
            println!("{}: want {} ({})", row.get("file"), row.get("cause"), row.get("note"));
            report.recipients.iter().for_each(|r| println!("    {} by {}: {}", r.cause, r.rule, r.evidence));
        }
    }
    by_family.iter().for_each(|(name, score)| score.print(name));
    total.print("total");
    assert!(wrong_kinds.is_empty(), "{wrong_kinds:?}");
    let floors = [(total.strict, 93.5), (total.lenient, 98.0), (total.status, 97.5), (total.recipient, 99.0)];
    for (part, floor) in floors {
        assert!(total.percent(part) >= floor, "{:.1} < {floor}", total.percent(part));
    }
}

#[test]
fn collected_mails_that_are_no_bounces_stay_none() {
    let Some(path) = paper("bounces/negatives/truth.tsv") else { return };
    let table = Table::read(&path);
    let mut read = 0;
    for row in table.rows() {
        let report = read_report(&fs::read(path.with_file_name(row.get("file"))).unwrap());
        assert!(!is_bounce(report.kind), "{} by {}", row.get("file"), report.rule);
        assert_eq!(report.kind == ReportKind::AutoReply, row.get("cause") == "auto_reply", "{}", row.get("file"));
        read += 1;
    }
    assert!(read >= 60, "only {read}");
    println!("false positives: 0 of {read}");
}

#[test]
fn collected_mails_mean_the_same_with_every_kind_of_line_end_and_survive_cuts() {
    let Some(path) = paper("bounces/truth.tsv") else { return };
    let table = Table::read(&path);
    let files: std::collections::BTreeSet<PathBuf> =
        table.rows().map(|row| path.with_file_name(row.get("file"))).collect();
    for file in files {
        let mail = fs::read(&file).unwrap();
        let mut lf = Vec::with_capacity(mail.len());
        for (at, byte) in mail.iter().enumerate() {
            match byte {
                b'\r' if mail.get(at + 1) == Some(&b'\n') => {}
                b'\r' => lf.push(b'\n'),
                _ => lf.push(*byte),
            }
        }
        let report = read_report(&mail);
        for end in [&b"\n"[..], b"\r\n", b"\r"] {
            let other: Vec<u8> = lf.iter().flat_map(|b| if *b == b'\n' { end.to_vec() } else { vec![*b] }).collect();
            assert_eq!(read_report(&other), report, "{} with {end:?}", file.display());
        }
        // Every byte of our own reports is tried in `reports.rs`; here a prime stride keeps it short.
        for cut in (0..mail.len()).step_by(97) {
            read_report(&mail[..cut]);
        }
    }
}

/// What a report of a Japanese carrier looks like around its text.
fn carrier_notice(carrier: &str, text: &str) -> String {
    let (from, address) = match carrier {
        "au" => ("Postmaster@ezweb.ne.jp", "taro@ezweb.ne.jp"),
        "softbank" => ("MAILER-DAEMON@softbank.ne.jp", "taro@softbank.ne.jp"),
        "biglobe" => ("postmaster@biglobe.ne.jp", "taro@biglobe.ne.jp"),
        _ => ("MAILER-DAEMON@example.ne.jp", "taro@example.ne.jp"),
    };
    let text = text.split(" (+").next().unwrap_or_default();
    format!("From: {from}\nSubject: Mail System Error - Returned Mail\nTo: x@school.example\n\n{text}\n\n<{address}>\n")
}

#[test]
fn what_japanese_carriers_write_in_reports_is_read_without_a_false_hard_bounce() {
    let Some(path) = paper("bounces/jp-carriers.tsv") else { return };
    let table = Table::read(&path);
    let mut misses = Vec::new();
    let mut judged = 0;
    for row in table.rows().filter(|row| row.get("channel") == "ndr" && row.get("enhanced").is_empty()) {
        let carrier = row.get("carrier").split(' ').next().unwrap_or_default();
        let text = row.get("text").split(" / ").next().unwrap_or_default().replace("<addr>", "<taro@ezweb.ne.jp>");
        let text = text.replace("<<< ", "\n<<< ").replace(">>> ", "\n>>> ").replace('…', ":<taro@ezweb.ne.jp>");
        let report = read_report(carrier_notice(carrier, &text).as_bytes());
        judged += 1;
        let [recipient] = report.recipients.as_slice() else { panic!("{text}: {report:?}") };
        assert_eq!(recipient.action, Some(ReportAction::Failed), "{text}");
        if recipient.cause.id() != row.get("cause") {
            misses.push(format!(
                "{carrier} {text}: want {}, got {} by {}",
                row.get("cause"),
                recipient.cause,
                recipient.rule
            ));
        }
    }
    println!("jp-carriers, reports: {} of {judged}", judged - misses.len());
    assert!(misses.is_empty(), "{}", misses.join("\n"));
}
