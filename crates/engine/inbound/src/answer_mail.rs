//! The mail of an answer: its fields and its text. Pure.

use std::collections::BTreeMap;

use compose::{BuiltSpec, ContentSpec, Sender};

use crate::header::Header;

/// Longest Message-ID that is answered to; it must fit a line of a header with room for its field's name.
const MESSAGE_ID_BYTES_MAX: usize = 250;

/// An automatic answer (RFC 3834 3.1).
pub(crate) fn spec(from: &str, subject: &str, text: &str, in_reply_to: Option<&str>) -> ContentSpec {
    let mut headers = BTreeMap::from([
        ("Auto-Submitted".to_owned(), "auto-replied".to_owned()),
        // Exchange and Outlook obey this one.
        ("X-Auto-Response-Suppress".to_owned(), "All".to_owned()),
    ]);
    if let Some(id) = in_reply_to {
        headers.insert("In-Reply-To".to_owned(), id.to_owned());
        headers.insert("References".to_owned(), id.to_owned());
    }
    ContentSpec::Built(Box::new(BuiltSpec {
        from: Some(Sender::Text(from.to_owned())),
        subject: Some(subject.to_owned()),
        headers,
        text_body: Some(text.to_owned()),
        ..BuiltSpec::default()
    }))
}

/// The Message-ID of a mail, when it is one that can be repeated without harm.
pub(crate) fn message_id(mail: &[u8]) -> Option<String> {
    let id = Header::read(mail).value("message-id")?;
    let inner = id.strip_prefix('<')?.strip_suffix('>')?;
    let is_plain = inner.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'<' && byte != b'>');
    (is_plain && inner.contains('@') && id.len() <= MESSAGE_ID_BYTES_MAX).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_message_id_that_can_do_no_harm_is_repeated() {
        let table = [
            ("Message-ID: <a.b@docomo.ne.jp>", Some("<a.b@docomo.ne.jp>")),
            ("message-id:\r\n\t<x@y>", Some("<x@y>")),
            ("Message-ID: a@b", None),
            ("Message-ID: <a@b> <c@d>", None),
            ("Message-ID: <a b@c>", None),
            ("Message-ID: <noat>", None),
            ("Message-ID: <\u{3042}@b>", None),
            ("Subject: none", None),
        ];
        for (field, expected) in table {
            assert_eq!(message_id(format!("{field}\r\n\r\n").as_bytes()).as_deref(), expected, "{field}");
        }
        let long = format!("Message-ID: <{}@b>\r\n\r\n", "a".repeat(300));
        assert_eq!(message_id(long.as_bytes()), None);
    }
}
