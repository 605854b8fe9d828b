//! Mail that must not be answered automatically (RFC 3834 2): what a machine wrote, and what went to many. Pure.

use bounce::ReportKind;
use mail_model::EmailAddress;

use crate::header::Header;

/// Beyond so many hops a mail runs in circles.
const RECEIVED_MAX: usize = 50;
/// Local parts that machines write from.
const MACHINES: [&str; 9] = [
    "mailer-daemon",
    "postmaster",
    "abuse",
    "noreply",
    "no-reply",
    "no_reply",
    "donotreply",
    "do-not-reply",
    "listserv",
];

/// Why a mail must not be answered; `None` when it may. `is_ours` tells the addresses that only we write from.
pub(crate) fn reason(
    sender: Option<&EmailAddress>,
    mail: &[u8],
    content: ReportKind,
    is_ours: impl Fn(&EmailAddress) -> bool,
) -> Option<&'static str> {
    let Some(sender) = sender else { return Some("null_sender") };
    if is_ours(sender) {
        return Some("own_address");
    }
    if is_machine(sender.local()) {
        return Some("machine_sender");
    }
    if content != ReportKind::Other {
        return Some("report_or_auto_reply");
    }
    let header = Header::read(mail);
    let field_says = |name: &str, says: fn(&str) -> bool| header.values(name).any(|value| says(&value));
    if field_says("auto-submitted", |value| !first_word(value).eq_ignore_ascii_case("no")) {
        return Some("auto_submitted");
    }
    if field_says("precedence", |value| {
        ["bulk", "junk", "list"].iter().any(|w| first_word(value).eq_ignore_ascii_case(w))
    }) {
        return Some("precedence");
    }
    if header.has_prefix("list-") || header.has("mailing-list") || header.has("x-ml-name") {
        return Some("list");
    }
    if header.has("x-loop") || header.has("x-todoke-loop") {
        return Some("loop");
    }
    let answers = ["x-autoreply", "x-autorespond", "x-autoresponder", "x-auto-response-suppress", "x-vacation"];
    if answers.iter().any(|name| header.has(name)) {
        return Some("auto_reply_field");
    }
    if field_says("return-path", |value| value.replace(' ', "") == "<>") {
        return Some("null_sender");
    }
    (header.values("received").count() > RECEIVED_MAX).then_some("too_many_hops")
}

fn is_machine(local: &str) -> bool {
    let local = local.to_ascii_lowercase();
    MACHINES.contains(&local.as_str())
        || local.starts_with("owner-")
        || local.ends_with("-request")
        || local.ends_with("-owner")
        || local.ends_with("-bounces")
        || local.contains("-bounces+")
}

fn first_word(value: &str) -> &str {
    value.split([';', ' ', '(']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(sender: &str, fields: &str) -> Option<&'static str> {
        let sender = (!sender.is_empty()).then(|| sender.parse().unwrap());
        let mail = format!("From: x@docomo.ne.jp\r\n{fields}\r\n\r\n");
        reason(sender.as_ref(), mail.as_bytes(), ReportKind::Other, |a| a.domain() == "entry.example.jp")
    }

    #[test]
    fn what_rfc_3834_forbids_is_not_answered() {
        let table = [
            ("taro@docomo.ne.jp", "Subject: ", None),
            ("a..b.@docomo.ne.jp", "Auto-Submitted: no", None),
            ("a..b.@docomo.ne.jp", "Auto-Submitted: No (by hand)", None),
            ("taro@docomo.ne.jp", "Precedence: first-class", None),
            ("no.reply.yamada@docomo.ne.jp", "Subject: x", None),
            ("", "Subject: ", Some("null_sender")),
            ("r-abc@entry.example.jp", "Subject: ", Some("own_address")),
            ("MAILER-DAEMON@docomo.ne.jp", "", Some("machine_sender")),
            ("no-reply@shop.example", "", Some("machine_sender")),
            ("owner-list@example.jp", "", Some("machine_sender")),
            ("list-bounces+taro=x@example.jp", "", Some("machine_sender")),
            ("taro@docomo.ne.jp", "Auto-Submitted: auto-replied; owner-email=\"x\"", Some("auto_submitted")),
            ("taro@docomo.ne.jp", "auto-SUBMITTED:\r\n auto-generated", Some("auto_submitted")),
            ("taro@docomo.ne.jp", "Precedence: BULK", Some("precedence")),
            ("taro@docomo.ne.jp", "Precedence: junk", Some("precedence")),
            ("taro@docomo.ne.jp", "Precedence: list", Some("precedence")),
            ("taro@docomo.ne.jp", "List-Unsubscribe: <mailto:x@y>", Some("list")),
            ("taro@docomo.ne.jp", "List-Id: PTA", Some("list")),
            ("taro@docomo.ne.jp", "X-ML-Name: pta", Some("list")),
            ("taro@docomo.ne.jp", "X-Loop: taro", Some("loop")),
            ("taro@docomo.ne.jp", "X-Auto-Response-Suppress: All", Some("auto_reply_field")),
            ("taro@docomo.ne.jp", "X-Autorespond: yes", Some("auto_reply_field")),
            ("taro@docomo.ne.jp", "Return-Path: <>", Some("null_sender")),
        ];
        for (sender, fields, expected) in table {
            assert_eq!(asked(sender, fields), expected, "{sender} {fields}");
        }
    }

    #[test]
    fn a_mail_that_runs_in_circles_is_not_answered() {
        for (hops, expected) in [(50, None), (51, Some("too_many_hops"))] {
            let fields = "Received: by x\r\n".repeat(hops);
            assert_eq!(asked("taro@docomo.ne.jp", fields.trim_end()), expected, "{hops}");
        }
    }

    #[test]
    fn what_reads_as_a_report_or_a_vacation_notice_is_not_answered() {
        let sender: EmailAddress = "taro@docomo.ne.jp".parse().unwrap();
        for content in [ReportKind::AutoReply, ReportKind::Bounce, ReportKind::ReadReceipt, ReportKind::Delayed] {
            let found = reason(Some(&sender), b"Subject: x\r\n\r\n", content, |_| false);
            assert_eq!(found, Some("report_or_auto_reply"), "{content:?}");
        }
    }
}
