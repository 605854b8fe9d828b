//! An SMTP reply quoted inside other words.

use mail_model::{EnhancedStatus, Reply};

/// How much of a text is searched for a reply, in bytes.
const TEXT_BYTES_MAX: usize = 4096;
/// How much of the words behind a code is kept, in bytes.
const REPLY_BYTES_MAX: usize = 1024;

/// A reply and the place of its code.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Quoted {
    /// The reply.
    pub reply: Reply,
    /// Where the code stands in the text, in bytes.
    pub at: usize,
}

/// The reply of class 4 or 5 that `text` quotes. A reply in angle brackets at the end is the one that the outer one
/// was made from (`554 4.4.7 Message expired. <421 4.4.2 Connection timed out>`) and goes before it.
pub(crate) fn refusal_in(text: &str) -> Option<Quoted> {
    let text = cut(text, TEXT_BYTES_MAX);
    inner(text).or_else(|| behind_arrow(text)).or_else(|| first(text, b"45"))
}

/// The positive reply of a success report.
pub(crate) fn acceptance_in(text: &str) -> Option<Quoted> {
    first(cut(text, TEXT_BYTES_MAX), b"2")
}

/// `text` up to `max` bytes.
pub(crate) fn cut(text: &str, max: usize) -> &str {
    let end = (0..=max.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    text.get(..end).unwrap_or_default()
}

/// Exchange Online writes what it was told behind an arrow: `5.1.351 … mailbox unavailable -> 550 : User unknown`.
fn behind_arrow(text: &str) -> Option<Quoted> {
    let bytes = text.as_bytes();
    let is_arrow = |at: &usize| *at > 0 && bytes.get(at - 1) == Some(&b'-') && bytes.get(at + 1) == Some(&b' ');
    let at = memchr::memrchr_iter(b'>', bytes).find(is_arrow)? + 2;
    let outer = first(text, b"45").filter(|outer| outer.at < at)?;
    let found = first(text.get(at..)?, b"45").filter(|found| found.at == 0)?;
    let reply = Reply { enhanced: found.reply.enhanced.or(outer.reply.enhanced), ..found.reply };
    Some(Quoted { reply, at })
}

fn inner(text: &str) -> Option<Quoted> {
    let bytes = text.as_bytes();
    let open =
        memchr::memrchr_iter(b'<', bytes).find(|at| bytes.get(at + 1).is_some_and(|b| matches!(b, b'4' | b'5')))?;
    let inside = text.get(open + 1..)?.split('>').next()?;
    let has_code = inside.as_bytes().get(3) == Some(&b' ') && inside.get(..3)?.bytes().all(|b| b.is_ascii_digit());
    let found = first(inside, b"45").filter(|found| has_code && found.reply.enhanced.is_some())?;
    Some(Quoted { at: open + 1, ..found })
}

/// The first code of one of the classes, at most two, and its words.
fn first(text: &str, classes: &[u8]) -> Option<Quoted> {
    let bytes = text.as_bytes();
    let (a, b) = (classes.first().copied()?, classes.last().copied()?);
    memchr::memchr2_iter(a, b, bytes).filter(|at| is_code(bytes, *at)).find_map(|at| {
        let code = text.get(at..at + 3)?;
        let (enhanced, words) = words_after(text.get(at + 3..)?, code);
        let reply = Reply { code: code.parse().ok()?, enhanced, text: words };
        Some(Quoted { reply, at })
    })
}

/// Three digits that are a reply code by what stands around them: `550 `, `550-`, `#550`, `:550`, not `5.550`,
/// `[192.0.2.1]:587`, `450 seconds`.
fn is_code(bytes: &[u8], at: usize) -> bool {
    let digit = |index: usize| bytes.get(index).filter(|byte| byte.is_ascii_digit()).copied();
    let (Some(second), Some(_)) = (digit(at + 1), digit(at + 2)) else { return false };
    if second > b'7' {
        return false;
    }
    let before = at.checked_sub(1).and_then(|index| bytes.get(index)).copied();
    let is_port =
        before == Some(b':') && at >= 2 && bytes.get(at - 2).is_some_and(|b| *b == b']' || b.is_ascii_digit());
    let is_inside_word = before.is_some_and(|b| b.is_ascii_alphanumeric() || b"._-/\\@+".contains(&b));
    let after = bytes.get(at + 3).copied();
    let ends_like_a_code = after.is_none_or(|b| b" -:,'\"<\n\t;#".contains(&b)) || is_sentence_end(bytes, at + 3);
    ends_like_a_code && !is_port && !is_inside_word && !counts_something(bytes.get(at + 3..).unwrap_or_default())
}

/// A full stop or bracket that ends the text or is followed by a blank: `421.`, `(550)`.
fn is_sentence_end(bytes: &[u8], at: usize) -> bool {
    bytes.get(at).is_some_and(|b| b".)".contains(b)) && bytes.get(at + 1).is_none_or(u8::is_ascii_whitespace)
}

fn counts_something(after: &[u8]) -> bool {
    // Plural: `552 Message size exceeds` counts nothing.
    const UNITS: [&str; 16] = [
        "seconds",
        "sec",
        "secs",
        "minutes",
        "min",
        "mins",
        "hours",
        "days",
        "bytes",
        "kb",
        "mb",
        "messages",
        "recipients",
        "octets",
        "times",
        "attempts",
    ];
    let word: String = (after.iter().skip_while(|b| **b == b' '))
        .take_while(|b| b.is_ascii_alphabetic())
        .map(|b| char::from(b.to_ascii_lowercase()))
        .collect();
    UNITS.contains(&word.as_str())
}

/// Status and words behind a code, over several lines that repeat both (RFC 5321 4.2.1, RFC 2034 4).
fn words_after(after: &str, code: &str) -> (Option<EnhancedStatus>, String) {
    let separates = |c: char| c.is_whitespace() || "-:,'\"#(;".contains(c);
    let mut rest = after.trim_start_matches(separates);
    // `550 550 5.1.1 …`: a relay put its own code before the one it was told.
    while let Some(again) = rest.strip_prefix(code).filter(|again| again.starts_with([' ', '-', ':'])) {
        rest = again.trim_start_matches(separates);
    }
    rest = rest.strip_prefix("ERROR_CODE").map_or(rest, |rest| rest.trim_start_matches([' ', ':']));
    let (enhanced, words) = match EnhancedStatus::read(rest) {
        Some((status, words)) => (Some(status), words.trim_start_matches(['-', ':', ',', ' '])),
        // Yahoo keeps the colon of an absent name, au's own way to say "filtered"; see `normalise`.
        None if after.trim_start_matches([':', '-']).starts_with(" :") => (None, after.trim_start_matches([':', '-'])),
        None => (None, rest),
    };
    let status = enhanced.map(|status| status.to_string());
    let mut out = String::with_capacity(words.len().min(REPLY_BYTES_MAX));
    for word in cut(words, REPLY_BYTES_MAX).split_whitespace() {
        let bare = match word.strip_prefix(code) {
            Some(rest) if rest.is_empty() || rest.starts_with('-') => rest.trim_start_matches('-'),
            _ => word,
        };
        if bare.is_empty() || status.as_deref() == Some(bare) {
            continue;
        }
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(bare);
    }
    (enhanced, out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_found_inside_what_programs_write_around_them() {
        let table = [
            ("host mx[192.0.2.4] said: 550 5.1.1 <a@b>: unknown", "550 5.1.1 <a@b>: unknown"),
            ("smtp;550 5.2.1 no", "550 5.2.1 no"),
            ("smtp; 552-5.7.0 one\n 552-5.7.0 two\n 552 5.7.0 three", "552 5.7.0 one two three"),
            ("554-a (b) 554-No SMTP service 554 end", "554 a (b) No SMTP service end"),
            ("550: : User unknown", "550 : User unknown"),
            ("550 : User unknown", "550 : User unknown"),
            ("550: 5.1.1 <a@b>... User Unknown", "550 5.1.1 <a@b>... User Unknown"),
            ("was: 550 550 5.1.1 user unknown (state 14).", "550 5.1.1 user unknown (state 14)."),
            ("Invalid, ERROR_CODE :550, ERROR_CODE :5.1.1 <a@b>", "550 5.1.1 <a@b>"),
            ("5.1.0 - Unknown address error 550-'5.2.2 <a@b>... Full'", "550 5.2.2 <a@b>... Full'"),
            ("554 4.4.7 expired in 840 minutes.<421 4.4.2 timed out>", "421 4.4.2 timed out"),
            ("ResponseCode 421, , Host not reachable.", "421 Host not reachable."),
            ("#550 5.7.1 RESOLVER.RST; no", "550 5.7.1 RESOLVER.RST; no"),
            ("550 5.1.351 unknown or unavailable -> 550 : User unknown", "550 5.1.351 : User unknown"),
            ("Deferred: 421", "421"),
            ("550-Requested <421> x", "550 Requested <421> x"),
        ];
        for (text, wanted) in table {
            let found = refusal_in(text).map(|found| found.reply.to_string());
            assert_eq!(found.as_deref(), Some(wanted), "{text}");
        }
    }

    #[test]
    fn numbers_that_are_no_codes_are_left_alone() {
        let table = [
            "waited 450 seconds",
            "mx[192.0.2.1]:587: refused",
            "10.5.550.1",
            "5.550 x",
            "ofr_506 [506]",
            "id=a-550 x",
            "590 x",
            "5501 x",
            "over 500 messages",
            "/var/spool/550 x",
            "",
            "55",
        ];
        for text in table {
            assert_eq!(refusal_in(text), None, "{text}");
        }
        assert_eq!(acceptance_in("smtp; 250 2.0.0 Ok").map(|q| q.reply.to_string()).as_deref(), Some("250 2.0.0 Ok"));
    }
}
