//! Why one recipient did not get the mail: replies, statuses and words of a report weighed against each other.

use std::borrow::Cow;

use mail_model::{CarrierName, Cause, EnhancedStatus, Reply, Stage};

use super::phrases;
use super::quoted::{self, Quoted};
use super::stage_words::stage_in;
use super::transcript::Exchange;
use crate::classify::classify_quoted_reply;
use crate::facts::Facts;
use crate::rule_book::Finding;
use crate::{carriers, rules, status};

/// How long a quoted line may be, in characters.
const EVIDENCE_CHARS_MAX: usize = 300;
/// How many sentences of a notice are judged, and how long each may be in bytes.
const SENTENCES_MAX: usize = 16;
const SENTENCE_BYTES_MAX: usize = 600;

/// All that a report says about one recipient.
#[derive(Debug, Default)]
pub(crate) struct Testimony<'t> {
    /// `Diagnostic-Code`.
    pub diagnostic: &'t str,
    /// The words in brackets behind `Status`.
    pub status_comment: &'t str,
    /// `Status`.
    pub status: Option<EnhancedStatus>,
    /// The exit code of a program (`Diagnostic-Code: X-Unix; 77`).
    pub exit_code: Option<u16>,
    /// What the notice says of this recipient.
    pub details: &'t [&'t str],
    /// The refusal in a quoted conversation.
    pub exchange: Option<&'t Exchange<'t>>,
    /// The whole notice.
    pub notice: &'t str,
    /// Whether the notice speaks of nobody else.
    pub is_alone: bool,
    /// Whether the server goes on trying.
    pub is_delay: bool,
    /// Whether the report comes from au.
    pub is_from_au: bool,
    /// Whether au marked the report as the work of a subscriber's filter (`X-SPASIGN: NG`).
    pub is_refused_by_au_filter: bool,
    /// Whose words the reply is written in.
    pub carrier: Option<CarrierName>,
}

/// What follows from it.
#[derive(Debug)]
pub(crate) struct Judgement {
    pub cause: Cause,
    pub rule: Cow<'static, str>,
    pub evidence: String,
    pub reply: Option<Reply>,
    pub stage: Option<Stage>,
    pub status: Option<EnhancedStatus>,
}

