//! The words of a report for people: whom it names, what it says of each, where the returned mail begins.

use super::address::{self, Found};
use super::transcript::{self, Exchange};

/// What is read of a notice, in bytes.
const NOTICE_BYTES_MAX: usize = 64 << 10;
/// What is kept of the words on one recipient, in bytes.
const DETAIL_BYTES_MAX: usize = 2048;
/// How many recipients are read.
const ENTRIES_MAX: usize = 1000;

/// How clearly a line names a recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// `To: a@b` of a quoted header.
    Header,
    /// Inside a sentence.
    Sentence,
    /// Behind words like `Recipient:`.
    Label,
    /// At the beginning of a line.
    Line,
}

/// One recipient and what stands behind him.
#[derive(Clone, Debug)]
pub(crate) struct Entry<'t> {
    /// The address.
    pub address: &'t str,
    /// Where it was found.
    pub place: Place,
    /// The words after it: the rest of its line and the lines that belong to it.
    pub details: Vec<&'t str>,
}

/// A notice, taken apart.
#[derive(Debug, Default)]
pub(crate) struct Notice<'t> {
    /// The words before the returned mail.
    pub body: &'t str,
    /// What follows them.
    pub returned: &'t str,
    /// The recipients, each once.
    pub entries: Vec<Entry<'t>>,
    /// The refusals of quoted conversations.
    pub exchanges: Vec<Exchange<'t>>,
}

impl<'t> Notice<'t> {
    /// Takes a text apart.
    pub fn read(text: &'t str) -> Self {
        let text = super::quoted::cut(text, NOTICE_BYTES_MAX);
        let (body, returned) = split_at_original(text);
        Self { body, returned, entries: entries(body), exchanges: transcript::exchanges(body) }
    }

    /// What stands behind an address.
    pub fn entry(&self, address: &str) -> Option<&Entry<'t>> {
        self.entries.iter().find(|entry| entry.address.eq_ignore_ascii_case(address))
    }
}

/// Words of the line before a returned mail. Lines count that are decorated, or short.
const ORIGINAL_FOLLOWS: [&str; 21] = [
    "original message",
    "original mail",
    "original e-mail",
    "returned message",
    "returned mail",
    "unsent message",
    "undelivered message",
    "copy of the message",
    "copy of your message",
    "copy of the original",
    "header of the original",
    "headers of the original",
    "message header",
    "message headers follow",
    "below this line",
    "bounced e-mail",
    "bounced message",
    "non-delivered message",
    "failed message",
    "original mail info",
    "message text follows",
];

fn split_at_original(text: &str) -> (&str, &str) {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let end = at + line.len();
        let is_first = text.get(..at).is_some_and(|before| before.trim().is_empty());
        if begins_header_block(line) {
            return (text.get(..at).unwrap_or_default(), text.get(at..).unwrap_or_default());
        }
        if !is_first && announces_original(line.trim()) {
            return (text.get(..at).unwrap_or_default(), text.get(end..).unwrap_or_default());
        }
        at = end;
    }
    (text, "")
}

fn begins_header_block(line: &str) -> bool {
    [
        "Received: ",
        "Received:from",
        "Return-Path:",
        "Return-path:",
        "X-Original-To:",
        "Delivered-To:",
        "X-Apparently-To:",
    ]
    .iter()
    .any(|name| line.starts_with(name))
}

fn announces_original(line: &str) -> bool {
    let is_decorated = line.starts_with(['-', '=', '*', '#', '+', '_', '|']);
    let bare = line.trim_matches(|c: char| "-=*#+_| ".contains(c));
    if bare.len() > 90 || bare.len() < 9 {
        return false;
    }
    // Most lines end here, before their words are looked at.
    let ends_open = bare.ends_with([':', '.']);
    let is_foreign = !bare.is_ascii();
    if !(is_decorated || ends_open || is_foreign || bare.ends_with("follows") || bare.ends_with("follow")) {
        return false;
    }
    let words = bare.to_lowercase();
    let has_one_of = |phrases: &[&str]| phrases.iter().any(|phrase| words.contains(phrase));
    let is_sentence =
        has_one_of(&["was received", "received at", " is:"]) || !is_decorated && words.contains(" attach");
    has_one_of(&ORIGINAL_FOLLOWS) && !is_sentence && (is_decorated || !is_foreign)
        || is_foreign
            && has_one_of(&[
                "元のメッセージ",
                "元メール",
                "送信メールの内容",
                "исходное сообщение",
                "ursprüngliche nachricht",
            ])
}

