//! What cannot become a mail is refused with the field and the remedy, and without repeating what a value held.

use compose::{Charset, Content, ContentError, ContentSpec, Dialect, Fill};
use mail_model::{MessageId, NotificationId, UnixMs};
use serde_json::{Map, Value, json};

fn attempt(content: Value, substitutions: Value) -> Result<(), ContentError> {
    let spec: ContentSpec = serde_json::from_value(content).unwrap();
    let content = Content::parse(&spec, Dialect::Jinja, MessageId(1))?;
    let (own, shared): (Map<String, Value>, Map<String, Value>) = match substitutions {
        Value::Object(own) => (own, Map::new()),
        _ => Default::default(),
    };
    let fill = Fill {
        id: NotificationId { message: MessageId(1), index: 0 },
        to: &"taro@docomo.ne.jp".parse().unwrap(),
        name: None,
        substitutions: &own,
        message_substitutions: &shared,
        date: UnixMs(0),
        host: "mail.example.jp",
        charset: Charset::Utf8,
        unsubscribe: None,
    };
    content.check(&fill)?;
    content.render(&fill).map(|_| ())
}

#[track_caller]
fn refused(content: Value, substitutions: Value, field: &str, words: &str) {
    let error = attempt(content.clone(), substitutions).expect_err(&content.to_string());
    assert_eq!(error.field, field, "{error}");
    assert!(error.message.contains(words), "{error}");
    assert!(!error.message.contains("秘密"), "{error}");
}

fn built(more: &[(&str, Value)]) -> Value {
    let mut content = json!({"from": "school@example.jp", "text_body": "x"});
    for (name, value) in more {
        content[*name] = value.clone();
    }
    content
}

#[test]
fn a_value_that_is_missing_is_named_with_the_field_that_uses_it() {
    let body = |text: &str| built(&[("text_body", json!(text))]);
    refused(body("a\n{{ grade }}"), json!({}), "text_body", "{{ grade }}");
    refused(body("{{ grade }}"), json!({"grade": null}), "text_body", "add \"grade\"");
    refused(body("{{ child.name }}"), json!({"child": {"age": "秘密"}}), "text_body", "not among");
    refused(body("{{ name }}"), json!({}), "text_body", "add \"name\"");
    refused(built(&[("subject", json!("{{ a }}"))]), json!({}), "subject", "default");
    refused(built(&[("headers", json!({"X-A": "{{ a }}"}))]), json!({}), "headers.X-A", "{{ a }}");
    refused(json!("From: a@b.jp\nX-A: {{ a }}\n\nhi"), json!({}), "content, header X-A", "{{ a }}");
    refused(json!("From: a@b.jp\n\n{{ a }}"), json!({}), "content, body", "{{ a }}");
    assert_eq!(attempt(body("{{ grade | default('?') }} {{ email }}"), json!({})), Ok(()));
}

#[test]
fn a_template_that_is_wrong_or_takes_too_much_is_refused() {
    let body = |text: &str| built(&[("text_body", json!(text))]);
    refused(body("{{ a"), json!({}), "text_body", "Static");
    refused(body("{% if a %}"), json!({}), "text_body", "Static");
    refused(body("{{ a | wrap }}"), json!({"a": 1}), "text_body", "wrap");
    refused(body("{{ 'x' * 90000000 }}"), json!({}), "text_body", "steps");
    refused(
        body("{% for i in range(9999) %}{% for j in range(9999) %}x{% endfor %}{% endfor %}"),
        json!({}),
        "text_body",
        "steps",
    );
    refused(body("{{ a.b.c }}"), json!({"a": "秘密"}), "text_body", "line 1");
    refused(body("{{ a | int }}"), json!({"a": "秘密"}), "text_body", "line 1");
    let doubling = "{% set a = 'xxxxxxxxxx' %}".to_owned() + &"{% set a = a ~ a %}".repeat(40);
    refused(body(&doubling), json!({}), "text_body", "steps");
    refused(body("{% include '/etc/passwd' %}"), json!({}), "text_body", "line 1");
    refused(json!("From: a@b.jp\n{% if a %}X-A: 1\n{% endif %}\n\nhi"), json!({}), "content, line 2", "name");
}

