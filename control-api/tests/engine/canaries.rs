//! Canaries go along with a campaign, count nowhere in it, and are heard of by webhook.

use std::time::Duration;

use axum::body::Body;
use mail_model::{Cause, Outcome, Reply};
use serde_json::{Value, json};

use crate::desk::{Desk, NOW};

const CANARIES: &str = "/engine/api/canaries";
const ARRIVED: &str = "/engine/api/canaries/arrived";

/// A desk whose campaign `storm` for docomo has been accepted by the carrier, canaries included.
async fn sent(order: impl FnOnce(&mut Value)) -> Desk {
    let desk = Desk::with_canaries();
    let mut call = desk.order(2);
    call["campaign"] = "storm".into();
    order(&mut call);
    let answer = desk.inject(&call.to_string()).await;
    assert_eq!(answer.status, 202, "{}", answer.text);
    desk
}

async fn seen(desk: &Desk, query: &str) -> Value {
    let answer = desk.send("GET", &format!("{CANARIES}{query}"), &[], Body::empty()).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()
}

/// Mailbox and state of each.
fn states(seen: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    seen["canaries"].as_array().unwrap().iter().map(|c| (text(&c["mailbox"]), text(&c["state"]))).collect()
}

fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
    all.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
}

#[tokio::test]
async fn canaries_join_at_the_campaigns_carriers_and_count_nowhere() {
    let desk = sent(|_| {}).await;
    assert_eq!(states(&seen(&desk, "").await), pairs(&[("docomo-1", "queued"), ("docomo-2", "queued")]));
    let progress = desk.send("GET", "/engine/api/campaigns/v1/storm", &[], Body::empty()).await.json();
    assert_eq!((&progress["count"], &progress["queued"]), (&json!(2), &json!(2)));
    desk.settle(|_| (Outcome::Failed(Cause::MailboxFull), Some(Reply::new(552, "full")))).await;
    desk.state.parts.canaries.look().await;
    let csv = desk.send("GET", "/engine/api/campaigns/v1/storm/bounces.csv", &[], Body::empty()).await.text;
    assert!(csv.contains("p1@docomo.ne.jp") && !csv.contains("canary"), "{csv}");
    let seen = seen(&desk, "?campaign=storm").await;
    assert_eq!(states(&seen), pairs(&[("docomo-1", "refused"), ("docomo-2", "refused")]));
    assert_eq!(seen["canaries"][0]["cause"], "mailbox_full", "{seen}");
    assert_eq!(seen["alarms"], json!([]), "a refusal is no silence");
}

#[tokio::test]
async fn what_is_accepted_and_not_told_of_is_missing_and_a_webhook_clears_it() {
    let desk = sent(|_| {}).await;
    desk.settle(|_| (Outcome::Accepted, None)).await;
    desk.clock.advance(Duration::from_secs(3));
    desk.state.parts.canaries.look().await;
    let first = seen(&desk, "").await["canaries"][0].clone();
    let (id, message_id) =
        (first["id"].as_str().unwrap(), format!("<{}@node.school.example>", first["id"].as_str().unwrap()));

    for _ in 0..2 {
        let answer = desk.ask("POST", ARRIVED, json!({ "message_id": message_id })).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!((&answer.json()["id"], &answer.json()["state"]), (&json!(id), &json!("arrived")));
        assert_eq!(answer.json()["since_accepted_s"], 3.0, "said twice, the first time counts");
        desk.clock.advance(Duration::from_secs(60));
    }
    desk.state.parts.canaries.look().await;
    let missing = seen(&desk, "?campaign=storm").await;
    assert_eq!(states(&missing), pairs(&[("docomo-1", "arrived"), ("docomo-2", "missing")]));
    assert_eq!(missing["canaries"][1]["missing_since"], "2026-09-01T00:00:45Z");
    let text = "docomo accepted mail that has not arrived at one of our two mailboxes";
    assert_eq!((&missing["alarms"][0]["text"], &missing["alarms"][0]["campaign"]), (&json!(text), &json!("storm")));

    let second = missing["canaries"][1]["id"].clone();
    let answer = desk.ask("POST", ARRIVED, json!({ "message_id": second, "at": "2026-09-01T09:01:00+09:00" })).await;
    assert_eq!((&answer.json()["state"], &answer.json()["since_accepted_s"]), (&json!("late"), &json!(60.0)));
    assert_eq!(seen(&desk, "").await["alarms"], json!([]));
}

