//! What operators see of the carriers' limits, and how they let it be forgotten.

use axum::body::Body;
use axum::http::StatusCode;
use control_api::{CarrierLimits, Limits, NetblockLimit, SourceLimit, SourceState, WarmUpUse};
use mail_model::UnixMs;
use serde_json::{Value, json};

use crate::desk::{Desk, NOW};

const LIMITS: &str = "/engine/api/limits/v1";

fn source(name: &str, state: SourceState) -> SourceLimit {
    SourceLimit {
        source: name.parse().unwrap(),
        netblock: "192.0.2.0/24".to_owned(),
        state,
        why: (state == SourceState::Resting).then_some("blocked"),
        until: (state == SourceState::Resting).then_some(UnixMs(NOW.0 + 60_000)),
        rate_per_min: 118.0,
        limit_per_min: Some(125.0),
        sure: true,
        proven_per_min: 118.0,
        learned_at: Some(NOW),
        sessions: 2,
        sessions_allowed: 2,
        sessions_limit: None,
        session_mails_limit: Some(20),
        sent_this_hour: 1_204,
    }
}

/// What the sending part of these tests knows.
pub fn known() -> Limits {
    let carrier = |name: &str, sources| CarrierLimits {
        carrier: name.parse().unwrap(),
        domain: "".parse().unwrap(),
        waiting: 7,
        rate_per_min: 118.0,
        netblocks: vec![NetblockLimit {
            netblock: "192.0.2.0/24".to_owned(),
            limit_per_min: None,
            learned_at: None,
            unknown: 1,
            recipients: 90,
            paused_until: None,
        }],
        sources,
    };
    let docomo = vec![source("s1", SourceState::Sending), source("s2", SourceState::Resting)];
    let young = WarmUpUse { source: "s2".parse().unwrap(), day: 3, cap: 39, sent: 39, below_cap_at: Some(NOW) };
    Limits {
        carriers: vec![carrier("docomo", docomo), carrier("au", vec![source("s1", SourceState::Idle)])],
        warm_up: vec![young],
    }
}

#[tokio::test]
async fn limits_are_shown_by_carrier_netblock_and_source() {
    let desk = Desk::new();
    let all = desk.ask("GET", LIMITS, Value::Null).await;
    assert_eq!(all.status, StatusCode::OK, "{}", all.text);
    let all = all.json();
    let docomo = &all["carriers"][0];
    assert_eq!((&docomo["carrier"], &docomo["waiting"]), (&json!("docomo"), &json!(7)));
    assert_eq!(docomo["netblocks"][0]["recipients"], 90);
    let (first, second) = (&docomo["sources"][0], &docomo["sources"][1]);
    assert_eq!((&first["state"], &first["limit_per_min"]), (&json!("sending"), &json!(125.0)));
    assert_eq!((&first["learned_at"], &first["until"]), (&json!("2026-09-01T00:00:00Z"), &Value::Null));
    assert_eq!((&second["state"], &second["why"]), (&json!("resting"), &json!("blocked")));
    assert_eq!(second["until"], "2026-09-01T00:01:00Z");
    assert_eq!(all["warm_up"][0]["below_cap_at"], "2026-09-01T00:00:00Z");

    let count = |shown: &Value| shown["carriers"].as_array().unwrap().len();
    let one = desk.ask("GET", &format!("{LIMITS}?carrier=au"), Value::Null).await.json();
    assert_eq!((count(&one), &one["carriers"][0]["carrier"]), (1, &json!("au")));
    let one = desk.ask("GET", &format!("{LIMITS}?source=s2"), Value::Null).await.json();
    assert_eq!((count(&one), one["carriers"][0]["sources"].as_array().unwrap().len()), (1, 1));
    let wrong = desk.ask("GET", &format!("{LIMITS}?carier=au"), Value::Null).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn forgetting_asks_for_a_reason_and_puts_it_on_record() {
    let desk = Desk::new();
    for (body, field) in [
        (json!({"carrier": "docomo"}), "reason"),
        (json!({"carrier": "docomo", "reason": " "}), "reason"),
        (json!({"reason": "the carrier lifted it"}), "carrier"),
        (json!({"carrier": "docomo", "sauce": "s1", "reason": "a"}), "sauce"),
    ] {
        let answer = desk.ask("DELETE", LIMITS, body.clone()).await;
        assert_eq!(answer.json()["errors"][0]["field"], field, "{body}: {}", answer.text);
    }
    assert!(desk.port.forgotten.lock().is_empty());
    let body = json!({"carrier": "docomo", "source": "s2", "reason": "docomo lifted the block by telephone"});
    assert_eq!(desk.ask("DELETE", LIMITS, body).await.json(), json!({"forgotten": 2}));
    let body = json!({"carrier": "au", "reason": "moved to another network"});
    assert_eq!(desk.ask("DELETE", LIMITS, body).await.status, StatusCode::OK);
    let forgotten = desk.port.forgotten.lock();
    let told: Vec<&str> = forgotten.iter().map(|(told, _)| told.as_str()).collect();
    assert_eq!(told, ["docomo s2", "au"]);
    let entry = &forgotten[0].1;
    assert_eq!((entry.action.as_str(), entry.subject.as_str()), ("limits.forget", "s2->docomo"));
    assert_eq!((entry.at, entry.reason.as_str()), (NOW, "docomo lifted the block by telephone"));
}

#[tokio::test]
async fn the_page_holds_no_data_and_asks_only_this_engine() {
    let desk = Desk::new();
    let page = desk.send("GET", "/engine/limits", &[], Body::empty()).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.header("content-security-policy").unwrap().contains("connect-src 'self'"));
    assert!(page.text.contains(LIMITS) && !page.text.contains("docomo lifted"));
    assert!(!page.text.contains("innerHTML"), "names are put in as text");
}
