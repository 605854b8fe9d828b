//! Reports on delivery: failed, delayed, delivered; by their fields where they have them, else by their words.

use std::borrow::Cow;

use mail_model::EmailAddress;

use super::address;
use super::delivery_status::Group;
use super::host_carrier;
use super::mail::Mail;
use super::model::{RecipientReport, Report, ReportAction, ReportKind, ReportedAddress};
use super::quoted;
use super::reading::{RECIPIENTS_MAX, Reading, unquote};
use super::signs;
use super::transcript::{self, Exchange};
use super::verdict::{Testimony, one_line};

/// Up to so many recipients the words of the notice are weighed for each of them.
const NOTICE_RECIPIENTS_MAX: usize = 50;

/// The report on delivery that a mail is.
pub(crate) fn read(mail: &Mail<'_>) -> Option<Report> {
    let text = mail.notice();
    let unquoted = unquote(&text);
    let reading = Reading::of(mail, unquoted.as_deref().unwrap_or(&text));
    if reading.is_passed_on_by_a_person() {
        return reading.forwarded();
    }
    reading.by_fields().or_else(|| reading.by_words())
}

impl Reading<'_, '_> {
    fn forwarded(self) -> Option<Report> {
        let recipients: Vec<_> = self.groups.iter().map(|group| self.of_group(group)).collect();
        (!recipients.is_empty()).then(|| Report {
            kind: ReportKind::Other,
            recipients,
            original: None,
            rule: Cow::Borrowed("report/forwarded"),
            evidence: one_line(&self.mail.speaker.subject),
        })
    }

    /// By the fields of RFC 3464.
    fn by_fields(&self) -> Option<Report> {
        if !self.has_fields_of_a_machine() {
            return None;
        }
        let groups = self.groups.iter().take(RECIPIENTS_MAX);
        let mut recipients: Vec<_> = groups.map(|group| self.of_group(group)).collect();
        recipients.dedup_by(|later, earlier| later == earlier);
        let kind = kind_of(&recipients)?;
        let evidence =
            recipients.first().and_then(|recipient| recipient.action).map(|a| format!("Action: {}", a.as_str()));
        Some(self.report(kind, recipients, "report/delivery-status", evidence.unwrap_or_default()))
    }

    fn of_group(&self, group: &Group) -> RecipientReport {
        // A final recipient inside the remote's own system (`user@server`) is nobody we know.
        let is_public = |address: &&ReportedAddress| address.email().is_some_and(|email| email.domain().contains('.'));
        let named = group.final_recipient.as_ref().filter(is_public);
        // Exim names the file or the program it could not write to; its header has the address.
        let in_header = self.in_header().first().filter(|_| self.groups.len() == 1).map(|a| address::reported(a));
        let recipient =
            (named.or(group.original_recipient.as_ref()).or(in_header.as_ref())).or(group.final_recipient.as_ref());
        let address = recipient.map(ReportedAddress::as_str).unwrap_or_default();
        let original = group.original_recipient.as_ref().map(ReportedAddress::as_str).unwrap_or_default();
        let is_alone = self.groups.len() == 1;
        let entry = (self.notice.entry(address))
            .or_else(|| self.notice.entry(original))
            .or_else(|| self.notice.entries.first().filter(|_| is_alone && self.notice.entries.len() == 1));
        let exchange = exchange_for(&self.notice.exchanges, address, &group.diagnostic, is_alone);
        let action = group.action.or_else(|| by_class(group)).or(Some(ReportAction::Failed));
        let host = group.remote_host.clone().or_else(|| exchange.and_then(|exchange| exchange.host.map(str::to_owned)));
        let details: &[&str] = entry.map(|entry| entry.details.as_slice()).unwrap_or_default();
        let testimony = Testimony {
            diagnostic: &group.diagnostic,
            status_comment: &group.status_comment,
            status: group.status,
            exit_code: group.exit_code,
            details,
            exchange,
            notice: self.words_for(self.groups.len()),
            is_alone,
            ..Testimony::default()
        };
        let original = group.original_recipient.clone().or_else(|| self.only_addressee());
        self.recipient(recipient.cloned(), original, action, host, testimony)
    }

