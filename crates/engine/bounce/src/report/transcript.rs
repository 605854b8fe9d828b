//! The SMTP conversation that a report quotes: `>>> RCPT To:<a@b>` and `<<< 550 no`.

use mail_model::Stage;

use super::stage_words::stage_of_command;

/// How many replies of a transcript are read.
const EXCHANGES_MAX: usize = 200;

/// One refusal in a conversation.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Exchange<'t> {
    /// The command it answers, as far as the transcript tells.
    pub stage: Option<Stage>,
    /// The argument of the command.
    pub command: &'t str,
    /// The host that spoke.
    pub host: Option<&'t str>,
    /// All lines of the reply, from the first code on.
    pub reply: String,
    /// What the reporting server made of it, in its own words: `550 5.1.1 <a@b>... User unknown`.
    pub own_words: &'t str,
}

/// What one line of a notice is to a transcript.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Line<'t> {
    Command(&'t str),
    Reply(&'t str),
    Host(&'t str),
    Other(&'t str),
}

fn kind(line: &str) -> Line<'_> {
    let line = line.trim();
    // InterScan points the arrows the other way and names the direction before them.
    for (prefix, is_command) in
        [("Sent <<<", true), ("Sent >>>", true), ("Received >>>", false), ("Received <<<", false)]
    {
        if let Some(rest) = line.strip_prefix(prefix) {
            return if is_command { Line::Command(rest.trim()) } else { Line::Reply(rest.trim()) };
        }
    }
    if let Some(rest) = line.strip_prefix(">>>") {
        return Line::Command(rest.trim_start_matches('>').trim());
    }
    if let Some(rest) = line.strip_prefix("<<<") {
        return Line::Reply(rest.trim());
    }
    let talk = line.find("hile talking to ").map(|at| at + "hile talking to ".len());
    match talk.and_then(|at| line.get(at..)) {
        Some(host) => Line::Host(host.trim_end_matches(['.', ':', ' '])),
        None => Line::Other(line),
    }
}

/// Whether a line belongs to a conversation.
pub(crate) fn is_line_of_one(line: &str) -> bool {
    !matches!(kind(line), Line::Other(_))
}

fn starts_with_code(text: &str, classes: &[u8]) -> bool {
    let bytes = text.as_bytes();
    bytes.first().is_some_and(|class| classes.contains(class))
        && bytes.get(1..3).is_some_and(|rest| rest.iter().all(u8::is_ascii_digit))
        && bytes.get(3).is_none_or(|b| !b.is_ascii_digit())
}

/// The refusals of every conversation in `text`.
pub(crate) fn exchanges(text: &str) -> Vec<Exchange<'_>> {
    let mut out: Vec<Exchange<'_>> = Vec::new();
    let (mut host, mut command, mut stage) = (None, "", None);
    // Where the answers to the command at hand begin; sendmail shows one command of a pipelined group.
    let mut block_from = 0;
    let mut continues = false;
    for line in text.lines() {
        match kind(line) {
            Line::Host(name) => {
                (host, command, stage, continues) = (Some(name), "", Some(Stage::Greeting), false);
                block_from = out.len();
            }
            Line::Command(words) => {
                (command, stage, continues) = (words, stage_of_command(words), false);
                block_from = out.len();
            }
            Line::Reply(words) => {
                let last = out.last_mut().filter(|last| continues && last.reply.len() < 2048);
                match last {
                    Some(last) => {
                        last.reply.push('\n');
                        last.reply.push_str(words);
                    }
                    None => out.push(Exchange { stage, command, host, reply: words.to_owned(), own_words: "" }),
                }
                continues = words.as_bytes().get(3) == Some(&b'-');
                if is_answer_to_nobody_left(words) {
                    for earlier in out.get_mut(block_from..).unwrap_or_default() {
                        earlier.stage = Some(Stage::Rcpt);
                    }
                }
            }
            Line::Other(words) => {
                continues = false;
                let last = out.get_mut(block_from..).and_then(|block| block.last_mut());
                if let Some(last) = last.filter(|last| last.own_words.is_empty() && starts_with_code(words, b"45")) {
                    last.own_words = words;
                    // sendmail names the recipient when the answer to his RCPT came behind a pipelined DATA.
                    if last.stage == Some(Stage::Data) && words.contains(">... ") {
                        last.stage = Some(Stage::Rcpt);
                    }
                }
            }
        }
        if out.len() >= EXCHANGES_MAX {
            break;
        }
    }
    out.retain(|exchange| starts_with_code(&exchange.reply, b"45") || !exchange.reply.starts_with(['2', '3']));
    out
}

/// `503 Need RCPT (recipient)`, `554 Error: no valid recipients`: what DATA is told when no RCPT was taken. The
/// refusals before it in the same pipelined group belong to RCPT.
pub(crate) fn is_answer_to_nobody_left(reply: &str) -> bool {
    let words = reply.to_ascii_lowercase();
    starts_with_code(&words, b"5")
        && ["need rcpt", "no valid recipient", "no recipients", "bad sequence", "rcpt first", "valid rcpt"]
            .iter()
            .any(|phrase| words.contains(phrase))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn short(text: &str) -> Vec<(Option<Stage>, String)> {
        exchanges(text).into_iter().map(|exchange| (exchange.stage, exchange.reply)).collect()
    }

    #[test]
    fn a_refusal_before_need_rcpt_answers_rcpt_and_one_without_answers_data() {
        let unknown = "... while talking to mx.b.jp.:\n>>> DATA\n<<< 550 Unknown user a@b.jp\n\
                       550 5.1.1 <a@b.jp>... User unknown\n<<< 503 5.0.0 Need RCPT (recipient)\n";
        assert_eq!(short(unknown).first(), Some(&(Some(Stage::Rcpt), "550 Unknown user a@b.jp".to_owned())));
        let filtered =
            "... while talking to mx.b.jp.:\n>>> DATA\n<<< 550 Unknown user a@b.jp\n554 5.0.0 Service unavailable\n";
        assert_eq!(short(filtered), [(Some(Stage::Data), "550 Unknown user a@b.jp".to_owned())]);
    }

    #[test]
    fn conversations_of_other_programs_are_read() {
        let table = [
            (">>> RCPT TO:<a@b.jp>\n<<< 550 no", vec![(Some(Stage::Rcpt), "550 no")]),
            ("Sent <<< RCPT TO:<a@b.jp>\nReceived >>> 550 no", vec![(Some(Stage::Rcpt), "550 no")]),
            ("... while talking to mx.:\n<<< 421", vec![(Some(Stage::Greeting), "421")]),
            (
                ">>> MAIL From:<x@y>\n<<< 250 ok\n>>> DATA\n<<< 552-a\n<<< 552 b",
                vec![(Some(Stage::Data), "552-a\n552 b")],
            ),
            ("<<< No such domain.", vec![(None, "No such domain.")]),
            ("no conversation\n> at all", vec![]),
        ];
        for (text, wanted) in table {
            let wanted: Vec<_> = wanted.into_iter().map(|(stage, reply)| (stage, reply.to_owned())).collect();
            assert_eq!(short(text), wanted, "{text}");
        }
        assert!(exchanges(&"<<< 550 no\n".repeat(5_000)).len() <= EXCHANGES_MAX);
    }
}
