//! What a report says, as values.

use std::borrow::Cow;

use mail_model::{CarrierName, Cause, EmailAddress, EnhancedStatus, Reply, Stage};

/// What a mail that came back is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportKind {
    /// At least one recipient did not get the mail, for good.
    Bounce,
    /// A recipient has not got the mail yet; its server goes on trying.
    Delayed,
    /// The mail reached its recipients (a success report, RFC 3461 NOTIFY=SUCCESS).
    Delivered,
    /// The mail went on to a system that sends no reports, or to a list.
    Relayed,
    /// A recipient complained, or a provider did for him (RFC 5965 and its relatives).
    Complaint {
        /// What kind of complaint.
        feedback_type: FeedbackType,
    },
    /// A vacation notice or another automatic answer (RFC 3834).
    AutoReply,
    /// The mail was opened, or thrown away unread (RFC 8098).
    ReadReceipt,
    /// None of these: ordinary mail, and reports that a person forwards.
    Other,
}

impl ReportKind {
    /// The word used in JSON and CSV.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bounce => "bounce",
            Self::Delayed => "delayed",
            Self::Delivered => "delivered",
            Self::Relayed => "relayed",
            Self::Complaint { .. } => "complaint",
            Self::AutoReply => "auto_reply",
            Self::ReadReceipt => "read_receipt",
            Self::Other => "other",
        }
    }
}

/// The type of a complaint: the registry "Feedback Report Type Values" of IANA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedbackType {
    /// Reported as spam.
    Abuse,
    /// Authentication of a mail with our domain failed somewhere (RFC 6591); nobody complained.
    AuthFailure,
    /// Reported as fraud or phishing.
    Fraud,
    /// Found in a spam folder and declared to be none.
    NotSpam,
    /// The recipient wants no more mail.
    OptOut,
    /// A virus was found.
    Virus,
    /// Anything else.
    Other,
}

impl FeedbackType {
    /// Reads the value of `Feedback-Type`.
    pub fn read(value: &str) -> Self {
        match value.trim().to_ascii_lowercase().as_str() {
            "abuse" | "spam" => Self::Abuse,
            "auth-failure" => Self::AuthFailure,
            "fraud" | "phishing" => Self::Fraud,
            "not-spam" => Self::NotSpam,
            "opt-out" | "opt-out-list" | "unsubscribe" => Self::OptOut,
            "virus" => Self::Virus,
            _ => Self::Other,
        }
    }

    /// The word of the registry.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Abuse => "abuse",
            Self::AuthFailure => "auth-failure",
            Self::Fraud => "fraud",
            Self::NotSpam => "not-spam",
            Self::OptOut => "opt-out",
            Self::Virus => "virus",
            Self::Other => "other",
        }
    }

    /// Whether the recipient wants no more of our mail. An authentication failure or "not spam" is no such wish.
    pub fn asks_to_stop(self) -> bool {
        matches!(self, Self::Abuse | Self::Fraud | Self::OptOut | Self::Virus | Self::Other)
    }
}

/// `Action:` of RFC 3464 2.3.3, or what a free text says in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportAction {
    /// Given up.
    Failed,
    /// Not yet delivered, being tried.
    Delayed,
    /// Delivered.
    Delivered,
    /// Handed to a system that sends no reports.
    Relayed,
    /// Handed to several addresses, as a list does.
    Expanded,
}

impl ReportAction {
    /// Reads the value of `Action`, with or without a comment behind it.
    pub fn read(value: &str) -> Option<Self> {
        let word = value.trim().split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
        Some(match word.to_ascii_lowercase().as_str() {
            "failed" | "failure" | "fail" => Self::Failed,
            "delayed" | "delay" | "deferred" => Self::Delayed,
            "delivered" | "deliverable" | "success" => Self::Delivered,
            "relayed" | "relay" => Self::Relayed,
            "expanded" | "expand" => Self::Expanded,
            _ => return None,
        })
    }

    /// What a report is that says this of everybody.
    pub fn kind(self) -> ReportKind {
        match self {
            Self::Failed => ReportKind::Bounce,
            Self::Delayed => ReportKind::Delayed,
            Self::Delivered => ReportKind::Delivered,
            Self::Relayed | Self::Expanded => ReportKind::Relayed,
        }
    }

