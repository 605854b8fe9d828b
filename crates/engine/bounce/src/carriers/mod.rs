//! What particular receivers mean by their words and codes, with the source of each rule beside it.

use std::sync::LazyLock;

use mail_model::{CarrierName, Cause};

use crate::facts::Facts;
use crate::rule::Rule;
use crate::rule_book::{Finding, RuleBook};

mod apple;
mod au;
mod docomo;
mod google;
mod microsoft;
mod rakuten;
mod signatures;
mod softbank;
mod yahoo_inc;
mod yahoo_jp;
mod ymobile;

/// The rules of one carrier: `first` before all words, `last` when neither words nor status told anything.
struct Habits {
    first: RuleBook,
    last: RuleBook,
}

impl Habits {
    // Every rule of a carrier names its cause; `Other` would only show that one does not.
    fn new(prefix: &str, first: &[Rule], last: &[Rule]) -> Self {
        Self { first: RuleBook::new(prefix, Cause::Other, first), last: RuleBook::new(prefix, Cause::Other, last) }
    }
}

static DOCOMO: LazyLock<Habits> = LazyLock::new(|| Habits::new("docomo", docomo::RULES, docomo::LAST));
static AU: LazyLock<Habits> = LazyLock::new(|| Habits::new("au", au::RULES, au::LAST));
static SOFTBANK: LazyLock<Habits> = LazyLock::new(|| Habits::new("softbank", softbank::RULES, softbank::LAST));
static YMOBILE: LazyLock<Habits> = LazyLock::new(|| Habits::new("ymobile", ymobile::RULES, ymobile::LAST));
static RAKUTEN: LazyLock<Habits> = LazyLock::new(|| Habits::new("rakuten", rakuten::RULES, &[]));
static YAHOO_JP: LazyLock<Habits> = LazyLock::new(|| Habits::new("yahoo_jp", yahoo_jp::RULES, &[]));
static GOOGLE: LazyLock<Habits> = LazyLock::new(|| Habits::new("google", google::RULES, &[]));
static APPLE: LazyLock<Habits> = LazyLock::new(|| Habits::new("apple", apple::RULES, &[]));
static MICROSOFT: LazyLock<Habits> = LazyLock::new(|| Habits::new("microsoft", microsoft::RULES, &[]));
static YAHOO_INC: LazyLock<Habits> = LazyLock::new(|| Habits::new("yahoo_inc", yahoo_inc::RULES, &[]));
static SIGNATURES: LazyLock<RuleBook> = LazyLock::new(|| RuleBook::new("signature", Cause::Other, signatures::RULES));

/// The ids of the carrier profiles, and the names people use for the same systems.
fn habits(carrier: &CarrierName) -> Option<&'static Habits> {
    Some(match carrier.as_str() {
        "docomo" => &DOCOMO,
        "au" | "uq" | "kddi" => &AU,
        "softbank" | "softbank_i" => &SOFTBANK,
        "ymobile" | "ymobile_old" | "emobile" | "willcom" => &YMOBILE,
        "rakuten" => &RAKUTEN,
        "yahoo_jp" => &YAHOO_JP,
        "google" | "gmail" => &GOOGLE,
        "apple" | "icloud" => &APPLE,
        "microsoft" | "microsoft365" | "outlook" => &MICROSOFT,
        "yahoo_inc" | "yahoo" | "aol" => &YAHOO_INC,
        _ => return None,
    })
}

/// What this carrier's own rules say.
pub(crate) fn particular(carrier: &CarrierName, facts: &Facts) -> Option<Finding> {
    habits(carrier).and_then(|habits| habits.first.first(facts))
}

/// What codes say that name their issuer, whoever hosts the recipient's domain.
pub(crate) fn signature(facts: &Facts) -> Option<Finding> {
    SIGNATURES.first(facts)
}

/// What this carrier usually means when it says nothing.
pub(crate) fn usual(carrier: &CarrierName, facts: &Facts) -> Option<Finding> {
    habits(carrier).and_then(|habits| habits.last.first(facts))
}

#[cfg(test)]
mod tests {
    use mail_model::Reply;

    use super::*;

    #[test]
    fn every_carrier_rule_names_its_cause() {
        let tables = [
            apple::RULES,
            au::RULES,
            au::LAST,
            docomo::RULES,
            docomo::LAST,
            google::RULES,
            microsoft::RULES,
            rakuten::RULES,
            signatures::RULES,
            softbank::RULES,
            softbank::LAST,
            yahoo_inc::RULES,
            yahoo_jp::RULES,
            ymobile::RULES,
            ymobile::LAST,
        ];
        for rule in tables.iter().copied().flatten() {
            assert!(rule.cause.is_some_and(|cause| cause != Cause::Other), "{}", rule.name);
        }
    }

    #[test]
    fn every_spelling_of_a_carrier_finds_its_rules() {
        let table = [
            ("docomo", "unknown user", "docomo/unknown-user"),
            ("au", "a@b.jp user unknown", "au/user-unknown"),
            ("softbank_i", "invalid recipient", "softbank/invalid-recipient"),
            ("ymobile_old", "mailbox unavailable", "ymobile/mailbox-unavailable"),
            ("rakuten", "user not found", "rakuten/user-not-found"),
            ("yahoo_jp", "deferred", "yahoo_jp/held-back"),
            ("google", "low reputation", "google/low-reputation"),
            ("gmail", "low reputation", "google/low-reputation"),
            ("apple", "[CS01] message rejected", "apple/local-policy"),
            ("icloud", "[CS01] message rejected", "apple/local-policy"),
            ("microsoft", "5.7.606 no", "microsoft/banned-ip"),
            ("microsoft365", "5.7.606 no", "microsoft/banned-ip"),
            ("outlook", "5.7.606 no", "microsoft/banned-ip"),
            ("yahoo_inc", "message not allowed", "yahoo_inc/policy"),
            ("yahoo", "message not allowed", "yahoo_inc/policy"),
        ];
        for (carrier, words, rule) in table {
            let carrier = CarrierName::new(carrier).unwrap();
            let found = particular(&carrier, &Facts::of(&Reply::new(550, words), None));
            assert_eq!(found.map(|(_, rule)| rule), Some(rule), "{carrier:?}");
        }
        assert!(habits(&CarrierName::other()).is_none());
    }
}
