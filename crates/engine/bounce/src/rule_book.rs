//! A table of rules, compiled once and asked in one pass over the words.

use mail_model::Cause;
use regex::bytes::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};

use crate::facts::Facts;
use crate::rule::{Rule, pattern};

/// The memory one table may fill with states found while searching, in bytes, per thread. Hostile texts fill it; a full
/// cache is emptied and costs time, nothing else.
const STATE_CACHE_BYTES_MAX: usize = 1 << 20;

/// The cause a rule found and the rule's full name.
pub(crate) type Finding = (Cause, &'static str);

struct Entry {
    rule: Rule,
    name: String,
    cause: Cause,
    unless: Option<Regex>,
    /// Position among the patterns of `words` or of `marks`, whichever this rule searches.
    at: usize,
}

/// Rules in the order in which they are asked.
pub(crate) struct RuleBook {
    entries: Vec<Entry>,
    words: RegexSet,
    marks: RegexSet,
}

impl RuleBook {
    /// Compiles a table. `cause` is that of the rules that name none; names get `prefix/` before them.
    ///
    /// # Panics
    /// When a phrase is malformed. Phrases are constants, and a test compiles every table.
    pub fn new(prefix: &str, cause: Cause, rules: &[Rule]) -> Self {
        let (mut words, mut marks) = (Vec::new(), Vec::new());
        let mut entries = Vec::with_capacity(rules.len());
        for rule in rules {
            let place = if rule.searches_marks { &mut marks } else { &mut words };
            place.push(pattern(rule.phrases));
            entries.push(Entry {
                rule: *rule,
                name: format!("{prefix}/{}", rule.name),
                cause: rule.cause.unwrap_or(cause),
                unless: (!rule.unless.is_empty()).then(|| compile(rule.unless)),
                at: place.len() - 1,
            });
        }
        Self { entries, words: compile_all(&words), marks: compile_all(&marks) }
    }

    /// The first rule that fits.
    pub fn first(&'static self, facts: &Facts) -> Option<Finding> {
        // Most tables say nothing about most replies; asking whether any rule matches costs a third of asking which.
        let (words, marks) = (facts.words.as_bytes(), facts.marks.as_bytes());
        if !self.words.is_match(words) && (self.marks.is_empty() || !self.marks.is_match(marks)) {
            return None;
        }
        let (words, marks) = (self.words.matches(words), self.marks.matches(marks));
        self.entries
            .iter()
            .filter(|entry| if entry.rule.searches_marks { marks.matched(entry.at) } else { words.matched(entry.at) })
            .find(|entry| {
                entry.rule.admits(facts) && !entry.unless.as_ref().is_some_and(|u| u.is_match(facts.words.as_bytes()))
            })
            .map(|entry| (entry.cause, entry.name.as_str()))
    }
}

// Words are ASCII but for Japanese and Cyrillic literals, which match byte by byte; Unicode classes would only cost.
fn compile(phrases: &[&str]) -> Regex {
    RegexBuilder::new(&pattern(phrases)).unicode(false).build().expect("phrases are constants, compiled by a test")
}

fn compile_all(patterns: &[String]) -> RegexSet {
    RegexSetBuilder::new(patterns)
        .unicode(false)
        .dfa_size_limit(STATE_CACHE_BYTES_MAX)
        .build()
        .expect("phrases are constants, compiled by a test")
}
