//! What a mail is: the address it came to first, then its content. Pure.

use bounce::{FeedbackType, ReportKind};
use mail_model::NotificationId;

use crate::addresses::Whose;

/// What a mail is to us. The same mail can be different matters to its different recipients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Matter {
    /// A notification came back.
    Bounced(NotificationId),
    /// A recipient reported a notification as spam.
    Complained(NotificationId),
    /// A provider says that somebody complained; whose mail it was must be found in it.
    ComplaintToUs,
    /// A recipient wants no more mail.
    Unsubscribe(NotificationId),
    /// Somebody wants to register.
    Registration {
        /// The school's number.
        school: u32,
        /// The generation of the address.
        generation: u8,
    },
    /// A mail arrived in a mailbox of our own, which forwarded it; its place among them.
    Canary(usize),
    /// For people, as this kind.
    Keep(&'static str),
    /// Counted as this, and done with.
    Count(&'static str),
}

impl Matter {
    /// As in the label of `todoke_inbound_handled_total`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Bounced(_) => "bounce",
            Self::Complained(_) | Self::ComplaintToUs => "complaint",
            Self::Unsubscribe(_) => "unsubscribe",
            Self::Registration { .. } => "registration",
            Self::Canary(_) => "canary",
            Self::Keep(kind) | Self::Count(kind) => kind,
        }
    }
}

/// The table of README.md.
pub(crate) fn recognise(whose: Whose, content: ReportKind) -> Matter {
    match (whose, content) {
        (Whose::Notification(id), ReportKind::Bounce) => Matter::Bounced(id),
        (Whose::Notification(id), ReportKind::Complaint { feedback_type }) if feedback_type.asks_to_stop() => {
            Matter::Complained(id)
        }
        (Whose::Notification(_), ReportKind::Other) => Matter::Keep("reply"),
        (Whose::Unsubscribe(id), ReportKind::Other | ReportKind::AutoReply) => Matter::Unsubscribe(id),
        // Apple Mail marks the mail its "Unsubscribe" sends, and `bounce` names it for what it is.
        (Whose::Unsubscribe(id), ReportKind::Complaint { feedback_type: FeedbackType::OptOut }) => {
            Matter::Unsubscribe(id)
        }
        (Whose::School { number, generation }, ReportKind::Other) => {
            Matter::Registration { school: number, generation }
        }
        // A notice can look like an automatic mail. A report at such an address tells of the forwarding, not of a mail.
        (Whose::Canary(place), ReportKind::Other | ReportKind::AutoReply) => Matter::Canary(place),
        (Whose::Canary(_), _) => Matter::Count("canary_report"),
        (Whose::Postmaster | Whose::Abuse, ReportKind::Complaint { feedback_type }) if feedback_type.asks_to_stop() => {
            Matter::ComplaintToUs
        }
        (Whose::Postmaster | Whose::Abuse, ReportKind::Bounce) => Matter::Keep("unsigned_bounce"),
        (Whose::Postmaster, _) => Matter::Keep("postmaster"),
        (Whose::Abuse, _) => Matter::Keep("abuse"),
        (Whose::School { .. }, _) => Matter::Count("registration_automatic"),
        (Whose::Notification(_) | Whose::Unsubscribe(_), kind) => Matter::Count(counted_as(kind)),
    }
}

fn counted_as(kind: ReportKind) -> &'static str {
    match kind {
        ReportKind::Bounce => "report",
        ReportKind::Delayed => "delayed",
        ReportKind::Delivered => "delivered",
        ReportKind::Relayed => "relayed",
        ReportKind::Complaint { .. } => "feedback",
        ReportKind::AutoReply => "auto_reply",
        ReportKind::ReadReceipt => "read_receipt",
        ReportKind::Other => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mail_model::MessageId;

    #[test]
    fn the_address_decides_first_and_the_content_second() {
        let id = NotificationId { message: MessageId(7), index: 1 };
        let (path, stop) = (Whose::Notification(id), Whose::Unsubscribe(id));
        let school = Whose::School { number: 3, generation: 1 };
        let spam = ReportKind::Complaint { feedback_type: FeedbackType::Abuse };
        let no_spam = ReportKind::Complaint { feedback_type: FeedbackType::NotSpam };
        let table = [
            (path, ReportKind::Bounce, Matter::Bounced(id)),
            (path, ReportKind::Delayed, Matter::Count("delayed")),
            (path, ReportKind::Delivered, Matter::Count("delivered")),
            (path, ReportKind::Relayed, Matter::Count("relayed")),
            (path, spam, Matter::Complained(id)),
            (path, no_spam, Matter::Count("feedback")),
            (path, ReportKind::AutoReply, Matter::Count("auto_reply")),
            (path, ReportKind::ReadReceipt, Matter::Count("read_receipt")),
            (path, ReportKind::Other, Matter::Keep("reply")),
            (stop, ReportKind::Other, Matter::Unsubscribe(id)),
            (stop, ReportKind::AutoReply, Matter::Unsubscribe(id)),
            (stop, ReportKind::Bounce, Matter::Count("report")),
            (stop, spam, Matter::Count("feedback")),
            (stop, ReportKind::Complaint { feedback_type: FeedbackType::OptOut }, Matter::Unsubscribe(id)),
            (school, ReportKind::Other, Matter::Registration { school: 3, generation: 1 }),
            (school, ReportKind::Bounce, Matter::Count("registration_automatic")),
            (school, ReportKind::AutoReply, Matter::Count("registration_automatic")),
            (school, spam, Matter::Count("registration_automatic")),
            (Whose::Canary(2), ReportKind::Other, Matter::Canary(2)),
            (Whose::Canary(2), ReportKind::AutoReply, Matter::Canary(2)),
            (Whose::Canary(2), ReportKind::Bounce, Matter::Count("canary_report")),
            (Whose::Canary(2), spam, Matter::Count("canary_report")),
            (Whose::Abuse, spam, Matter::ComplaintToUs),
            (Whose::Postmaster, spam, Matter::ComplaintToUs),
            (Whose::Abuse, no_spam, Matter::Keep("abuse")),
            (Whose::Postmaster, ReportKind::Bounce, Matter::Keep("unsigned_bounce")),
            (Whose::Abuse, ReportKind::Bounce, Matter::Keep("unsigned_bounce")),
            (Whose::Postmaster, ReportKind::AutoReply, Matter::Keep("postmaster")),
            (Whose::Abuse, ReportKind::Other, Matter::Keep("abuse")),
        ];
        for (whose, content, matter) in table {
            assert_eq!(recognise(whose, content), matter, "{whose:?} {content:?}");
        }
    }
}
