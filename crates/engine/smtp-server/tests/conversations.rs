//! Plays the files of `conversations/`: what the client says (C), what the server answers (S), which mails it keeps.
//!
//! `C: text` sends a line, `c: text` sends bytes without a line end; neighbours are sent together. `S: text` is one line
//! that must begin like this. `END`: the server has closed. `MAIL sender recipients content`: a mail it kept.
//! `SET name number` changes a limit, `STORE full|failed` the store, `WHOLE` keeps groups uncut. `\r \n \0 \xff \\` are
//! escapes, `{ab*3}` repeats. Every file is played with its groups whole, by single bytes, and by seven.

mod kit;

use std::path::Path;

use kit::Server;
use smtp_server::{ReversePath, Settings, Stored};

fn unescape(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '\\' => {
                let length = if rest.starts_with('x') { 3 } else { 1 };
                let (escape, behind) = rest.split_at(length);
                out.push(match escape {
                    "r" => b'\r',
                    "n" => b'\n',
                    "0" => 0,
                    "t" => b'\t',
                    "\\" => b'\\',
                    hex => u8::from_str_radix(&hex[1..], 16).unwrap(),
                });
                rest = behind;
            }
            '{' => {
                let (inner, behind) = rest.split_once('}').unwrap();
                let (unit, count) = inner.rsplit_once('*').unwrap();
                out.extend(unescape(unit).repeat(count.parse().unwrap()));
                rest = behind;
            }
            other => out.extend(other.to_string().as_bytes()),
        }
    }
    out
}

fn set(settings: &mut Settings, name: &str, number: u32) {
    let size = usize::try_from(number).unwrap();
    match name {
        "recipients_max" => settings.recipients_max = size,
        "message_bytes_max" => settings.message_bytes_max = number.into(),
        "messages_per_session_max" => settings.messages_per_session_max = number,
        "bad_commands_max" => settings.bad_commands_max = number,
        "useless_commands_max" => settings.useless_commands_max = number,
        "unknown_recipients_max" => settings.unknown_recipients_max = number,
        "received_headers_max" => settings.received_headers_max = size,
        other => panic!("no limit is called {other}"),
    }
}

fn shown(sender: &ReversePath) -> String {
    match sender {
        ReversePath::Null => "<>".to_owned(),
        ReversePath::Address(address) => address.to_string(),
        ReversePath::Other(text) => format!("({text})"),
    }
}

async fn play(name: &str, script: &str, size: usize) {
    let lines: Vec<&str> = script.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let server = Server::start(|settings| {
        for line in lines.iter().filter_map(|line| line.strip_prefix("SET ")) {
            let (limit, number) = line.split_once(' ').unwrap();
            set(settings, limit, number.parse().unwrap());
        }
    });
    let mut client = server.greeted().await;
    let mut group = Vec::new();
    let mut mails = Vec::new();
    for line in &lines {
        if let Some(said) = line.strip_prefix("C: ").or((*line == "C:").then_some("")) {
            group.extend(unescape(said));
            group.extend(b"\r\n");
            continue;
        }
        if let Some(said) = line.strip_prefix("c: ") {
            group.extend(unescape(said));
            continue;
        }
        client.say_by(&std::mem::take(&mut group), size).await;
        if let Some(expected) = line.strip_prefix("S: ") {
            let heard = client.line().await.unwrap_or_default();
            assert!(heard.starts_with(expected), "{name} by {size}: {heard:?} instead of {expected:?}");
        } else if let Some(mail) = line.strip_prefix("MAIL ") {
            mails.push(String::from_utf8_lossy(&unescape(mail)).into_owned());
        } else if let Some(what) = line.strip_prefix("STORE ") {
            *server.shelf.answer.lock() = if what == "full" { Stored::Full } else { Stored::Failed };
        } else if *line == "END" {
            assert_eq!(client.line().await, None, "{name} by {size}");
        } else {
            assert!(line.starts_with("SET ") || *line == "WHOLE", "{name}: {line:?}");
        }
    }
    let kept: Vec<String> = server
        .mails()
        .iter()
        .map(|mail| {
            let recipients: Vec<&str> = mail.recipients.iter().map(|address| address.as_str()).collect();
            let content = String::from_utf8_lossy(&mail.content);
            format!("{} {} {content}", shown(&mail.sender), recipients.join(","))
        })
        .collect();
    assert_eq!(kept, mails, "{name} by {size}");
}

#[tokio::test]
async fn every_conversation_goes_as_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conversations");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 15, "{files:?}");
    for file in files {
        let script = std::fs::read_to_string(&file).unwrap();
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let sizes: &[usize] = if script.contains("\nWHOLE\n") { &[1_000_000] } else { &[1_000_000, 1, 7] };
        for size in sizes {
            play(&name, &script, *size).await;
        }
    }
}
