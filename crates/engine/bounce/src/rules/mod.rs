//! The words of all causes, and in which order they are asked.

use std::sync::LazyLock;

use mail_model::Cause;

use crate::facts::Facts;
use crate::rule::{CONTENT, MAIL};
use crate::rule_book::{Finding, RuleBook};

mod address_unknown;
mod auth_failed;
mod connection_failed;
mod content_rejected;
mod domain_unknown;
mod mailbox_disabled;
mod mailbox_full;
mod message_too_large;
mod rate_limited;
mod recipient_filtered;
mod relaying;
mod sender_blocked;
mod server_error;

/// Words that decide whatever status stands beside them. Narrow causes come before broad ones: "mailbox of the user is
/// over quota" speaks of a quota first and of a user last, and half of all texts on spam also say "message rejected".
static DECISIVE: LazyLock<[RuleBook; 14]> = LazyLock::new(|| {
    [
        RuleBook::new("words", Cause::ServerError, relaying::DECISIVE),
        RuleBook::new("words", Cause::ServerError, server_error::SYNTAX),
        RuleBook::new("words", Cause::AuthFailed, auth_failed::DECISIVE),
        RuleBook::new("words", Cause::MailboxFull, mailbox_full::DECISIVE),
        RuleBook::new("words", Cause::RateLimited, rate_limited::DECISIVE),
        RuleBook::new("words", Cause::MessageTooLarge, message_too_large::DECISIVE),
        RuleBook::new("words", Cause::RecipientFiltered, recipient_filtered::DECISIVE),
        RuleBook::new("words", Cause::SenderBlocked, sender_blocked::DECISIVE),
        RuleBook::new("words", Cause::MailboxDisabled, mailbox_disabled::DECISIVE),
        RuleBook::new("words", Cause::DomainUnknown, domain_unknown::DECISIVE),
        RuleBook::new("words", Cause::AddressUnknown, address_unknown::DECISIVE),
        RuleBook::new("words", Cause::ContentRejected, content_rejected::DECISIVE),
        RuleBook::new("words", Cause::ConnectionFailed, connection_failed::DECISIVE),
        RuleBook::new("words", Cause::ServerError, server_error::DECISIVE),
    ]
});

/// Words that a telling status overrules.
static LIKELY: LazyLock<[RuleBook; 14]> = LazyLock::new(|| {
    [
        RuleBook::new("words", Cause::ContentRejected, content_rejected::ORDINARY),
        RuleBook::new("words", Cause::SenderBlocked, sender_blocked::ORDINARY),
        RuleBook::new("words", Cause::AuthFailed, auth_failed::HINTS),
        RuleBook::new("words", Cause::MailboxFull, mailbox_full::HINTS),
        RuleBook::new("words", Cause::RateLimited, rate_limited::HINTS),
        RuleBook::new("words", Cause::MessageTooLarge, message_too_large::HINTS),
        RuleBook::new("words", Cause::RecipientFiltered, recipient_filtered::HINTS),
        RuleBook::new("words", Cause::MailboxDisabled, mailbox_disabled::HINTS),
        RuleBook::new("words", Cause::DomainUnknown, domain_unknown::HINTS),
        RuleBook::new("words", Cause::AddressUnknown, address_unknown::HINTS),
        RuleBook::new("words", Cause::ContentRejected, content_rejected::HINTS),
        RuleBook::new("words", Cause::SenderBlocked, sender_blocked::HINTS),
        RuleBook::new("words", Cause::ConnectionFailed, connection_failed::HINTS),
        RuleBook::new("words", Cause::ServerError, server_error::HINTS),
    ]
});

/// What words say that need no support by a status.
pub(crate) fn decisive(facts: &Facts) -> Option<Finding> {
    DECISIVE.iter().find_map(|book| book.first(facts)).map(|finding| by_command(finding, facts))
}

/// What words suggest when the status is silent.
pub(crate) fn likely(facts: &Facts) -> Option<Finding> {
    LIKELY.iter().find_map(|book| book.first(facts)).map(|finding| by_command(finding, facts))
}

/// Who is meant depends on the command: after MAIL it is us, and a name that RCPT accepted is no longer unknown.
fn by_command(finding: Finding, facts: &Facts) -> Finding {
    let (cause, _) = finding;
    if facts.is_at(MAIL) {
        return match cause {
            Cause::AddressUnknown | Cause::MailboxDisabled | Cause::RecipientFiltered => {
                (Cause::SenderBlocked, "words/sender-blocked/our-address-after-mail")
            }
            Cause::DomainUnknown => (Cause::AuthFailed, "words/auth-failed/our-domain-after-mail"),
            _ => finding,
        };
    }
    let names_the_address = facts.status.is_some_and(|status| status.subject == 1);
    let is_about_all_recipients = facts.words.contains("no valid recipient") || facts.words.contains("no recipients");
    if cause == Cause::AddressUnknown && facts.is_at(CONTENT) && !names_the_address && !is_about_all_recipients {
        return (Cause::RecipientFiltered, "words/recipient-filtered/unknown-after-data");
    }
    finding
}

#[cfg(test)]
mod tests {
    use mail_model::{Reply, Stage};

    use super::*;

    #[test]
    fn after_mail_unknown_names_are_ours_and_after_data_they_are_filters() {
        let table = [
            (Stage::Mail, "no such user", Cause::SenderBlocked),
            (Stage::Rcpt, "no such user", Cause::AddressUnknown),
            (Stage::Data, "no such user", Cause::RecipientFiltered),
            (Stage::DataEnd, "no such user", Cause::RecipientFiltered),
            (Stage::DataEnd, "5.1.1 no such user", Cause::AddressUnknown),
            (Stage::Data, "no valid recipients", Cause::AddressUnknown),
            (Stage::Mail, "no such domain", Cause::AuthFailed),
            (Stage::Rcpt, "no such domain", Cause::DomainUnknown),
        ];
        for (stage, words, cause) in table {
            let found = decisive(&Facts::of(&Reply::new(550, words), Some(stage)));
            assert_eq!(found.map(|(cause, _)| cause), Some(cause), "{stage} {words}");
        }
    }

    #[test]
    fn every_table_compiles_and_says_nothing_about_an_empty_reply() {
        let facts = Facts::of(&Reply::new(550, ""), None);
        assert_eq!(decisive(&facts), None);
        assert_eq!(likely(&facts), None);
    }
}
