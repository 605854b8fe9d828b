//! Deadlines: what a caller may wish, who is listed before one passes, and what is shown of it.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::http::StatusCode;
use mail_model::{CampaignName, Cause, Outcome, Reply, UnixMs};
use queue::AtDeadline;
use serde_json::{Value, json};

use crate::desk::{Desk, NOW};

/// A notice to ten that is of use for ten minutes.
fn order(desk: &Desk) -> Value {
    let mut order = desk.order(10);
    order["campaign"] = json!("pickup");
    order["class"] = json!("emergency");
    order["not_after"] = json!("2026-09-01T00:10:00Z");
    order["recipients"][6]["email"] = json!("-=cmd..x-@docomo.ne.jp");
    order
}

/// State by notification index.
async fn states(desk: &Desk) -> BTreeMap<String, String> {
    let answer = desk.ask("GET", "/engine/api/campaigns/v1/pickup/unreached.csv", Value::Null).await;
    assert_eq!(answer.header("content-type").as_deref(), Some("text/csv; charset=utf-8"));
    assert!(answer.header("content-disposition").unwrap().contains("unreached-pickup.csv"));
    let text = answer.text.strip_prefix('\u{feff}').expect("a byte order mark");
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header: Vec<_> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    assert_eq!(
        (header.len(), &header[0][..], &header[14..]),
        (17, "アドレス", &["状態ID", "次の送信予定", "期限"].map(str::to_owned)[..])
    );
    let mut found = BTreeMap::new();
    for record in reader.records().map(Result::unwrap) {
        assert!(record.iter().all(|cell| !cell.starts_with(['=', '+', '-', '@'])), "{record:?}");
        assert_eq!(&record[16], "2026-09-01 09:10:00");
        let index = record[12].rsplit('-').next().unwrap().trim_start_matches('0').to_owned();
        let known = found.insert(index, format!("{} {}", &record[14], &record[3]).trim_end().to_owned());
        assert_eq!(known, None, "listed once");
    }
    found
}

async fn shown(desk: &Desk) -> Value {
    desk.ask("GET", "/engine/api/campaigns/v1/pickup", Value::Null).await.json()["deadline"].clone()
}

#[tokio::test]
async fn who_is_not_reached_is_listed_before_the_deadline() {
    let desk = Desk::new();
    assert_eq!(desk.inject(&order(&desk).to_string()).await.status, StatusCode::ACCEPTED);
    let all: Vec<String> = states(&desk).await.into_values().collect();
    assert_eq!(all, vec!["waiting"; 10]);
    desk.settle(|index| match index {
        6 => (Outcome::Failed(Cause::AddressUnknown), Some(Reply::new(550, "=Unknown user"))),
        7 | 8 => (Outcome::Deferred(Cause::MailboxFull), Some(Reply::new(452, "4.2.2 full"))),
        _ => (Outcome::Accepted, None),
    })
    .await;
    let expected = |state: &str| {
        let waiting = format!("{state} mailbox_full");
        let listed = [("6", "failed address_unknown"), ("7", &waiting), ("8", &waiting)];
        listed.map(|(index, state)| (index.to_owned(), state.to_owned())).into()
    };
    assert_eq!(states(&desk).await, expected("deferred"));
    let deadline = shown(&desk).await;
    assert_eq!((&deadline["left_s"], &deadline["foreseen_late"]), (&json!(600.0), &json!(0)));
    assert_eq!((&deadline["when_late"], &deadline["warn_at"]), (&json!("drop"), &json!("2026-09-01T00:06:40Z")));

    desk.clock.advance(Duration::from_secs(401));
    assert_eq!(states(&desk).await, expected("foreseen_late"));
    assert_eq!(shown(&desk).await["foreseen_late"], 2);

    desk.clock.advance(Duration::from_secs(200));
    desk.queue.expire(desk.clock.unix());
    let listed = states(&desk).await;
    assert_eq!(listed["7"], "expired mailbox_full");
    let deadline = shown(&desk).await;
    assert_eq!((&deadline["left_s"], &deadline["foreseen_late"]), (&json!(-1.0), &json!(0)));
}

#[tokio::test]
async fn a_replacement_and_a_warning_are_kept_with_the_message() {
    let desk = Desk::new();
    let mut order = order(&desk);
    order["when_late"] = json!("replace");
    order["warn_before_s"] = json!(120);
    order["replacement"] = json!({"text_body": "児童は学校で待機しています。{{ room }}", "valid_s": 3_600});
    let answer = desk.inject(&order.to_string()).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text);
    let message = desk.queue.messages_of(&CampaignName::new("pickup").unwrap())[0];
    let stored = desk.queue.message(message).unwrap();
    let at = |s: u64| Some(NOW + Duration::from_secs(s));
    let at_deadline = AtDeadline { replace_until: at(600 + 3_600), warn_at: at(480) };
    assert_eq!((stored.not_after, stored.at_deadline), (at(600), at_deadline));
    let content: Value = serde_json::from_slice(&stored.content).unwrap();
    assert_eq!(content["replacement"]["subject"], "下校", "what it does not say is the notice's");

    desk.clock.advance(Duration::from_secs(700));
    assert_eq!(desk.queue.expire(desk.clock.unix()), 0);
    assert!(states(&desk).await.into_values().all(|state| state == "late"));
    desk.settle(|_| (Outcome::Replaced, None)).await;
    let progress = desk.ask("GET", "/engine/api/campaigns/v1/pickup", Value::Null).await.json();
    assert_eq!(
        (&progress["replaced"], &progress["accepted"], &progress["finished"]),
        (&json!(10), &json!(0), &json!(true))
    );
    assert!(states(&desk).await.into_values().all(|state| state == "replaced replaced"));
}

#[tokio::test]
async fn a_replacement_that_cannot_be_made_is_refused_with_its_place() {
    let desk = Desk::new();
    let table = [
        (json!({"when_late": "replace"}), "replacement"),
        (json!({"when_late": "replace", "replacement": {"text_body": "{{ unknown }}"}}), "recipients[0]"),
        (json!({"when_late": "replace", "replacement": {"text_body": "{{"}}), "replacement.text_body"),
        (json!({"when_late": "replace", "replacement": {"text": "x"}}), "replacement.text"),
        (json!({"not_after": null, "warn_before_s": 60}), "not_after"),
    ];
    for (fields, place) in table {
        let mut order = order(&desk);
        for (name, value) in fields.as_object().unwrap() {
            order[name] = value.clone();
        }
        let answer = desk.inject(&order.to_string()).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{fields}");
        assert_eq!(answer.json()["errors"][0]["field"], place, "{}", answer.text);
    }
    assert!(desk.is_empty());
}

#[tokio::test]
async fn a_list_of_thousands_comes_in_pieces_and_whole() {
    let desk = Desk::large();
    let mut order = desk.order(2_500);
    order["campaign"] = json!("pickup");
    order["not_after"] = json!("2026-09-01T00:10:00Z");
    assert_eq!(desk.inject(&order.to_string()).await.status, StatusCode::ACCEPTED);
    assert_eq!(states(&desk).await.len(), 2_500);
    assert_eq!(desk.clock.unix(), UnixMs(NOW.0));
}
