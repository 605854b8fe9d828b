//! A mail with its envelope, as somebody outside hands it to the engine's listener.

/// What is said in one transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailing {
    /// The name in EHLO.
    pub ehlo: String,
    /// What stands between the brackets of MAIL FROM, just so; empty for the null sender.
    pub sender: String,
    /// What stands between the brackets of each RCPT TO, just so.
    pub recipients: Vec<String>,
    /// Header and body, lines ended by CRLF, dots not yet doubled. Not UTF-8 where phones write Shift_JIS.
    pub content: Vec<u8>,
}

impl Mailing {
    /// The content as it goes over the wire: dots doubled, final dot added (RFC 5321 4.5.2).
    pub fn wire_content(&self) -> Vec<u8> {
        let mut wire = Vec::with_capacity(self.content.len() + 8);
        for line in self.content.split_inclusive(|&b| b == b'\n') {
            if line.first() == Some(&b'.') {
                wire.push(b'.');
            }
            wire.extend_from_slice(line);
        }
        if !wire.is_empty() && !wire.ends_with(b"\r\n") {
            wire.extend_from_slice(b"\r\n");
        }
        wire.extend_from_slice(b".\r\n");
        wire
    }

    /// The same mail to somebody else.
    #[must_use]
    pub fn to(mut self, recipient: &str) -> Self {
        self.recipients = vec![recipient.to_owned()];
        self
    }
}

/// Lines joined and ended by CRLF.
pub(crate) fn lines<S: AsRef<str>>(lines: impl IntoIterator<Item = S>) -> String {
    lines.into_iter().fold(String::new(), |text, line| text + line.as_ref() + "\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_are_doubled_and_the_last_line_is_ended() {
        let table: [(&str, &str); 4] = [
            ("", ".\r\n"),
            ("a\r\n.\r\nb", "a\r\n..\r\nb\r\n.\r\n"),
            ("\r\n.x\r\n", "\r\n..x\r\n.\r\n"),
            ("a.b\r\n", "a.b\r\n.\r\n"),
        ];
        for (content, wire) in table {
            let mailing = Mailing {
                ehlo: String::new(),
                sender: String::new(),
                recipients: Vec::new(),
                content: content.as_bytes().to_vec(),
            };
            assert_eq!(mailing.wire_content(), wire.as_bytes(), "{content:?}");
        }
    }
}
