//! What is taken: any order of fields, any cut of the bytes, and one answer for one key.

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use futures_util::stream;
use mail_model::{CampaignName, Class, UnixMs};
use serde_json::{Value, json};

use crate::desk::{Desk, NOW, inject_headers};

const FIELDS: [(&str, &str); 6] = [
    ("envelope_sender", r#""bounce@school.example""#),
    ("content", r#"{"from":"school@school.example","subject":"s","text_body":"{{ name }} さん {{ room }}"}"#),
    (
        "recipients",
        r#"[{"email":"a@docomo.ne.jp","name":"あ","substitutions":{"room":"1-2"}}, {"email":"b@ezweb.ne.jp","name":"い\"]}","substitutions":{"room":3}}]"#,
    ),
    ("campaign", r#""typhoon-12""#),
    ("class", r#""emergency""#),
    ("pool", r#""wide""#),
];

fn body(order: &[usize]) -> String {
    let fields: Vec<String> = order.iter().map(|i| format!("\"{}\" : {}", FIELDS[*i].0, FIELDS[*i].1)).collect();
    format!("{{{}}}", fields.join(" ,\n"))
}

#[tokio::test]
async fn the_fields_may_come_in_any_order() {
    let desk = Desk::new();
    for turn in 0..FIELDS.len() {
        let mut order: Vec<usize> = (0..FIELDS.len()).collect();
        order.rotate_left(turn);
        for order in [order.clone(), order.into_iter().rev().collect()] {
            let answer = desk.inject(&body(&order)).await;
            assert_eq!(answer.status, StatusCode::ACCEPTED, "{order:?} {}", answer.text);
            assert_eq!(answer.json()["success_count"], 2);
        }
    }
    let campaign = CampaignName::new("typhoon-12").unwrap();
    assert_eq!(desk.queued(&campaign), 24);
    assert!(desk.lanes().iter().all(|lane| lane.class == Class::Emergency && lane.pool.as_str() == "wide"));
    let mut carriers: Vec<String> = desk.lanes().iter().map(|lane| lane.carrier.to_string()).collect();
    carriers.sort();
    assert_eq!(carriers, ["au", "docomo"]);
}

#[tokio::test]
async fn the_answer_does_not_depend_on_how_the_bytes_are_cut() {
    let desk = Desk::new();
    let text = body(&[2, 0, 1, 3, 4, 5]);
    let bytes = Bytes::from(text);
    let mut counts = Vec::new();
    for at in 0..=bytes.len() {
        let pieces = [bytes.slice(..at), bytes.slice(at..)].map(Ok::<_, std::io::Error>);
        let answer = desk
            .send("POST", "/engine/api/inject/v1", &inject_headers(), Body::from_stream(stream::iter(pieces)))
            .await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "cut at {at}: {}", answer.text);
        counts.push(answer.json()["success_count"].as_u64().unwrap());
    }
    let single: Vec<_> = bytes.iter().map(|b| Ok::<_, std::io::Error>(Bytes::copy_from_slice(&[*b]))).collect();
    let answer =
        desk.send("POST", "/engine/api/inject/v1", &inject_headers(), Body::from_stream(stream::iter(single))).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    assert!(counts.iter().all(|n| *n == 2));
}

#[tokio::test]
async fn the_answer_names_message_campaign_and_every_notification() {
    let desk = Desk::new();
    let answer = desk.inject(&body(&[0, 1, 2, 3, 4, 5])).await.json();
    let message = answer["message_id"].as_str().unwrap();
    assert_eq!(answer["campaign"], "typhoon-12");
    assert_eq!(answer["fail_count"], 0);
    assert_eq!(answer["failed_recipients"], json!([]));
    assert_eq!(answer["errors"], json!([]));
    assert_eq!(answer["ids"], json!([format!("{message}-00000000"), format!("{message}-00000001")]));
}

#[tokio::test]
async fn an_address_given_twice_gets_two_mails() {
    let desk = Desk::new();
    let mut order = desk.order(2);
    order["recipients"][1] = order["recipients"][0].clone();
    assert_eq!(desk.inject(&order.to_string()).await.json()["success_count"], 2);
}

#[tokio::test]
async fn a_call_without_campaign_pool_and_class_is_counted_under_the_defaults() {
    let desk = Desk::new();
    let answer = desk.inject(&desk.order(1).to_string()).await;
    assert_eq!(answer.json()["campaign"], "none");
    assert_eq!(desk.lanes()[0].class, Class::Normal);
    assert_eq!(desk.lanes()[0].pool.as_str(), "wide");
}

#[tokio::test]
async fn what_kumomtas_clients_send_along_is_taken() {
    let desk = Desk::new();
    let mut order = desk.order(1);
    order["trace_headers"] = json!({"received_header": false, "supplemental_header": false});
    order["deferred_spool"] = json!(false);
    order["deferred_generation"] = json!(true);
    order["template_dialect"] = json!("Static");
    order["campaign"] = Value::Null;
    order["recipients"][0]["metadata"] = json!({"a": 1});
    for sender in ["", "<>", "a..b@docomo.ne.jp"] {
        order["envelope_sender"] = json!(sender);
        let answer = desk.inject(&order.to_string()).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text);
    }
}

#[tokio::test]
async fn the_same_key_and_body_get_the_first_answer_again() {
    let desk = Desk::new();
    let mut order = desk.order(3);
    order["idempotency_key"] = json!("k-1");
    order["not_after"] = json!("2026-09-01T01:00:00Z");
    let text = order.to_string();
    let first = desk.inject(&text).await;
    assert_eq!(first.status, StatusCode::ACCEPTED, "{}", first.text);
    assert!(first.header("idempotent-replay").is_none());
    // Even when the deadline has passed meanwhile: the caller asks what became of his call.
    desk.clock.set_unix(UnixMs(NOW.0 + 86_400_000));
    let again = desk.inject(&text).await;
    assert_eq!(again.status, StatusCode::ACCEPTED, "{}", again.text);
    assert_eq!(again.header("idempotent-replay").as_deref(), Some("true"));
    assert_eq!(again.text, first.text);
    assert_eq!(desk.queued(&CampaignName::new("none").unwrap()), 3);

    let other = desk.inject(&text.replace("{\"content", " {\"content").replace("room", "house")).await;
    assert_eq!(other.status, StatusCode::CONFLICT, "{}", other.text);
    assert_eq!(other.json()["errors"][0]["error"], "IdempotencyConflict");
    let spaced = desk.inject(&format!(" {text}")).await;
    assert_eq!(spaced.status, StatusCode::CONFLICT, "the bytes are compared, not their meaning");
}

#[tokio::test]
async fn the_key_may_stand_in_the_header() {
    let desk = Desk::new();
    let text = desk.order(1).to_string();
    let mut headers = inject_headers();
    headers.push(("idempotency-key", "k-2"));
    let first = desk.send("POST", "/engine/api/inject/v1", &headers, Body::from(text.clone())).await;
    let again = desk.send("POST", "/engine/api/inject/v1", &headers, Body::from(text)).await;
    assert_eq!(first.text, again.text);
    assert_eq!(again.header("idempotent-replay").as_deref(), Some("true"));

    let mut order = desk.order(1);
    order["idempotency_key"] = json!("k-3");
    let both = desk.send("POST", "/engine/api/inject/v1", &headers, Body::from(order.to_string())).await;
    assert_eq!(both.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(both.json()["errors"][0]["field"], "idempotency_key");
}

#[tokio::test]
async fn a_hundred_calls_with_one_key_at_once_make_one_message() {
    let desk = Desk::new();
    let mut order = desk.order(5);
    order["idempotency_key"] = json!("k-4");
    let text = order.to_string();
    let calls = (0..100).map(|_| desk.inject(&text));
    let answers = futures_util::future::join_all(calls).await;
    // A call that comes while the first is under way is told to come back.
    let busy = |status: StatusCode| status == StatusCode::CONFLICT || status == StatusCode::SERVICE_UNAVAILABLE;
    assert!(answers.iter().all(|a| a.status == StatusCode::ACCEPTED || busy(a.status)));
    let mut ids: Vec<_> = answers.iter().filter_map(|a| a.json().get("message_id").cloned()).collect();
    ids.dedup();
    assert_eq!(ids.len(), 1);
    assert_eq!(desk.queued(&CampaignName::new("none").unwrap()), 5);
}
