//! Three carriers whose limits nobody tells the engine: it finds them while it sends, and none bans it.

use anyhow::Result;
use mail_model::{Cause, UnixMs};
use scenario::Scenario;
use testkit::{EngineSettings, StagedScore, World, WorldPlan, is_finished, wave_calls};
use todoke_tests::Scene;

const SCENARIO: &str = include_str!("../simulation/sockets/half_a_minute.toml");
const SEED: u64 = 4;
/// A twentieth of the mails may hear "too fast" while the limits are being found.
const CROSSINGS_PER_10_000_MAX: f64 = 500.0;

#[tokio::test(flavor = "multi_thread")]
async fn a_carrier_with_hidden_limits_bans_nobody() -> Result<()> {
    let scenario = Scenario::parse("half_a_minute.toml", SCENARIO)?;
    let world = World::start(WorldPlan::from_scenario(&scenario, SEED)?).await?;
    let settings = EngineSettings::for_scenario(&world, &scenario)?;
    let mut scene = Scene::around(world, &settings).await?;
    scene.world.begin_scenario();
    let begun = scene.world.unix();
    for wave in wave_calls(&scenario, SEED, "notice", begun)? {
        scene.send(&wave.call).await?;
    }
    let within = std::time::Duration::from_secs(scenario.horizon_s);
    scene.engine.client().until("notice", within, is_finished).await?;

    let counts = scene.world.hidden_total();
    let books = scene.close().await?;
    let found = &books.found;
    let finals = books.ledger.iter().filter(|record| record.outcome.is_final());
    let score = StagedScore::of(&scenario, counts, finals.map(|record| seconds(begun, record.at)).collect());
    println!("{score}");

    let mails = usize::try_from(scenario.mails())?;
    let unknown = found.failed.get(&Cause::AddressUnknown).copied().unwrap_or_default();
    assert!(found.is_clean(), "{found}");
    assert_eq!(
        (found.recipients, found.settled(), found.accepted),
        (mails, mails, mails - unknown),
        "{found}\n{score}"
    );
    assert!(unknown > 0 && u64::try_from(unknown)? == score.counts.unknown, "{found}\n{score}");
    assert_eq!(score.counts.bans, 0, "{score}\n{:?}", score.counts);
    assert!(score.crossings_per_10_000() <= CROSSINGS_PER_10_000_MAX, "{score}\n{:?}", score.counts);
    Ok(())
}

fn seconds(from: UnixMs, to: UnixMs) -> f64 {
    to.0.saturating_sub(from.0) as f64 / 1_000.0
}
