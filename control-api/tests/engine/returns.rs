//! What came back, as operators and recipients see it: kept mail, suppressed addresses, the unsubscribe page.

use std::net::IpAddr;

use axum::body::Body;
use axum::http::StatusCode;
use bytes::Bytes;
use mail_model::{Cause, UnixMs};
use queue::{ReceivedMail, Write};
use serde_json::{Value, json};

use crate::desk::{Desk, NOW};

#[tokio::test]
async fn freed_addresses_are_audited_with_the_reason_and_listed_no_more() {
    let desk = Desk::new();
    for name in ["a", "b", "c"] {
        desk.suppress(&format!("{name}@docomo.ne.jp"), Cause::AddressUnknown);
    }
    let list = "/engine/api/admin/suppressions/v1";
    let first = desk.ask("POST", list, json!({"limit": 2})).await.json();
    let emails: Vec<_> = first.as_array().unwrap().iter().map(|one| one["email"].as_str().unwrap()).collect();
    assert_eq!(emails, ["a@docomo.ne.jp", "b@docomo.ne.jp"]);
    let rest = desk.ask("POST", list, json!({"after": "b@docomo.ne.jp"})).await.json();
    assert_eq!((rest.as_array().unwrap().len(), &rest[0]["cause"]), (1, &json!("address_unknown")));

    let path = "/engine/api/admin/suppression/v1";
    let blank = desk.ask("DELETE", path, json!({"email": "b@docomo.ne.jp", "reason": " \n "})).await;
    assert_eq!(blank.status, StatusCode::UNPROCESSABLE_ENTITY);
    let freeing = json!({"email": "b@docomo.ne.jp", "reason": "corrected on paper"});
    assert_eq!(desk.ask("DELETE", path, freeing).await.status, StatusCode::OK);
    let left = desk.ask("POST", list, json!({})).await.json();
    assert_eq!(left.as_array().unwrap().len(), 2);
    let audit = desk.ask("GET", "/engine/api/admin/audit/v1", Value::Null).await.json();
    assert_eq!(audit.as_array().unwrap().len(), 1);
    let entry = &audit[0];
    assert_eq!((&entry["actor"], &entry["action"]), (&json!("local"), &json!("suppression.lift")));
    assert_eq!((&entry["subject"], &entry["reason"]), (&json!("b@docomo.ne.jp"), &json!("corrected on paper")));
    let after = format!("/engine/api/admin/audit/v1?after={}", entry["seq"]);
    assert_eq!(desk.ask("GET", &after, Value::Null).await.json(), json!([]));
}

#[tokio::test]
async fn a_kept_mail_is_listed_and_given_out_as_a_download_only() {
    let desk = Desk::new();
    let mail = ReceivedMail {
        received_at: UnixMs(NOW.0),
        peer: IpAddr::from([127, 0, 0, 9]),
        helo: "mail.example.jp".to_owned(),
        tls: false,
        sender: None,
        recipients: vec!["postmaster@bounce.example.jp".parse().unwrap()],
        content: Bytes::from_static(b"Subject: <script>alert(1)</script>\r\n\r\nhello\r\n"),
    };
    let id = desk.queue.receive(mail).await.unwrap();
    desk.queue.write(Write::new().inbox_kept(id, "other", "to postmaster"));
    let list = desk.ask("GET", "/engine/api/admin/inbox/v1", Value::Null).await.json();
    assert_eq!((list.as_array().unwrap().len(), &list[0]["kind"]), (1, &json!("other")));
    let path = format!("/engine/api/admin/inbox/v1/{}", list[0]["id"].as_str().unwrap());
    let shown = desk.send("GET", &path, &[], Body::empty()).await;
    assert!(shown.text.ends_with("hello\r\n"), "{}", shown.text);
    assert_eq!(shown.header("content-type").as_deref(), Some("application/octet-stream"));
    assert!(shown.header("content-disposition").unwrap().starts_with("attachment"));
    let none = desk.send("GET", "/engine/api/admin/inbox/v1/7", &[], Body::empty()).await;
    assert_eq!(none.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn looking_at_an_unsubscribe_link_changes_nothing_and_posting_does() {
    let desk = Desk::new();
    let seen = desk.send("GET", "/u/abc", &[], Body::empty()).await;
    assert_eq!(seen.status, StatusCode::OK);
    assert!(seen.text.contains("method=\"post\"") && seen.text.contains("One-Click"), "{}", seen.text);
    assert!(seen.header("content-security-policy").unwrap().contains("default-src 'none'"));
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let done = desk.send("POST", "/u/abc", &form, Body::from("List-Unsubscribe=One-Click")).await;
    assert!(done.status == StatusCode::OK && done.text.contains("停止しました"), "{}", done.text);
    let wrong = desk.send("POST", "/u/%3Cscript%3E", &form, Body::from("List-Unsubscribe=One-Click")).await;
    assert!(wrong.status != StatusCode::OK && !wrong.text.contains("<script>"), "{}", wrong.text);
    let other = desk.send("POST", "/u/abd", &form, Body::empty()).await;
    assert_eq!(other.status, StatusCode::NOT_FOUND);
}
