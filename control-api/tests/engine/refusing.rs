//! What is refused: status, field and words of every fault, and nothing kept.

use axum::body::Body;
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::desk::{Desk, inject_headers};

/// A change to a good order, and the first fault it leads to.
type Row = (&'static str, Value, u16, &'static str, &'static str);

fn rows() -> Vec<Row> {
    let invalid = 422;
    vec![
        ("envelope_sender", json!(null), invalid, "envelope_sender", "required"),
        ("envelope_sender", json!(7), invalid, "envelope_sender", "expected a string"),
        ("envelope_sender", json!("nobody"), invalid, "envelope_sender", "needs a name"),
        ("envelope_sender", json!("a@b\r\nRCPT TO:<x@y>"), invalid, "envelope_sender", ""),
        ("content", json!(null), invalid, "content", "required"),
        ("content", json!(7), invalid, "content", "a mail as a string, or an object"),
        ("content", json!({"from": "a@b.jp", "htlm_body": "x"}), invalid, "content.htlm_body", "unknown field"),
        ("content", json!({"subject": "no sender", "text_body": "x"}), invalid, "content.from", ""),
        (
            "content",
            json!({"from": "a@b.jp", "subject": "s", "text_body": "{{ name"}),
            invalid,
            "content.text_body",
            "",
        ),
        (
            "content",
            json!({"from": "a@b.jp", "subject": "s", "text_body": "{{ house }}"}),
            invalid,
            "recipients[0]",
            "house",
        ),
        ("substitutions", json!([]), invalid, "substitutions", "expected a map"),
        ("template_dialect", json!("Handlebars"), invalid, "template_dialect", "Handlebars is not spoken here"),
        ("template_dialect", json!("Perl"), invalid, "template_dialect", "one of Jinja, Static"),
        ("deferred_spool", json!(true), invalid, "deferred_spool", "never acknowledges mail before it is on disk"),
        ("deferred_spool", json!("no"), invalid, "deferred_spool", "expected a boolean"),
        ("trace_headers", json!(1), invalid, "trace_headers", ""),
        ("campaign", json!("a b"), invalid, "campaign", "holds ' '"),
        ("campaign", json!(""), invalid, "campaign", "empty"),
        ("tenant", json!("学校"), invalid, "tenant", "holds"),
        ("class", json!("urgent"), invalid, "class", "unknown variant"),
        ("pool", json!("nowhere"), invalid, "pool", "no pool of this name"),
        ("not_before", json!(1_788_220_800), invalid, "not_before", "expected a string"),
        ("not_before", json!("tomorrow"), invalid, "not_before", "RFC 3339"),
        ("not_before", json!("2026-09-01T09:00:00"), invalid, "not_before", "RFC 3339"),
        ("not_after", json!("2020-01-01T00:00:00Z"), invalid, "not_after", "the time is past"),
        ("idempotency_key", json!(""), invalid, "idempotency_key", "printable ASCII"),
        ("idempotency_key", json!("鍵"), invalid, "idempotency_key", "printable ASCII"),
        ("idempotency_key", json!("k".repeat(256)), invalid, "idempotency_key", "printable ASCII"),
        ("recipients", json!([]), invalid, "recipients", "at least one"),
        ("recipients", json!({"email": "a@b.jp"}), invalid, "recipients", "list of objects"),
        ("recipients", json!(null), invalid, "recipients", "list of objects"),
        ("recipients", json!(["a@b.jp"]), invalid, "recipients[0]", "give an object"),
        ("recipients", json!([{"email": "a@b.jp"}, {"email": "b"}]), invalid, "recipients[1].email", "needs a name"),
        ("recipients", json!([{"email": "a@b.jp", "to": "x"}]), invalid, "recipients[0].to", "unknown field"),
        ("colour", json!("red"), invalid, "colour", "unknown field"),
    ]
}

#[tokio::test]
async fn each_wrong_field_is_named_and_nothing_is_kept() {
    let desk = Desk::new();
    for (field, value, status, named, words) in rows() {
        let mut order = desk.order(2);
        order[field] = value.clone();
        let answer = desk.inject(&order.to_string()).await;
        let first = answer.json()["errors"][0].clone();
        assert_eq!(answer.status.as_u16(), status, "{field} = {value}: {}", answer.text);
        assert_eq!(first["field"], named, "{field} = {value}: {}", answer.text);
        assert!(first["message"].as_str().unwrap().contains(words), "{field} = {value}: {}", answer.text);
        assert_eq!(first["error"], "ValidationError");
        assert_eq!(answer.json()["request_id"].as_str(), answer.header("x-request-id").as_deref());
    }
    assert!(desk.is_empty());
}

#[tokio::test]
async fn what_is_no_json_is_a_400_with_its_place() {
    let desk = Desk::new();
    let order = desk.order(1).to_string();
    let deep = format!("{{\"substitutions\":{}1{}}}", "[".repeat(10_000), "]".repeat(10_000));
    let huge = order.replace("\"1-2\"", "1e400");
    let surrogate = order.replace("\"1-2\"", "\"\\ud800\"");
    let overlong = [b"{\"campaign\":\"\xc0\xaf\"}".as_slice(), b"{\"recipients\":[{\"email\":\"a\xff@b.jp\"}]}"];
    let table: Vec<(Vec<u8>, &str)> = vec![
        (b"".to_vec(), "the body is empty"),
        (b"[]".to_vec(), "byte 0"),
        (b"{\"a\":1".to_vec(), "ends at byte 6"),
        (b"{\"recipients\":[{\"email\":}]}".to_vec(), "byte 24"),
        (order.replace("}]}", "},]}").into_bytes(), "expected a value"),
        (format!("{order}x").into_bytes(), "expected the end of the body"),
        (deep.into_bytes(), "nested too deeply at byte"),
        (huge.into_bytes(), "number out of range"),
        (surrogate.into_bytes(), "hex escape"),
        (overlong[0].to_vec(), "not UTF-8 at byte"),
        (overlong[1].to_vec(), "not UTF-8 at byte 26"),
        (b"{\"recipients\":[{\"email\":\"a\x00@b.jp\"}]}".to_vec(), "control character"),
    ];
    for (body, words) in table {
        let shown = String::from_utf8_lossy(&body).chars().take(200).collect::<String>();
        let answer = desk.send("POST", "/engine/api/inject/v1", &inject_headers(), Body::from(body)).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{shown}: {}", answer.text);
        let message = answer.json()["errors"][0]["message"].as_str().unwrap().to_owned();
        assert!(message.contains(words), "{shown}: {message}");
    }
    assert!(desk.is_empty());
}

#[tokio::test]
async fn a_field_given_twice_is_refused() {
    let desk = Desk::new();
    let order = desk.order(1).to_string();
    let inside = order.trim_start_matches('{');
    for (field, value) in [("campaign", "\"a\",\"campaign\":\"b\""), ("recipients", "[{\"email\":\"a@b.jp\"}]")] {
        let answer = desk.inject(&format!("{{\"{field}\":{value},{inside}")).await;
        assert_eq!(answer.status.as_u16(), 422, "{}", answer.text);
        assert_eq!(answer.json()["errors"][0]["field"], field);
        assert_eq!(answer.json()["errors"][0]["message"], "the field is given twice");
    }
}

#[tokio::test]
async fn the_first_hundred_faults_are_named_and_all_are_counted() {
    let desk = Desk::new();
    let mut order = desk.order(300);
    for index in 50..300 {
        order["recipients"][index]["email"] = json!("nobody");
    }
    let answer = desk.inject(&order.to_string()).await;
    assert_eq!(answer.status.as_u16(), 422);
    let body = answer.json();
    assert_eq!(body["errors"].as_array().unwrap().len(), 100);
    assert_eq!(body["errors"][0]["field"], "recipients[50].email");
    assert_eq!(body["error_count"], 250);
    assert!(!answer.text.contains("nobody"), "refusals repeat no values");
    assert!(desk.is_empty());
}

#[tokio::test]
async fn a_recipient_without_a_value_for_a_mark_is_named() {
    let desk = Desk::new();
    let mut order = desk.order(80);
    order["content"]["text_body"] = json!("{{ room }} の皆さま");
    for index in 0..80 {
        order["recipients"][index]["substitutions"] = json!({"room": "1-2"});
    }
    order["recipients"][70]["substitutions"] = json!({});
    let answer = desk.inject(&order.to_string()).await;
    assert_eq!(answer.status.as_u16(), 422, "{}", answer.text);
    assert_eq!(answer.json()["errors"].as_array().unwrap().len(), 1);
    assert_eq!(answer.json()["errors"][0]["field"], "recipients[70]");
    assert!(desk.is_empty());
    order["substitutions"] = json!({"room": "全学年"});
    assert_eq!(desk.inject(&order.to_string()).await.status, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn sizes_beyond_a_limit_are_a_413() {
    let desk = Desk::new();
    let long = format!("{{\"recipients\":[{{\"email\":\"{}\"}}]}}", "a".repeat(70_000));
    let answer = desk.inject(&long).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE, "{}", answer.text);
    let mut headers = inject_headers();
    headers.push(("content-length", "99999999999"));
    let answer = desk.send("POST", "/engine/api/inject/v1", &headers, Body::from("{}")).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE, "{}", answer.text);
    let many = desk.order(1_001).to_string();
    let answer = desk.inject(&many).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE, "{}", answer.text);
    assert!(answer.text.contains("recipients_per_message_max"), "{}", answer.text);
    assert!(desk.is_empty());
}

#[tokio::test]
async fn a_full_queue_is_a_503_with_a_time_to_come_back() {
    let desk = Desk::new();
    for _ in 0..2 {
        assert_eq!(desk.inject(&desk.order(1_000).to_string()).await.status, StatusCode::ACCEPTED);
    }
    let answer = desk.inject(&desk.order(501).to_string()).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{}", answer.text);
    assert!(answer.text.contains("notifications_max"));
    assert!(answer.header("retry-after").is_some());
}
