//! Two engines on one queue would send everything twice: the second says so and ends, the first does not notice.

use anyhow::Result;
use testkit::{CarrierPlan, WorldPlan};
use todoke_tests::program::run;
use todoke_tests::{Scene, notice_for};

#[tokio::test(flavor = "multi_thread")]
async fn a_second_engine_on_the_same_data_refuses() -> Result<()> {
    let plan = WorldPlan::of([CarrierPlan::for_tests("docomo", "docomo.ne.jp")]);
    let mut scene = Scene::open(plan, |_| {}).await?;
    let first = std::fs::read_to_string(scene.engine.config_path())?;
    let own = scene.engine.http_address().to_string();
    let free = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
    // Beside the first one, so that `data` means the same folder.
    let second = scene.engine.config_path().with_file_name("second.toml");
    std::fs::write(&second, first.replace(&own, &free))?;

    let refused = run(["serve".as_ref(), "--config".as_ref(), second.as_os_str()]).await?;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.err.contains("in use by another process"), "{}", refused.err);

    scene.send(&notice_for("notice", (0..50).map(|n| format!("p{n}@docomo.ne.jp")))?).await?;
    scene.finished("notice").await?;
    let found = scene.close().await?.found;
    assert!(found.is_clean() && found.copies == 50, "{found}");
    Ok(())
}
