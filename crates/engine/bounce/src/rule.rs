//! One rule: words, and what else must hold.
//!
//! Words are written in a small language over the tokens of [`crate::normalise`]: alternatives `a|b`, groups `(…)`, an
//! optional part `x?`, `*` at the end of a word for any ending (`exceed*`), and a lone `_` for up to five words. A
//! phrase begins and ends at word limits unless it holds Japanese, which has none. `^` and `$` are the text's ends.

use mail_model::{Cause, Stage};

use crate::facts::Facts;

/// The command that names us.
pub(crate) const MAIL: &[Stage] = &[Stage::Mail];
/// The command that names the recipient.
pub(crate) const RCPT: &[Stage] = &[Stage::Rcpt];
/// The content and the command before it.
pub(crate) const CONTENT: &[Stage] = &[Stage::Data, Stage::DataEnd];
/// Everything before the first MAIL.
pub(crate) const HELLO: &[Stage] = &[Stage::Connect, Stage::Greeting, Stage::Ehlo, Stage::StartTls];

/// Alternatives in the language above.
pub(crate) type Phrases = &'static [&'static str];

/// A rule, written as `says("name", &["words"])` and narrowed by what follows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    /// The end of the name under which it appears in verdicts.
    pub name: &'static str,
    /// The words, any of which will do; empty for "whatever is said".
    pub phrases: Phrases,
    /// Words that take it back.
    pub unless: Phrases,
    /// The cause, where it is not that of the whole table.
    pub cause: Option<Cause>,
    /// Whether links and host names are searched instead of the words.
    pub searches_marks: bool,
    codes: &'static [u16],
    other_than_code: u16,
    code_class: u16,
    stages: &'static [Stage],
    other_than_stages: &'static [Stage],
    status: Option<(u16, u16, u16)>,
}

/// A rule that asks for words only.
pub(crate) const fn says(name: &'static str, phrases: Phrases) -> Rule {
    Rule {
        name,
        phrases,
        unless: &[],
        cause: None,
        searches_marks: false,
        codes: &[],
        other_than_code: 0,
        code_class: 0,
        stages: &[],
        other_than_stages: &[],
        status: None,
    }
}

impl Rule {
    /// Stands for this cause.
    pub const fn means(mut self, cause: Cause) -> Self {
        self.cause = Some(cause);
        self
    }

    /// Does not apply where these words stand too.
    pub const fn unless(mut self, phrases: Phrases) -> Self {
        self.unless = phrases;
        self
    }

    /// Only with one of these reply codes.
    pub const fn code(mut self, codes: &'static [u16]) -> Self {
        self.codes = codes;
        self
    }

    /// Not with this reply code.
    pub const fn not_code(mut self, code: u16) -> Self {
        self.other_than_code = code;
        self
    }

    /// Only with 4xx.
    pub const fn transient(mut self) -> Self {
        self.code_class = 4;
        self
    }

    /// Only with 5xx.
    pub const fn permanent(mut self) -> Self {
        self.code_class = 5;
        self
    }

    /// Only where the command is known to be one of these.
    pub const fn at(mut self, stages: &'static [Stage]) -> Self {
        self.stages = stages;
        self
    }

    /// Not where the command is known to be one of these.
    pub const fn except_at(mut self, stages: &'static [Stage]) -> Self {
        self.other_than_stages = stages;
        self
    }

    /// Only with an enhanced status of this subject and a detail in this range, ends included.
    pub const fn status(mut self, subject: u16, first_detail: u16, last_detail: u16) -> Self {
        self.status = Some((subject, first_detail, last_detail));
        self
    }

    /// Searches the links and host names of the reply instead of its words.
    pub const fn in_marks(mut self) -> Self {
        self.searches_marks = true;
        self
    }

    /// Whether everything but the words holds.
    pub fn admits(&self, facts: &Facts) -> bool {
        let status_fits = self.status.is_none_or(|(subject, first, last)| {
            facts.status.is_some_and(|s| s.subject == subject && (first..=last).contains(&s.detail))
        });
        (self.codes.is_empty() || self.codes.contains(&facts.code))
            && facts.code != self.other_than_code
            && (self.code_class == 0 || facts.code / 100 == self.code_class)
            && (self.stages.is_empty() || facts.is_at(self.stages))
            && !facts.is_at(self.other_than_stages)
            && status_fits
    }
}

/// The regular expression of a list of phrases.
pub(crate) fn pattern(phrases: &[&str]) -> String {
    let phrase = phrases.join("|");
    if phrase.is_empty() {
        return String::new();
    }
    let mut out = String::with_capacity(phrase.len() * 2);
    let mut before = ' ';
    for c in phrase.replace(" _ ", "(?: [^ ]+){0,5} ").chars() {
        if c == '*' && before.is_lowercase() {
            out.push_str("[^ ]*");
        } else {
            out.push(c);
        }
        before = c;
    }
    let has_word_limits = !phrase.chars().any(|c| matches!(c, '\u{3000}'..='\u{ffef}'));
    if has_word_limits { format!("(?:^| )(?:{out})(?:$| )") } else { out }
}

#[cfg(test)]
mod tests {
    use regex::Regex;

    use super::*;

    #[test]
    fn phrases_match_whole_words_with_free_endings_and_gaps() {
        let table = [
            ("quota", "over quota", true),
            ("quota", "quotas", false),
            ("exceed*", "has exceeded it", true),
            ("exceed*", "unexceeded", false),
            ("mail ?box full", "mailbox full", true),
            ("mail ?box full", "mail box full", true),
            ("user _ unknown", "user unknown", true),
            ("user _ unknown", "user is in 1 2 3 unknown", true),
            ("user _ unknown", "user is in 1 2 3 4 unknown", false),
            ("^spam$", "spam", true),
            ("^spam$", "no spam", false),
            ("受信拒否", "お客様の受信拒否設定", true),
        ];
        for (phrase, words, matches) in table {
            let regex = Regex::new(&pattern(&[phrase])).unwrap();
            assert_eq!(regex.is_match(words), matches, "{phrase:?} {words:?}");
        }
        assert_eq!(pattern(&[]), "");
    }

    #[test]
    fn conditions_beside_the_words_all_have_to_hold() {
        let facts = |code, status: &str, stage| Facts::of(&mail_model::Reply::new(code, status), stage);
        let rule = says("x", &[]).at(RCPT).permanent().status(7, 20, 29);
        let table = [
            (550, "5.7.23 no", Some(Stage::Rcpt), true),
            (550, "5.7.20 no", Some(Stage::Rcpt), true),
            (550, "5.7.30 no", Some(Stage::Rcpt), false),
            (550, "no", Some(Stage::Rcpt), false),
            (450, "4.7.23 no", Some(Stage::Rcpt), false),
            (550, "5.7.23 no", Some(Stage::Data), false),
            (550, "5.7.23 no", None, false),
        ];
        for (code, status, stage, admits) in table {
            assert_eq!(rule.admits(&facts(code, status, stage)), admits, "{code} {status} {stage:?}");
        }
        let later = says("x", &[]).transient().not_code(421).except_at(CONTENT);
        assert!(later.admits(&facts(450, "", None)));
        assert!(!later.admits(&facts(421, "", None)) && !later.admits(&facts(450, "", Some(Stage::DataEnd))));
    }
}
