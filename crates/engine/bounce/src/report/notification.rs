//! Notifications of Amazon SES: bounces, complaints and deliveries as JSON, alone or inside an SNS envelope.

use std::borrow::Cow;

use mail_model::EnhancedStatus;
use serde_json::Value;

use super::address;
use super::mail::Mail;
use super::model::{FeedbackType, Original, RecipientReport, Report, ReportAction, ReportKind};
use super::quoted;
use super::verdict::{Testimony, one_line};

/// How many recipients are read.
const RECIPIENTS_MAX: usize = 1000;

/// The notification that a mail is.
pub(crate) fn read(mail: &Mail<'_>) -> Option<Report> {
    let part = mail.parts.first().filter(|part| part.essence == "text/plain" || part.essence == "application/json")?;
    part.body.trim_ascii_start().starts_with(b"{").then_some(())?;
    let value = json(&part.text())?;
    let inner = value.get("Message").and_then(Value::as_str).and_then(json);
    let value = inner.unwrap_or(value);
    let kind = value.get("notificationType").or_else(|| value.get("eventType"))?.as_str()?;
    let original = original(value.get("mail"));
    let (kind, recipients) = match kind {
        "Bounce" => bounce(value.get("bounce")?),
        "Complaint" => complaint(value.get("complaint")?),
        "Delivery" => (ReportKind::Delivered, delivered(value.get("delivery")?)),
        "DeliveryDelay" => (ReportKind::Delayed, delayed(value.get("deliveryDelay")?)),
        _ => return None,
    };
    let evidence = mail.headers.decoded("Subject").map(|subject| one_line(&subject)).unwrap_or_default();
    Some(Report { kind, recipients, original, rule: Cow::Borrowed("ses/notification"), evidence })
}

/// The first JSON object of a text. Mail servers fold long lines with `!` and a blank (sendmail) in the middle of
/// strings, where JSON may have no line end at all.
fn json(text: &str) -> Option<Value> {
    let unfolded = text.replace("!\n ", "").replace('\n', " ");
    serde_json::Deserializer::from_str(&unfolded).into_iter::<Value>().next()?.ok()
}

fn list<'v>(value: &'v Value, name: &str) -> impl Iterator<Item = &'v Value> {
    value.get(name).and_then(Value::as_array).into_iter().flatten().take(RECIPIENTS_MAX)
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn recipient(address: &str, action: Option<ReportAction>) -> RecipientReport {
    let address = (!address.is_empty()).then(|| address::reported(address));
    RecipientReport { action, ..RecipientReport::about(address, Cow::Borrowed("ses/notification"), String::new()) }
}

fn bounce(value: &Value) -> (ReportKind, Vec<RecipientReport>) {
    let kind = format!("{} {}", text(value, "bounceType"), text(value, "bounceSubType"));
    let recipients = list(value, "bouncedRecipients").map(|bounced| bounced_recipient(bounced, &kind)).collect();
    (ReportKind::Bounce, recipients)
}

fn bounced_recipient(value: &Value, kind: &str) -> RecipientReport {
    let diagnostic = text(value, "diagnosticCode");
    let status = EnhancedStatus::read(text(value, "status")).map(|(status, _)| status);
    // Words of the sub-type where no reply is quoted.
    let words = match kind.split(' ').next_back().unwrap_or_default() {
        "MailboxFull" => "mailbox full",
        "MessageTooLarge" => "message too large",
        "ContentRejected" | "AttachmentRejected" => "message content rejected",
        "NoEmail" | "Suppressed" | "OnAccountSuppressionList" => "no such user",
        _ => "",
    };
    let judged = Testimony { diagnostic, status, details: &[words], ..Testimony::default() }.judge();
    let action = ReportAction::read(text(value, "action")).or(Some(ReportAction::Failed));
    RecipientReport {
        cause: judged.cause,
        status: judged.status,
        reply_code: judged.reply.as_ref().map(|reply| reply.code),
        reply: judged.reply,
        stage: judged.stage,
        rule: judged.rule,
        evidence: if judged.evidence.is_empty() { kind.to_owned() } else { judged.evidence },
        ..recipient(text(value, "emailAddress"), action)
    }
}

fn complaint(value: &Value) -> (ReportKind, Vec<RecipientReport>) {
    let feedback = text(value, "complaintFeedbackType");
    let feedback_type = if feedback.is_empty() { FeedbackType::Abuse } else { FeedbackType::read(feedback) };
    let recipients =
        list(value, "complainedRecipients").map(|one| recipient(text(one, "emailAddress"), None)).collect();
    (ReportKind::Complaint { feedback_type }, recipients)
}

fn delivered(value: &Value) -> Vec<RecipientReport> {
    let answer = quoted::acceptance_in(text(value, "smtpResponse")).map(|quoted| quoted.reply);
    let of = |address: &Value| RecipientReport {
        status: answer.as_ref().and_then(|reply| reply.enhanced),
        reply_code: answer.as_ref().map(|reply| reply.code),
        reply: answer.clone(),
        evidence: one_line(text(value, "smtpResponse")),
        ..recipient(address.as_str().unwrap_or_default(), Some(ReportAction::Delivered))
    };
    list(value, "recipients").map(of).collect()
}

fn delayed(value: &Value) -> Vec<RecipientReport> {
    let kind = text(value, "delayType");
    let of = |one: &Value| RecipientReport { action: Some(ReportAction::Delayed), ..bounced_recipient(one, kind) };
    list(value, "delayedRecipients").map(of).collect()
}

fn original(mail: Option<&Value>) -> Option<Original> {
    let headers = mail?.get("commonHeaders")?;
    let first = |name: &str| {
        let field = headers.get(name)?;
        field.as_str().or_else(|| field.as_array()?.first()?.as_str()).map(str::to_owned)
    };
    Some(Original {
        message_id: first("messageId").map(|id| id.trim_matches(['<', '>']).to_owned()),
        subject: first("subject"),
        from: first("from"),
        to: first("to"),
    })
}
