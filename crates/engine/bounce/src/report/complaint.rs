//! Complaints: RFC 5965 (ARF), and what Microsoft and Apple send in its place.

use std::borrow::Cow;

use super::address;
use super::header::Headers;
use super::mail::Mail;
use super::model::{FeedbackType, RecipientReport, Report, ReportKind, ReportedAddress};
use super::original;

/// The complaint that a mail is.
pub(crate) fn read(mail: &Mail<'_>) -> Option<Report> {
    arf(mail).or_else(|| junk_mail_report(mail)).or_else(|| apple_unsubscription(mail))
}

fn arf(mail: &Mail<'_>) -> Option<Report> {
    let text = match mail.part("message/feedback-report") {
        Some(part) => part.text().into_owned(),
        None => {
            let is_declared = mail.headers.get("Content-Type")?.to_ascii_lowercase().contains("feedback-report");
            is_declared.then(|| mail.notice())?
        }
    };
    let from_field = memchr::memmem::find(text.to_ascii_lowercase().as_bytes(), b"feedback-type:")?;
    let line_start = text.get(..from_field)?.rfind('\n').map_or(0, |at| at + 1);
    // Blank lines inside the fields: everything from the beginning of the text counts.
    let fields: String = text.lines().filter(|line| !line.trim().is_empty()).flat_map(|line| [line, "\n"]).collect();
    let (fields, _) = Headers::read(fields.as_bytes());
    let kind = FeedbackType::read(&fields.get("Feedback-Type").unwrap_or_default());
    let named = ["Original-Rcpt-To", "Removal-Recipient", "Original-Recipient"];
    let recipients: Vec<_> =
        named.iter().flat_map(|name| fields.all(name)).filter_map(|a| address::of_field(&a)).collect();
    let evidence = text.get(line_start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
    Some(report(mail, kind, recipients, format!("arf/{}", kind.as_str()), evidence))
}

/// Microsoft's Junk Mail Reporting Program: the mail itself, with the recipient in a field of its own.
fn junk_mail_report(mail: &Mail<'_>) -> Option<Report> {
    let is_signed = mail.speaker.from.contains("staff@hotmail.") || mail.speaker.from.contains("staff@outlook.");
    let part = mail.parts.iter().find(|part| part.is_returned_message());
    let inner = part.map(|part| Headers::read(part.body).0);
    let recipient = inner.as_ref().and_then(|headers| headers.get("X-HmXmrOriginalRecipient"));
    if recipient.is_none() && !(is_signed && mail.speaker.subject.contains("complaint about message")) {
        return None;
    }
    let recipients = recipient.as_deref().and_then(address::of_field).into_iter().collect();
    let evidence = mail.headers.decoded("Subject").unwrap_or_default();
    Some(report(mail, FeedbackType::Abuse, recipients, "jmrp/complaint".to_owned(), &evidence))
}

/// Apple Mail writes to the address of List-Unsubscribe when its user touches "Unsubscribe".
fn apple_unsubscription(mail: &Mail<'_>) -> Option<Report> {
    let value = mail.headers.get("X-Apple-Unsubscribe")?;
    let recipients = address::of_field(&mail.speaker.from).into_iter().collect();
    let evidence = format!("X-Apple-Unsubscribe: {value}");
    Some(report(mail, FeedbackType::OptOut, recipients, "apple/unsubscribe".to_owned(), &evidence))
}

/// Who complains: whom the fields name, or the only address the returned mail went to.
fn report(
    mail: &Mail<'_>,
    feedback_type: FeedbackType,
    mut recipients: Vec<ReportedAddress>,
    rule: String,
    evidence: &str,
) -> Report {
    let original = mail.parts.iter().find(|part| part.is_returned_message()).and_then(|part| original::read(part.body));
    if recipients.is_empty() {
        let to = original.as_ref().and_then(|original| original.to.as_deref()).unwrap_or_default();
        let mut named = address::all(to);
        recipients
            .extend(named.next().filter(|_| named.next().is_none()).map(|found| address::reported(found.address)));
    }
    recipients.truncate(100);
    let rule: Cow<'static, str> = Cow::Owned(rule);
    let evidence = super::verdict::one_line(evidence);
    let of = |recipient| RecipientReport::about(Some(recipient), rule.clone(), evidence.clone());
    Report {
        kind: ReportKind::Complaint { feedback_type },
        recipients: recipients.into_iter().map(of).collect(),
        original,
        rule: rule.clone(),
        evidence: evidence.clone(),
    }
}
