//! An emergency is handed in while a slow carrier works off a normal campaign: it goes before all that is not in hand.

use anyhow::Result;
use testkit::{CarrierPlan, WorldPlan};
use todoke_tests::{Scene, notice_for};

const NORMAL: u64 = 900;
const URGENT: u64 = 60;
const SESSIONS: u32 = 2;
/// A session has one mail whose content goes out and one whose envelope does.
const IN_HAND_MAX: usize = 2 * 2;

#[tokio::test(flavor = "multi_thread")]
async fn an_emergency_overtakes_a_normal_campaign() -> Result<()> {
    let plan = WorldPlan::of([CarrierPlan::for_tests("docomo", "docomo.ne.jp")]);
    let mut scene = Scene::open(plan, |engine| {
        engine.sources = 1;
        engine.connections_max = SESSIONS;
        engine.rate_per_min = 12_000.0;
    })
    .await?;
    let normal = scene.send(&notice_for("menu", (0..NORMAL).map(|n| format!("n{n}@docomo.ne.jp")))?).await?;
    scene.until_world("a hundred are through", |world| world.journal().len() >= 100).await?;

    let mut call = notice_for("earthquake", (0..URGENT).map(|n| format!("u{n}@docomo.ne.jp")))?;
    call["class"] = "emergency".into();
    let urgent = scene.send(&call).await?;
    let taken_before = scene.world.journal().len();
    scene.finished("earthquake").await?;
    scene.finished("menu").await?;

    let books = scene.close().await?;
    assert!(books.found.is_clean() && books.found.copies == 960, "{}", books.found);
    let messages: Vec<_> = books.journal.entries.iter().filter_map(|copy| Some(copy.id()?.message)).collect();
    let waiting = messages[taken_before..].iter().filter(|message| **message == normal.message_id).count();
    assert!(waiting > 20 * IN_HAND_MAX, "much of the normal campaign still waited: {waiting}");
    let last_urgent = messages.iter().rposition(|message| *message == urgent.message_id).unwrap_or_default();
    let overtaken_by = messages[taken_before..=last_urgent].iter().filter(|m| **m == normal.message_id).count();
    assert!(overtaken_by <= IN_HAND_MAX, "{overtaken_by} normal mails went before the last emergency");
    Ok(())
}

/// At a slow pace nearly every session waits for a permit when the emergency comes; it gets the next ones all the same.
#[tokio::test(flavor = "multi_thread")]
async fn an_emergency_gets_the_permits_that_a_normal_campaign_waits_for() -> Result<()> {
    let plan = WorldPlan::of([CarrierPlan::for_tests("docomo", "docomo.ne.jp")]);
    let mut scene = Scene::open(plan, |engine| {
        engine.sources = 2;
        engine.connections_max = SESSIONS;
        engine.rate_per_min = 300.0;
    })
    .await?;
    let normal = scene.send(&notice_for("menu", (0..100).map(|n| format!("n{n}@docomo.ne.jp")))?).await?;
    scene.until_world("ten are through", |world| world.journal().len() >= 10).await?;
    let mut call = notice_for("earthquake", (0..10).map(|n| format!("u{n}@docomo.ne.jp")))?;
    call["class"] = "emergency".into();
    let urgent = scene.send(&call).await?;
    let taken_before = scene.world.journal().len();
    scene.finished("earthquake").await?;
    scene.finished("menu").await?;

    let books = scene.close().await?;
    assert!(books.found.is_clean() && books.found.copies == 110, "{}", books.found);
    let messages: Vec<_> = books.journal.entries.iter().filter_map(|copy| Some(copy.id()?.message)).collect();
    let last_urgent = messages.iter().rposition(|message| *message == urgent.message_id).unwrap_or_default();
    let overtaken_by = messages[taken_before..=last_urgent].iter().filter(|m| **m == normal.message_id).count();
    // Each source has its own sessions, and each of them at most what it had in hand.
    assert!(overtaken_by <= 2 * IN_HAND_MAX, "{overtaken_by} normal mails went before the last emergency");
    assert!(messages.len() - last_urgent > 40, "much of the normal campaign still waited: {last_urgent}");
    Ok(())
}
