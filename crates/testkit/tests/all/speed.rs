//! How fast one carrier takes mail. Printed for people; nothing here fails for being slow.

use clock::Clock;
use testkit::{World, demo_world};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::talk::{S1, Talk};

const MAILS: u32 = 20_000;
const BODY_BYTES: usize = 4_096;

/// One client pipelines the next envelope behind each body, as the engine does, over four connections.
#[tokio::test]
async fn a_carrier_takes_pipelined_mail_of_four_kibibytes() {
    let world = World::start(demo_world(1).unlimited().flawless()).await.unwrap();
    let address = world.carrier("docomo").address();
    let line = format!("{}\r\n", "x".repeat(76));
    let body = line.repeat(BODY_BYTES / line.len());
    let clock = Clock::system();
    let started = clock.mono();
    let mut clients = Vec::new();
    for connection in 0..4 {
        let talk = Talk::ready(S1, address).await;
        let body = body.clone();
        clients.push(tokio::spawn(async move { pump(talk, connection, &body).await }));
    }
    for client in clients {
        client.await.unwrap();
    }
    let seconds = clock.mono().since(started).as_secs_f64();
    let entries = world.snapshot().entries;
    assert_eq!(entries.len(), usize::try_from(MAILS).unwrap());
    assert!(entries.iter().all(|entry| entry.id().is_some()));
    eprintln!("{:.0} mails a second, client and carrier on one thread", f64::from(MAILS) / seconds);
}

async fn pump(talk: Talk, connection: u32, body: &str) {
    let envelope = |n: u32| format!("MAIL FROM:<b@s.test>\r\nRCPT TO:<g{n}@docomo.ne.jp>\r\nDATA\r\n");
    let mut stream = talk.into_stream();
    stream.write_all(envelope(0).as_bytes()).await.unwrap();
    until_lines(&mut stream, 3).await;
    for n in 0..MAILS / 4 {
        let id = format!("{:016x}-{n:08x}", 0x0193_5a2b_0000_0000_u64 + u64::from(connection));
        let next = if n + 1 < MAILS / 4 { envelope(n + 1) } else { String::new() };
        let batch = format!("From: n@s.test\r\nSubject: x\r\nMessage-ID: <{id}@n>\r\n\r\n{body}.\r\n{next}");
        stream.write_all(batch.as_bytes()).await.unwrap();
        until_lines(&mut stream, if next.is_empty() { 1 } else { 4 }).await;
    }
}

async fn until_lines(stream: &mut tokio::net::TcpStream, mut lines: usize) {
    let mut heard = [0; 1024];
    while lines > 0 {
        let length = stream.read(&mut heard).await.unwrap();
        assert!(length > 0, "the carrier closed");
        lines = lines.saturating_sub(heard[..length].iter().filter(|&&b| b == b'\n').count());
    }
}
