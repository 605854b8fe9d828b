//! What goes out: whatever a caller hands in, a mail is a mail.

use compose::{BuiltSpec, Charset, Content, ContentSpec, Dialect, Fill, Rendered, Sender};
use mail_model::{EmailAddress, MessageId, NotificationId, UnixMs};
use mail_parser::MessageParser;
use serde_json::{Map, json};

/// A content as JSON, or else a whole mail as text.
pub fn contents(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let spec = serde_json::from_str(&text).unwrap_or_else(|_| ContentSpec::Raw(text.into_owned()));
    for dialect in [Dialect::Jinja, Dialect::Static] {
        let Ok(content) = Content::parse_for(&spec, dialect, MessageId(7), &[Charset::Iso2022Jp]) else { continue };
        for charset in [Charset::Utf8, Charset::Iso2022Jp] {
            let checked = with_fill(charset, |fill| content.check(fill).is_ok());
            match with_fill(charset, |fill| content.render(fill)) {
                Ok(mail) => is_a_mail(&mail),
                Err(error) => assert!(!checked || error.to_string().contains("exceeds"), "checked, then {error}"),
            }
        }
    }
}

pub(crate) fn with_fill<T>(charset: Charset, work: impl FnOnce(&Fill<'_>) -> T) -> T {
    let to: EmailAddress = "hanako@docomo.ne.jp".parse().expect("the address is one");
    let own = json!({ "child": "さくら\r\nBcc: a@b.jp", "n": 3, "list": ["x", "ｱ"] });
    let (none, own) = (Map::new(), own.as_object().cloned().unwrap_or_default());
    work(&Fill {
        id: NotificationId { message: MessageId(7), index: 1 },
        to: &to,
        name: Some("山田 花子"),
        substitutions: &own,
        message_substitutions: &none,
        date: UnixMs(1_795_392_000_000),
        host: "todoke.example",
        charset,
        unsubscribe: None,
    })
}

/// CRLF only, no long line, no NUL, no byte that 7bit forbids, one header.
pub(crate) fn is_a_mail(mail: &Rendered) {
    let bytes = &mail.bytes;
    assert!(bytes.ends_with(b"\r\n"), "the last line has no end");
    assert!(!bytes.contains(&0), "a NUL");
    for line in bytes.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        assert!(line.len() <= 998, "a line of {} bytes", line.len());
        assert!(!line.contains(&b'\r'), "a CR in a line");
    }
    let ends = bytes.iter().filter(|byte| **byte == b'\n').count();
    assert_eq!(ends, bytes.windows(2).filter(|pair| pair == b"\r\n").count(), "an LF without its CR");
    let header = bytes.get(..mail.header_bytes).unwrap_or_default();
    assert!(!header.windows(4).any(|window| window == b"\r\n\r\n"), "the header ends too early");
    assert_eq!(
        bytes.get(mail.header_bytes..mail.header_bytes + 2),
        Some(&b"\r\n"[..]),
        "no empty line behind the header"
    );
    let header = String::from_utf8_lossy(header);
    for line in header.lines().filter(|line| !line.starts_with([' ', '\t'])) {
        let name = line.split(':').next().unwrap_or_default();
        assert!(line.contains(':') && name.bytes().all(|b| b.is_ascii_graphic()), "no field: {line:?}");
        assert!(!name.eq_ignore_ascii_case("bcc"), "a value made a field");
    }
    assert!(MessageParser::default().parse(bytes.as_ref()).is_some(), "no reader takes it");
}

/// A subject and a name, encoded and read again by a parser that is not ours.
pub fn subjects(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (subject, name) = text.split_once('|').unwrap_or((&text, "学校"));
    let from = compose::SenderParts { email: "school@example.jp".to_owned(), name: Some(name.to_owned()) };
    let spec = ContentSpec::Built(Box::new(BuiltSpec {
        from: Some(Sender::Parts(from)),
        subject: Some(subject.to_owned()),
        text_body: Some("x".to_owned()),
        ..BuiltSpec::default()
    }));
    let Ok(content) = Content::parse_for(&spec, Dialect::Static, MessageId(7), &[Charset::Iso2022Jp]) else { return };
    for charset in [Charset::Utf8, Charset::Iso2022Jp] {
        let Ok(mail) = with_fill(charset, |fill| content.render(fill)) else { continue };
        is_a_mail(&mail);
        if charset == Charset::Iso2022Jp {
            // What ISO-2022-JP lacks is replaced by what is nearest.
            continue;
        }
        let read = MessageParser::default().parse(mail.bytes.as_ref()).expect("a mail that was made can be read");
        assert_eq!(words(read.subject().unwrap_or_default()), words(subject), "the subject");
        let sender = read.from().and_then(|from| from.first());
        assert_eq!(sender.and_then(|from| from.address()), Some("school@example.jp"));
        assert_eq!(words(sender.and_then(|from| from.name()).unwrap_or_default()), words(name), "the name");
    }
}

/// The words of a header: control characters are blanks, and runs of blanks are one.
fn words(text: &str) -> Vec<&str> {
    let blank = |letter: char| letter.is_control() || letter.is_whitespace();
    text.split(blank).filter(|word| !word.is_empty()).collect()
}
