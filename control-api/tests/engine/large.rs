//! A list that does not fit into memory at once.

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use futures_util::stream;

use crate::desk::{Desk, inject_headers};

const COUNT: u32 = 200_000;

/// The body in pieces of some 64 KiB, made while it is read. The content comes last, so every recipient has to wait.
fn pieces() -> impl Iterator<Item = Bytes> {
    let head = r#"{"envelope_sender":"bounce@school.example","campaign":"all","recipients":["#;
    let tail = r#"],"content":{"from":"school@school.example","subject":"s","text_body":"{{ name }} {{ room }}"}}"#;
    let list = (0..COUNT).step_by(500).map(|from| {
        let one = |n: u32| {
            let comma = if n == 0 { "" } else { "," };
            let domain = ["docomo.ne.jp", "ezweb.ne.jp", "softbank.ne.jp", "gmail.com"][(n % 4) as usize];
            format!(r#"{comma}{{"email":"p{n}@{domain}","name":"保護者{n}","substitutions":{{"room":"{}-1"}}}}"#, n % 6)
        };
        (from..from + 500).map(one).collect::<String>()
    });
    std::iter::once(head.to_owned()).chain(list).chain(std::iter::once(tail.to_owned())).map(Bytes::from)
}

#[tokio::test]
async fn two_hundred_thousand_recipients_are_taken_in_one_call() {
    let desk = Desk::large();
    let body = Body::from_stream(stream::iter(pieces().map(Ok::<_, std::io::Error>)));
    let answer = desk.send("POST", "/engine/api/inject/v1", &inject_headers(), body).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text.chars().take(500).collect::<String>());
    let json = answer.json();
    assert_eq!(json["success_count"], COUNT);
    let ids = json["ids"].as_array().unwrap();
    assert_eq!(ids.len(), COUNT as usize);
    assert!(ids.last().unwrap().as_str().unwrap().ends_with(&format!("-{:08x}", COUNT - 1)));
    assert_eq!(desk.queued(&"all".parse().unwrap()), u64::from(COUNT));
    assert_eq!(desk.lanes().len(), 4);
}

#[tokio::test]
async fn one_bad_recipient_at_the_end_of_a_large_list_leaves_nothing() {
    let desk = Desk::large();
    let last = [Bytes::from(r#"],"class":"urgent"}"#)];
    let without_tail = pieces().take((COUNT / 500) as usize + 1);
    let body = Body::from_stream(stream::iter(without_tail.chain(last).map(Ok::<_, std::io::Error>)));
    let answer = desk.send("POST", "/engine/api/inject/v1", &inject_headers(), body).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", answer.text);
    assert!(desk.is_empty());

    let bad = [Bytes::from(r#",{"email":"nobody"}],"content":"From: a@b.jp\r\n\r\nhi"}"#)];
    let body = pieces().take((COUNT / 500) as usize + 1).chain(bad).map(Ok::<_, std::io::Error>);
    let answer =
        desk.send("POST", "/engine/api/inject/v1", &inject_headers(), Body::from_stream(stream::iter(body))).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", answer.text);
    assert_eq!(answer.json()["errors"][0]["field"], format!("recipients[{COUNT}].email"));
    assert!(desk.is_empty());
}
