//! Each `golden/NAME.json` (content and recipient) makes exactly the bytes of `golden/NAME.eml`.
//!
//! After an intended change: `TODOKE_WRITE_GOLDEN=1 cargo nextest run --release -p compose`, then read the difference.

mod reader;

use std::path::{Path, PathBuf};

use compose::{Charset, Content, ContentSpec, Dialect, Fill, Unsubscribe};
use mail_model::{EmailAddress, MessageId, NotificationId, UnixMs};
use reader::{Read, assert_sound};
use serde_json::{Map, Value};

#[derive(serde::Deserialize)]
struct Case {
    content: ContentSpec,
    #[serde(default)]
    dialect: Dialect,
    to: String,
    name: Option<String>,
    #[serde(default)]
    substitutions: Map<String, Value>,
    #[serde(default)]
    message_substitutions: Map<String, Value>,
    #[serde(default)]
    iso_2022_jp: bool,
    unsubscribe: Option<Ways>,
}

#[derive(serde::Deserialize)]
struct Ways {
    link: Option<String>,
    mailbox: EmailAddress,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn case(name: &str) -> Case {
    let path = folder().join(format!("{name}.json"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn render(case: &Case) -> Vec<u8> {
    let id = NotificationId { message: MessageId(0x0193_5a2b_0000_0001), index: 41_999 };
    let parse = || Content::parse_for(&case.content, case.dialect, id.message, &[Charset::Iso2022Jp]).unwrap();
    let content = parse();
    let ways = case.unsubscribe.as_ref();
    let fill = Fill {
        id,
        to: &case.to.parse().unwrap(),
        name: case.name.as_deref(),
        substitutions: &case.substitutions,
        message_substitutions: &case.message_substitutions,
        date: UnixMs(1_795_392_000_000),
        host: "mail.example.jp",
        charset: if case.iso_2022_jp { Charset::Iso2022Jp } else { Charset::Utf8 },
        unsubscribe: ways.map(|ways| Unsubscribe { link: ways.link.as_deref(), mailbox: &ways.mailbox }),
    };
    content.check(&fill).unwrap();
    let mail = content.render(&fill).unwrap();
    let head = &mail.bytes[..mail.header_bytes];
    assert!(head.ends_with(b"\r\n") && mail.bytes[mail.header_bytes..].starts_with(b"\r\n"));
    assert!(!head.windows(4).any(|four| four == b"\r\n\r\n"));
    assert_eq!(mail, content.render(&fill).unwrap(), "a second attempt has other bytes");
    assert_eq!(mail, parse().render(&fill).unwrap(), "after a restart the mail has other bytes");
    mail.bytes.to_vec()
}

#[test]
fn every_golden_case_makes_the_recorded_bytes() {
    let mut names: Vec<_> = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.retain(|path| path.extension().is_some_and(|e| e == "json"));
    names.sort();
    assert!(names.len() >= 18, "the folder of cases is not complete");
    for path in names {
        let name = path.file_stem().unwrap().to_str().unwrap();
        let mail = render(&case(name));
        // Only the address itself may be beyond ASCII, in the mail that goes out by SMTPUTF8 (RFC 6532).
        let ascii = String::from_utf8(mail.clone()).unwrap().replace("太郎@", "taro@");
        assert_sound(ascii.as_bytes());
        let golden = path.with_extension("eml");
        if std::env::var_os("TODOKE_WRITE_GOLDEN").is_some() {
            std::fs::write(&golden, &mail).unwrap();
        }
        let recorded = std::fs::read(&golden).unwrap_or_default();
        let (mail, recorded) = (String::from_utf8(mail).unwrap(), String::from_utf8(recorded).unwrap());
        assert_eq!(mail, recorded, "{name}");
    }
}

#[test]
fn a_reader_sees_what_was_written() {
    let japanese = Read::of(&render(&case("japanese_goes_as_base64")));
    let subject = "【緊急】髙橋さん・山﨑さん ｶﾅ ① 😀 本日の下校について Sports day のお知らせ";
    assert_eq!(japanese.one("Subject"), subject);
    assert_eq!(japanese.one("From"), "第一小学校（髙﨑分校） <school@example.jp>");
    assert_eq!(japanese.one("To"), "髙﨑 花子 <\"a..b\"@docomo.ne.jp>");
    assert!(japanese.text().starts_with("保護者の皆様\r\n\r\n大雨"));
    assert_eq!(japanese.one("Message-ID"), "<01935a2b00000001-0000a40f@mail.example.jp>");
    assert_eq!(japanese.one("Date"), "Mon, 23 Nov 2026 09:00:00 +0900");

    let jis = Read::of(&render(&case("iso_2022_jp_takes_what_is_nearest")));
    assert_eq!(jis.one("Subject"), "【緊急】高橋さん・山崎さん ガッコウ (1) 下校について Sports day");
    assert_eq!(jis.one("From"), "第一小学校（高崎分校） <school@example.jp>");
    assert_eq!(jis.text(), "保護者の皆様\r\n\r\n花子さんは14時に下校します。\r\n雨量は30mm～50mm、ハンカク。\r\n");

    let filled = Read::of(&render(&case("marks_are_filled_in_per_recipient")));
    assert_eq!(filled.one("Subject"), "花子 <b> 様 3年");
    assert_eq!(filled.one("From"), "第一小学校 <school@example.jp>");
    assert_eq!(filled.one("X-Class"), "3-?");

    let attacked = Read::of(&render(&case("a_value_cannot_add_a_header")));
    assert!(attacked.all("Bcc").is_empty());
    assert_eq!(attacked.one("From"), "\"A\\\" <evil@example.com>, \\\"B\" <school@example.jp>");
    assert!(attacked.text().contains("{{ 7 * 7 }}"), "a value was read as a template");
}
