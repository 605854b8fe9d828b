//! Signatures are made by us and judged by mail-auth: every mail passes, and every change of a signed byte fails.

mod verifier;

use compose::dkim::{Algorithm, KeyFile, Record, Signers, Signing, new_key};
use compose::{BuiltSpec, Charset, Content, ContentSpec, Dialect, Fill, Rendered, Sender, Unsubscribe};
use mail_model::{EmailAddress, MessageId, NotificationId, UnixMs};
use serde_json::{Map, Value, json};
use verifier::{Zone, verdicts};

const DATE: UnixMs = UnixMs(1_795_392_000_000);

struct World {
    signers: Signers,
    zone: Zone,
}

impl World {
    /// One key of each algorithm, selectors `rsa` and `ed25519`.
    fn new(algorithms: &[Algorithm]) -> Self {
        let keys: Vec<(Algorithm, String)> = algorithms.iter().map(|a| (*a, new_key(*a).unwrap())).collect();
        let files = keys.iter().map(|(algorithm, pem)| KeyFile {
            domain: "example.jp",
            selector: algorithm.as_str(),
            pem: pem.as_bytes(),
            since: None,
            until: None,
        });
        let signers = Signers::new(files).unwrap();
        let record = |(algorithm, pem): &(Algorithm, String)| {
            Record::of(pem.as_bytes(), "example.jp", algorithm.as_str()).unwrap()
        };
        let records: Vec<Record> = keys.iter().map(record).collect();
        Self { signers, zone: Zone::with(&records) }
    }

    fn both() -> Self {
        Self::new(&[Algorithm::Rsa, Algorithm::Ed25519])
    }

    fn seal(&self, content: &Content, recipient: &Recipient, may_sign_once: bool) -> Rendered {
        let signing = Signing { signers: &self.signers, at: DATE, may_sign_once };
        recipient.with(|fill| content.seal(fill, &signing).unwrap())
    }

    /// Each must pass.
    #[track_caller]
    fn passes(&self, mail: &[u8], selectors: &[&str]) {
        let expected: Vec<(String, bool)> = selectors.iter().map(|s| ((*s).to_owned(), true)).collect();
        assert_eq!(verdicts(&self.zone, mail), expected, "{}", String::from_utf8_lossy(mail));
    }
}

struct Recipient {
    index: u32,
    address: EmailAddress,
    values: Map<String, Value>,
    charset: Charset,
    unsubscribe: Option<EmailAddress>,
}

impl Recipient {
    fn new(index: u32) -> Self {
        let values = json!({"name": format!("花子{index}"), "grade": index});
        Self {
            index,
            address: format!("a{index}@docomo.ne.jp").parse().unwrap(),
            values: values.as_object().unwrap().clone(),
            charset: Charset::Utf8,
            unsubscribe: None,
        }
    }

