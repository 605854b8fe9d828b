//! What a report says about one recipient of ours. Pure.

use bounce::{RecipientReport, ReportAction, ReportedAddress};
use carriers::Directory;
use mail_model::{EmailAddress, Reply};

/// The part of a report that is about the notification sent to `address`: what names it; else a failure; else the first.
///
/// The return path says that the report is about this notification whoever it names: behind a forwarding it names
/// somebody else.
pub(crate) fn about<'r>(recipients: &'r [RecipientReport], address: &EmailAddress) -> Option<&'r RecipientReport> {
    let failed = |r: &&RecipientReport| matches!(r.action, None | Some(ReportAction::Failed));
    let named = |r: &&RecipientReport| {
        [&r.recipient, &r.original_recipient].into_iter().flatten().any(|named| is_same(named, address))
    };
    let mut failures = recipients.iter().filter(failed);
    failures.clone().find(named).or_else(|| failures.next()).or_else(|| recipients.first())
}

/// Whether a report speaks of somebody at another mail system than the one that took our mail.
pub(crate) fn is_elsewhere(told: &RecipientReport, address: &EmailAddress, directory: &Directory) -> bool {
    let Some(ReportedAddress::Email(named)) = &told.recipient else { return false };
    if is_same_text(named.as_str(), address.as_str()) {
        return false;
    }
    let (theirs, ours) = (named.domain(), address.domain());
    let known = |domain| directory.by_domain(domain);
    let one_carrier = known(theirs).is_some() && known(theirs) == known(ours);
    !one_carrier && registrable(theirs) != registrable(ours)
}

/// The words of the other side, as the queue records them. Where a report quotes no reply, the class of its status makes
/// the code, 500 or 400, and the line that decided makes the words.
pub(crate) fn reply(told: &RecipientReport) -> Option<Reply> {
    if let Some(reply) = &told.reply {
        return Some(reply.clone());
    }
    let class = told.status.map(|status| u16::from(status.class) * 100);
    let code = told.reply_code.or(class.filter(|class| *class >= 400));
    let words = told.evidence.clone();
    match code {
        None if words.is_empty() => None,
        code => Some(Reply { code: code.unwrap_or(500), enhanced: told.status, text: words }),
    }
}

/// Whether the report says 4xx: the other side gave up on something that could have passed.
pub(crate) fn is_transient(told: &RecipientReport) -> bool {
    let by_status = told.status.map(|status| status.class == 4);
    by_status.or(told.reply_code.map(|code| (400..500).contains(&code))).unwrap_or(false)
}

fn is_same(named: &ReportedAddress, address: &EmailAddress) -> bool {
    is_same_text(named.as_str(), address.as_str())
}

/// Case and quotes differ between servers: `"a..b"@docomo.ne.jp` is who `a..b@docomo.ne.jp` is.
fn is_same_text(one: &str, other: &str) -> bool {
    let plain = |text: &str| text.trim_matches(['<', '>', ' ']).replace('"', "");
    plain(one).eq_ignore_ascii_case(&plain(other))
}

/// The part of a domain that somebody registered; the domain itself where the list of suffixes knows none.
pub(crate) fn registrable(domain: &str) -> &str {
    psl::domain_str(domain).unwrap_or(domain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine_config::EngineConfig;
    use mail_model::{Cause, EnhancedStatus};

    fn told(recipient: &str, original: Option<&str>, action: ReportAction) -> RecipientReport {
        let read = |text: &str| match text.parse() {
            Ok(address) => ReportedAddress::Email(address),
            Err(_) => ReportedAddress::Raw(text.to_owned()),
        };
        RecipientReport {
            recipient: Some(read(recipient)),
            original_recipient: original.map(read),
            action: Some(action),
            cause: Cause::AddressUnknown,
            status: None,
            reply_code: None,
            reply: None,
            stage: None,
            remote_host: None,
            carrier: None,
            rule: "test".into(),
            evidence: String::new(),
        }
    }

    fn address(text: &str) -> EmailAddress {
        text.parse().unwrap()
    }

    #[test]
    fn the_recipient_that_names_us_is_meant_and_a_failure_before_a_success() {
        use ReportAction::{Delivered, Failed};
        let ours = address("a..b@docomo.ne.jp");
        let other = told("x@example.jp", None, Failed);
        let table = [
            (vec![other.clone(), told("\"A..B\"@docomo.ne.jp", None, Failed)], Some(1)),
            (vec![other.clone(), told("y@example.jp", Some("<a..b@docomo.ne.jp>"), Failed)], Some(1)),
            (vec![told("a..b@docomo.ne.jp", None, Delivered), other.clone()], Some(1)),
            (vec![told("z@example.jp", None, Delivered)], Some(0)),
            (vec![], None),
        ];
        for (recipients, expected) in table {
            assert_eq!(about(&recipients, &ours), expected.map(|at: usize| &recipients[at]), "{recipients:?}");
        }
    }

    #[test]
    fn only_another_system_is_elsewhere() {
        let text = "[engine]\nnode_name = \"mail.example.jp\"\n";
        let directory = Directory::new(EngineConfig::from_toml(text, "test.toml").unwrap().carriers);
        let table = [
            ("taro@docomo.ne.jp", "taro@docomo.ne.jp", false),
            ("taro@docomo.ne.jp", "hanako@gmail.com", true),
            ("taro@docomo.ne.jp", "hanako@docomo.ne.jp", false),
            ("taro@ezweb.ne.jp", "taro@au.com", false),
            ("taro@example.co.jp", "taro@mail.example.co.jp", false),
            ("taro@example.co.jp", "taro@example2.co.jp", true),
            ("taro@a.example", "taro@b.example", true),
            ("taro@example.co.jp", "taro", false),
        ];
        for (ours, named, elsewhere) in table {
            let told = told(named, None, ReportAction::Failed);
            assert_eq!(is_elsewhere(&told, &address(ours), &directory), elsewhere, "{ours} {named}");
        }
        let nobody = RecipientReport { recipient: None, ..told("a@b.jp", None, ReportAction::Failed) };
        assert!(!is_elsewhere(&nobody, &address("taro@docomo.ne.jp"), &directory));
    }

    #[test]
    fn a_reply_is_taken_as_quoted_and_else_made_of_what_the_report_has() {
        let plain = told("a@b.jp", None, ReportAction::Failed);
        let quoted = Reply::new(552, "5.2.2 over quota");
        let status = EnhancedStatus { class: 4, subject: 2, detail: 2 };
        let words = "mailbox is full".to_owned();
        let table = [
            (RecipientReport { reply: Some(quoted.clone()), ..plain.clone() }, Some(quoted), false),
            (
                RecipientReport { status: Some(status), evidence: words.clone(), ..plain.clone() },
                Some(Reply { code: 400, enhanced: Some(status), text: words.clone() }),
                true,
            ),
            (
                RecipientReport { evidence: words.clone(), ..plain.clone() },
                Some(Reply { code: 500, enhanced: None, text: words }),
                false,
            ),
            (
                RecipientReport { reply_code: Some(450), ..plain.clone() },
                Some(Reply { code: 450, enhanced: None, text: String::new() }),
                true,
            ),
            (plain, None, false),
        ];
        for (given, expected, transient) in table {
            assert_eq!((reply(&given), is_transient(&given)), (expected, transient), "{given:?}");
        }
    }
}
