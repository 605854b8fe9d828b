//! An operator suspends one campaign: it stands still while another passes it, and goes on when released.

use anyhow::Result;
use reqwest::Method;
use serde_json::json;
use testkit::{CarrierPlan, WorldPlan};
use todoke_tests::{Scene, notice_for};

const SUSPEND: &str = "/engine/api/admin/suspend/v1";
const WRONG: u64 = 1_200;
const RIGHT: u64 = 300;
/// Two sessions, each with one mail whose content goes out and one whose envelope does.
const IN_HAND_MAX: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_campaign_waits_and_goes_on() -> Result<()> {
    let plan = WorldPlan::of([CarrierPlan::for_tests("docomo", "docomo.ne.jp")]);
    let mut scene = Scene::open(plan, |engine| {
        engine.sources = 1;
        engine.connections_max = 2;
        engine.rate_per_min = 24_000.0;
    })
    .await?;
    let wrong = scene.send(&notice_for("wrong-date", (0..WRONG).map(|n| format!("w{n}@docomo.ne.jp")))?).await?;
    scene.until_world("fifty are through", |world| world.journal().len() >= 50).await?;
    let call = json!({ "campaign": "wrong-date", "reason": "the date is wrong", "duration": "1h" });
    let held = scene.call(Method::POST, SUSPEND, &call).await?;
    assert_eq!(held.status, 200, "{held:?}");
    let taken_before = scene.world.journal().len();

    scene.send(&notice_for("right-date", (0..RIGHT).map(|n| format!("r{n}@docomo.ne.jp")))?).await?;
    scene.finished("right-date").await?;
    let passed = &scene.world.snapshot().entries[taken_before..];
    let leaked = passed.iter().filter(|copy| copy.id().is_some_and(|id| id.message == wrong.message_id)).count();
    assert!(leaked <= IN_HAND_MAX, "{leaked} mails of the suspended campaign left");
    let waiting = scene.engine.client().campaign("wrong-date").await?;
    assert!(waiting["queued"].as_u64().is_some_and(|queued| queued > 80), "{waiting}");
    assert_eq!(waiting["finished"], false);

    let id = held.json()["id"].clone();
    let list = scene.call(Method::GET, SUSPEND, &serde_json::Value::Null).await?.json();
    assert_eq!((&list[0]["id"], &list[0]["campaign"]), (&id, &json!("wrong-date")), "{list}");
    let released = scene.call(Method::DELETE, SUSPEND, &json!({ "id": id })).await?;
    assert_eq!(released.status, 200, "{released:?}");
    scene.finished("wrong-date").await?;
    let found = scene.close().await?.found;
    assert!(found.is_clean() && found.accepted == 1_500 && found.copies == 1_500, "{found}");
    Ok(())
}
