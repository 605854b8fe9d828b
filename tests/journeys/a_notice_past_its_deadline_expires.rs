//! A notice that is of use until noon and could not be handed over by then is not sent afterwards, and is listed.

use anyhow::Result;
use clock::Clock;
use jiff::Timestamp;
use testkit::{CarrierPlan, Outage, WorldPlan};
use todoke_tests::{Scene, bounces, notice_for};

fn in_ms(ms: i64) -> Result<String> {
    let now = i64::try_from(Clock::system().unix().0)?;
    Ok(Timestamp::from_millisecond(now + ms)?.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_past_its_deadline_expires() -> Result<()> {
    let carriers = [CarrierPlan::for_tests("au", "au.com"), CarrierPlan::for_tests("docomo", "docomo.ne.jp")];
    let mut scene = Scene::open(WorldPlan::of(carriers), |_| {}).await?;
    scene.world.carrier("au").set_outage(Outage::Reply).await;
    let late: Vec<String> = (0..30).map(|n| format!("late{n}@au.com")).collect();
    let addresses = late.iter().cloned().chain((0..20).map(|n| format!("soon{n}@docomo.ne.jp")));
    let mut call = notice_for("lunch", addresses)?;
    call["not_after"] = in_ms(5_000)?.into();
    scene.send(&call).await?;
    let progress = scene.finished("lunch").await?;
    assert_eq!((&progress["accepted"], &progress["expired"]), (&20.into(), &30.into()), "{progress}");

    // The carrier is back, and nothing comes.
    scene.world.carrier("au").set_outage(Outage::None).await;
    scene.send(&notice_for("next", ["other@au.com"])?).await?;
    scene.finished("next").await?;
    assert_eq!(scene.world.carrier("au").taken(), 1);

    let report = bounces::read(&scene.text("/engine/api/campaigns/v1/lunch/bounces.csv").await?)?;
    let mut listed: Vec<&str> = report.iter().map(bounces::Bounce::address).collect();
    listed.sort_unstable();
    let mut expected: Vec<&str> = late.iter().map(String::as_str).collect();
    expected.sort_unstable();
    assert_eq!(listed, expected);
    assert!(report.iter().all(|bounce| bounce.result() == "期限切れ" && !bounce.cause().is_empty()), "{report:?}");

    let mut past = notice_for("past", ["soon@docomo.ne.jp"])?;
    past["not_after"] = in_ms(-1_000)?.into();
    let refused = scene.call(reqwest::Method::POST, "/engine/api/inject/v1", &past).await?;
    assert_eq!(refused.status, 422, "{refused:?}");
    assert_eq!(refused.json()["errors"][0]["field"], "not_after");
    let found = scene.close().await?.found;
    assert!(found.is_clean() && found.recipients == 51, "{found}");
    Ok(())
}