/// One candidate for a verdict.
type Opinion = (Cause, Cow<'static, str>, String);

impl Testimony<'_> {
    /// Weighs everything. What au says above the reply first; then the reply, if its words or its status tell; then the
    /// words of the report; last what code and status lean to.
    pub fn judge(&self) -> Judgement {
        let quoted = self.quoted();
        let stage = self.stage(quoted.as_ref().map(|(quoted, _)| quoted));
        let (reply, source) = match quoted {
            Some((quoted, source)) => (Some(quoted.reply), source),
            None => (None, ""),
        };
        let by_reply = reply.as_ref().map(|reply| self.by_reply(reply, source, stage));
        let is_strong = |(_, rule, _): &Opinion| !rule.starts_with("code/") && !rule.starts_with("status-subject/");
        let (strong, weak) = match by_reply {
            Some(opinion) if is_strong(&opinion) => (Some(opinion), None),
            other => (None, other),
        };
        let (cause, rule, evidence) = (self.by_au())
            .or(strong)
            .or_else(|| self.by_exit_code(stage))
            .or_else(|| self.by_words(stage))
            .or_else(|| self.by_notice(stage, reply.is_some()))
            .or(weak)
            .or_else(|| self.by_status(stage))
            .unwrap_or_else(|| (Cause::Other, Cow::Borrowed("report/no-reason"), one_line(self.any_words())));
        let status = self.reported_status(reply.as_ref());
        Judgement { cause, rule, evidence, reply, stage, status }
    }

    /// The quoted reply that says most, and the text it stands in.
    fn quoted(&self) -> Option<(Quoted, &str)> {
        let by_diagnostic = quoted::refusal_in(self.diagnostic).map(|quoted| (quoted, self.diagnostic));
        let by_exchange = self.exchange.and_then(|exchange| {
            let quoted = quoted::refusal_in(&exchange.reply)?;
            Some((quoted, exchange.reply.as_str()))
        });
        match (by_diagnostic, by_exchange) {
            // sendmail reports the first line of a reply, the transcript has all of them.
            (Some(short), Some(long)) if is_longer_form(&long.0.reply, &short.0.reply) => Some(long),
            (Some(found), _) | (None, Some(found)) => Some(found),
            (None, None) => (self.details.iter())
                .chain(self.is_alone.then_some(&self.notice))
                .find_map(|text| Some((quoted::refusal_in(text)?, *text))),
        }
    }

    fn stage(&self, quoted: Option<&Quoted>) -> Option<Stage> {
        let same_code = |exchange: &&Exchange<'_>| {
            let code = quoted::refusal_in(&exchange.reply).map(|other| other.reply.code);
            quoted.is_none_or(|quoted| code == Some(quoted.reply.code))
        };
        (self.exchange.filter(same_code).and_then(|exchange| exchange.stage))
            .or_else(|| stage_in(self.diagnostic))
            .or_else(|| self.details.iter().find_map(|detail| stage_in(detail)))
            .or_else(|| stage_in(self.status_comment))
            .or_else(|| self.is_alone.then(|| stage_in(self.notice)).flatten())
    }

    fn carrier(&self) -> CarrierName {
        self.carrier.clone().unwrap_or_else(CarrierName::other)
    }

    fn by_reply(&self, reply: &Reply, source: &str, stage: Option<Stage>) -> Opinion {
        let judged = Reply { enhanced: reply.enhanced.or(self.status), ..reply.clone() };
        let verdict = classify_quoted_reply(&judged, stage, &self.carrier());
        (verdict.cause, verdict.rule, line_of(source, reply.code))
    }

    fn by_au(&self) -> Option<Opinion> {
        if self.is_refused_by_au_filter {
            return Some((Cause::RecipientFiltered, Cow::Borrowed("report/au/filter"), "X-SPASIGN: NG".to_owned()));
        }
        let facts = self.is_from_au.then(|| self.facts(quoted::cut(self.notice, 1500), None))?;
        phrases::of_au(&facts).map(|finding| self.opinion(finding, self.notice))
    }

    /// Words without a code as the texts of replies are judged: clear words, a telling status, vague words.
    fn by_words(&self, stage: Option<Stage>) -> Option<Opinion> {
        let texts = [self.diagnostic, self.status_comment].into_iter().chain(self.details.iter().copied());
        let facts: Vec<_> = texts
            .map(what_was_said)
            .filter(|text| !text.trim().is_empty())
            .take(4)
            .map(|text| (self.facts(quoted::cut(text, SENTENCE_BYTES_MAX), stage), text))
            .collect();
        let ask = |question: fn(&Facts, &CarrierName) -> Option<Finding>| {
            let carrier = self.carrier();
            facts.iter().find_map(|(facts, text)| Some(self.opinion(question(facts, &carrier)?, text)))
        };
        ask(|facts, _| phrases::of_notice(facts))
            .or_else(|| ask(|facts, carrier| carriers::particular(carrier, facts)))
            .or_else(|| ask(|facts, _| carriers::signature(facts)))
            .or_else(|| ask(|facts, _| rules::decisive(facts)))
            .or_else(|| ask(|facts, _| phrases::of_expiry(facts)))
            .or_else(|| {
                let facts = self.facts("", stage);
                let (cause, rule) = status::telling(&facts)?;
                Some((cause, rule, self.status_line()))
            })
            .or_else(|| ask(|facts, _| rules::likely(facts)))
    }

    /// A program of the remote failed with an exit code of sysexits.h; 67 is "no such user".
    fn by_exit_code(&self, stage: Option<Stage>) -> Option<Opinion> {
        let code = self.exit_code?;
        let by_words =
            self.by_words(stage).filter(|(cause, ..)| matches!(cause, Cause::MailboxFull | Cause::AddressUnknown));
        let cause = if code == 67 { Cause::AddressUnknown } else { Cause::ServerError };
        by_words.or_else(|| Some((cause, Cow::Owned(format!("report/exit-code/{code}")), format!("X-Unix; {code}"))))
    }

    /// The notice, sentence by sentence.
    fn by_notice(&self, stage: Option<Stage>, has_reply: bool) -> Option<Opinion> {
        let sentences: Vec<_> = paragraphs(self.notice)
            .take(SENTENCES_MAX)
            .map(|sentence| (self.facts(&sentence, stage), sentence))
            .collect();
        let ask = |question: fn(&Facts) -> Option<Finding>, with_templates: bool| {
            let asked = sentences.iter().filter(|(_, sentence)| with_templates || !phrases::is_boilerplate(sentence));
            asked.into_iter().find_map(|(facts, sentence)| Some(self.opinion(question(facts)?, sentence)))
        };
        // Beside a quoted reply the other sentences are the template's.
        let in_general = |question| if has_reply { None } else { ask(question, false) };
        (ask(phrases::of_notice, true).or_else(|| in_general(rules::decisive)))
            .or_else(|| ask(phrases::of_expiry, false))
            .or_else(|| in_general(rules::likely))
    }

    fn by_status(&self, stage: Option<Stage>) -> Option<Opinion> {
        let (cause, rule) = status::vague(&self.facts("", stage))?;
        Some((cause, rule, self.status_line()))
    }

    /// Words as if they stood in a reply: the rules ask for a class, not for a code.
    fn facts(&self, words: &str, stage: Option<Stage>) -> Facts {
        let is_transient = self.is_delay || self.status.is_some_and(|status| status.class == 4);
        let code = if is_transient { 450 } else { 550 };
        Facts::of(&Reply { code, enhanced: self.status, text: words.to_owned() }, stage)
    }

    fn opinion(&self, (cause, rule): Finding, text: &str) -> Opinion {
        (cause, Cow::Borrowed(rule), one_line(text))
    }

    fn status_line(&self) -> String {
        self.status.map(|status| format!("Status: {status}")).unwrap_or_default()
    }

    fn any_words(&self) -> &str {
        let texts = [self.diagnostic, self.status_comment].into_iter().chain(self.details.iter().copied());
        texts.chain([self.notice]).find(|text| !text.trim().is_empty()).unwrap_or_default()
    }

    /// The status of the reply, unless it says nothing (x.0.0) and the `Status` field says more.
    fn reported_status(&self, reply: Option<&Reply>) -> Option<EnhancedStatus> {
        let of_reply = reply.and_then(|reply| reply.enhanced.or_else(|| status_inside(&reply.text)));
        let of_words = || {
            let texts = [self.diagnostic].into_iter().chain(self.details.iter().copied());
            texts.chain(self.is_alone.then_some(self.notice)).find_map(status_inside)
        };
        let telling = of_reply.filter(|status| (status.subject, status.detail) != (0, 0));
        telling.or(self.status).or(of_reply).or_else(of_words)
    }
}

