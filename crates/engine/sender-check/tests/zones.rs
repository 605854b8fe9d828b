//! Zones as files: one without a fault, and one for each fault with what must be said about it.

mod zone;

use std::collections::BTreeSet;
use std::path::PathBuf;

use mail_auth::common::parse::TxtRecordParser;
use mail_auth::{common::verify::DomainKey, dmarc::Dmarc, spf::Spf};
use sender_check::{Finding, Language, Level, Report, Style, check, page, summary};
use zone::{Case, NOW};

fn folder() -> PathBuf {
    // Asked at run time: clones share one folder of build products.
    let here = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_else(|_| env!("CARGO_MANIFEST_DIR").to_owned());
    PathBuf::from(here).join("tests/zones")
}

fn cases() -> Vec<Case> {
    let mut names: Vec<String> = std::fs::read_dir(folder())
        .unwrap()
        .flatten()
        .filter_map(|entry| Some(entry.file_name().to_str()?.strip_suffix(".toml")?.to_owned()))
        .collect();
    names.sort();
    names.iter().map(|name| Case::load(&folder(), name)).collect()
}

async fn report(case: &Case) -> Report {
    check(&case.zone, &case.sender, NOW).await
}

fn is_bad(finding: &&Finding) -> bool {
    finding.level > Level::Note
}

#[tokio::test]
async fn every_fault_is_found_and_nothing_else_is_called_one() {
    let cases = cases();
    assert!(cases.len() > 40, "{}", cases.len());
    let mut slips = Vec::new();
    for case in &cases {
        let report = report(case).await;
        let told = report.findings.iter().filter(|f| is_bad(f) || (case.notes && f.level == Level::Note));
        let found: BTreeSet<(String, Level)> = told.map(|finding| (finding.id.to_owned(), finding.level)).collect();
        if found != case.expected {
            slips.push(format!("{}: found {found:?}, expected {:?}", case.name, case.expected));
        }
    }
    assert!(slips.is_empty(), "{}", slips.join("\n"));
}

#[tokio::test]
async fn a_domain_without_a_fault_has_no_finding_above_ok_and_every_check_speaks() {
    let case = Case::load(&folder(), "perfect");
    let report = report(&case).await;
    assert_eq!(report.level, Level::Ok, "{:#?}", report.findings);
    let checks: BTreeSet<_> = report.findings.iter().map(|finding| finding.check).collect();
    assert_eq!(checks.len(), 8, "{checks:?}");
    assert!(report.carriers.iter().all(|carrier| carrier.effect.is_none()));
}

#[tokio::test]
async fn what_is_wrong_has_a_remedy_in_both_languages() {
    for case in cases() {
        for finding in report(&case).await.findings.iter().filter(is_bad) {
            let Some(remedy) = &finding.remedy else { panic!("{}: {finding:?}", case.name) };
            for words in [&finding.found, remedy] {
                assert!(words.ja.chars().any(|letter| letter > '\u{3000}'), "{}: {words:?}", case.name);
                assert!(words.en.is_ascii() && words.en.len() > 10, "{}: {words:?}", case.name);
            }
            assert!(!finding.source.is_empty() && !finding.subject.is_empty(), "{finding:?}");
        }
    }
}

#[tokio::test]
async fn records_to_publish_are_read_by_a_verifier_that_is_not_ours() {
    let mut read = 0;
    for case in cases() {
        for record in report(&case).await.findings.iter().flat_map(|finding| &finding.records) {
            if record.kind != "TXT" || record.value.contains("ADDRESS") {
                continue;
            }
            let bytes = record.value.as_bytes();
            let good = match record.value.split([';', ' ']).next() {
                Some("v=spf1") => Spf::parse(bytes).is_ok(),
                Some("v=DKIM1") => DomainKey::parse(bytes).is_ok(),
                Some("v=DMARC1") => Dmarc::parse(bytes).is_ok() || record.value == "v=DMARC1",
                Some("v=STSv1" | "v=TLSRPTv1") => true,
                _ => false,
            };
            assert!(good, "{}: {record:?}", case.name);
            read += 1;
        }
    }
    assert!(read > 20, "{read}");
}