    /// The word of RFC 3464.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Delayed => "delayed",
            Self::Delivered => "delivered",
            Self::Relayed => "relayed",
            Self::Expanded => "expanded",
        }
    }
}

/// An address as a report writes it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ReportedAddress {
    /// One that we could have sent to.
    Email(EmailAddress),
    /// Something else: a local user's name, an X.400 name, an address in UTF-8. 256 characters at most.
    Raw(String),
}

impl ReportedAddress {
    /// The text.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Email(address) => address.as_str(),
            Self::Raw(text) => text,
        }
    }

    /// The address, if it is one.
    pub fn email(&self) -> Option<&EmailAddress> {
        match self {
            Self::Email(address) => Some(address),
            Self::Raw(_) => None,
        }
    }
}

/// What is said about one recipient. Addresses and quoted texts stand in here: it must not be logged.
#[derive(Clone, Debug, PartialEq)]
pub struct RecipientReport {
    /// Whom the reporting server could not reach; behind a forwarding another address than the one we sent to.
    pub recipient: Option<ReportedAddress>,
    /// The address we sent to, where the report tells it (`Original-Recipient`, or the only `To` of the returned mail).
    pub original_recipient: Option<ReportedAddress>,
    /// What became of the mail.
    pub action: Option<ReportAction>,
    /// Why. [`Cause::Other`] also stands where nothing failed.
    pub cause: Cause,
    /// An enhanced status that really stands in the mail: of the quoted reply, else of the `Status` field.
    pub status: Option<EnhancedStatus>,
    /// The code of the quoted reply.
    pub reply_code: Option<u16>,
    /// The quoted reply itself.
    pub reply: Option<Reply>,
    /// The command that was refused.
    pub stage: Option<Stage>,
    /// The host that refused, as the report names it.
    pub remote_host: Option<String>,
    /// Whose host or domain that is, where this crate has rules for it.
    pub carrier: Option<CarrierName>,
    /// The rule that decided.
    pub rule: Cow<'static, str>,
    /// The words it decided by, as they stand in the mail; one line, 300 characters at most.
    pub evidence: String,
}

impl RecipientReport {
    /// A report that says nothing of a failure.
    pub(crate) fn about(recipient: Option<ReportedAddress>, rule: Cow<'static, str>, evidence: String) -> Self {
        Self {
            original_recipient: recipient.clone(),
            recipient,
            action: None,
            cause: Cause::Other,
            status: None,
            reply_code: None,
            reply: None,
            stage: None,
            remote_host: None,
            carrier: None,
            rule,
            evidence,
        }
    }
}

/// What is known of the mail that came back. Personal data: it must not be logged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Original {
    /// Its Message-ID without angle brackets.
    pub message_id: Option<String>,
    /// Its subject, decoded.
    pub subject: Option<String>,
    /// Its From field.
    pub from: Option<String>,
    /// Its To field.
    pub to: Option<String>,
}

/// What a mail says.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// What it is.
    pub kind: ReportKind,
    /// Each recipient it speaks of. In a forwarded report ([`ReportKind::Other`]) what the forwarded text says, for
    /// people to read; nothing follows from it.
    pub recipients: Vec<RecipientReport>,
    /// The mail it speaks of, where some of it was returned.
    pub original: Option<Original>,
    /// The rule that decided about the kind.
    pub rule: Cow<'static, str>,
    /// The header or line it decided by.
    pub evidence: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_and_feedback_types_are_read_as_they_are_written() {
        for action in ["failed", "delayed", "delivered", "relayed", "expanded"] {
            assert_eq!(ReportAction::read(action).map(ReportAction::as_str), Some(action));
        }
        assert_eq!(ReportAction::read(" Failed (mailbox full)"), Some(ReportAction::Failed));
        assert_eq!(ReportAction::read("nonsense"), None);
        for kind in ["abuse", "auth-failure", "fraud", "not-spam", "opt-out", "virus", "other"] {
            assert_eq!(FeedbackType::read(kind).as_str(), kind);
        }
        assert!(!FeedbackType::NotSpam.asks_to_stop() && !FeedbackType::AuthFailure.asks_to_stop());
    }
}
