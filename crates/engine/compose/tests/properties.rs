//! Whatever text and values go in, the mail is sound and says what was meant.

mod reader;

use compose::{BuiltSpec, Charset, Content, ContentSpec, Dialect, Fill, Sender, SenderParts};
use mail_model::{MessageId, NotificationId, UnixMs};
use proptest::prelude::*;
use reader::{Read, assert_sound};
use serde_json::{Map, Value};

/// Characters that matter somewhere: line ends, controls, quotes, marks, Japanese of every width, emoji.
fn any_text() -> impl Strategy<Value = String> {
    let one = prop_oneof![
        4 => "[a-z ]".prop_map(String::from),
        2 => proptest::sample::select(vec![
            "\r\n", "\n", "\r", "\t", "\0", "\u{1b}", "\u{7f}", "\u{85}", "\u{2028}", ".", "\r\n.\r\n", "From ", "--=_", "=?", "?=",
            "\"", "\\", "<", ">", ",", ":", ";", "@", "{{", "}}", "{%", "=", "\r\nBcc: x@y.jp\r\n\r\n",
        ]).prop_map(String::from),
        3 => proptest::sample::select(vec!["運", "動", "会", "髙", "﨑", "ｶﾞ", "①", "😀", "👨‍👩‍👧", "　", "é"]).prop_map(String::from),
        1 => any::<char>().prop_map(String::from),
        1 => (900..1100usize).prop_map(|n| "x".repeat(n)),
        1 => (30..1100usize).prop_map(|n| " ".repeat(n)),
    ];
    proptest::collection::vec(one, 0..40).prop_map(|parts| parts.concat())
}

fn render(spec: &ContentSpec, dialect: Dialect, name: &str, values: &Map<String, Value>) -> Option<Vec<u8>> {
    render_in(Charset::Utf8, spec, dialect, name, values)
}

fn render_in(
    charset: Charset,
    spec: &ContentSpec,
    dialect: Dialect,
    name: &str,
    values: &Map<String, Value>,
) -> Option<Vec<u8>> {
    let content = Content::parse_for(spec, dialect, MessageId(7), &[charset]).ok()?;
    let fill = Fill {
        id: NotificationId { message: MessageId(7), index: 1 },
        to: &"a..b@docomo.ne.jp".parse().unwrap(),
        name: Some(name),
        substitutions: values,
        message_substitutions: &Map::new(),
        date: UnixMs(1_795_392_000_000),
        host: "mail.example.jp",
        charset,
        unsubscribe: None,
    };
    let checked = content.check(&fill);
    let mail = content.render(&fill);
    assert_eq!(checked.is_ok(), mail.is_ok(), "check and render differ: {checked:?}");
    mail.ok().map(|mail| mail.bytes.to_vec())
}

/// What a reader must see in a header: controls are spaces, and white space at the ends is lost.
fn seen(text: &str) -> String {
    text.replace(char::is_control, " ").trim_matches(' ').to_owned()
}

/// Between words that need no encoding at most 40 spaces are kept.
fn narrow(text: &str) -> String {
    let wide = " ".repeat(41);
    let mut text = text.to_owned();
    while text.contains(&wide) {
        text = text.replace(&wide, &" ".repeat(40));
    }
    text
}