    /// By the words of the notice.
    fn by_words(&self) -> Option<Report> {
        let speaker = &self.mail.speaker;
        let body = self.notice.body;
        let claims_failure = signs::claims_failure(body);
        let is_delay = speaker.reports_delay && !signs::claims_the_end(body) || signs::claims_delay(body);
        let is_success = !is_delay && (speaker.reports_success || signs::claims_success(body));
        if !(claims_failure || speaker.reports_failure || is_success || is_delay)
            || !self.has_words_of_a_machine(claims_failure)
        {
            return None;
        }
        let action = match (is_success, is_delay) {
            (true, _) => ReportAction::Delivered,
            (_, true) => ReportAction::Delayed,
            _ => ReportAction::Failed,
        };
        let addresses = self.addresses();
        if addresses.is_empty() && self.original.is_none() && self.notice.exchanges.is_empty() {
            return None;
        }
        let is_alone = addresses.len() <= 1;
        let mut recipients: Vec<_> =
            addresses.iter().take(RECIPIENTS_MAX).map(|address| self.of_words(address, action, is_alone)).collect();
        if recipients.is_empty() {
            let testimony = self.testimony("", is_alone);
            recipients.push(self.recipient(None, None, Some(action), None, testimony));
        }
        let kind = kind_of(&recipients)?;
        Some(self.report(kind, recipients, "report/notice", speaker.subject.clone()))
    }

    /// The notice, where not too many recipients share it.
    fn words_for(&self, recipients: usize) -> &str {
        if recipients <= NOTICE_RECIPIENTS_MAX { self.notice.body } else { "" }
    }

    fn testimony<'s>(&'s self, address: &str, is_alone: bool) -> Testimony<'s> {
        let entry = self.notice.entry(address);
        Testimony {
            details: entry.map(|entry| entry.details.as_slice()).unwrap_or_default(),
            exchange: exchange_for(&self.notice.exchanges, address, "", is_alone),
            notice: self.words_for(self.notice.entries.len()),
            is_alone,
            ..Testimony::default()
        }
    }

    fn of_words(&self, address: &str, action: ReportAction, is_alone: bool) -> RecipientReport {
        let testimony = self.testimony(address, is_alone);
        let host = testimony.exchange.and_then(|exchange| exchange.host.map(str::to_owned));
        let recipient = Some(address::reported(address));
        self.recipient(recipient, self.only_addressee(), Some(action), host, testimony)
    }

    fn recipient(
        &self,
        recipient: Option<ReportedAddress>,
        original_recipient: Option<ReportedAddress>,
        action: Option<ReportAction>,
        remote_host: Option<String>,
        testimony: Testimony<'_>,
    ) -> RecipientReport {
        let domain = recipient.as_ref().and_then(ReportedAddress::email).map(EmailAddress::domain);
        let host = remote_host.or_else(|| testimony.details.iter().find_map(|detail| host_in(detail)));
        let carrier = host_carrier::carrier(host.as_deref(), domain);
        let has_failed = matches!(action, None | Some(ReportAction::Failed | ReportAction::Delayed));
        if !has_failed {
            let accepted = [testimony.diagnostic].into_iter().chain(testimony.details.iter().copied());
            let reply = accepted.into_iter().find_map(quoted::acceptance_in).map(|quoted| quoted.reply);
            let about =
                RecipientReport::about(recipient, Cow::Borrowed("report/action"), one_line(testimony.diagnostic));
            return RecipientReport {
                original_recipient: original_recipient.or_else(|| about.recipient.clone()),
                action,
                status: reply.as_ref().and_then(|reply| reply.enhanced).or(testimony.status),
                reply_code: reply.as_ref().map(|reply| reply.code),
                reply,
                remote_host: host,
                carrier,
                ..about
            };
        }
        let judged = Testimony {
            is_delay: action == Some(ReportAction::Delayed),
            is_from_au: self.is_from_au,
            is_refused_by_au_filter: self.is_from_au
                && self.mail.headers.get("X-SPASIGN").is_some_and(|sign| sign.trim() == "NG"),
            carrier: carrier.clone(),
            ..testimony
        }
        .judge();
        RecipientReport {
            original_recipient: original_recipient.or_else(|| recipient.clone()),
            recipient,
            action,
            cause: judged.cause,
            status: judged.status,
            reply_code: judged.reply.as_ref().map(|reply| reply.code),
            reply: judged.reply,
            stage: judged.stage,
            remote_host: host,
            carrier,
            rule: judged.rule,
            evidence: judged.evidence,
        }
    }

    fn report(
        &self,
        kind: ReportKind,
        recipients: Vec<RecipientReport>,
        rule: &'static str,
        evidence: impl AsRef<str>,
    ) -> Report {
        let evidence = one_line(evidence.as_ref());
        Report { kind, recipients, original: self.original.clone(), rule: Cow::Borrowed(rule), evidence }
    }
}

