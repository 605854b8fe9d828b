//! `bounce/v1` takes a campaign out of the queue: what it says is withheld is never sent, and is told apart.

use anyhow::Result;
use clock::Clock;
use mail_model::{Outcome, Withheld};
use reqwest::Method;
use serde_json::json;
use testkit::{CarrierPlan, WorldPlan};
use todoke_tests::{Scene, bounces, notice_for};

const RECIPIENTS: u64 = 600;
/// Two sessions, each with one mail whose content goes out and one whose envelope does.
const IN_HAND_MAX: u64 = 4;

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_campaign_sends_no_more() -> Result<()> {
    let plan = WorldPlan::of([CarrierPlan::for_tests("docomo", "docomo.ne.jp")]);
    let mut scene = Scene::open(plan, |engine| {
        engine.sources = 1;
        engine.connections_max = 2;
        engine.rate_per_min = 6_000.0;
    })
    .await?;
    // Some wait for their second attempt when the order comes.
    let address =
        |n: u64| if n.is_multiple_of(10) { format!("busy.w{n}@docomo.ne.jp") } else { format!("w{n}@docomo.ne.jp") };
    let wrong = scene.send(&notice_for("wrong", (0..RECIPIENTS).map(address))?).await?;
    let kept = scene.send(&notice_for("right", (0..50).map(|n| format!("r{n}@docomo.ne.jp")))?).await?;
    scene.until_world("fifty are through", |world| world.journal().len() >= 50).await?;

    let order = json!({ "campaign": "wrong", "reason": "sent to the wrong school" });
    let swept = scene.call(Method::POST, "/engine/api/admin/bounce/v1", &order).await?;
    let confirmed = Clock::system().unix();
    assert_eq!(swept.status, 200, "{swept:?}");
    let taken_before = scene.world.journal().len();
    let cancelled = swept.json()["total_bounced"].as_u64().unwrap_or_default();
    assert!(cancelled > 20 * IN_HAND_MAX, "much of it still waited: {cancelled}");

    let progress = scene.finished("wrong").await?;
    scene.finished("right").await?;
    let again = scene.call(Method::POST, "/engine/api/admin/bounce/v1", &order).await?;
    assert_eq!(again.json()["total_bounced"], 0, "nothing is left to cancel");
    let report = bounces::read(&scene.text("/engine/api/campaigns/v1/wrong/bounces.csv").await?)?;

    let mut intents = std::mem::take(&mut scene.intents);
    let books = {
        // Those that the engine says it withheld must have no copy after the answer.
        let (data, journal) = (scene.engine.data_dir(), scene.world.snapshot());
        scene.engine.stop().await?;
        let ledger = todoke_tests::books::ledger(&data)?;
        let withheld = |id| ledger.iter().any(|r| r.id == id && r.outcome == Outcome::Withheld(Withheld::Cancelled));
        for intent in intents.iter_mut().filter(|intent| withheld(intent.id)) {
            intent.cancelled_at = Some(confirmed);
        }
        todoke_tests::Books::read(&data, intents, journal, testkit::Drain::Done)?
    };
    let found = &books.found;
    assert!(found.is_clean(), "{found}");
    let later = &books.journal.entries[taken_before..];
    let leaked = later.iter().filter(|copy| copy.id().is_some_and(|id| id.message == wrong.message_id)).count();
    assert!(u64::try_from(leaked)? <= IN_HAND_MAX, "{leaked} mails left after the answer");
    let withheld = u64::try_from(found.withheld)?;
    assert!((cancelled..=cancelled + IN_HAND_MAX).contains(&withheld), "{withheld} withheld, {cancelled} confirmed");
    assert_eq!(progress["withheld"], withheld, "{progress}");
    assert_eq!(found.copies, 650 - found.withheld, "{found}");
    let of_kept = books.journal.entries.iter().filter(|copy| copy.id().is_some_and(|id| id.message == kept.message_id));
    assert_eq!(of_kept.count(), 50, "the other campaign is whole");
    let told = report.iter().filter(|bounce| bounce.cause() == "cancelled").count();
    assert_eq!(told, found.withheld, "the report tells of every one");
    Ok(())
}
