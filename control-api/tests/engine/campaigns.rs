//! Progress, events and the bounce report.

use std::time::Duration;

use axum::http::StatusCode;
use mail_model::{Cause, Outcome, Reply};
use serde_json::{Value, json};

use crate::desk::Desk;

/// Ten mails in half a minute: six taken, two refused, one too late, one put off.
async fn half_sent(desk: &Desk) -> String {
    let mut order = desk.order(10);
    order["campaign"] = json!("trip");
    order["recipients"][6]["email"] = json!("-=cmd..x-@docomo.ne.jp");
    let answer = desk.inject(&order.to_string()).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text);
    desk.clock.advance(Duration::from_secs(2));
    desk.settle(|index| match index {
        6 => (Outcome::Failed(Cause::AddressUnknown), Some(Reply::new(550, "=Unknown user <x>"))),
        7 => (Outcome::Failed(Cause::RecipientFiltered), Some(Reply::new(550, "5.2.0 Unknown, user \"x\""))),
        8 => (Outcome::Expired(Cause::ConnectionFailed), None),
        9 => (Outcome::Deferred(Cause::MailboxFull), Some(Reply::new(452, "4.2.2 full"))),
        _ => (Outcome::Accepted, None),
    })
    .await;
    answer.json()["message_id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn progress_counts_by_outcome_carrier_and_cause() {
    let desk = Desk::new();
    let message = half_sent(&desk).await;
    desk.clock.advance(Duration::from_secs(3));
    for id in ["trip", &message] {
        let shown = desk.ask("GET", &format!("/engine/api/campaigns/v1/{id}"), Value::Null).await.json();
        assert_eq!(shown["id"], *id);
        let counts = ["count", "queued", "accepted", "failed", "expired", "deferred", "withheld"];
        let counts: Vec<u64> = counts.iter().map(|name| shown[name].as_u64().unwrap()).collect();
        assert_eq!(counts, [10, 1, 6, 2, 1, 1, 0]);
        assert_eq!(shown["finished"], false);
        assert_eq!(shown["started_at"], "2026-09-01T00:00:02Z");
        assert_eq!(shown["finished_at"], Value::Null);
        assert_eq!(shown["latency_s"]["all"], 2.0);
        // Six in three seconds: two a second, so half a second for the one that is left.
        assert_eq!((&shown["rate_per_s"], &shown["eta_s"]), (&json!(2.0), &json!(0.5)));
        assert_eq!(shown["carriers"][0]["carrier"], "docomo");
        assert_eq!(shown["carriers"][0]["accepted"], 6);
        let cause = shown["causes"].as_array().unwrap().iter().find(|c| c["cause"] == "recipient_filtered").unwrap();
        assert_eq!((&cause["count"], &cause["outcome"]), (&json!(1), &json!("failed")));
        assert_eq!(cause["label_ja"], Cause::RecipientFiltered.label_ja());
    }
}

#[tokio::test]
async fn the_bounce_report_lists_whom_it_did_not_reach_and_is_safe_to_open() {
    let desk = Desk::new();
    let message = half_sent(&desk).await;
    // Another message of the campaign: in the campaign's report, not in the message's.
    let mut order = desk.order(1);
    order["campaign"] = json!("trip");
    desk.inject(&order.to_string()).await;
    desk.settle(|_| (Outcome::Failed(Cause::MailboxDisabled), Some(Reply::new(550, "suspended")))).await;

    for (id, rows) in [(message.as_str(), 4), ("trip", 5)] {
        let answer = desk.ask("GET", &format!("/engine/api/campaigns/v1/{id}/bounces.csv"), Value::Null).await;
        assert_eq!(answer.header("content-type").as_deref(), Some("text/csv; charset=utf-8"));
        assert!(answer.header("content-disposition").unwrap().contains(".csv"));
        let text = answer.text.strip_prefix('\u{feff}').expect("a byte order mark");
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let header: Vec<_> = reader.headers().unwrap().iter().map(str::to_owned).collect();
        assert_eq!(header[..4], ["アドレス", "携帯会社", "結果", "原因ID"]);
        let records: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        assert_eq!(records.len(), rows, "{text}");
        for cell in records.iter().flatten() {
            assert!(!cell.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']), "{cell}");
        }
        let first = &records[0];
        assert_eq!(&first[0], "'-=cmd..x-@docomo.ne.jp");
        assert_eq!((&first[1], &first[2], &first[3]), ("docomo", "配信失敗", "address_unknown"));
        assert_eq!((&first[6], &first[7], &first[8]), ("550", "550 =Unknown user <x>", "RCPT"));
        assert_eq!((&first[10], &first[11]), ("2026-09-01 09:00:02", "1"));
        assert_eq!(&first[12], format!("{message}-00000006"));
        assert_eq!(&records[1][7], "550 5.2.0 Unknown, user \"x\"");
        assert_eq!((&records[2][2], &records[3][2]), ("期限切れ", "再送待ち"));
    }
}

#[tokio::test]
async fn events_tell_progress_and_then_the_end() {
    let desk = Desk::new();
    half_sent(&desk).await;
    desk.clock.advance(Duration::from_secs(120));
    desk.settle(|_| (Outcome::Accepted, None)).await;
    let answer = desk.ask("GET", "/engine/api/campaigns/v1/trip/events", Value::Null).await;
    assert_eq!(answer.header("content-type").as_deref(), Some("text/event-stream"));
    let events: Vec<&str> = answer.text.split_terminator("\n\n").collect();
    assert_eq!(events.len(), 2, "{}", answer.text);
    for (event, name) in events.iter().zip(["progress", "finished"]) {
        let (head, data) = event.split_once('\n').unwrap();
        assert_eq!(head, format!("event: {name}"));
        let shown: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!((&shown["accepted"], &shown["finished"]), (&json!(7), &json!(true)));
        assert_eq!(shown["eta_s"], 0.0);
    }
}

#[tokio::test]
async fn a_stream_follows_a_campaign_that_ends_while_it_is_watched() {
    let desk = Desk::new();
    half_sent(&desk).await;
    let watching = desk.ask("GET", "/engine/api/campaigns/v1/trip/events", Value::Null);
    let ending = async {
        tokio::task::yield_now().await;
        desk.clock.advance(Duration::from_secs(120));
        desk.settle(|_| (Outcome::Accepted, None)).await;
    };
    let (answer, ()) = tokio::join!(watching, ending);
    let last = answer.text.split_terminator("\n\n").last().unwrap();
    assert!(last.starts_with("event: finished"), "{}", answer.text);
}

#[tokio::test]
async fn a_campaign_nobody_has_heard_of_is_a_404() {
    let desk = Desk::new();
    for id in ["trip", "0000000000000001", "a%20b", "%E5%AD%A6"] {
        for end in ["", "/events", "/bounces.csv", "/unreached.csv"] {
            let answer = desk.ask("GET", &format!("/engine/api/campaigns/v1/{id}{end}"), Value::Null).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{id}{end}");
            assert_eq!(answer.json()["errors"][0]["error"], "NotFound");
        }
    }
}
