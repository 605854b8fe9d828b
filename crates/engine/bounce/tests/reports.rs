//! Reports by mail, in a folder of our own: one row a recipient in `reports/truth.tsv`.

use std::fs;
use std::path::{Path, PathBuf};

use bounce::{RecipientReport, Report, ReportAction, ReportKind, read_report};
use proptest::prelude::*;

#[expect(dead_code, reason = "the tables of replies use more of it")]
mod support;

use support::{Row, Table};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reports")
}

fn mails() -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = entries.filter(|path| path.extension().is_some_and(|ext| ext == "eml")).collect();
    paths.sort();
    paths.iter().map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(path).unwrap())).collect()
}

fn fits(report: &Report, recipient: &RecipientReport, row: Row<'_>) -> bool {
    let text = |value: Option<String>| value.unwrap_or_default();
    report.kind.as_str() == row.get("kind")
        && recipient.recipient.as_ref().map_or("", |address| address.as_str()) == row.get("recipient")
        && recipient.cause.id() == row.get("cause")
        && text(recipient.status.map(|status| status.to_string())) == row.get("status")
        && text(recipient.reply_code.map(|code| code.to_string())) == row.get("reply_code")
        && recipient.action.map_or("", ReportAction::as_str) == row.get("action")
}

#[test]
fn every_report_is_read_as_written_down() {
    let table = Table::read(&folder().join("truth.tsv"));
    let mut misses = Vec::new();
    for (name, mail) in mails() {
        let report = read_report(&mail);
        let rows: Vec<_> = table.rows().filter(|row| row.get("file") == name).collect();
        assert!(!rows.is_empty(), "{name} has no row");
        for row in rows {
            let nobody = row.get("recipient").is_empty() && report.recipients.is_empty();
            let found = nobody && report.kind.as_str() == row.get("kind")
                || report.recipients.iter().any(|recipient| fits(&report, recipient, row));
            if !found {
                misses.push(format!("{name}: want {} {}, got {report:?}", row.get("kind"), row.get("cause")));
            }
        }
    }
    assert!(misses.is_empty(), "{} misses\n{}", misses.len(), misses.join("\n"));
}

#[test]
fn every_verdict_names_its_rule_and_quotes_what_it_was_made_from() {
    for (name, mail) in mails() {
        let report = read_report(&mail);
        assert!(report.rule.contains('/'), "{name}: {}", report.rule);
        let failed = report.recipients.iter().filter(|recipient| recipient.action == Some(ReportAction::Failed));
        for recipient in failed {
            assert!(recipient.rule.contains('/'), "{name}: {}", recipient.rule);
            assert!(!recipient.evidence.is_empty() && !recipient.evidence.contains('\n'), "{name}");
        }
    }
}

#[test]
fn the_address_we_sent_to_is_known_behind_a_forwarding() {
    let report = read_report(&fs::read(folder().join("postfix-forwarded-recipient.eml")).unwrap());
    let original = report.recipients[0].original_recipient.as_ref().unwrap();
    assert_eq!(original.as_str(), "old@example.com");
    assert_eq!(report.original.unwrap().message_id.as_deref(), Some("n1@school.example"));
}

#[test]
fn every_kind_of_line_end_gives_the_same_report() {
    for (name, mail) in mails() {
        let lf = String::from_utf8(mail).unwrap();
        assert!(!lf.contains('\r'), "{name}");
        let report = read_report(lf.as_bytes());
        for end in ["\r\n", "\r"] {
            assert_eq!(read_report(lf.replace('\n', end).as_bytes()), report, "{name} with {end:?}");
        }
    }
}

#[test]
fn a_mail_cut_at_any_byte_is_read_without_a_panic() {
    for (_, mail) in mails() {
        for end in 0..mail.len() {
            read_report(&mail[..end]);
        }
    }
}

#[test]
fn hostile_mails_cost_bounded_time_and_memory() {
    let nested: String =
        (0..5_000).map(|n| format!("Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n")).collect();
    let parts = format!("Content-Type: multipart/mixed; boundary=b\n\n{}", "--b\n\n<a@b.jp>: 550 no\n".repeat(100_000));
    let report = "From: MAILER-DAEMON@x.jp\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\
                  Content-Type: message/delivery-status\n\n";
    let groups =
        format!("{report}{}", "Final-Recipient: rfc822; a@b.jp\nAction: failed\nStatus: 5.0.0\n\n".repeat(50_000));
    let notice = "From: MAILER-DAEMON@x.jp\nSubject: failure notice\n\n";
    let entries: String = (0..20_000).map(|n| format!("<a{n}@b.jp>: said 550 user unknown over quota\n")).collect();
    let hostile = [
        nested,
        parts,
        groups,
        format!("{notice}{entries}"),
        format!("{notice}{}", "@".repeat(1 << 20)),
        format!("{notice}{}", "a@".repeat(1 << 19)),
        format!("{notice}{}", ">>> DATA\n<<< 550-x\n".repeat(50_000)),
        format!("Subject: {}\n\nx", "=?utf-8?B?44GC?= ".repeat(50_000)),
        format!("Content-Type: {}\n\nx", "; a=\"b".repeat(100_000)),
        "\r".repeat(1 << 20),
        "A:\n".repeat(1 << 19),
        format!("Content-Type: text/html\nFrom: postmaster@x.jp\n\n{}", "<p>&#64;".repeat(100_000)),
        format!("{{\"notificationType\":{}", "[".repeat(100_000)),
    ];
    for mail in hostile {
        let report = read_report(mail.as_bytes());
        assert!(report.recipients.len() <= 1000);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn random_bytes_are_read_without_a_panic(mail in prop::collection::vec(any::<u8>(), 0..4096)) {
        read_report(&mail);
    }

    #[test]
    fn halves_of_two_reports_are_read_without_a_panic(a in 0..40_usize, b in 0..40_usize, cut in any::<(u16, u16)>()) {
        let mails = mails();
        let (first, second) = (&mails[a % mails.len()].1, &mails[b % mails.len()].1);
        let head = &first[..usize::from(cut.0) % (first.len() + 1)];
        let tail = &second[usize::from(cut.1) % (second.len() + 1)..];
        let spliced = [head, tail].concat();
        let report = read_report(&spliced);
        prop_assert_eq!(&read_report(String::from_utf8_lossy(&spliced).replace('\n', "\r\n").as_bytes()), &read_report(String::from_utf8_lossy(&spliced).as_bytes()));
        prop_assert!(report.recipients.len() <= 1000);
    }

    #[test]
    fn one_changed_byte_is_read_without_a_panic(at in any::<u16>(), byte in any::<u8>(), which in 0..60_usize) {
        let mails = mails();
        let mut mail = mails[which % mails.len()].1.clone();
        let at = usize::from(at) % mail.len();
        mail[at] = byte;
        read_report(&mail);
    }
}

#[test]
fn a_mail_that_says_nothing_is_other() {
    for mail in [&b""[..], b"\n\n", b"hello", b"Subject: x\n\nhello"] {
        let report = read_report(mail);
        assert_eq!((report.kind, report.recipients.len()), (ReportKind::Other, 0));
    }
}
