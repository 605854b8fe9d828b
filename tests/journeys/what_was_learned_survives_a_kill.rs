//! kill -9 in mid-campaign: the engine that comes back knows what the carrier's limits were, until an operator lets it
//! forget.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use testkit::{CarrierPlan, Limits, WorldPlan};
use todoke_tests::program::run;
use todoke_tests::{Scene, notice_for};
use tokio::time::{sleep, timeout};

const RECIPIENTS: usize = 800;
const LIMITS: &str = "/engine/api/limits/v1?carrier=softbank";
/// Rounds of some seconds, and ten seconds until what they showed is written.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(100);

/// The first source of which something is known and written, by whether it was used since the start.
fn known(limits: &Value) -> Option<&Value> {
    let sources = limits["carriers"][0]["sources"].as_array()?;
    let knows = |source: &&Value| {
        let proven = source["proven_per_min"].as_f64().is_some_and(|rate| rate > 0.0);
        (proven || !source["limit_per_min"].is_null()) && !source["learned_at"].is_null()
    };
    sources.iter().find(knows)
}

async fn until_known(scene: &Scene) -> Result<Value> {
    let look = async {
        loop {
            let limits = scene.engine.client().get(LIMITS).await?;
            if let Some(source) = known(&limits) {
                return anyhow::Ok(source.clone());
            }
            sleep(LOOK).await;
        }
    };
    timeout(PATIENCE, look).await.context("nothing was learned in time")?
}

async fn until_measured(scene: &Scene) -> Result<()> {
    const NAMES: [&str; 3] =
        ["todoke_path_rate_per_minute{", "todoke_path_limit_per_minute{", "todoke_netblock_limit_per_minute{"];
    let look = async {
        loop {
            let metrics = scene.text("/metrics").await?;
            if NAMES.iter().all(|name| metrics.contains(name)) {
                return anyhow::Ok(());
            }
            sleep(LOOK).await;
        }
    };
    timeout(PATIENCE, look).await.context("no gauges of limits")?
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_learned_survives_a_kill() -> Result<()> {
    let mut carrier = CarrierPlan::for_tests("softbank", "softbank.ne.jp");
    carrier.script.limits = Limits { rate_per_min: Some(1_200.0), rate_burst: 20.0, ..Limits::default() };
    let mut scene = Scene::open(WorldPlan::of([carrier]), |engine| {
        engine.sources = 2;
        engine.rate_per_min = 2_400.0;
    })
    .await?;
    scene.send(&notice_for("notice", (0..RECIPIENTS).map(|n| format!("p{n}@softbank.ne.jp")))?).await?;
    let before = until_known(&scene).await?;

    scene.engine.kill().await?;
    scene.engine.start_again().await?;
    let limits = scene.engine.client().get(LIMITS).await?;
    let sources = limits["carriers"][0]["sources"].as_array().context("the carrier is known at once")?;
    let same = sources.iter().find(|source| source["source"] == before["source"]).context("and the source")?;
    ensure!(known(&limits).is_some(), "{limits}");
    // It may have learned more since, or sent again already: what it starts from is not the start value.
    ensure!(!same["learned_at"].is_null(), "{same}");

    let engine = scene.engine.client().url("");
    let shown = run(["limits", "--engine", engine.trim_end_matches('/')]).await?;
    ensure!(shown.out.contains("softbank: ") && shown.out.contains("s1"), "{shown:?}");
    let json = run(["limits", "--json", "--carrier", "softbank", "--engine", engine.trim_end_matches('/')]).await?;
    ensure!(serde_json::from_str::<Value>(&json.out)?["carriers"][0]["carrier"] == "softbank", "{json:?}");
    until_measured(&scene).await?;

    let arguments = ["limits", "forget", "--carrier", "softbank", "--reason", "the carrier changed its limits"];
    let forgot = run(arguments.into_iter().chain(["--engine", engine.trim_end_matches('/')])).await?;
    ensure!(forgot.code == Some(0), "{forgot:?}");
    let audit = scene.engine.client().get("/engine/api/admin/audit/v1").await?;
    ensure!(audit[0]["action"] == "limits.forget" && audit[0]["subject"] == "softbank", "{audit}");

    scene.finished("notice").await?;
    let found = scene.close().await?.found;
    ensure!(found.is_clean() && found.accepted == RECIPIENTS, "{found}");
    Ok(())
}
