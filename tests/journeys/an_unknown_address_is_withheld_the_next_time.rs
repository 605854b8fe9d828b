//! An address that was unknown yesterday gets no second chance today, across a restart, and the report says why.

use anyhow::Result;
use mail_model::Cause;
use reqwest::Method;
use serde_json::json;
use testkit::{CarrierPlan, WorldPlan};
use todoke_tests::{Scene, bounces, notice_for};

const SUPPRESSION: &str = "/engine/api/admin/suppression/v1";
const GONE: &str = "unknown.yamada@docomo.ne.jp";
const HERE: &str = "sato@docomo.ne.jp";

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_address_is_withheld_the_next_time() -> Result<()> {
    let plan = WorldPlan::of([CarrierPlan::for_tests("docomo", "docomo.ne.jp")]);
    let mut scene = Scene::open(plan, |_| {}).await?;
    scene.send(&notice_for("yesterday", [GONE, HERE])?).await?;
    let progress = scene.finished("yesterday").await?;
    assert_eq!((&progress["accepted"], &progress["failed"]), (&1.into(), &1.into()), "{progress}");
    let named = |scene: &Scene| -> u64 {
        scene.world.carrier("docomo").sources().iter().map(|(_, record)| record.recipients).sum()
    };
    assert_eq!(named(&scene), 2);
    scene.engine.stop().await?;
    scene.engine.start_again().await?;

    scene.send(&notice_for("today", [GONE, HERE])?).await?;
    let progress = scene.finished("today").await?;
    assert_eq!((&progress["accepted"], &progress["withheld"]), (&1.into(), &1.into()), "{progress}");
    assert_eq!(named(&scene), 3, "the carrier was asked for the good address only");
    let report = bounces::read(&scene.text("/engine/api/campaigns/v1/today/bounces.csv").await?)?;
    assert_eq!(report.len(), 1, "{report:?}");
    assert_eq!((report[0].address(), report[0].result(), report[0].cause()), (GONE, "送信見合わせ", "suppressed"));
    assert!(report[0].cell("原因").contains("送信停止中") && !report[0].cell("対処").is_empty(), "{report:?}");
    let why = scene.call(Method::POST, SUPPRESSION, &json!({ "email": GONE })).await?.json();
    assert_eq!((&why["suppressed"], &why["cause"]), (&true.into(), &Cause::AddressUnknown.id().into()), "{why}");

    let freeing = json!({ "email": GONE, "reason": "the school corrected it" });
    let lifted = scene.call(Method::DELETE, SUPPRESSION, &freeing).await?;
    assert_eq!(lifted.status, 200, "{lifted:?}");
    scene.send(&notice_for("corrected", [GONE])?).await?;
    assert_eq!(scene.finished("corrected").await?["failed"], 1, "the carrier is asked again");
    let found = scene.close().await?.found;
    assert!(found.is_clean() && found.withheld == 1, "{found}");
    Ok(())
}
