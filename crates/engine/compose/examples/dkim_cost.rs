//! CPU time that a mail costs to be made and signed: `cargo run --release -p compose --example dkim_cost`.
#![allow(clippy::print_stdout)] // A program speaks by printing.

use std::hint::black_box;

use compose::dkim::{Algorithm, KeyFile, Signers, Signing, new_key};
use compose::{Charset, Content, ContentSpec, Dialect, Fill};
use mail_model::{EmailAddress, MessageId, NotificationId, UnixMs};
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Map, Value, json};

const DATE: UnixMs = UnixMs(1_795_392_000_000);
/// CPU time that one figure is taken over, in seconds.
const MEASURED_S: f64 = 1.0;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let keys: Vec<(&str, Signers)> = vec![
        ("no DKIM", Signers::default()),
        ("Ed25519", signers(&[Algorithm::Ed25519])?),
        ("RSA-2048", signers(&[Algorithm::Rsa])?),
        ("both", signers(&[Algorithm::Rsa, Algorithm::Ed25519])?),
    ];
    println!("CPU µs a mail, made and signed; one thread");
    println!("{:<42}{:>10}{:>10}{:>10}{:>10}", "", keys[0].0, keys[1].0, keys[2].0, keys[3].0);
    let text = "お知らせです。 ".repeat(130);
    for (size, file_bytes) in [("4 KiB", 0), ("1 MB file", 740_000)] {
        for (form, mark, may_sign_once) in [
            ("a text of its own", "{{ name }}\n", false),
            ("the same text, hashed once", "", false),
            ("the same text, signed once", "", true),
        ] {
            let mut line = format!("{:<42}", format!("{size}, {form}"));
            for (_, signers) in &keys {
                // A content keeps the signature that serves all, so each column begins with its own.
                let content = content(&format!("{mark}{text}"), file_bytes)?;
                let us = measure(&content, &Signing { signers, at: DATE, may_sign_once })?;
                line.push_str(&format!("{us:>10.1}"));
            }
            println!("{line}");
        }
    }
    Ok(())
}

fn signers(algorithms: &[Algorithm]) -> Result<Signers, Box<dyn std::error::Error>> {
    let keys: Option<Vec<String>> = algorithms.iter().map(|algorithm| new_key(*algorithm)).collect();
    let keys = keys.ok_or("the machine makes no keys")?;
    let file = |(selector, pem)| KeyFile { domain: "example.jp", selector, pem, since: None, until: None };
    let named = algorithms.iter().map(|algorithm| algorithm.as_str()).zip(keys.iter().map(String::as_bytes));
    Ok(Signers::new(named.map(file))?)
}

fn content(text: &str, file_bytes: usize) -> Result<Content, Box<dyn std::error::Error>> {
    let mut spec = json!({
        "from": {"name": "さくら小学校", "email": "notice@example.jp"},
        "subject": "運動会のお知らせ",
        "text_body": text,
    });
    if file_bytes > 0 {
        let file = "QUJD".repeat(file_bytes / 3);
        spec["attachments"] = json!([{ "data": file, "base64": true, "content_type": "application/pdf" }]);
    }
    let spec: ContentSpec = serde_json::from_value(spec)?;
    Ok(Content::parse(&spec, Dialect::Jinja, MessageId(7))?)
}

fn measure(content: &Content, signing: &Signing<'_>) -> Result<f64, Box<dyn std::error::Error>> {
    let address: EmailAddress = "taro.yamada@docomo.ne.jp".parse()?;
    let values: Map<String, Value> = [("name".to_owned(), "山田 太郎".into())].into_iter().collect();
    let none = Map::new();
    let mail = |index| {
        let fill = Fill {
            id: NotificationId { message: MessageId(7), index },
            to: &address,
            name: Some("山田 太郎"),
            substitutions: &values,
            message_substitutions: &none,
            date: DATE,
            host: "mail.example.jp",
            charset: Charset::Utf8,
            unsubscribe: None,
        };
        content.seal(black_box(&fill), signing)
    };
    black_box(mail(0)?);
    let (begun, mut mails) = (cpu_s(), 0u32);
    loop {
        for _ in 0..16 {
            mails += 1;
            black_box(mail(mails)?);
        }
        let used = cpu_s() - begun;
        if used >= MEASURED_S {
            return Ok(used * 1e6 / f64::from(mails));
        }
    }
}

/// CPU seconds of this thread.
fn cpu_s() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    // Far below 2^52 in a run of seconds.
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
