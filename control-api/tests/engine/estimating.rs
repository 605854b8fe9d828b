//! When mail will have been handed over: before it is sent, and live.

use std::time::Duration;

use axum::http::StatusCode;
use mail_model::{Cause, Class, Outcome};
use serde_json::{Value, json};

use crate::desk::Desk;

const BEFORE: &str = "/engine/api/estimate/v1";

#[tokio::test]
async fn a_list_is_estimated_by_carrier_before_it_is_sent() {
    let desk = Desk::new();
    let body = json!({
        "domains": {"docomo.ne.jp": 800, "EZWEB.ne.jp": 100},
        "recipients": ["a@docomo.ne.jp", "b@example.jp"],
        "class": "emergency", "not_after": "2026-09-01T00:05:00Z",
    });
    let answer = desk.ask("POST", BEFORE, body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let asked = desk.port.asked();
    let mut crowds: Vec<_> = asked.crowds.iter().map(|c| (c.lane.carrier.as_str(), c.mails, c.lane.class)).collect();
    crowds.sort_by_key(|(carrier, ..)| *carrier);
    let emergency = Class::Emergency;
    assert_eq!(crowds, [("au", 100, emergency), ("docomo", 801, emergency), ("other", 1, emergency)]);
    assert_eq!((asked.not_after.map(|end| end.0), asked.elapsed_s), (Some(crate::desk::NOW.0 + 300_000), 0.0));

    let shown = answer.json();
    assert_eq!((&shown["mails"], &shown["sureness"], &shown["late"]), (&json!(902), &json!("learned"), &json!(451)));
    assert_eq!(shown["likely_s"], json!({"p50": 300.0, "p95": 570.0, "p99": 594.0, "all": 600.0}));
    assert_eq!(shown["all_by"], "2026-09-01T00:10:00Z");
    assert_eq!((&shown["reason"], &shown["slowest"]), (&json!("learned"), &json!("au")));
    let words = shown["words_en"].as_str().unwrap();
    assert!(words.starts_with("all by 09:10, "), "{words}");
    assert!(words.contains("8 addresses × 10 mails a minute, learned 3 days ago") && words.contains("451"), "{words}");
    assert!(shown["words_ja"].as_str().unwrap().starts_with("09:10までに全件。最も遅いのは"), "{}", shown["words_ja"]);
    assert_eq!(shown["carriers"][0]["text_ja"], "送信元8個 × 毎分10通（3日前に確かめた上限）");
    assert!(desk.is_empty(), "nothing is sent");
    assert!(!answer.text.contains("a@"), "no address comes back");
}

#[tokio::test]
async fn what_cannot_be_estimated_is_named() {
    let desk = Desk::new();
    let table = [
        (json!({}), "domains"),
        (json!({"domains": {"docomo.ne.jp": 0}}), "domains"),
        (json!({"domains": {"not a domain": 3}}), "domains"),
        (json!({"domains": {"docomo.ne.jp": 3}, "pool": "x"}), "pool"),
        (json!({"domains": {"docomo.ne.jp": 3}, "not_after": "soon"}), "not_after"),
        (json!({"domain": {"docomo.ne.jp": 3}}), "domain"),
    ];
    for (body, field) in table {
        let answer = desk.ask("POST", BEFORE, body.clone()).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{body}: {}", answer.text);
        assert_eq!(answer.json()["errors"][0]["field"], field, "{body}: {}", answer.text);
    }
}

/// Eight of ten mails have ended, one is put off; another campaign waits behind.
async fn half_sent(desk: &Desk) {
    let mut order = desk.order(10);
    order["campaign"] = json!("trip");
    assert_eq!(desk.inject(&order.to_string()).await.status, StatusCode::ACCEPTED);
    desk.clock.advance(Duration::from_secs(2));
    desk.settle(|index| match index {
        9 => (Outcome::Deferred(Cause::MailboxFull), None),
        8 => (Outcome::Failed(Cause::AddressUnknown), None),
        _ => (Outcome::Accepted, None),
    })
    .await;
    let mut order = desk.order(5);
    order["campaign"] = json!("later");
    assert_eq!(desk.inject(&order.to_string()).await.status, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn a_campaign_on_its_way_is_estimated_from_what_waits_and_what_was_handed_over() {
    let desk = Desk::new();
    half_sent(&desk).await;
    desk.clock.advance(Duration::from_secs(3));
    let answer = desk.ask("GET", "/engine/api/campaigns/v1/trip/estimate", Value::Null).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let asked = desk.port.asked();
    assert_eq!(asked.elapsed_s, 5.0);
    let crowd = &asked.crowds[0];
    assert_eq!((crowd.mails, crowd.waiting, crowd.ahead), (1, 1, 0), "what was tried has nothing before it");
    assert_eq!(crowd.due.map(|due| due.0), Some(crate::desk::NOW.0 + 62_000));
    let past = &asked.past[0];
    assert_eq!((past.carrier.as_str(), past.curve.last().copied()), ("docomo", Some((2.0, 8))));

    // A campaign that has not begun waits behind what is before it in its lane; what waits for a retry is not before it.
    desk.ask("GET", "/engine/api/campaigns/v1/later/estimate", Value::Null).await;
    let asked = desk.port.asked();
    assert_eq!((asked.crowds[0].mails, asked.crowds[0].waiting, asked.crowds[0].ahead), (5, 0, 0));
    let unknown = desk.ask("GET", "/engine/api/campaigns/v1/nobody/estimate", Value::Null).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn progress_carries_the_estimate_while_there_is_something_left() {
    let desk = Desk::new();
    half_sent(&desk).await;
    // The estimate call has read the lanes, so progress has it at once.
    desk.ask("GET", "/engine/api/campaigns/v1/trip/estimate", Value::Null).await;
    let shown = desk.ask("GET", "/engine/api/campaigns/v1/trip", Value::Null).await.json();
    assert_eq!(shown["estimate"]["mails"], 9);
    assert_eq!(shown["eta_s"], 598.0, "600 s from the hand-in, two of which have passed");
    desk.clock.advance(Duration::from_secs(120));
    desk.settle(|_| (Outcome::Accepted, None)).await;
    let shown = desk.ask("GET", "/engine/api/campaigns/v1/trip", Value::Null).await.json();
    assert_eq!((&shown["finished"], &shown["estimate"], &shown["eta_s"]), (&json!(true), &Value::Null, &json!(0.0)));
}

#[tokio::test]
async fn what_ended_since_the_lanes_were_read_is_taken_away_by_the_sums() {
    let desk = Desk::new();
    half_sent(&desk).await;
    desk.ask("GET", "/engine/api/campaigns/v1/later/estimate", Value::Null).await;
    desk.settle(
        |index| if index < 3 { (Outcome::Accepted, None) } else { (Outcome::Deferred(Cause::MailboxFull), None) },
    )
    .await;
    desk.ask("GET", "/engine/api/campaigns/v1/later/estimate", Value::Null).await;
    assert_eq!(desk.port.asked().crowds[0].mails, 2);
}