#[tokio::test]
async fn a_repeated_call_takes_no_canaries_along_twice() {
    let desk = sent(|call| call["idempotency_key"] = "once".into()).await;
    let mut call = desk.order(2);
    call["campaign"] = "storm".into();
    call["idempotency_key"] = "once".into();
    let again = desk.inject(&call.to_string()).await;
    assert_eq!((again.status.as_u16(), again.header("idempotent-replay").as_deref()), (202, Some("true")));
    assert_eq!(seen(&desk, "").await["canaries"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn canaries_are_cancelled_with_their_campaign() {
    let later = "2026-09-01T12:00:00+09:00";
    let desk = sent(|call| call["not_before"] = later.into()).await;
    let body = json!({ "campaign": "storm", "reason": "the storm has turned" });
    let swept = desk.ask("POST", "/engine/api/admin/bounce/v1", body).await.json();
    assert_eq!(swept["total_bounced"], 2, "{swept}");
    desk.state.parts.canaries.look().await;
    let seen = seen(&desk, "").await;
    assert_eq!(states(&seen), pairs(&[("docomo-1", "withheld"), ("docomo-2", "withheld")]));
    assert_eq!(seen["canaries"][0]["cause"], "cancelled");
}

#[tokio::test]
async fn a_template_that_needs_values_is_filled_with_harmless_ones() {
    let desk = sent(|call| {
        call["content"]["text_body"] = "{{ name }} {{ room }} {{ link }}".into();
        for recipient in call["recipients"].as_array_mut().unwrap() {
            recipient["name"] = "山田 花子".into();
            recipient["substitutions"]["link"] = "https://s.example.jp/p/Secret9".into();
        }
    })
    .await;
    let canaries = seen(&desk, "").await;
    let id: mail_model::NotificationId = canaries["canaries"][0]["id"].as_str().unwrap().parse().unwrap();
    let lanes = desk.queue.lanes();
    let (lane, _) = lanes.first().unwrap();
    let queue::Claim::Taken(first) = desk.queue.claim(*lane, NOW, &"s1".parse().unwrap()) else { panic!("none due") };
    assert_eq!(first.id, id, "canaries go before the campaign");
    assert_eq!(first.address.as_str(), "canary-1@docomo.ne.jp");
    let payload = String::from_utf8(first.payload.clone()).unwrap();
    assert!(payload.contains("〇〇 〇〇") && payload.contains("https://s.example.jp/x/xxxxxx0"), "{payload}");
    assert!(!payload.contains("山田") && !payload.contains("Secret"), "{payload}");
}

#[tokio::test]
async fn what_names_no_canary_is_told_to_whoever_calls() {
    let desk = sent(|_| {}).await;
    let stranger = "0000000000000001-00000000";
    let table = [
        (json!({}), 422),
        (json!({ "message_id": stranger, "token": "x" }), 422),
        (json!({ "message_id": "<CA+1@mail.gmail.com>" }), 422),
        (json!({ "token": "b+forged@bounce.example.jp" }), 422),
        (json!({ "message_id": stranger }), 404),
        (json!({ "message_id": stranger, "at": "yesterday" }), 422),
        (json!({ "message_id": stranger, "when": 5 }), 422),
    ];
    for (body, status) in table {
        assert_eq!(desk.ask("POST", ARRIVED, body.clone()).await.status.as_u16(), status, "{body}");
    }
    let mut call = desk.order(2);
    call["campaign"] = "todoke:canaries".into();
    assert_eq!(desk.inject(&call.to_string()).await.status, 422);
}
