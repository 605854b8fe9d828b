//! What is known about one reply when it is judged.

use mail_model::{EnhancedStatus, Reply, Stage};

use crate::normalise::normalise;

/// A reply, read once and asked by every rule.
#[derive(Debug)]
pub(crate) struct Facts {
    /// The reply code.
    pub code: u16,
    /// The enhanced status of the reply, or the first one inside its text.
    pub status: Option<EnhancedStatus>,
    /// The command it answers; `None` when a report has lost it.
    pub stage: Option<Stage>,
    /// The text as plain words, see [`crate::normalise`].
    pub words: String,
    /// Links and host names of the text.
    pub marks: String,
}

impl Facts {
    /// Reads a reply.
    pub fn of(reply: &Reply, stage: Option<Stage>) -> Self {
        let (text, quoted_stage) = without_quoted_command(&reply.text);
        let normal = normalise(text);
        Self {
            code: reply.code,
            status: reply.enhanced.or(normal.status),
            stage: stage.or(quoted_stage),
            words: without_template(normal.words),
            marks: normal.marks,
        }
    }

    /// 4xx.
    pub fn is_transient(&self) -> bool {
        (400..500).contains(&self.code)
    }

    /// 5xx.
    pub fn is_permanent(&self) -> bool {
        (500..600).contains(&self.code)
    }

    /// Whether the command is known and one of `stages`.
    pub fn is_at(&self, stages: &[Stage]) -> bool {
        self.stage.is_some_and(|stage| stages.contains(&stage))
    }
}

/// Postfix puts `Recipient address rejected:` before whatever a policy service says; where that is more than a word or
/// "access denied", it is the reason.
fn without_template(words: String) -> String {
    const TEMPLATE: &str = "recipient address rejected ";
    let reason = words.find(TEMPLATE).and_then(|at| words.get(at + TEMPLATE.len()..)).unwrap_or_default();
    let is_a_reason =
        reason.contains(' ') && !["access denied", "see ", "addr", "fqdn"].iter().any(|w| reason.starts_with(w));
    if is_a_reason { reason.to_owned() } else { words }
}

/// Takes Postfix's `(in reply to RCPT TO command)` off a quoted reply; its words would read as the remote's.
fn without_quoted_command(text: &str) -> (&str, Option<Stage>) {
    const OPENING: &str = "(in reply to ";
    let opens = |at: usize| text.get(at..at + OPENING.len()).is_some_and(|words| words.eq_ignore_ascii_case(OPENING));
    let found = text.rmatch_indices('(').map(|(at, _)| at).find(|at| opens(*at));
    let Some((said, note)) = found.and_then(|at| Some((text.get(..at)?, text.get(at + OPENING.len()..)?))) else {
        return (text, None);
    };
    let note = note.to_ascii_lowercase();
    let command = note.split(" command").next().unwrap_or_default();
    (said, Stage::parse(command.trim_end_matches(')')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_quoted_behind_the_reply_is_no_part_of_it_and_stands_in_for_a_lost_one() {
        let table = [
            ("unknown (in reply to RCPT TO command)", None, "unknown", Some(Stage::Rcpt)),
            ("unknown (in reply to end of DATA command))", None, "unknown", Some(Stage::DataEnd)),
            ("unknown (in reply to RCPT TO command)", Some(Stage::Mail), "unknown", Some(Stage::Mail)),
            ("UNKNOWN (IN REPLY TO RCPT TO COMMAND)", None, "unknown", Some(Stage::Rcpt)),
            ("unknown (in reply to ", None, "unknown", None),
            ("unknown in reply", None, "unknown in reply", None),
        ];
        for (text, stage, words, found) in table {
            let facts = Facts::of(&Reply { code: 550, enhanced: None, text: text.to_owned() }, stage);
            assert_eq!((facts.words.as_str(), facts.stage), (words, found), "{text}");
        }
    }
}
