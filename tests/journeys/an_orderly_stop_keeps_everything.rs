//! SIGTERM in the middle of a campaign, again and again: sessions finish the mail in hand, the rest waits on disk.

use anyhow::Result;
use testkit::{demo_world, notice, population};
use todoke_tests::Scene;

const GUARDIANS: u64 = 3_000;
const STOPS: usize = 3;

#[tokio::test(flavor = "multi_thread")]
async fn an_orderly_stop_keeps_everything() -> Result<()> {
    let plan = demo_world(11).unlimited().flawless();
    let mut scene = Scene::open(plan, |engine| engine.rate_per_min = 3_000.0).await?;
    let guardians: Vec<_> = population(GUARDIANS, 11).collect();
    scene.send(&notice("typhoon", &guardians)).await?;
    for stop in 1..=STOPS {
        scene.until_world("some are through", |world| world.journal().len() >= stop * 500).await?;
        scene.engine.stop().await?;
        let ended = scene.world.journal().len();
        assert!(ended < 3_000, "stop {stop} came too late to show anything");
        assert!(
            todoke_tests::books::in_doubt(&scene.engine.data_dir())?.is_empty(),
            "nothing is in doubt after a stop"
        );
        scene.engine.start_again().await?;
    }
    scene.finished("typhoon").await?;
    let found = scene.close().await?.found;
    assert!(found.is_clean() && found.duplicates_in_doubt.is_empty(), "{found}");
    assert_eq!((found.accepted, found.copies), (3_000, 3_000), "{found}");
    Ok(())
}