fn only_our_headers(read: &Read) {
    let known = [
        "From",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "X-Value",
        "MIME-Version",
        "Content-Type",
        "Content-Transfer-Encoding",
    ];
    for (name, _) in &read.fields {
        assert!(known.contains(&name.as_str()), "{name:?} was added");
    }
    for name in known.iter().filter(|name| **name != "X-Value") {
        read.one(name);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_value_leaves_its_place(value in any_text(), name in any_text()) {
        let spec = ContentSpec::Built(Box::new(BuiltSpec {
            from: Some(Sender::Parts(SenderParts { email: "school@example.jp".into(), name: Some("{{ value }}".into()) })),
            subject: Some("{{ value }}".into()),
            headers: [("X-Value".to_owned(), "{{ value }}".to_owned())].into(),
            text_body: Some("<{{ value }}>".into()),
            ..BuiltSpec::default()
        }));
        let values: Map<String, Value> = [("value".to_owned(), Value::from(value.clone()))].into_iter().collect();
        let short = |text: &str| text.chars().count() <= 200;
        let Some(mail) = render(&spec, Dialect::Jinja, &name, &values) else {
            prop_assert!(!short(&value) || !short(&name), "refused without a reason");
            return Ok(());
        };
        assert_sound(&mail);
        let read = Read::of(&mail);
        only_our_headers(&read);
        prop_assert_eq!(narrow(read.one("Subject")), narrow(&seen(&value)));
        prop_assert_eq!(narrow(read.one("X-Value")), narrow(&seen(&value)));
        prop_assert!(read.one("From").ends_with("school@example.jp") || read.one("From").ends_with("<school@example.jp>"));
    }

    #[test]
    fn a_mail_in_iso_2022_jp_is_sound_or_is_utf8(value in any_text(), fixed in any_text(), name in any_text()) {
        let spec = ContentSpec::Built(Box::new(BuiltSpec {
            from: Some(Sender::Text("学校 <school@example.jp>".into())),
            subject: Some("件名{{ value }}".into()),
            headers: [("X-Value".to_owned(), "{{ value }}".to_owned())].into(),
            text_body: Some(format!("{}{{{{ value }}}}", fixed.replace(['{', '}'], ""))),
            ..BuiltSpec::default()
        }));
        let values: Map<String, Value> = [("value".to_owned(), Value::from(value.clone()))].into_iter().collect();
        let Some(mail) = render_in(Charset::Iso2022Jp, &spec, Dialect::Jinja, &name, &values) else { return Ok(()) };
        assert_sound(&mail);
        let read = Read::of(&mail);
        only_our_headers(&read);
        let is_jis = read.one("Content-Type").contains("iso-2022-jp");
        prop_assert!(is_jis != read.one("Content-Type").contains("utf-8"));
        // The whole mail is in one charset.
        let text = String::from_utf8(mail).unwrap();
        prop_assert_eq!(text.contains("=?ISO-2022-JP?B?"), is_jis);
        prop_assert_eq!(text.contains("=?UTF-8?B?"), !is_jis);
        let shown = read.text();
        if !is_jis {
            prop_assert!(shown.trim_end().ends_with(seen(&value).trim_end()) || value.contains(char::is_control));
        } else if value.is_ascii() && !value.contains(char::is_control) {
            prop_assert!(shown.trim_end().ends_with(value.trim_end()), "{shown:?}");
        }
    }

    #[test]
    fn a_text_comes_out_as_it_went_in(text in any_text()) {
        let spec = ContentSpec::Built(Box::new(BuiltSpec {
            from: Some(Sender::Text("school@example.jp".into())),
            subject: Some("x".into()),
            text_body: Some(text.clone()),
            ..BuiltSpec::default()
        }));
        let mail = render(&spec, Dialect::Static, "", &Map::new()).unwrap();
        assert_sound(&mail);
        let lines = text.replace("\r\n", "\n").replace('\r', "\n");
        let kept: String = lines.chars().filter(|c| !c.is_ascii_control() || "\n\t".contains(*c)).collect();
        let kept = kept.trim_end_matches([' ', '\t', '\n']).replace('\n', "\r\n");
        let read = Read::of(&mail);
        let shown = read.text();
        prop_assert_eq!(shown.trim_end_matches("\r\n"), kept);
    }

    #[test]
    fn a_raw_mail_is_sound_or_refused(head in any_text(), body in any_text(), value in any_text()) {
        let raw = format!("From: school@example.jp\nSubject: {}\n\n{body}\n{{{{ value }}}}", head.replace(['\r', '\n'], " "));
        let values: Map<String, Value> = [("value".to_owned(), Value::from(value))].into_iter().collect();
        if let Some(mail) = render(&ContentSpec::Raw(raw), Dialect::Jinja, "花子", &values) {
            assert_sound(&mail);
            only_our_headers(&Read::of(&mail));
        }
    }
}
