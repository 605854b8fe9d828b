//! The engine sends faster than a carrier takes: every 4xx is a mail for later, and the pace falls.

use anyhow::Result;
use testkit::{CarrierPlan, Limits, WorldPlan};
use todoke_tests::{Scene, notice_for};

const RECIPIENTS: usize = 120;

#[tokio::test(flavor = "multi_thread")]
async fn throttled_mail_is_not_lost() -> Result<()> {
    let mut carrier = CarrierPlan::for_tests("softbank", "softbank.ne.jp");
    carrier.script.limits =
        Limits { rate_per_min: Some(6_000.0), rate_burst: 20.0, connections_max: Some(2), ..Limits::default() };
    let mut scene = Scene::open(WorldPlan::of([carrier]), |engine| {
        engine.sources = 2;
        engine.rate_per_min = 24_000.0;
    })
    .await?;
    scene.send(&notice_for("notice", (0..RECIPIENTS).map(|n| format!("p{n}@softbank.ne.jp")))?).await?;
    scene.finished("notice").await?;

    let paths = scene.engine.client().get("/engine/api/admin/ready-q-states/v1?carrier=softbank").await?;
    for path in paths["paths"].as_array().into_iter().flatten() {
        assert!(path["rate_per_min"].as_f64().is_some_and(|rate| rate < 24_000.0), "{path}");
    }
    let refusals = scene.world.journal().refusals();
    assert!(refusals.iter().any(|refusal| (400..500).contains(&refusal.code)), "{refusals:?}");
    let found = scene.close().await?.found;
    assert!(found.is_clean() && found.accepted == RECIPIENTS && found.copies == RECIPIENTS, "{found}");
    Ok(())
}