/// Labels before a recipient, lower case.
const RECIPIENT_WORDS: [&str; 27] = [
    "recipient",
    "rcpt",
    "address",
    "addressed",
    "user",
    "mailbox",
    "account",
    "deliver",
    "to",
    "for",
    "failed",
    "destin",
    "reach",
    "宛先",
    "あて先",
    "送信先",
    "empfänger",
    "adresse",
    "получател",
    "адрес",
    "收件人",
    "收件者",
    "utente",
    "usuario",
    "undeliverable",
    "generated by",
    "send",
];
/// Words that show somebody else.
const OTHER_WORDS: [&str; 16] = [
    "from",
    "sender",
    "reply",
    "contact",
    "postmaster",
    "support",
    "help",
    "please",
    "questions",
    "information",
    "report",
    "subject",
    "message-id",
    "cc",
    "return",
    "mta",
];

fn entries(body: &str) -> Vec<Entry<'_>> {
    let mut out: Vec<Entry<'_>> = Vec::new();
    let mut at = 0;
    while let Some(end) = body.get(at..).filter(|rest| !rest.is_empty()).map(|rest| at + line_length(rest)) {
        let line = body.get(at..end).unwrap_or_default();
        let mut next = end;
        if let Some((found, place)) = recipient_of(line) {
            let from = at + found.end;
            let label = line.get(..found.start).unwrap_or_default().trim_end_matches('<');
            // Each line of a transcript speaks for itself.
            let detail_end =
                if is_code_and_status(label.trim()) { end } else { detail_end(body, from, end, found.address) };
            let detail = body.get(from..detail_end).unwrap_or_default();
            let detail = detail.trim_start_matches(['>', ':', ' ', ',', '\t']);
            take(&mut out, Entry { address: found.address, place, details: vec![detail] });
            if place >= Place::Label {
                next = detail_end;
            }
        }
        if out.len() >= ENTRIES_MAX {
            break;
        }
        at = next;
    }
    share_details(&mut out);
    out
}

fn line_length(rest: &str) -> usize {
    memchr::memchr(b'\n', rest.as_bytes()).map_or(rest.len(), |end| end + 1)
}

fn take<'t>(out: &mut Vec<Entry<'t>>, entry: Entry<'t>) {
    match out.iter_mut().find(|known| known.address.eq_ignore_ascii_case(entry.address)) {
        Some(known) => {
            known.place = known.place.max(entry.place);
            known.details.extend(entry.details.into_iter().filter(|detail| !detail.trim().is_empty()));
        }
        None => out.push(entry),
    }
}

