//! A notice that is of no use after its deadline: who is not reached is listed before it, and gets another text after it.

use std::collections::BTreeMap;

use anyhow::Result;
use clock::Clock;
use jiff::Timestamp;
use mail_model::Outcome;
use testkit::{CarrierPlan, Outage, WorldPlan};
use todoke_tests::{Scene, bounces, notice_for};

const STUCK: usize = 20;

fn in_ms(ms: i64) -> Result<String> {
    let now = i64::try_from(Clock::system().unix().0)?;
    Ok(Timestamp::from_millisecond(now + ms)?.to_string())
}

/// How many stand in which state of `unreached.csv`.
async fn unreached(scene: &Scene) -> Result<BTreeMap<String, usize>> {
    let report = bounces::read(&scene.text("/engine/api/campaigns/v1/pickup/unreached.csv").await?)?;
    let mut states = BTreeMap::new();
    for row in report {
        *states.entry(row.cell("状態ID").to_owned()).or_default() += 1;
    }
    Ok(states)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_notice_is_replaced_and_listed_before() -> Result<()> {
    let carriers = [CarrierPlan::for_tests("au", "au.com"), CarrierPlan::for_tests("docomo", "docomo.ne.jp")];
    let mut scene = Scene::open(WorldPlan::of(carriers), |engine| engine.retry_after_s = vec![1]).await?;
    scene.world.carrier("au").set_outage(Outage::Reply).await;
    let stuck = (0..STUCK).map(|n| format!("stuck{n}@au.com"));
    let addresses: Vec<String> = stuck.chain((0..30).map(|n| format!("soon{n}@docomo.ne.jp"))).collect();
    let mut call = notice_for("pickup", &addresses)?;
    call["not_after"] = in_ms(8_000)?.into();
    call["warn_before_s"] = 5.into();
    call["when_late"] = "replace".into();
    call["replacement"] =
        serde_json::json!({ "subject": "学校で待機しています", "text_body": "お迎えは不要です。", "valid_s": 600 });
    scene.send(&call).await?;

    let near = scene.until("pickup", |progress| progress["deadline"]["foreseen_late"] != 0).await?;
    assert_eq!(near["deadline"]["foreseen_late"], STUCK, "{near}");
    assert!(near["deadline"]["left_s"].as_f64().unwrap_or_default() > 0.0, "listed before the deadline: {near}");
    let states = unreached(&scene).await?;
    let listed: usize = states.values().sum();
    assert!(listed == STUCK && states.keys().all(|state| state == "foreseen_late" || state == "in_hand"), "{states:?}");
    scene.until_counted("todoke_deadline_warnings_total", "", 1).await?;
    assert_eq!(scene.counted("todoke_foreseen_late", "").await?, u64::try_from(STUCK)?);

    scene.until("pickup", |progress| progress["deadline"]["left_s"].as_f64().is_some_and(|left| left < 0.0)).await?;
    scene.world.carrier("au").set_outage(Outage::None).await;
    let done = scene.finished("pickup").await?;
    assert_eq!(
        (&done["accepted"], &done["replaced"], &done["expired"]),
        (&30.into(), &STUCK.into(), &0.into()),
        "{done}"
    );
    assert_eq!(unreached(&scene).await?, BTreeMap::from([("replaced".to_owned(), STUCK)]));

    let books = scene.close().await?;
    assert!(books.found.is_clean() && books.found.copies == addresses.len(), "{}", books.found);
    for address in &addresses {
        let last = books.attempts(address).last().map(|attempt| attempt.outcome);
        let expected = if address.ends_with("au.com") { Outcome::Replaced } else { Outcome::Accepted };
        assert_eq!(last, Some(expected));
    }
    Ok(())
}