/// A status inside running words: `over quota (#5.1.1)`.
fn status_inside(text: &str) -> Option<EnhancedStatus> {
    status_at(text).map(|(status, _)| status)
}

/// The status and where it ends.
fn status_at(text: &str) -> Option<(EnhancedStatus, usize)> {
    let text = quoted::cut(text, 2048);
    let bytes = text.as_bytes();
    memchr::memchr_iter(b'.', bytes).find_map(|dot| {
        let from = dot.checked_sub(1)?;
        let before = from.checked_sub(1).and_then(|at| bytes.get(at));
        if !before.is_none_or(|b| b" \t\n(#[<:;,'\"-".contains(b)) {
            return None;
        }
        let token = text.get(from..)?.split(|c: char| !c.is_ascii_digit() && c != '.').next()?.trim_end_matches('.');
        let (status, rest) = EnhancedStatus::read(token)?;
        let is_followed_by_word = bytes.get(from + token.len()).is_some_and(|b| b.is_ascii_alphabetic() || *b == b'.');
        let ends_sentence = bytes.get(from + token.len()) == Some(&b'.');
        (status.class != 2 && rest.is_empty() && (!is_followed_by_word || ends_sentence))
            .then_some((status, from + token.len()))
    })
}

/// The words behind a template's introduction and before its end.
fn what_was_said(text: &str) -> &str {
    const INTRODUCTIONS: [&str; 5] =
        ["returned was:", "response was:", "reason for the problem:", "with failure:", "following reason:"];
    let begin = INTRODUCTIONS.iter().find_map(|words| Some(text.find(words)? + words.len())).unwrap_or(0);
    let text = text.get(begin..).unwrap_or_default();
    let end = text.find("I'm not going to try again").filter(|end| *end > 8).unwrap_or(text.len());
    let text = text.get(..end).unwrap_or_default();
    // A reply whose code was left out: the words behind its status.
    let behind_status = status_at(text).and_then(|(_, end)| text.get(end..)).map(str::trim_start);
    behind_status.filter(|words| words.len() > 8).unwrap_or(text)
}

fn is_longer_form(long: &Reply, short: &Reply) -> bool {
    let beginning = quoted::cut(&short.text, 24);
    long.code == short.code && long.text.len() > short.text.len() && long.text.starts_with(beginning)
}

/// The text between blank lines, each as one line.
fn paragraphs(text: &str) -> impl Iterator<Item = String> {
    let mut lines = text.lines();
    std::iter::from_fn(move || {
        let mut out = String::new();
        loop {
            let Some(line) = lines.next().map(str::trim) else { return (!out.is_empty()).then_some(out) };
            let is_heading = ["---", "===", "***", "###", "___"].iter().any(|rule| line.starts_with(rule));
            let words = if is_heading { "" } else { line.trim_matches(|c: char| "-=*#_+ ".contains(c)) };
            if words.is_empty() && !out.is_empty() {
                return Some(out);
            }
            if !words.is_empty() {
                out.push_str(if out.is_empty() { "" } else { " " });
                out.push_str(quoted::cut(words, SENTENCE_BYTES_MAX));
            }
            // A full stop at the end of a line ends the sentence; templates put several into one paragraph.
            if out.len() > SENTENCE_BYTES_MAX || (!out.is_empty() && line.ends_with(['.', '。', '!'])) {
                return Some(out);
            }
        }
    })
}

/// The line of a text on which a code stands, continued to a reasonable length.
fn line_of(text: &str, code: u16) -> String {
    let code = code.to_string();
    let begin = text.find(&code).unwrap_or(0);
    let line_start = text.get(..begin).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
    one_line(text.get(line_start..).unwrap_or_default())
}

/// A quotation: one line, single spaces, no control characters, of limited length.
pub(crate) fn one_line(text: &str) -> String {
    let mut out = String::new();
    for word in quoted::cut(text, 4 * EVIDENCE_CHARS_MAX).split_whitespace() {
        if out.chars().count() > EVIDENCE_CHARS_MAX {
            break;
        }
        out.push_str(if out.is_empty() { "" } else { " " });
        out.extend(word.chars().filter(|c| !c.is_control()));
    }
    out.chars().take(EVIDENCE_CHARS_MAX).collect()
}