/// Publishing what is advised must help: the finding is gone, and no other error comes in its place.
#[tokio::test]
async fn publishing_the_advised_records_ends_the_fault() {
    let mut mended = 0;
    for mut case in cases() {
        let before = report(&case).await;
        let curable = before.findings.iter().filter(is_bad).filter(|finding| !finding.records.is_empty());
        let ids: Vec<&str> = curable.clone().map(|finding| finding.id).collect();
        // A record of the same name that two findings mend in two ways is taken step by step by people, too.
        let [id] = ids.as_slice() else { continue };
        for record in curable.flat_map(|finding| &finding.records) {
            case.zone.publish(record);
        }
        let after = report(&case).await;
        let still: Vec<&str> = after.findings.iter().filter(is_bad).map(|finding| finding.id).collect();
        assert!(!still.contains(id), "{}: {id} stays: {still:?}", case.name);
        let errors = |report: &Report| -> BTreeSet<(&str, String)> {
            let errors = report.findings.iter().filter(|finding| finding.level == Level::Error);
            errors.map(|finding| (finding.id, finding.subject.clone())).collect()
        };
        let mut fresh: Vec<_> = errors(&after).difference(&errors(&before)).cloned().collect();
        // The host that takes answers is for people to name: the record shows where.
        fresh.retain(|(id, _)| *id != "from/mx-without-address");
        assert!(fresh.is_empty(), "{}: {fresh:?} comes in its place", case.name);
        mended += 1;
    }
    assert!(mended > 25, "{mended}");
}

#[tokio::test]
async fn the_page_tells_who_objects_and_what_to_publish() {
    let case = Case::load(&folder(), "dmarc_missing");
    let report = report(&case).await;
    let ja = page(&report, Style { language: Language::Ja, symbols: true });
    for part in [
        "city.example.jp を差出人とするメールの点検",
        "× city.example.jp",
        "影響: docomo（警告を表示し、届けないこともある）",
        "_dmarc.city.example.jp. IN TXT \"v=DMARC1; p=none; rua=mailto:postmaster@city.example.jp\"",
        "根拠: https://www.docomo.ne.jp/",
        "このまま送ると、Gmail、Outlook、iCloud は受け取りません。docomo は警告を表示し",
        "直すべきことが 1 件あります。",
    ] {
        assert!(ja.contains(part), "{part}\n{ja}");
    }
    let style = Style { language: Language::En, symbols: false };
    let en = page(&report, style);
    assert!(en.is_ascii(), "{en}");
    assert!(en.contains("  NG city.example.jp"), "{en}");
    assert_eq!(
        summary(&report, style),
        "As it is, Gmail, Outlook and iCloud would refuse this mail; docomo would show a warning and might drop it. \
         au, SoftBank and Yahoo! JAPAN would find nothing in DNS to object to. One thing has to be mended."
    );
}

#[tokio::test]
async fn a_report_is_json_for_programs() {
    let case = Case::load(&folder(), "spf_missing_source");
    let json = serde_json::to_value(report(&case).await).unwrap();
    assert_eq!(json["level"], "error");
    let finding = json["findings"].as_array().unwrap().iter().find(|f| f["id"] == "spf/not-named").unwrap();
    assert_eq!(finding["check"], "spf");
    assert_eq!(finding["records"][0]["kind"], "TXT");
    assert!(finding["found"]["ja"].is_string() && finding["who"][0]["effect"].is_string());
}

#[tokio::test]
async fn a_dead_name_server_lets_nobody_be_called_content() {
    let mut case = Case::load(&folder(), "perfect");
    case.zone.fail_everywhere();
    let report = report(&case).await;
    assert!(report.findings.iter().all(|finding| finding.level == Level::Unknown || finding.id == "tls/good"));
    let told = summary(&report, Style { language: Language::En, symbols: true });
    assert_eq!(told, "DNS left questions unanswered: something stays unknown.");
}
