//! Operators' calls.

use axum::body::Body;
use axum::http::StatusCode;
use mail_model::{Cause, Outcome, Reply};
use serde_json::{Value, json};

use crate::desk::Desk;

const SUSPEND: &str = "/engine/api/admin/suspend/v1";
const SUSPEND_PATH: &str = "/engine/api/admin/suspend-ready-q/v1";

#[tokio::test]
async fn a_suspension_is_made_listed_and_ended() {
    let desk = Desk::new();
    let made =
        desk.ask("POST", SUSPEND, json!({"carrier": "docomo", "reason": "保守の連絡あり", "duration": "1h"})).await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.text);
    let path = json!({"carrier": "docomo", "source": "s1", "reason": "blocked", "expires": "2026-09-01T00:10:00Z"});
    assert_eq!(desk.ask("POST", SUSPEND_PATH, path).await.json(), json!({"id": 2}));

    let listed = desk.ask("GET", SUSPEND, Value::Null).await.json();
    let expected = json!([{"id": 1, "carrier": "docomo", "reason": "保守の連絡あり", "duration": 3600, "expires": "2026-09-01T01:00:00Z"}]);
    assert_eq!(listed, expected);
    let listed = desk.ask("GET", SUSPEND_PATH, Value::Null).await.json();
    assert_eq!(listed[0]["source"], "s1");
    assert_eq!(listed[0]["duration"], 600);

    assert_eq!(desk.ask("DELETE", &format!("{SUSPEND}?id=1"), Value::Null).await.status, StatusCode::OK);
    assert_eq!(desk.ask("DELETE", SUSPEND_PATH, json!({"id": 2})).await.status, StatusCode::OK);
    assert_eq!(desk.ask("DELETE", SUSPEND, json!({"id": 2})).await.status, StatusCode::NOT_FOUND);
    assert_eq!(desk.ask("GET", SUSPEND, Value::Null).await.json(), json!([]));
}

#[tokio::test]
async fn what_an_operator_misspells_is_named() {
    let desk = Desk::new();
    let table = [
        ("POST", SUSPEND, json!({"carrier": "docomo"}), 422, "reason"),
        ("POST", SUSPEND, json!({"reason": ""}), 422, "reason"),
        ("POST", SUSPEND, json!({"reason": "a\nb"}), 422, "reason"),
        ("POST", SUSPEND, json!({"reason": "a", "duration": "soon"}), 422, "duration"),
        ("POST", SUSPEND, json!({"reason": "a", "expires": "2020-01-01T00:00:00Z"}), 422, "expires"),
        ("POST", SUSPEND, json!({"reason": "a", "carier": "docomo"}), 422, "carier"),
        ("POST", SUSPEND_PATH, json!({"reason": "a", "source": "s1"}), 422, "carrier"),
        ("POST", SUSPEND_PATH, json!({"reason": "a", "source": "s1", "carrier": "other"}), 422, "domain"),
        ("POST", "/engine/api/admin/bounce/v1", json!({"reason": "a"}), 422, "campaign"),
        ("POST", "/engine/api/admin/bounce/v1", json!({"campaign": "a"}), 422, "reason"),
        ("GET", "/engine/api/admin/inspect-sched-q/v1?carier=au", Value::Null, 422, "carier"),
        ("GET", "/engine/api/admin/inspect-message/v1", Value::Null, 422, "id"),
        ("GET", "/engine/api/admin/resolve-egress-path/v1", Value::Null, 422, "domain"),
        ("GET", "/engine/api/admin/resolve-egress-path/v1?domain=a.jp&pool=x", Value::Null, 422, "pool"),
    ];
    for (method, path, body, status, field) in table {
        let answer = desk.ask(method, path, body.clone()).await;
        assert_eq!(answer.status.as_u16(), status, "{method} {path} {body}: {}", answer.text);
        assert_eq!(answer.json()["errors"][0]["field"], field, "{method} {path} {body}: {}", answer.text);
    }
}

