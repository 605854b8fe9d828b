//! What comes back: replies quoted somewhere, and whole mails.

use bounce::{Report, classify_quoted_reply, read_report};
use mail_model::{CarrierName, Reply, Stage};

const STAGES: [Option<Stage>; 5] =
    [None, Some(Stage::Connect), Some(Stage::Mail), Some(Stage::Rcpt), Some(Stage::DataEnd)];
const CARRIERS: [&str; 8] = ["other", "docomo", "au", "softbank", "google", "microsoft", "yahoo_jp", "apple"];

/// Two bytes choose code, stage and carrier, the rest is the text.
pub fn quoted_replies(data: &[u8]) {
    let (head, text) = data.split_at(data.len().min(2));
    let byte = |at: usize| usize::from(head.get(at).copied().unwrap_or_default());
    let code = u16::try_from(400 + byte(0) % 200).unwrap_or(400);
    let stage = STAGES.get(byte(1) % STAGES.len()).copied().flatten();
    let carrier = CARRIERS.get(byte(1) / 8 % CARRIERS.len()).copied().unwrap_or("other");
    let carrier = CarrierName::new(carrier).expect("the names of carriers are names");
    let text = String::from_utf8_lossy(text);
    let judged = classify_quoted_reply(&Reply::new(code, &text), stage, &carrier);
    assert!(!judged.rule.is_empty());
    // No verdict depends on case (README of `bounce`).
    let upper = text.to_ascii_uppercase();
    let same = classify_quoted_reply(&Reply::new(code, &upper), stage, &carrier);
    assert_eq!(judged.cause, same.cause, "{} {code} {:?}", judged.rule, text);
}

/// A whole mail. Line ends of every kind are the same to the reader.
pub fn reports(data: &[u8]) {
    let report = read_report(data);
    assert!(!report.rule.is_empty());
    for recipient in &report.recipients {
        assert!(!recipient.rule.is_empty());
        let written = recipient.evidence.chars().chain(recipient.remote_host.iter().flat_map(|host| host.chars()));
        assert!(written.clone().count() < 10_000, "evidence has no bound");
    }
    if data.contains(&b'\r') {
        return;
    }
    let with = |end: &[u8]| -> Vec<u8> { data.split(|byte| *byte == b'\n').collect::<Vec<_>>().join(end) };
    let (crlf, cr) = (read_report(&with(b"\r\n")), read_report(&with(b"\r")));
    assert_eq!(essence(&report), essence(&crlf), "CRLF is read otherwise than LF");
    assert_eq!(essence(&report), essence(&cr), "CR is read otherwise than LF");
}

fn essence(report: &Report) -> String {
    let recipients = report.recipients.iter().map(|one| (&one.recipient, one.cause, one.status, one.reply_code));
    format!("{:?} {:?}", report.kind, recipients.collect::<Vec<_>>())
}
