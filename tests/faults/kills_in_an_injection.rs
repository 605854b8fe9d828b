//! `kill -9` while a list is being handed in: the caller repeats its call, and there is one campaign, and all of it.

use std::time::Duration;

use anyhow::{Context, Result};
use clock::Chance;
use reqwest::Method;
use serde_json::Value;
use testkit::{Guardian, Injected, demo_world, is_finished, notice, population};
use todoke_tests::Scene;
use tokio::time::{sleep, timeout};

use crate::settings::Run;
use crate::toll::Toll;

const INJECT: &str = "/engine/api/inject/v1";
/// Lists of each kind: filled on the spot, handed to a thread, written in pages, and spooled to disk while it arrives.
const SIZES: [usize; 5] = [7_000, 1, 64, 500, 2_500];
/// From the first byte of a call to its kill.
const CALL_MS: std::ops::RangeInclusive<u64> = 1..=250;

fn call(guardians: &[Guardian], round: usize) -> Value {
    let name = format!("list-{round}");
    let mut call = notice(&name, &guardians[..SIZES[round % SIZES.len()]]);
    call["idempotency_key"] = name.into();
    call
}

/// Hands a call in and kills the engine before, while or after it answers.
async fn interrupted(scene: &mut Scene, call: &Value, after_ms: u64) -> Result<()> {
    // Whatever it answers, the caller that crashes with it never knows.
    let _ = timeout(Duration::from_millis(after_ms), scene.call(Method::POST, INJECT, call)).await;
    sleep(Duration::from_millis(after_ms % 3)).await;
    scene.engine.kill().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn kills_in_an_injection_leave_one_whole_campaign() -> Result<()> {
    let run = Run::asked_for();
    let mut chance = Chance::seeded(run.seed);
    let plan = demo_world(run.seed).unlimited().flawless();
    let mut scene = Scene::open(plan, |_| {}).await?;
    let guardians: Vec<_> = population(u64::try_from(SIZES[0])?, run.seed).collect();
    let (mut toll, mut kills, mut rounds) = (Toll::default(), 0, 0);
    while kills < run.kills {
        let call = call(&guardians, rounds);
        loop {
            kills += 1;
            let after_ms = CALL_MS.start() + chance.below(CALL_MS.end() - CALL_MS.start() + 1);
            interrupted(&mut scene, &call, after_ms).await?;
            toll.note(&scene.engine.data_dir())?;
            scene.engine.start_again().await?;
            if kills >= run.kills || chance.one_of(1, 2) {
                break;
            }
        }
        let answer = scene.call(Method::POST, INJECT, &call).await?;
        anyhow::ensure!(answer.status == 202, "round {rounds}: {answer:?}");
        let injected: Injected = serde_json::from_str(&answer.text)?;
        scene.remember(injected, &call)?;
        let campaign = call["campaign"].as_str().context("a name")?;
        let progress = scene.engine.client().campaign(campaign).await?;
        assert_eq!(progress["count"], injected.success_count, "one campaign, complete: {progress}");
        rounds += 1;
    }
    for round in 0..rounds {
        scene.until(&format!("list-{round}"), is_finished).await?;
    }
    scene.engine.stop().await?;
    let (data_dir, journal) = (scene.engine.data_dir(), scene.world.snapshot());
    toll.settle(&run, &data_dir, std::mem::take(&mut scene.intents), &journal)
}