/// Several addresses in a row share the words behind the last of them.
fn share_details(entries: &mut [Entry<'_>]) {
    let mut shared: Option<Vec<&str>> = None;
    for entry in entries.iter_mut().rev() {
        entry.details.retain(|detail| !detail.trim().is_empty());
        if entry.details.is_empty() {
            entry.details = shared.clone().unwrap_or_default();
        } else {
            shared = Some(entry.details.clone());
        }
    }
}

/// The recipient a line names.
fn recipient_of(line: &str) -> Option<(Found<'_>, Place)> {
    memchr::memchr(b'@', line.as_bytes())?;
    if transcript::is_line_of_one(line) {
        return None;
    }
    let mut found = address::next(line, 0)?;
    let before = line.get(..found.start)?.trim_matches(|c: char| c.is_whitespace() || "*-•・>|・".contains(c));
    let label = before.trim_end_matches('<').trim_end();
    // A display name that is an address: `a@b <c@d>`.
    if let Some(second) = address::next(line, found.end)
        && line.get(found.end..second.start) == Some(" <")
    {
        found = second;
    }
    if label.is_empty() || label == "\"" || label == "'" || is_code_and_status(label) {
        return Some((found, Place::Line));
    }
    let words = label.to_lowercase();
    let is_label = label.ends_with([':', '：', '=']);
    if is_label && words.trim_end_matches([':', ' ']) == "to" {
        return Some((found, Place::Header));
    }
    let names_other = OTHER_WORDS.iter().any(|word| has_word(&words, word));
    let names_recipient = RECIPIENT_WORDS.iter().any(|word| has_word(&words, word));
    match (names_recipient && !names_other, is_label || label.len() <= 48) {
        (true, true) => Some((found, Place::Label)),
        (true, false) => Some((found, Place::Sentence)),
        (false, _) => None,
    }
}

/// `550` or `550 5.1.1`, as sendmail writes before the recipient in a transcript.
fn is_code_and_status(label: &str) -> bool {
    let mut words = label.split_whitespace();
    let code = words.next().unwrap_or_default();
    let is_code = code.len() == 3 && code.starts_with(['4', '5']) && code.bytes().all(|b| b.is_ascii_digit());
    is_code && words.all(|word| word.bytes().all(|b| b.is_ascii_digit() || b == b'.'))
}

/// Whether a word begins with `stem`; words of other scripts may begin anywhere.
fn has_word(words: &str, stem: &str) -> bool {
    let is_short = stem.len() <= 3;
    words.match_indices(stem).any(|(at, _)| {
        let before = words.get(..at).and_then(|before| before.chars().next_back());
        let after = words.get(at + stem.len()..).and_then(|after| after.chars().next());
        let begins = !stem.is_ascii() || before.is_none_or(|c| !c.is_alphanumeric());
        begins && !(is_short && after.is_some_and(char::is_alphanumeric))
    })
}

/// Where the words on one recipient end: his line, and lines up to a blank line, the next recipient or a heading.
fn detail_end(body: &str, from: usize, line_end: usize, address: &str) -> usize {
    let rest_of_line = body.get(from..line_end).unwrap_or_default();
    let mut has_words = rest_of_line.bytes().any(|b| b.is_ascii_alphanumeric() || b >= 0x80);
    let mut end = line_end;
    while let Some(rest) = body.get(end..).filter(|rest| !rest.is_empty()) {
        let line = rest.get(..line_length(rest)).unwrap_or_default();
        let trimmed = line.trim();
        // A reply that names its recipient, wrapped before the name: Postfix indents what continues.
        let continues = || has_words && line.starts_with([' ', '\t']) && names(trimmed, address);
        let is_over = if trimmed.is_empty() { has_words } else { ends_detail(trimmed) && !continues() };
        if is_over || end - from > DETAIL_BYTES_MAX {
            break;
        }
        has_words |= !trimmed.is_empty();
        end += line.len();
    }
    end
}

fn names(line: &str, address: &str) -> bool {
    address::next(line, 0).is_some_and(|found| found.address.eq_ignore_ascii_case(address))
}

fn ends_detail(line: &str) -> bool {
    let is_heading = ["---", "===", "***", "###", "___"].iter().any(|rule| line.starts_with(rule));
    let is_other_recipient =
        || recipient_of(line).is_some_and(|(_, place)| place >= Place::Label) && !is_reply_line(line);
    is_heading || is_other_recipient()
}

/// `<a@b>... User unknown` continues a reply that was wrapped before the address.
fn is_reply_line(line: &str) -> bool {
    address::next(line, 0).and_then(|found| line.get(found.end..)).is_some_and(|rest| rest.starts_with(">..."))
        || line.contains("(in reply to ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn short(text: &str) -> Vec<(String, String)> {
        let notice = Notice::read(text);
        let plain = |details: &[&str]| details.join(" ").split_whitespace().collect::<Vec<_>>().join(" ");
        notice.entries.iter().map(|entry| (entry.address.to_owned(), plain(&entry.details))).collect()
    }

    #[test]
    fn recipients_and_their_words_are_found_in_many_layouts() {
        let table = [
            (
                "<a@b.jp>: host mx[1] said: 550 no\n  such user\n\n<c@d.jp>: 551 x\n",
                vec![("a@b.jp", "host mx[1] said: 550 no such user"), ("c@d.jp", "551 x")],
            ),
            (
                "<a@b.jp>: host mx[1] said: 550\n    <a@b.jp>: User unknown\n",
                vec![("a@b.jp", "host mx[1] said: 550 <a@b.jp>: User unknown")],
            ),
            (
                "failed:\n\n  a@b.jp\n    SMTP error\n    after RCPT\n\n----- copy",
                vec![("a@b.jp", "SMTP error after RCPT")],
            ),
            ("  a@b.jp\n  c@d.jp\n\nReason: full\n", vec![("a@b.jp", "Reason: full"), ("c@d.jp", "Reason: full")]),
            ("Recipient: <a@b.jp>\n>>> MAIL\n<<< 550 x\n", vec![("a@b.jp", ">>> MAIL <<< 550 x")]),
            ("Unable to deliver message to: <a@b.jp>\nReason: y", vec![("a@b.jp", "Reason: y")]),
            ("please send mail to postmaster@b.jp\nFrom: x@y.jp", vec![]),
            ("-- a@b.jp\n\nThe problem appears to be :\n-- z", vec![("a@b.jp", "The problem appears to be : -- z")]),
        ];
        for (text, wanted) in table {
            let wanted: Vec<_> = wanted.into_iter().map(|(a, d)| (a.to_owned(), d.to_owned())).collect();
            assert_eq!(short(text), wanted, "{text}");
        }
    }

    #[test]
    fn the_returned_mail_is_cut_off_where_it_begins() {
        let table = [
            ("x\n--- Below this line is a copy of the message.\n\nTo: a@b", "x\n"),
            ("x\n   ----- Unsent message follows -----\nTo: a@b", "x\n"),
            ("x\n\n   Below is a copy of the original message:\n\nTo: a@b", "x\n\n"),
            ("x\nReceived: from y\nTo: a@b", "x\n"),
            ("The original message was received at Thu\nx\n", "The original message was received at Thu\nx\n"),
            (
                "a\nThe original message follows as a separate attachment.\n",
                "a\nThe original message follows as a separate attachment.\n",
            ),
        ];
        for (text, body) in table {
            assert_eq!(Notice::read(text).body, body, "{text}");
        }
    }
}
