//! A carrier blocks one source: that one rests there, its mails leave from the others, nobody is told "failed".

use anyhow::Result;
use mail_model::{Cause, Outcome};
use testkit::{Action, CarrierPlan, EngineSettings, Fault, Moment, WorldPlan};
use todoke_tests::{Scene, notice_for};

const RECIPIENTS: usize = 400;
const CONNECTIONS: u32 = 2;
const WORDS: &str = "554 5.7.1 Service unavailable; client host [127.0.1.1] blocked using bl.example.org";

#[tokio::test(flavor = "multi_thread")]
async fn a_blocked_source_rests_and_the_others_take_over() -> Result<()> {
    let plan = WorldPlan::of([CarrierPlan::for_tests("docomo", "docomo.ne.jp")]);
    let mut scene = Scene::open(plan, |engine| {
        engine.sources = 3;
        engine.connections_max = CONNECTIONS;
        engine.rate_per_min = 12_000.0;
        engine.pause_s = 600;
    })
    .await?;
    let blocked = EngineSettings::source_address(1);
    let carrier = scene.world.carrier("docomo").clone();
    carrier.add_fault(Fault::new(Moment::Mail, Action::Say(WORDS.to_owned())).from_source(blocked));
    scene.send(&notice_for("notice", (0..RECIPIENTS).map(|n| format!("p{n}@docomo.ne.jp")))?).await?;
    scene.finished("notice").await?;

    let paths = scene.engine.client().get("/engine/api/admin/ready-q-states/v1?carrier=docomo").await?;
    let paths = paths["paths"].as_array().cloned().unwrap_or_default();
    let state = |source: &str| paths.iter().find(|path| path["source"] == source).cloned().unwrap_or_default();
    assert_eq!(state("s1")["breaker"], "open", "{paths:?}");
    assert!(state("s1")["resting_until"].is_string() || state("s1")["resting_until"].is_number(), "{paths:?}");
    assert_eq!(state("s2")["breaker"], "closed", "{paths:?}");
    // Each of its sessions may meet the block once; after that it is left alone.
    assert!((1..=u64::from(CONNECTIONS)).contains(&carrier.faults_struck()), "{}", carrier.faults_struck());

    let books = scene.close().await?;
    let found = &books.found;
    assert!(found.is_clean() && found.accepted == RECIPIENTS && found.copies == RECIPIENTS, "{found}");
    assert!(!found.sources_used.contains_key(&blocked) && found.source_count() == 2, "{:?}", found.sources_used);
    let deferred = books.ledger.iter().filter(|record| record.outcome == Outcome::Deferred(Cause::SenderBlocked));
    assert_eq!(u64::try_from(deferred.count())?, carrier.faults_struck());
    Ok(())
}
