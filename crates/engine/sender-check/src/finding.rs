//! What the check found: one finding a fact, with its words in two languages and the record to publish.

use serde::Serialize;

use crate::objection::Objection;

/// How bad it is. The order is that of attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// As it should be.
    Ok,
    /// Worth knowing; nothing has to be done.
    Note,
    /// Mail goes out, and something speaks against us.
    Warning,
    /// DNS did not answer, so nobody can tell.
    Unknown,
    /// At least one carrier refuses, hides or drops mail for it, or we would not hear of bounces.
    Error,
}

/// What was looked at. The order is that of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// The domain that recipients see.
    FromDomain,
    /// Which addresses may send for a domain.
    Spf,
    /// The keys that mail is signed with.
    Dkim,
    /// What binds both to the domain that recipients see.
    Dmarc,
    /// The addresses mail leaves from, and what they call themselves.
    Sources,
    /// Where bounces come back to.
    Returns,
    /// Where registration mails arrive.
    Registration,
    /// Encryption of what comes back.
    Tls,
}

/// A language that findings are told in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// Japanese.
    Ja,
    /// English.
    En,
}

/// One text in both languages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Words {
    /// Japanese.
    pub ja: String,
    /// English.
    pub en: String,
}

impl Words {
    /// The text in one language.
    pub fn in_language(&self, language: Language) -> &str {
        match language {
            Language::Ja => &self.ja,
            Language::En => &self.en,
        }
    }
}

/// Makes [`Words`] of two literals, both of which may name variables in braces.
macro_rules! words {
    ($ja:literal, $en:literal $(,)?) => {
        $crate::finding::Words { ja: std::fmt::format(format_args!($ja)), en: std::fmt::format(format_args!($en)) }
    };
}
pub(crate) use words;

/// A record to publish.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DnsRecord {
    /// Full name, without the final dot.
    pub name: String,
    /// `TXT`, `MX`, `A`, `AAAA` or `PTR`.
    pub kind: &'static str,
    /// The value; for TXT the text without quotes.
    pub value: String,
}

/// Longest string in a TXT record, RFC 1035 3.3. Longer texts are several strings of one record.
const TXT_STRING_BYTES_MAX: usize = 255;

impl DnsRecord {
    /// A TXT record.
    pub fn txt(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), kind: "TXT", value: value.into() }
    }

    /// Another record.
    pub fn of(kind: &'static str, name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), kind, value: value.into() }
    }

    /// As a line of a zone file, ready to be copied.
    pub fn line(&self) -> String {
        let Self { name, kind, value } = self;
        if *kind != "TXT" {
            return format!("{name}. IN {kind} {value}");
        }
        let mut line = format!("{name}. IN TXT");
        let mut string = String::new();
        for letter in value.chars() {
            if string.len() + letter.len_utf8() > TXT_STRING_BYTES_MAX {
                line.push_str(&format!(" \"{}\"", escaped(&string)));
                string.clear();
            }
            string.push(letter);
        }
        line.push_str(&format!(" \"{}\"", escaped(&string)));
        line
    }
}

/// Quotes and backslashes of a zone file's string, RFC 1035 5.1.
fn escaped(string: &str) -> String {
    string.replace('\\', "\\\\").replace('"', "\\\"")
}

/// One fact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it is, for programs: `spf/none`, `dkim/other-key` … Never changes its meaning.
    pub id: &'static str,
    /// What was looked at.
    pub check: Check,
    /// The domain, host, address or record that is meant.
    pub subject: String,
    /// How bad it is.
    pub level: Level,
    /// Who would object, and how. Empty where nobody is known to.
    pub who: Vec<Objection>,
    /// What was found.
    pub found: Words,
    /// What to do.
    pub remedy: Option<Words>,
    /// Records to publish, ready to be copied.
    pub records: Vec<DnsRecord>,
    /// Where the rule stands: an RFC's section or a carrier's page.
    pub source: &'static str,
}

impl Finding {
    /// A finding without objections, remedy and records.
    pub(crate) fn new(
        id: &'static str,
        (check, subject): (Check, &str),
        level: Level,
        source: &'static str,
        found: Words,
    ) -> Self {
        let who = Vec::new();
        Self { id, check, subject: subject.to_owned(), level, who, found, remedy: None, records: Vec::new(), source }
    }

    /// Names who objects.
    pub(crate) fn objected(mut self, who: Vec<Objection>) -> Self {
        self.who = who;
        self
    }

    /// Says what to do.
    pub(crate) fn remedy(mut self, words: Words) -> Self {
        self.remedy = Some(words);
        self
    }

    /// Adds a record to publish.
    pub(crate) fn publish(mut self, record: DnsRecord) -> Self {
        self.records.push(record);
        self
    }

    /// That a question to DNS had no answer.
    pub(crate) fn unanswered(id: &'static str, place: (Check, &str), name: &str, kind: &str) -> Self {
        let found = words!("DNS が {name} の {kind} に答えませんでした。", "DNS gave no answer for {kind} of {name}.",);
        Self::new(id, place, Level::Unknown, "RFC 1035", found).remedy(words!(
            "時間をおいてもう一度実行してください。続くときは、このドメインの DNS サーバーを確かめてください。",
            "Run this again later. If it stays, look after the DNS servers of this domain.",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_published_as_strings_of_at_most_255_bytes() {
        let record = DnsRecord::txt("s._domainkey.example.jp", "x".repeat(600));
        let line = record.line();
        let strings: Vec<&str> = line.split('"').skip(1).step_by(2).collect();
        assert_eq!(strings.iter().map(|s| s.len()).collect::<Vec<_>>(), [255, 255, 90]);
        assert!(line.starts_with("s._domainkey.example.jp. IN TXT \"xxx"));
        assert_eq!(DnsRecord::of("MX", "a.jp", "10 mx.a.jp.").line(), "a.jp. IN MX 10 mx.a.jp.");
        assert_eq!(DnsRecord::txt("a.jp", "say \"hi\"").line(), r#"a.jp. IN TXT "say \"hi\"""#);
    }
}
