//! The child engine's surroundings, tried on stand-ins: a server with canned answers and binaries that end at once.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mail_model::MessageId;
use testkit::{EngineClient, EngineProcess, EngineSettings, Guardian, is_finished, notice, population, recipient_hash};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Answers one call a connection with the next of `answers` (status and JSON), the last one for ever.
async fn server(answers: Vec<(u16, &'static str)>) -> EngineClient {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let served = Arc::new(AtomicUsize::new(0));
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut heard = vec![0; 65_536];
            let _ = stream.read(&mut heard).await;
            let place = served.fetch_add(1, Ordering::Relaxed).min(answers.len() - 1);
            let (status, body) = answers[place];
            let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
        }
    });
    EngineClient::new(&format!("http://{address}/"))
}

fn nobody() -> SocketAddr {
    "127.0.0.1:9".parse().unwrap()
}

#[tokio::test]
async fn liveness_is_the_status_and_nobody_is_not_alive() {
    assert!(server(vec![(200, "OK")]).await.is_live().await);
    assert!(!server(vec![(503, "{}")]).await.is_live().await);
    assert!(!EngineClient::new(&format!("http://{}", nobody())).is_live().await);
}

#[tokio::test]
async fn an_injection_gives_the_intents_of_its_guardians() {
    let answer = r#"{"success_count":2,"fail_count":0,"message_id":"01935a2b00000001","campaign":"c","ids":[]}"#;
    let client = server(vec![(202, answer), (422, r#"{"message":"no"}"#)]).await;
    let guardians: Vec<Guardian> = population(2, 1).collect();
    let call = notice("c", &guardians);
    assert_eq!(call["recipients"][1]["email"], guardians[1].email.as_str());
    let injected = client.inject(&call).await.unwrap();
    assert_eq!(injected.message_id, MessageId(0x0193_5a2b_0000_0001));
    let intents: Vec<_> = injected.intents(&guardians).collect();
    assert_eq!(intents[1].id.to_string(), "01935a2b00000001-00000001");
    assert_eq!(intents[1].recipient, Some(recipient_hash(&guardians[1].email)));
    let refused = client.inject(&call).await.unwrap_err().to_string();
    assert!(refused.contains("422") && refused.contains("no"), "{refused}");
}

#[tokio::test]
async fn a_campaign_is_looked_at_until_it_is_done_or_time_is_up() {
    let answers = vec![(500, "{}"), (200, r#"{"finished":false}"#), (200, r#"{"finished":true,"accepted":7}"#)];
    let progress = server(answers).await.until("c", Duration::from_secs(20), is_finished).await.unwrap();
    assert_eq!(progress["accepted"], 7);
    let never = server(vec![(200, r#"{"finished":false}"#)]).await;
    let fault = never.until("c", Duration::from_millis(60), is_finished).await.unwrap_err().to_string();
    assert!(fault.contains("finished"), "{fault}");
}

#[tokio::test]
async fn a_binary_that_ends_or_is_missing_is_reported_at_once() {
    let settings = EngineSettings::new(nobody(), 2525);
    let ended = EngineProcess::start(Path::new("/bin/false"), &settings).await.unwrap_err().to_string();
    assert!(ended.contains("ended with"), "{ended}");
    let missing = EngineProcess::start(Path::new("/nowhere/todoke"), &settings).await.unwrap_err().to_string();
    assert!(missing.contains("/nowhere/todoke"), "{missing}");
}
