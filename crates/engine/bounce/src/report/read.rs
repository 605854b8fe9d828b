//! What a mail that came back is: the order in which its kinds are asked.

use std::borrow::Cow;

use super::lines::with_lf;
use super::mail::Mail;
use super::model::{Report, ReportKind};
use super::verdict::one_line;
use super::{address, auto_reply, complaint, delivery, notification, reading};
use crate::report::model::RecipientReport;

/// What a mail says about mail we sent.
///
/// Never fails and never panics; time and memory are bounded whatever the bytes are. CRLF, LF and lone CR as line ends
/// give the same result. What none of the readers knows is [`ReportKind::Other`].
pub fn read_report(mail: &[u8]) -> Report {
    let mail = with_lf(mail);
    let opened = Mail::open(&mail);
    complaint::read(&opened)
        .or_else(|| notification::read(&opened))
        .or_else(|| read_receipt(&opened))
        .or_else(|| enclosed_report(&opened))
        .or_else(|| delivery::read(&opened))
        .or_else(|| auto_reply::read(&opened))
        .unwrap_or_else(|| Report {
            kind: ReportKind::Other,
            recipients: Vec::new(),
            original: None,
            rule: Cow::Borrowed("report/none"),
            evidence: String::new(),
        })
}

/// A notification of disposition, RFC 8098.
fn read_receipt(mail: &Mail<'_>) -> Option<Report> {
    let part = mail.part("message/disposition-notification");
    let is_declared = || {
        let value = mail.headers.get("Content-Type").unwrap_or_default().to_ascii_lowercase();
        value.starts_with("multipart/report") && value.contains("disposition-notification")
    };
    if part.is_none() && !is_declared() {
        return None;
    }
    let rule = Cow::Borrowed("receipt/disposition");
    let text = part.map(|part| part.text()).unwrap_or_default();
    let line = text.lines().find(|line| line.to_ascii_lowercase().starts_with("disposition:")).unwrap_or_default();
    let who = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("final-recipient").then(|| address::of_field(value)).flatten()
    });
    let evidence = one_line(line);
    let recipients = who.map(|who| RecipientReport::about(Some(who), rule.clone(), evidence.clone()));
    Some(Report {
        kind: ReportKind::ReadReceipt,
        recipients: recipients.into_iter().collect(),
        original: None,
        rule,
        evidence,
    })
}

/// A report that a gateway wrapped whole into a mail of its own, saying nothing itself. Only mail systems are believed to
/// do so: a person who encloses a report asks a question.
fn enclosed_report(mail: &Mail<'_>) -> Option<Report> {
    let part = mail.parts.iter().find(|part| part.essence == "message/rfc822")?;
    if !mail.speaker.is_mail_system || mail.speaker.is_passed_on {
        return None;
    }
    let inner = Mail::open(part.body);
    let is_report = inner.part("message/delivery-status").is_some() && inner.speaker.is_mail_system;
    (is_report && !reading::names_somebody(mail)).then(|| delivery::read(&inner)).flatten()
}
