//! `[registration]` and `[[registration_schools]]`: guardians register by sending an empty mail.

use std::path::{Path, PathBuf};

use super::text::{HOST_FORM, HostName};
use crate::written::document::Table;
use crate::written::section::{Reading, Section};
use crate::written::setting::{settings, text, whole};
use crate::written::value::At;

/// What a guardian reads when no text is configured.
const DEFAULT_TEXT: &str = "空メールを受け付けました。学校からの次のご案内をお待ちください。\n\
    このメールに心当たりがない場合は、破棄してください。\n";

settings! {
    /// Registration by empty mail: what a mail to a registration address is answered. Needs `[returns]` and
    /// `[inbound]`.
    pub(crate) struct RegistrationWritten in "registration" {
        /// Domain of the registration addresses, whose MX is this engine.
        domain: HostName = required, text(HOST_FORM);
        /// Who answers: a name and an address of a domain that has a DKIM key, so that carriers let the answer in.
        reply_from: String = required, text("a sender such as 学校連絡 <entry@school.example.jp>");
        /// Subject of the answer.
        reply_subject: String = "登録の受付", text("a subject");
        /// File with the text of the answer, UTF-8; `{{ school }}` stands for the school. A short one is built in.
        reply_text_file: Option<At<PathBuf>> = none, text("a path");
        /// Shortest time between two answers to one address. A forged sender must not be flooded through us.
        reply_interval_s: u64 = 600, whole(1, 86_400, "seconds");
        /// Answers to one address in 24 hours.
        replies_per_day_max: u32 = 5, whole(1, 100, "answers");
        /// Answers a minute to everybody. Registration weeks bring a few thousand an hour; a flood must not take the
        /// paths away from notices.
        replies_per_min_max: u32 = 600, whole(1, 100_000, "answers");
    }
}

settings! {
    /// A school whose registration address exists.
    pub(crate) struct RegistrationSchoolWritten in "[registration_schools]" {
        /// Its number, which the address holds. Numbers are never used again.
        number: At<u32> = required, whole(1, 4_294_967_295, "");
        /// Its name, for the answer.
        name: String = required, text("a name");
        /// Which address is in force. A greater number makes a new address and ends the one before.
        generation: u32 = 1, whole(1, 255, "");
        /// Whether the address of the generation before still works: until the letters in circulation are replaced.
        accept_previous: bool = false, crate::written::setting::Kind::Flag;
    }
}

/// Registration by empty mail.
#[derive(Clone, Debug)]
pub struct RegistrationConfig {
    /// Domain of the registration addresses.
    pub domain: HostName,
    /// Who answers.
    pub reply_from: String,
    /// Subject of the answer.
    pub reply_subject: String,
    /// Text of the answer.
    pub reply_text: String,
    /// Shortest time between two answers to one address.
    pub reply_interval_s: u64,
    /// Answers to one address in 24 hours.
    pub replies_per_day_max: u32,
    /// Answers a minute to everybody.
    pub replies_per_min_max: u32,
    /// The schools, by number.
    pub schools: Vec<RegistrationSchool>,
}

/// A school whose registration address exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistrationSchool {
    /// Its number.
    pub number: u32,
    /// Its name.
    pub name: String,
    /// Which address is in force; 1 to 255.
    pub generation: u8,
    /// Whether the address of the generation before still works.
    pub accept_previous: bool,
}

impl RegistrationWritten {
    /// Reads the text of the answer.
    pub(crate) fn usable(
        self,
        section: &Section<'_>,
        base: &Path,
        schools: Vec<RegistrationSchool>,
    ) -> RegistrationConfig {
        let read = |file: &At<PathBuf>| {
            let path = base.join(&file.value);
            std::fs::read_to_string(&path).unwrap_or_else(|error| {
                let what = format!("{} cannot be read ({error})", path.display());
                section.fault_at(file.line, "reply_text_file", what, "name a text file in UTF-8");
                String::new()
            })
        };
        RegistrationConfig {
            reply_text: self.reply_text_file.as_ref().map_or_else(|| DEFAULT_TEXT.to_owned(), read),
            domain: self.domain,
            reply_from: self.reply_from,
            reply_subject: self.reply_subject,
            reply_interval_s: self.reply_interval_s,
            replies_per_day_max: self.replies_per_day_max,
            replies_per_min_max: self.replies_per_min_max,
            schools,
        }
    }
}

/// Reads all schools; a number stands once.
pub(crate) fn read_schools(reading: &Reading, origin: &str, tables: &[&Table]) -> Vec<RegistrationSchool> {
    let mut schools: Vec<RegistrationSchool> = Vec::with_capacity(tables.len());
    for table in tables {
        let section = Section::single(reading, origin, "registration_schools", Some(table));
        let Some(written) = RegistrationSchoolWritten::read(&section) else { continue };
        let number = written.number.value;
        if schools.iter().any(|school| school.number == number) {
            let what = format!("school {number} stands here already");
            section.fault_at(written.number.line, "number", what, "give each school its own number");
            continue;
        }
        schools.push(RegistrationSchool {
            number,
            name: written.name,
            generation: u8::try_from(written.generation).unwrap_or(u8::MAX),
            accept_previous: written.accept_previous,
        });
    }
    schools
}
