//! One carrier takes connections and says nothing: all others are served to the end meanwhile, and it is later.

use anyhow::Result;
use testkit::{Outage, demo_world, notice, population};
use todoke_tests::Scene;

#[tokio::test(flavor = "multi_thread")]
async fn a_stuck_carrier_slows_nobody_else() -> Result<()> {
    let plan = demo_world(3).unlimited().flawless();
    let mut scene = Scene::open(plan, |engine| {
        // Its sessions could take half of all; what is left must do for the nine others.
        engine.sessions_max = 64;
        // So that the sessions that hang end soon after the carrier has recovered.
        engine.extra = "[defaults]\ngreeting_timeout_s = 4\n".to_owned();
    })
    .await?;
    scene.world.carrier("docomo").set_outage(Outage::Silent).await;
    let guardians: Vec<_> = population(2_000, 3).collect();
    let stuck = u64::try_from(guardians.iter().filter(|g| g.email.domain() == "docomo.ne.jp").count())?;
    assert!(stuck > 300, "a quarter of all guardians have docomo");
    scene.send(&notice("typhoon", &guardians)).await?;

    let progress = scene.until("typhoon", |progress| progress["queued"] == stuck).await?;
    assert_eq!(progress["accepted"], 2_000 - stuck, "everybody else has it: {progress}");
    assert_eq!(scene.world.carrier("docomo").taken(), 0, "and docomo is still stuck");
    assert_eq!(progress["finished"], false);

    scene.world.carrier("docomo").set_outage(Outage::None).await;
    scene.finished("typhoon").await?;
    let found = scene.close().await?.found;
    assert!(found.is_clean() && found.accepted == 2_000 && found.copies == 2_000, "{found}");
    Ok(())
}
