//! The fields of a delivery report, RFC 3464 and what is written in its name.

use mail_model::EnhancedStatus;

use super::address;
use super::model::{ReportAction, ReportedAddress};

/// How many recipients of one report are read.
const GROUPS_MAX: usize = 1000;

/// What is said about one recipient.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Group {
    /// `Final-Recipient`.
    pub final_recipient: Option<ReportedAddress>,
    /// `Original-Recipient`.
    pub original_recipient: Option<ReportedAddress>,
    /// `Action`.
    pub action: Option<ReportAction>,
    /// `Status`.
    pub status: Option<EnhancedStatus>,
    /// The words in brackets behind the status.
    pub status_comment: String,
    /// `Diagnostic-Code` without its type.
    pub diagnostic: String,
    /// The number in `Diagnostic-Code: X-Unix; 77`.
    pub exit_code: Option<u16>,
    /// `Remote-MTA` without its type.
    pub remote_host: Option<String>,
}

impl Group {
    fn is_about_a_recipient(&self) -> bool {
        self.final_recipient.is_some() || self.original_recipient.is_some()
    }

    fn says_something(&self) -> bool {
        self.action.is_some() || self.status.is_some() || !self.diagnostic.is_empty()
    }

    fn take(&mut self, name: &str, value: &str) {
        let name = name.trim().to_ascii_lowercase();
        match name.as_str() {
            "final-recipient" => {
                self.final_recipient = self.final_recipient.take().or_else(|| address::of_field(value));
            }
            "original-recipient" => {
                self.original_recipient = self.original_recipient.take().or_else(|| address::of_field(value));
            }
            // Seen with its first letter lost.
            "action" | "ction" => self.action = self.action.or_else(|| ReportAction::read(value)),
            "status" => self.take_status(value),
            "diagnostic-code" if self.diagnostic.is_empty() => {
                let words = without_type(value);
                let is_of_a_program =
                    value.trim_start().get(..6).is_some_and(|kind| kind.eq_ignore_ascii_case("x-unix"));
                self.exit_code = words.parse().ok().filter(|_| is_of_a_program);
                words.clone_into(&mut self.diagnostic);
            }
            "remote-mta" => self.remote_host = self.remote_host.take().or_else(|| host(value)),
            _ => {}
        }
    }

    fn take_status(&mut self, value: &str) {
        let value = value.trim();
        if self.status.is_some() {
            return;
        }
        if let Some((status, comment)) = EnhancedStatus::read(value) {
            self.status = Some(status);
            let comment = comment.trim().trim_start_matches('(');
            self.status_comment = comment.strip_suffix(')').unwrap_or(comment).to_owned();
        }
    }
}

/// `smtp; 550 …` without the type before the semicolon. `550 5.1.1 no; see …` has none.
fn without_type(value: &str) -> &str {
    match value.split_once(';') {
        Some((kind, rest))
            if kind.trim().bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') && kind.len() < 40 =>
        {
            rest.trim()
        }
        _ => value.trim(),
    }
}

fn host(value: &str) -> Option<String> {
    let value = without_type(value);
    let name = value.split(|c: char| c.is_whitespace() || c == '(').next().unwrap_or_default();
    (!name.is_empty()).then(|| name.trim_matches(['[', ']', '<', '>']).chars().take(255).collect())
}

/// Whether a text holds the fields of a report, as some servers send them without the type of the part.
pub(crate) fn stands_in(text: &str) -> bool {
    let has = |name: &str| {
        memchr::memmem::find_iter(text.as_bytes(), name.as_bytes())
            .any(|at| at == 0 || text.as_bytes().get(at - 1) == Some(&b'\n'))
    };
    (has("Final-Recipient:") || has("Original-Recipient:") || has("Final-recipient:"))
        && (has("Action:") || has("Status:") || has("Diagnostic-Code:"))
}

/// Every recipient of a report. Blank lines in wrong places, lost ones and unfolded lines are forgiven.
pub(crate) fn read(text: &str) -> Vec<Group> {
    let mut reader = Reader::default();
    for line in text.lines() {
        reader.line(line);
        if reader.groups.len() >= GROUPS_MAX {
            break;
        }
    }
    reader.end_field();
    reader.end_group();
    reader.groups
}

#[derive(Default)]
struct Reader {
    groups: Vec<Group>,
    group: Group,
    field: Option<(String, String)>,
}

