//! Words that only reports use, in the language of [`crate::rule`]. They are asked about the notice, sentence by
//! sentence, and before the words of replies.

use std::sync::LazyLock;

use mail_model::Cause;
use regex::{Regex, RegexBuilder};

use crate::facts::Facts;
use crate::rule::{Rule, says};
use crate::rule_book::{Finding, RuleBook};
use Cause::{
    AddressUnknown, AuthFailed, ConnectionFailed, ContentRejected, DomainUnknown, MailboxDisabled, MailboxFull,
    MessageTooLarge, RateLimited, RecipientFiltered, SenderBlocked, ServerError,
};

/// What au's reports say above a quoted reply, which says less (sources in `jp-carriers.tsv` of the collection).
const AU: &[Rule] = &[
    says("au/disabled", &["account is (disabled|temporarily limited)"]).means(MailboxDisabled),
    says("au/over-quota", &["account is temporarily over quota"]).means(MailboxFull),
];

const NOTICES: &[Rule] = &[
    says(
        "no-connection",
        &[
            "connection refused",
            "host not found try again",
            "lookup did not complete",
            "(temporary failure in|failed) mx lookup",
            "mx lookup (failed|failure)",
        ],
    )
    .means(ConnectionFailed),
    says("no-connection-japanese", &["接続できません", "応答がありません", "タイムアウト"]).means(ConnectionFailed),
    says("hourly-limit", &["max (emails|defers|defers and failures) per hour"]).means(RateLimited),
    says(
        "local-fault",
        &[
            "local delivery failed",
            "home directory is writable",
            "child crashed",
            "(unknown )?mailer error \\d+",
            "lowest numbered mx",
            "points to local host",
        ],
    )
    .unless(&["quota"])
    .means(ServerError),
    says(
        "not-listed",
        &[
            "not (listed|found) in (\\S+ ){0,4}(directory|address book)",
            "not listed in public name",
            "(recipient|mailbox) name is not recogni[sz]ed",
            "unknown recipient",
            "invalid (final delivery userid|user address)",
            "final delivery userid",
            "unknown user",
            "no such (user|recipient|mailbox)",
            "malformed address",
            "may not follow",
            "incorrectly constructed",
            "envelope contains utf8",
            "utf8 but remote",
            "(recipient )?email address is possibly incorrect",
            "account does not exist at (the|this) organi[sz]ation",
            "address not found",
            "because the address couldnt be found",
            "(wasnt|not) found at",
            "not specify a valid notes mail file",
            "not unique",
            "adres(s)?e* (\\S+ ){0,3}(introuvable|nicht gefunden)",
        ],
    )
    .means(AddressUnknown),
    says(
        "not-listed-japanese",
        &[
            "ディレクトリのリストにありません",
            "(宛先|あて先|送信先|アドレス).*(見つかりません|みつかりません|見つかりませんでした|存在しません|不明)",
        ],
    )
    .means(AddressUnknown),
    says("not-listed-chinese", &["(用户|收件人|地址|帐号|账号|邮箱).*不存在", "(用戶|使用者|收件者|地址).*不存在"])
        .means(AddressUnknown),
    says("full-chinese", &["(邮箱|信箱|郵箱).*(已满|已滿|空间不足)"]).means(MailboxFull),
    says("full-japanese", &["(ボックス|受信箱|容量).*(一杯|いっぱい|満杯|超え|オーバー)"]).means(MailboxFull),
    says("full", &["mail ?folder is full", "as their mailbox is full", "message* in recipients mailbox exceeded"])
        .means(MailboxFull),
    says(
        "domain",
        &[
            "domain (\\S+ )?couldnt be found",
            "remote domain doesnt exist",
            "no such domain",
            "no mx found for",
            "mail exchanger or ip address",
            "find any host named",
            "account or domain may not exist",
        ],
    )
    .means(DomainUnknown),
    says(
        "filtered",
        &[
            "each of the following recipients was rejected by a remote mail server",
            "id refuse to receive",
            // biglobe's words for a subscriber's filter and an absent one alike.
            "^mail delivery failed user unknown",
            "delivery to this address is restricted",
            "(dont|do not|doesnt) have permission to send to",
            "not allowed to send to this recipient",
            "recipient (\\S+ )?only accepts mail from",
        ],
    )
    .unless(&["group"])
    .means(RecipientFiltered),
    says(
        "group",
        &["google groups", "group you tried to contact", "permission to post", "not (a )?member", "only members"],
    )
    .means(SenderBlocked),
    says(
        "loop",
        &["loop alert", "duplicated message id", "routing loop", "mail loop", "hop count exceeded", "too many hops"],
    )
    .means(ServerError),
    says("relay-error", &["due to the following smtp relay error", "configured (\\S+ )?incorrectly"])
        .means(ServerError),
    says(
        "content",
        &[
            "blocked by our (\\S+ ){0,3}(firewall|filter)",
            "bulk email filter",
            "spam firewall",
            "spam classification",
            "(contains|contained|infected with|found) (a |the )?virus",
            "(banned|prohibited|forbidden) (content|attachment|file)",
            "as (spam|junk)",
        ],
    )
    .means(ContentRejected),
    says("too-large", &["(message|mail) (\\S+ ){0,3}(too (large|big|long)|larger than)", "size limit"])
        .unless(&["mailbox"])
        .means(MessageTooLarge),
    says("send-as", &["settings for your send mail as", "smtp server does not advertise auth"]).means(SenderBlocked),
    says("sender-authentication", &["smtp auth", "authentication is required"]).means(AuthFailed),
];