#[tokio::test]
async fn mail_is_taken_out_only_where_the_filter_fits() {
    let desk = Desk::new();
    for (campaign, count) in [("one", 3), ("two", 4)] {
        let mut order = desk.order(count);
        order["campaign"] = json!(campaign);
        assert_eq!(desk.inject(&order.to_string()).await.status, StatusCode::ACCEPTED);
    }
    let body = json!({"campaign": "one", "reason": "wrong date"});
    let answer = desk.ask("POST", "/engine/api/admin/bounce/v1", body).await;
    assert_eq!(answer.json(), json!({"total_bounced": 3}), "{}", answer.text);
    assert_eq!(desk.queued(&"one".parse().unwrap()), 0);
    assert_eq!(desk.queued(&"two".parse().unwrap()), 4);
    let shown = desk.ask("GET", "/engine/api/campaigns/v1/one", Value::Null).await.json();
    assert_eq!((&shown["withheld"], &shown["finished"]), (&json!(3), &json!(true)));
}

#[tokio::test]
async fn lanes_and_notifications_are_shown_as_the_queue_holds_them() {
    let desk = Desk::new();
    let id = desk.inject(&desk.order(3).to_string()).await.json()["ids"][2].as_str().unwrap().to_owned();
    let lanes = desk.ask("GET", "/engine/api/admin/inspect-sched-q/v1?carrier=docomo", Value::Null).await.json();
    assert_eq!(lanes["queued"], 3);
    assert_eq!(lanes["lanes"][0]["carrier"], "docomo");
    assert_eq!(lanes["lanes"][0]["queued"], 3);
    let none = desk.ask("GET", "/engine/api/admin/inspect-sched-q/v1?carrier=au", Value::Null).await.json();
    assert_eq!(none["lanes"], json!([]));

    let path = format!("/engine/api/admin/inspect-message/v1?id={id}");
    let shown = desk.ask("GET", &path, Value::Null).await.json();
    assert_eq!((&shown["status"], &shown["attempts"]), (&json!("queued"), &json!(0)));
    desk.settle(|_| (Outcome::Failed(Cause::AddressUnknown), Some(Reply::new(550, "5.1.1 Unknown user")))).await;
    let shown = desk.ask("GET", &path, Value::Null).await.json();
    assert_eq!(shown["status"], "ended");
    assert_eq!(shown["last_failure"]["outcome"], json!({"failed": "address_unknown"}));
    let unknown = "/engine/api/admin/inspect-message/v1?id=0000000000000001-00000000";
    assert_eq!(desk.ask("GET", unknown, Value::Null).await.status, StatusCode::NOT_FOUND);
    assert_eq!(desk.ask("GET", "/engine/api/admin/in-doubt/v1", Value::Null).await.json(), json!([]));
}

#[tokio::test]
async fn a_suppressed_address_is_explained_and_can_be_let_go() {
    let desk = Desk::new();
    let path = "/engine/api/admin/suppression/v1";
    let whose = json!({"email": "taro@docomo.ne.jp"});
    assert_eq!(desk.ask("POST", path, whose.clone()).await.json(), json!({"suppressed": false}));
    desk.suppress("taro@docomo.ne.jp", Cause::AddressUnknown);
    let shown = desk.ask("POST", path, whose.clone()).await.json();
    assert_eq!((&shown["suppressed"], &shown["cause"]), (&json!(true), &json!("address_unknown")));
    assert!(shown["advice_ja"].as_str().unwrap().contains("再登録"));
    let unreasoned = desk.ask("DELETE", path, whose.clone()).await;
    assert_eq!(unreasoned.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", unreasoned.text);
    let freeing = json!({"email": "taro@docomo.ne.jp", "reason": "the mother showed the phone at the desk"});
    assert_eq!(desk.ask("DELETE", path, freeing).await.status, StatusCode::OK);
    assert_eq!(desk.ask("POST", path, whose).await.json(), json!({"suppressed": false}));
    let wrong = desk.ask("POST", path, json!({"email": "taro"})).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(!wrong.text.contains("taro"));
}

#[tokio::test]
async fn paths_are_shown_with_kumomtas_names() {
    let desk = Desk::new();
    let shown = desk.ask("GET", "/engine/api/admin/ready-q-states/v1", Value::Null).await.json();
    assert_eq!(shown["paths"][0]["name"], "s1->docomo");
    assert_eq!(shown["paths"][1]["name"], "s1->example.jp");
    let one = desk.ask("GET", "/engine/api/admin/inspect-ready-q/v1?carrier=other", Value::Null).await.json();
    assert_eq!(one["paths"].as_array().unwrap().len(), 1);
    let path = "/engine/api/admin/resolve-egress-path/v1?domain=docomo.ne.jp";
    let resolved = desk.send("GET", path, &[], Body::empty()).await.json();
    assert_eq!(resolved["hosts"][0]["name"], "mx.docomo.ne.jp");
}