impl Reader {
    fn line(&mut self, line: &str) {
        if line.trim().is_empty() {
            self.end_field();
            self.end_group();
        } else if line.starts_with([' ', '\t']) && self.field.is_some() {
            self.continue_field(line);
        } else {
            match field(line) {
                Some((name, value)) => {
                    self.end_field();
                    let begins_another =
                        name.trim().eq_ignore_ascii_case("final-recipient") && self.group.final_recipient.is_some();
                    if begins_another {
                        self.end_group();
                    }
                    self.field = Some((name.to_owned(), value.trim().to_owned()));
                }
                None => self.continue_field(line),
            }
        }
    }

    fn continue_field(&mut self, line: &str) {
        if let Some((_, value)) = self.field.as_mut().filter(|(_, value)| value.len() < 4096) {
            value.push('\n');
            value.push_str(line.trim());
        }
    }

    fn end_field(&mut self) {
        if let Some((name, value)) = self.field.take() {
            self.group.take(&name, &value);
        }
    }

    fn end_group(&mut self) {
        let group = std::mem::take(&mut self.group);
        if group.is_about_a_recipient() {
            self.groups.push(group);
        } else if group.says_something() {
            match self.groups.last_mut().filter(|last| !last.says_something()) {
                // A blank line between the recipient and the rest of its fields.
                Some(last) => {
                    *last = Group {
                        final_recipient: last.final_recipient.take(),
                        original_recipient: last.original_recipient.take(),
                        ..group
                    }
                }
                // The rest before the recipient: kept open for it.
                None => self.group = group,
            }
        }
    }
}

fn field(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once(':')?;
    let is_name = !name.is_empty() && name.trim_end().bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    is_name.then_some((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn short(text: &str) -> Vec<String> {
        let say = |group: &Group| {
            let address = |a: &Option<ReportedAddress>| a.as_ref().map(|a| a.as_str().to_owned()).unwrap_or_default();
            format!(
                "{}|{}|{}|{}|{}|{}",
                address(&group.final_recipient),
                address(&group.original_recipient),
                group.action.map(ReportAction::as_str).unwrap_or_default(),
                group.status.map(|s| s.to_string()).unwrap_or_default(),
                group.diagnostic,
                group.remote_host.as_deref().unwrap_or_default()
            )
        };
        read(text).iter().map(say).collect()
    }

    #[test]
    fn groups_are_read_in_every_shape_they_were_seen_in() {
        let table = [
            (
                "Reporting-MTA: dns; a\nArrival-Date: x\n\nFinal-Recipient: rfc822; a@b.jp\nAction: failed\n\
                 Status: 5.1.1\nRemote-MTA: dns; mx.b.jp\nDiagnostic-Code: smtp; 550 5.1.1 no\n  such user\n",
                vec!["a@b.jp||failed|5.1.1|550 5.1.1 no\nsuch user|mx.b.jp"],
            ),
            (
                "Final-Recipient:rfc822;<a@b.jp>\nAction:failed\nStatus:5.2.0\n\n\
                 Final-Recipient: RFC822; c@d.jp>\nction: delayed\nStatus: 4.2.2 (full)\n",
                vec!["a@b.jp||failed|5.2.0||", "c@d.jp||delayed|4.2.2||"],
            ),
            (
                "Final-Recipient: rfc822;a@b.jp\nAction: failed\nFinal-Recipient: rfc822;c@d.jp\nAction: failed",
                vec!["a@b.jp||failed|||", "c@d.jp||failed|||"],
            ),
            (
                "Original-Recipient: <a@b.jp>\nAction: failed\nDiagnostic-Code: smtp; 550 no\nRemote-MTA: 192.0.2.1",
                vec!["|a@b.jp|failed||550 no|192.0.2.1"],
            ),
            ("Action: failed\nStatus: 5.0.0\n\nFinal-Recipient: rfc822;a@b.jp\n", vec!["a@b.jp||failed|5.0.0||"]),
            ("\nFinal-Recipient: rfc822;a@b.jp\n\nAction: failed\n", vec!["a@b.jp||failed|||"]),
            ("Reporting-MTA: dns; a\n\nArrival-Date: b\n", vec![]),
            ("", vec![]),
        ];
        for (text, wanted) in table {
            assert_eq!(short(text), wanted, "{text}");
        }
    }

    #[test]
    fn a_report_of_very_many_recipients_is_cut() {
        let text = "Final-Recipient: rfc822; a@b.jp\nAction: failed\n\n".repeat(3_000);
        assert_eq!(read(&text).len(), GROUPS_MAX);
    }

    #[test]
    fn fields_in_a_text_are_noticed_at_the_beginning_of_lines_only() {
        assert!(stands_in("Hello\nFinal-Recipient: rfc822; a@b\nAction: failed\n"));
        assert!(!stands_in("the Final-Recipient: field and the Action: field"));
    }
}
