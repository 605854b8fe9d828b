//! CR-01, CR-21, CR-23: `kill -9` while 20,000 guardians are served, at any moment from the first of a start to the end
//! of an orderly stop.

use std::ops::RangeInclusive;
use std::time::Duration;

use anyhow::Result;
use clock::Chance;
use testkit::{EngineSettings, Latency, WorldPlan, demo_world, is_finished, notice, population};
use todoke_tests::Scene;
use tokio::time::{sleep, timeout};

use crate::settings::Run;
use crate::toll::Toll;

const GUARDIANS: u64 = 20_000;
/// A life of the engine, from its start to its kill.
const LIFE_MS: RangeInclusive<u64> = 5..=1_500;
/// From the order to stop to the kill; an orderly stop takes about as long.
const STOP_MS: RangeInclusive<u64> = 0..=100;

/// Ten carriers with their whims but without limits. A final dot takes a while, so that kills fall between it and its
/// reply. Nobody's mailbox is full: those are tried until they are given up, which a test need not wait for.
fn carriers(seed: u64) -> WorldPlan {
    let mut plan = demo_world(seed).unlimited();
    for carrier in &mut plan.carriers {
        carrier.script.behaviour.full = 0.0;
        carrier.script.latency = Latency { round_trip_ms: 4, data_end_ms: 12, ..Latency::default() };
    }
    plan
}

/// A pace at which the campaign lasts longer than all lives together: docomo has a quarter of all guardians and eight
/// sources, and a life lasts three quarters of a second on average.
fn pace(engine: &mut EngineSettings, kills: u32) {
    engine.narrow = engine.sources;
    let (guardians, sources, life_s) = (20_000.0, f64::from(engine.sources), 1.0);
    engine.rate_per_min = guardians / 4.0 / sources / (f64::from(kills) * life_s) * 60.0;
}

/// Lets the engine live for this long, counted from its start.
async fn live(scene: &mut Scene, for_ms: u64) -> Result<()> {
    let end = sleep(Duration::from_millis(for_ms));
    tokio::pin!(end);
    tokio::select! {
        started = scene.engine.start_again() => {
            started?;
            end.await;
        }
        // Before it took mail: in the middle of its recovery.
        () = &mut end => {}
    }
    Ok(())
}

/// Tells the engine to stop and kills it this much later, if it has not ended by then.
async fn stop_and_kill(scene: &mut Scene, after_ms: u64) {
    let process = scene.engine.process_id();
    // Ends with a failure when the signal comes before it is waited for. A stop that is not awaited to its end kills.
    let _ = timeout(Duration::from_millis(after_ms), scene.engine.stop()).await;
    while process.is_some_and(is_running) {
        sleep(Duration::from_millis(1)).await;
    }
}

/// Whether the process still holds its files; one that has ended and is not yet collected does not.
fn is_running(process: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, state)| !state.starts_with(['Z', 'X']))
}

#[tokio::test(flavor = "multi_thread")]
async fn kills_in_a_campaign_lose_nothing_and_double_nothing_unnamed() -> Result<()> {
    let run = Run::asked_for();
    let mut chance = Chance::seeded(run.seed);
    let mut draw = |range: RangeInclusive<u64>| range.start() + chance.below(range.end() - range.start() + 1);
    let mut scene = Scene::open(carriers(run.seed), |engine| pace(engine, run.kills)).await?;
    let (mut toll, mut campaigns) = (Toll::default(), Vec::new());
    let guardians: Vec<_> = population(GUARDIANS, run.seed).collect();
    begin(&mut scene, &mut campaigns, &guardians).await?;
    sleep(Duration::from_millis(draw(LIFE_MS))).await;
    scene.engine.kill().await?;
    toll.note(&scene.engine.data_dir())?;

    for _ in 1..run.kills {
        live(&mut scene, draw(LIFE_MS)).await?;
        if draw(0..=3) == 0 {
            stop_and_kill(&mut scene, draw(STOP_MS)).await;
        } else {
            scene.engine.kill().await?;
        }
        toll.note(&scene.engine.data_dir())?;
        // Nothing left to interrupt: the next kills need another campaign.
        if scene.world.journal().len() >= scene.intents.len() * 19 / 20 {
            scene.engine.start_again().await?;
            begin(&mut scene, &mut campaigns, &guardians).await?;
            scene.engine.kill().await?;
            toll.note(&scene.engine.data_dir())?;
        }
    }
    // What is left may go as fast as it likes, from the same sources: greylisted mail waits for its own.
    let mut fast = EngineSettings::for_world(&scene.world);
    fast.narrow = fast.sources;
    scene.engine.configure(&fast)?;
    scene.engine.start_again().await?;
    for campaign in &campaigns {
        scene.until(campaign, is_finished).await?;
    }
    scene.engine.stop().await?;
    let (data_dir, journal) = (scene.engine.data_dir(), scene.world.snapshot());
    toll.settle(&run, &data_dir, std::mem::take(&mut scene.intents), &journal)
}

async fn begin(scene: &mut Scene, campaigns: &mut Vec<String>, guardians: &[testkit::Guardian]) -> Result<()> {
    let name = format!("typhoon-{}", campaigns.len() + 1);
    scene.send(&notice(&name, guardians)).await?;
    campaigns.push(name);
    Ok(())
}