    fn with<T>(&self, use_it: impl FnOnce(&Fill<'_>) -> T) -> T {
        let link = format!("https://renraku.example.jp/u/{}", self.index);
        use_it(&Fill {
            id: NotificationId { message: MessageId(7), index: self.index },
            to: &self.address,
            name: Some("山田 花子"),
            substitutions: &self.values,
            message_substitutions: &Map::new(),
            date: DATE,
            host: "mail.example.jp",
            charset: self.charset,
            unsubscribe: self.unsubscribe.as_ref().map(|mailbox| Unsubscribe { link: Some(&link), mailbox }),
        })
    }
}

fn parse(spec: Value) -> Content {
    let spec: ContentSpec = serde_json::from_value(spec).unwrap();
    Content::parse_for(&spec, Dialect::Jinja, MessageId(7), &[Charset::Iso2022Jp]).unwrap()
}

fn built(more: Value) -> Content {
    let mut spec = json!({"from": "第一小学校 <school@example.jp>", "subject": "運動会のお知らせ", "text_body": "x"});
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    parse(spec)
}

fn count(mail: &Rendered, text: &str) -> usize {
    String::from_utf8_lossy(&mail.bytes).matches(text).count()
}

#[test]
fn every_form_of_mail_verifies_with_both_algorithms() {
    let world = World::both();
    let long_line = "長い行".repeat(400);
    let mut contents: Vec<Content> = [
        json!({"text_body": "Closed today.\n"}),
        json!({"text_body": ""}),
        json!({"text_body": "\n \n\t\n"}),
        json!({"text_body": "white lines follow\n\n \t\n\n"}),
        json!({"text_body": "two  spaces,\ttabs\t\tand \t an end \nx"}),
        json!({"text_body": ".\n..\n.x\nFrom here\n"}),
        json!({"text_body": "保護者の皆様\n\n本日は休校です。\n"}),
        json!({"text_body": long_line}),
        json!({"text_body": "x".repeat(5_000)}),
        json!({"text_body": "{{ name }} さん {{ grade }}年\n"}),
        json!({"subject": "{{ name }} さんへ", "text_body": "x"}),
        json!({"subject": "とても長い件名".repeat(40), "headers": {"X-Note": "a ".repeat(300)}}),
        json!({"from": {"email": "school@example.jp", "name": "a@b, \"c\" <d@evil.example>"}}),
        json!({"reply_to": "学校事務 <office@example.jp>", "html_body": "<p>休校</p>"}),
        json!({"attachments": [{"data": "QUJD".repeat(1_000), "content_type": "application/pdf", "base64": true}]}),
    ]
    .into_iter()
    .map(built)
    .collect();
    contents.extend(
        [
            "From: school@example.jp\nSubject: a\n  folded\n\tsubject\nTo: all <all@example.jp>\nCc: c@example.jp\n\nhi\n",
            "From: School <school@example.jp>\n\n\n\n",
            "From: school@example.jp\nContent-Type: text/plain; charset=iso-2022-jp\n\n\u{1b}$B$\"\u{1b}(B  x \n \n",
            "from: school@EXAMPLE.jp\nDate: Mon, 23 Nov 2026 09:00:00 +0900\nMIME-Version: 1.0\nx-a:b\n\n{{ grade }}",
        ]
        .map(|raw| parse(json!(raw))),
    );
    for content in &contents {
        for charset in [Charset::Utf8, Charset::Iso2022Jp] {
            for may_sign_once in [false, true] {
                let mut recipient = Recipient { charset, ..Recipient::new(3) };
                for unsubscribe in [None, Some("u+token@b.example.jp".parse().unwrap())] {
                    recipient.unsubscribe = unsubscribe;
                    let mail = world.seal(content, &recipient, may_sign_once);
                    world.passes(&mail.bytes, &["rsa", "ed25519"]);
                    assert_eq!((mail.signatures, count(&mail, "DKIM-Signature:")), (2, 2));
                    assert_eq!(&mail.bytes[mail.header_bytes..][..2], b"\r\n");
                    let head = std::str::from_utf8(&mail.bytes[..mail.header_bytes]).unwrap();
                    assert!(head.starts_with("DKIM-Signature: v=1; a=rsa-sha256;") && !head.contains("\r\n\r\n"));
                    let of_signatures =
                        head.split_inclusive("==\r\n").take(2).flat_map(|field| field.trim_end().split("\r\n"));
                    assert!(
                        of_signatures.into_iter().all(|line| line.len() <= 78 && !line.trim().is_empty()),
                        "{head}"
                    );
                }
            }
        }
    }
}

#[test]
fn what_is_signed_is_the_unsigned_mail_and_a_retry_has_the_same_bytes() {
    let (world, recipient) = (World::both(), Recipient::new(1));
    let spec = || built(json!({"text_body": "{{ name }}\n"}));
    let content = spec();
    let plain = recipient.with(|fill| content.render(fill).unwrap());
    assert_eq!(plain.signatures, 0);
    let mail = world.seal(&content, &recipient, false);
    assert!(mail.bytes.ends_with(&plain.bytes));
    assert_eq!(mail.header_bytes - plain.header_bytes, mail.bytes.len() - plain.bytes.len());
    assert_eq!(mail, world.seal(&content, &recipient, false));
    assert_eq!(mail, world.seal(&spec(), &recipient, false), "after a restart");
    let one = World::new(&[Algorithm::Ed25519]);
    one.passes(&one.seal(&content, &recipient, false).bytes, &["ed25519"]);
}

#[test]
fn a_from_without_a_key_leaves_unsigned() {
    let (world, recipient) = (World::both(), Recipient::new(1));
    for from in ["school@other.example.jp", "school@sub.example.jp", "\"x@example.jp\" <a@example.com>"] {
        let content = built(json!({"from": from}));
        let mail = world.seal(&content, &recipient, true);
        assert_eq!(mail, recipient.with(|fill| content.render(fill).unwrap()), "{from}");
    }
    let nobody = Signers::default();
    let signing = Signing { signers: &nobody, at: DATE, may_sign_once: false };
    let content = built(json!({}));
    let mail = recipient.with(|fill| content.seal(fill, &signing).unwrap());
    assert_eq!(mail.signatures, 0);
}

#[test]
fn one_signature_serves_all_where_nothing_that_is_signed_differs() {
    let world = World::both();
    let signature_of = |mail: &Rendered| {
        let text = std::str::from_utf8(&mail.bytes).unwrap();
        text[..text.find("\r\nFrom:").unwrap()].to_owned()
    };
    let unsubscribing = |index| Recipient { unsubscribe: "u@b.jp".parse().ok(), ..Recipient::new(index) };
    let table = [
        (built(json!({})), true),
        (built(json!({"headers": {"X-Class": "{{ grade }}"}})), true),
        (parse(json!("From: school@example.jp\nTo: {{ name }} <a@b.jp>\n\nhi\n")), true),
        (built(json!({"subject": "{{ grade }}年"})), false),
        (built(json!({"reply_to": "{{ name }} <office@example.jp>"})), false),
        (built(json!({"text_body": "{{ name }}"})), false),
        (built(json!({"text_body": "x", "html_body": "{{ name }}"})), false),
    ];
    for (content, is_shared) in &table {
        let mails = [1, 2].map(|index| world.seal(content, &Recipient::new(index), true));
        for mail in &mails {
            world.passes(&mail.bytes, &["rsa", "ed25519"]);
        }
        assert_eq!(signature_of(&mails[0]) == signature_of(&mails[1]), *is_shared);
        let names = signature_of(&mails[0]).replace("\r\n  ", "");
        assert_eq!(names.contains(":To:") || names.contains(":Message-ID"), !is_shared, "{names}");
        // What lets somebody leave must be signed (RFC 8058 4), and it is everybody's own.
        let mails = [1, 2].map(|index| world.seal(content, &unsubscribing(index), true));
        for mail in &mails {
            world.passes(&mail.bytes, &["rsa", "ed25519"]);
            let names = signature_of(mail).replace("\r\n  ", "");
            assert!(names.contains("List-Unsubscribe:List-Unsubscribe-Post;"), "{names}");
        }
        let mails = [1, 2].map(|index| world.seal(content, &Recipient::new(index), false));
        assert_ne!(signature_of(&mails[0]), signature_of(&mails[1]));
    }
    // A change of keys while the content is kept: nobody gets the signature of the key before.
    let (content, next) = (&table[0].0, World::both());
    next.passes(&next.seal(content, &Recipient::new(3), true).bytes, &["rsa", "ed25519"]);
}

#[test]
fn any_change_of_a_signed_byte_fails() {
    let world = World::both();
    let content =
        parse(json!({"from": "School <school@example.jp>", "subject": "Sports day", "text_body": "Be there.\n"}));
    let recipient = Recipient { unsubscribe: "u+t@b.jp".parse().ok(), ..Recipient::new(1) };
    for may_sign_once in [false, true] {
        let mail = world.seal(&content, &recipient, may_sign_once).bytes;
        let start = mail.windows(6).position(|six| six == b"\r\nFrom").unwrap() + 2;
        for at in start..mail.len() {
            // White space and the case of names may change; that is what relaxed means.
            if mail[at].is_ascii_whitespace() || mail[at] == b':' {
                continue;
            }
            let mut changed = mail.to_vec();
            changed[at] = if changed[at] == b'7' { b'8' } else { b'7' };
            let passed = verdicts(&world.zone, &changed).iter().filter(|(_, pass)| *pass).count();
            assert_eq!(passed, 0, "byte {at} in {}", String::from_utf8_lossy(&changed));
        }
    }
}

#[test]
fn nobody_can_add_a_second_field_above_ours() {
    let (world, content) = (World::both(), built(json!({})));
    let mail = world.seal(&content, &Recipient::new(1), false).bytes;
    let names = [
        "From",
        "To",
        "Cc",
        "Subject",
        "Date",
        "Message-ID",
        "Reply-To",
        "MIME-Version",
        "Content-Type",
        "Content-Transfer-Encoding",
    ];
    for name in names {
        let forged = [format!("{name}: forged <x@evil.example>\r\n").as_bytes(), &mail].concat();
        assert!(verdicts(&world.zone, &forged).iter().all(|(_, pass)| !pass), "{name}");
    }
    // What relays and mailing lists add does no harm.
    for name in ["Received", "List-Id", "List-Unsubscribe", "X-Spam-Score", "Return-Path"] {
        let passed_on = [format!("{name}: x\r\n").as_bytes(), &mail].concat();
        let forwarded = verdicts(&world.zone, &passed_on);
        assert_eq!(forwarded.iter().filter(|(_, pass)| *pass).count(), 2, "{name}");
    }
    let grown = [&mail[..], b"more\r\n"].concat();
    assert!(verdicts(&world.zone, &grown).iter().all(|(_, pass)| !pass));
    let blanks = [&mail[..], b"\r\n\r\n"].concat();
    assert!(verdicts(&world.zone, &blanks).iter().all(|(_, pass)| *pass));
}

#[test]
fn a_spec_made_in_code_signs_as_one_from_json() {
    let spec = ContentSpec::Built(Box::new(BuiltSpec {
        from: Some(Sender::Text("school@example.jp".into())),
        text_body: Some("x".into()),
        ..BuiltSpec::default()
    }));
    let content = Content::parse(&spec, Dialect::Static, MessageId(7)).unwrap();
    let world = World::both();
    world.passes(&world.seal(&content, &Recipient::new(1), false).bytes, &["rsa", "ed25519"]);
}
