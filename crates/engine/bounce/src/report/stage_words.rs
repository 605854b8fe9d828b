//! Which command a report speaks of, by the words of the programs that write reports.

use std::sync::LazyLock;

use mail_model::Stage;
use regex::{Regex, RegexBuilder};

use Stage::{Connect, Data, DataEnd, Ehlo, Greeting, Mail, Rcpt, StartTls};

/// Words, lower case, and the command they stand for. The first that stands in a text counts; where one begins with
/// another the longer comes first.
const WORDS: &[(&str, Stage)] = &[
    // Postfix.
    ("in reply to end of data", DataEnd),
    ("in reply to data", Data),
    ("in reply to rcpt", Rcpt),
    ("in reply to mail", Mail),
    ("in reply to helo", Ehlo),
    ("in reply to ehlo", Ehlo),
    ("in reply to starttls", StartTls),
    ("refused to talk to me", Greeting),
    ("while receiving the initial server greeting", Greeting),
    ("while performing the helo", Ehlo),
    ("while performing the ehlo", Ehlo),
    ("while sending mail from", Mail),
    ("while sending rcpt to", Rcpt),
    ("while sending data command", Data),
    ("while sending message body", DataEnd),
    ("while sending end of data", DataEnd),
    // Exim.
    ("after end of data", DataEnd),
    ("after sending data block", DataEnd),
    ("after pipelined sending data block", DataEnd),
    ("after pipelined end of data", DataEnd),
    ("after data", Data),
    ("after pipelined data", Data),
    ("after rcpt", Rcpt),
    ("after pipelined rcpt", Rcpt),
    ("after mail", Mail),
    ("after pipelined mail", Mail),
    ("after ehlo", Ehlo),
    ("after helo", Ehlo),
    ("after starttls", StartTls),
    ("after initial connection", Greeting),
    // qmail and its descendants.
    ("does not like recipient", Rcpt),
    ("failed after i sent the message", DataEnd),
    ("failed on data command", Data),
    ("but sender was rejected", Mail),
    ("but greeting failed", Greeting),
    ("but my name was rejected", Ehlo),
    ("[rcpt_to]", Rcpt),
    ("[mail_from]", Mail),
    ("[data]", Data),
    ("[connect]", Connect),
    ("[eom]", DataEnd),
    ("[helo]", Ehlo),
    // The DragonFly Mail Agent.
    ("did not like our rcpt to", Rcpt),
    ("did not like our mail from", Mail),
    ("did not like our final data", DataEnd),
    ("did not like our data", Data),
    ("did not like our ehlo", Ehlo),
    ("did not like our helo", Ehlo),
    ("did not like our starttls", StartTls),
    // GMX, WEB.DE and 1&1.
    ("for text command", DataEnd),
    ("for rcpt to command", Rcpt),
    ("for mail from command", Mail),
    ("for data command", Data),
    ("for helo command", Ehlo),
    ("for ehlo command", Ehlo),
    // Messaging Server, Exchange, gateways.
    ("server has rejected address", Rcpt),
    ("server rejected mail from", Mail),
    ("smtp:rcpt", Rcpt),
    ("smtp:mail", Mail),
    ("smtp:data", Data),
    ("smtp;rcpt", Rcpt),
    ("unknown address error", Rcpt),
    ("rejected during rcpt", Rcpt),
    ("rejected during the rcpt", Rcpt),
    // Gmail's own states, as seen in its reports.
    ("(state 13)", Mail),
    ("(state 14)", Rcpt),
    ("(state 15)", Data),
    ("(state 16)", DataEnd),
    ("(state 17)", DataEnd),
    ("(state 18)", DataEnd),
];

static PATTERN: LazyLock<Regex> = LazyLock::new(|| {
    let words: Vec<_> = WORDS.iter().map(|(words, _)| regex::escape(words).replace(' ', r"\s+")).collect();
    RegexBuilder::new(&words.join("|"))
        .case_insensitive(true)
        .unicode(false)
        .build()
        .expect("words are constants, compiled by a test")
});

/// The command that `text` names.
pub(crate) fn stage_in(text: &str) -> Option<Stage> {
    // m-FILTER gives the command a heading of its own.
    if let Some(command) = text.split_once("SMTP command\n").and_then(|(_, rest)| rest.lines().next()) {
        return stage_of_command(command.trim());
    }
    let found = PATTERN.find(text)?.as_str();
    let plain = found.split_whitespace().collect::<Vec<_>>().join(" ").to_ascii_lowercase();
    WORDS.iter().find(|(words, _)| *words == plain).map(|(_, stage)| *stage)
}

/// The command of a transcript line: `RCPT To:<a@b>`, `DATA`, `.`.
pub(crate) fn stage_of_command(line: &str) -> Option<Stage> {
    let word = line.split(|c: char| c.is_whitespace() || c == ':').next().unwrap_or_default();
    match word.to_ascii_uppercase().as_str() {
        "BDAT" => Some(DataEnd),
        "LHLO" => Some(Ehlo),
        "SEND" | "SAML" | "SOML" => Some(Mail),
        word => Stage::parse(word),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_phrase_is_found_again_in_any_case_and_across_line_ends() {
        for (words, stage) in WORDS {
            let text = format!("x {} y", words.to_uppercase().replace(' ', "\n    "));
            assert_eq!(stage_in(&text), Some(*stage), "{words}");
        }
        assert_eq!(stage_in("nothing of the kind"), None);
    }

    #[test]
    fn commands_of_transcripts_are_read() {
        let table = [
            ("RCPT To:<a@b>", Some(Rcpt)),
            ("mail FROM:<>", Some(Mail)),
            ("DATA", Some(Data)),
            (".", Some(DataEnd)),
            ("EHLO x", Some(Ehlo)),
            ("STARTTLS", Some(StartTls)),
            ("hello", None),
        ];
        for (line, stage) in table {
            assert_eq!(stage_of_command(line), stage, "{line}");
        }
    }
}