#[test]
fn what_is_missing_or_forbidden_is_named() {
    refused(json!({"text_body": "x"}), json!({}), "from", "missing");
    refused(json!({"from": "x@example.jp"}), json!({}), "text_body", "html_body");
    refused(built(&[("from", json!("nobody"))]), json!({}), "from", "name@example.jp");
    refused(built(&[("from", json!("a@b.jp, c@d.jp"))]), json!({}), "from", "exactly one");
    refused(built(&[("from", json!({"email": "{{ x }}"}))]), json!({"x": "秘密"}), "from", "name@example.jp");
    for name in ["To", "bcc", "Subject", "Content-Type", "MIME-Version", "Message-ID", "DKIM-Signature"] {
        refused(built(&[("headers", json!({name: "x"}))]), json!({}), &format!("headers.{name}"), "remove it");
    }
    refused(built(&[("headers", json!({"X-A\r\nBcc": "x"}))]), json!({}), "headers.X-ABcc", "without spaces");
    refused(built(&[("headers", json!({"X-A": "1", "x-a": "2"}))]), json!({}), "headers.x-a", "twice");
    refused(built(&[("subject", json!("x".repeat(9_000)))]), json!({}), "subject", "8192");
    refused(built(&[("text_body", json!("x".repeat(1_100_000)))]), json!({}), "text_body", "1048576");
    let long = built(&[("text_body", json!("{{ a }}{{ a }}"))]);
    refused(long, json!({"a": "x".repeat(600_000)}), "text_body", "1048576");
}

#[test]
fn a_file_that_cannot_be_attached_is_named() {
    let file = |more: Value| {
        let mut file = json!({"data": "QQ==", "content_type": "application/pdf", "base64": true});
        file.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        built(&[("attachments", json!([{"data": "x", "content_type": "text/plain"}, file]))])
    };
    let table = [
        (json!({"data": "%%"}), "attachments[1].data", "not Base64"),
        (json!({"content_type": "pdf"}), "attachments[1].content_type", "application/pdf"),
        (json!({"content_type": "a/b\r\nBcc: x"}), "attachments[1].content_type", "type/subtype"),
        (json!({"content_type": "message/rfc822"}), "attachments[1].content_type", "octet-stream"),
        (json!({"file_name": ".."}), "attachments[1].file_name", "plan.pdf"),
        (json!({"file_name": "x".repeat(151)}), "attachments[1].file_name", "150"),
        (json!({"content_id": "a>b"}), "attachments[1].content_id", "logo@example.jp"),
    ];
    for (more, field, words) in table {
        refused(file(more), json!({}), field, words);
    }
}

#[test]
fn a_raw_mail_may_carry_large_files_when_nothing_is_filled_in() {
    let file = "QUJD".repeat(18).to_owned() + "\n";
    let head = "From: a@b.jp\nContent-Type: application/pdf\nContent-Transfer-Encoding: base64\n\n";
    assert_eq!(attempt(json!(format!("{head}{}", file.repeat(40_000))), json!({})), Ok(()));
    let marked = format!("{head}{{{{ a }}}}{}", file.repeat(40_000));
    refused(json!(marked), json!({"a": 1}), "content, body", "1048576");
}

#[test]
fn a_raw_mail_that_is_not_one_is_refused() {
    let long = "x".repeat(1_000);
    let table = [
        ("hello", "content", "neither a header"),
        (" hello", "content", "begins with a space"),
        ("Subject: x\n\nhi", "content", "From header is missing"),
        ("From: a@b.jp\nFrom: c@d.jp\n\nhi", "content, header From", "twice"),
        ("From: a@b.jp\nBcc: c@d.jp\n\nhi", "content, header Bcc", "recipients"),
        ("From: nobody\n\nhi", "content, header From", "name@example.jp"),
        ("From: a@b.jp\nA B: c\n\nhi", "content, line 2", "without spaces"),
        ("From: a@b.jp\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\n学校", "content", "line 3 of the body"),
        (&format!("From: a@b.jp\nContent-Type: image/png\n\n{long}"), "content", "998"),
        ("From: a@b.jp\nContent-Type: text/plain; charset=iso-2022-jp\n\n学校", "content", "not ASCII"),
        ("From: a@b.jp\nContent-Type: {{ x }}\n\nhi", "content, header Content-Type", "text/plain"),
    ];
    for (raw, field, words) in table {
        refused(json!(raw), json!({}), field, words);
    }
}