/// A report is what the worst of its recipients is.
fn kind_of(recipients: &[RecipientReport]) -> Option<ReportKind> {
    let has = |wanted| recipients.iter().any(|recipient| recipient.action == Some(wanted));
    let order = [
        ReportAction::Failed,
        ReportAction::Delayed,
        ReportAction::Delivered,
        ReportAction::Relayed,
        ReportAction::Expanded,
    ];
    order.into_iter().find(|action| has(*action)).map(ReportAction::kind)
}

/// Without `Action` the class of the status tells.
fn by_class(group: &Group) -> Option<ReportAction> {
    match group.status?.class {
        2 => Some(ReportAction::Delivered),
        _ => Some(ReportAction::Failed),
    }
}

/// The host in `host mx.b.jp[192.0.2.1] said:` and `mx.b.jp [192.0.2.1] did not like`.
fn host_in(detail: &str) -> Option<String> {
    let (before, _) = detail.split_once('[')?;
    let name = before.trim_end().rsplit(char::is_whitespace).next()?;
    let is_host = name.contains('.') && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
    is_host.then(|| name.to_owned())
}

/// The refusal that belongs to a recipient: one that names him, one that says what the fields say, one by the host of
/// his domain, or the only one there is.
fn exchange_for<'n, 't>(
    exchanges: &'n [Exchange<'t>],
    address: &str,
    diagnostic: &str,
    is_alone: bool,
) -> Option<&'n Exchange<'t>> {
    let real = || exchanges.iter().filter(|exchange| !transcript::is_answer_to_nobody_left(&exchange.reply));
    let names = |text: &str| !address.is_empty() && has_ignoring_case(text, address);
    let said = quoted::refusal_in(diagnostic).map(|quoted| quoted.reply);
    let says_the_same = |exchange: &&Exchange<'_>| {
        let other = quoted::refusal_in(&exchange.reply).map(|quoted| quoted.reply);
        matches!((&said, &other), (Some(said), Some(other)) if said.code == other.code
            && other.text.starts_with(quoted::cut(&said.text, 20)))
    };
    let domain = address.rsplit('@').next().unwrap_or_default();
    real()
        .find(|exchange| names(exchange.command) || names(&exchange.reply) || names(exchange.own_words))
        .or_else(|| real().find(says_the_same))
        .or_else(|| real().find(|e| !domain.is_empty() && e.host.is_some_and(|host| has_ignoring_case(host, domain))))
        .or_else(|| real().next_back().filter(|_| is_alone))
        .or_else(|| exchanges.last().filter(|_| is_alone))
}

fn has_ignoring_case(text: &str, part: &str) -> bool {
    let (text, part) = (text.as_bytes(), part.as_bytes());
    !part.is_empty() && text.windows(part.len()).any(|window| window.eq_ignore_ascii_case(part))
}