/// That a server gave up after a time says nothing of why; every other word goes before it.
const EXPIRY: &[Rule] = &[says(
    "kept-trying",
    &[
        "not delivered within \\d+ days*",
        "(could not|couldnt) (be )?deliver* (\\S+ ){0,4}for (the last )?(more than )?\\d+ (second*|minute*|hour*|day*)",
        "delivery failed \\d+ attempts",
        "after multiple retries",
        "in the queue too long",
        "retry (timeout|time) (\\S+ )?exceeded",
        "retry time not reached",
        "remote host is not responding",
        "host not reachable",
        "has stopped trying",
        "requests to connect",
        "socket error",
        "(unable|able) to (connect successfully|establish an? smtp)",
        "wasnt able to establish",
        "could not be contacted",
        "delivery (attempts )?(will be|were) abandoned",
        "mail(er)? server did not (accept|respond)",
        "envelope expired",
        "(message|mail) (has )?(expired|timed out)",
        "delivery time ?out",
        "unable to deliver (\\S+ ){0,4}in \\d+ (minute*|hour*|day*)",
        "communications? failure (occurred )?",
        "cant connect to any",
        "unable to contact (the )?(destination|remote|recipients?)",
    ],
)
.means(ConnectionFailed)];

/// Sentences of templates that say nothing about the cause but sound as if.
const BOILERPLATE: &[&str] = &[
    "created automatically",
    "google tried to deliver",
    "we recommend contacting",
    "automatically generated",
    "sorry to have to inform you",
    "for further assistance",
    "this is a permanent error",
    "include this problem report",
    "do not reply",
    "don't reply",
    "one or more (of its )?(recipients|destinations)",
    "no further (action|delivery)",
    "mime-encapsulated",
    "mime-formatted",
    "message is in mime format",
    "need further assistance",
    "if you (have|require|sent|still|wish|need)",
    "learn more here",
    "if your message was also sent",
    "contact your",
    "delivery status notification",
    "the following (message|recipient)",
    "delivery has failed to these",
    "generating server",
    "you do not need to re-?send",
    "questions or comments",
    "返信でき",
    "返信いただけません",
    "返信しない",
];

static AU_BOOK: LazyLock<RuleBook> = LazyLock::new(|| RuleBook::new("report", Cause::Other, AU));
static NOTICE_BOOK: LazyLock<RuleBook> = LazyLock::new(|| RuleBook::new("report", Cause::Other, NOTICES));
static EXPIRY_BOOK: LazyLock<RuleBook> = LazyLock::new(|| RuleBook::new("report", Cause::Other, EXPIRY));
static BOILERPLATE_PATTERN: LazyLock<Regex> = LazyLock::new(|| {
    RegexBuilder::new(&BOILERPLATE.join("|"))
        .case_insensitive(true)
        .build()
        .expect("patterns are constants, compiled by a test")
});

/// What au means by its reports.
pub(crate) fn of_au(facts: &Facts) -> Option<Finding> {
    AU_BOOK.first(facts)
}

/// What the words of a notice mean.
pub(crate) fn of_notice(facts: &Facts) -> Option<Finding> {
    NOTICE_BOOK.first(facts)
}

/// What it means that a server gave up.
pub(crate) fn of_expiry(facts: &Facts) -> Option<Finding> {
    EXPIRY_BOOK.first(facts)
}

/// Whether a sentence stands in every report of its kind.
pub(crate) fn is_boilerplate(sentence: &str) -> bool {
    BOILERPLATE_PATTERN.is_match(sentence)
}

#[cfg(test)]
mod tests {
    use mail_model::Reply;

    use super::*;

    #[test]
    fn words_of_reports_have_their_causes() {
        let table = [
            ("User some.name (a@b.jp) not listed in Domino Directory", AddressUnknown),
            ("Could not deliver for the last 432000 seconds. Giving up.", ConnectionFailed),
            ("Your message was not delivered within 0 days and 1 hours.", ConnectionFailed),
            ("As their mailbox is full.", MailboxFull),
            ("As the remote domain doesnt exist", DomainUnknown),
            ("Each of the following recipients was rejected by a remote mail server.", RecipientFiltered),
            ("Due to the following SMTP relay error", ServerError),
            ("送信先メールアドレスが見つかりませんでした。", AddressUnknown),
            ("送信先のサーバーメールボックスが一杯でお届けできませんでした。", MailboxFull),
            ("Invalid final delivery userid: a@b.jp", AddressUnknown),
        ];
        for (words, cause) in table {
            let facts = Facts::of(&Reply::new(550, words), None);
            let found = of_notice(&facts).or_else(|| of_expiry(&facts));
            assert_eq!(found.map(|(cause, _)| cause), Some(cause), "{words}");
        }
        let facts = Facts::of(&Reply::new(550, "The user(s) account is disabled."), None);
        assert_eq!(of_au(&facts).map(|(cause, _)| cause), Some(MailboxDisabled));
        assert!(is_boilerplate("I'm sorry to have to inform you that your message could not"));
    }
}
