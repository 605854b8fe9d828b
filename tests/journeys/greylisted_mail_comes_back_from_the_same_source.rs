//! A greylisting carrier remembers source, sender and recipient, so the retry has to come from the same of eight sources.

use anyhow::Result;
use mail_model::Outcome;
use testkit::{CarrierPlan, WorldPlan};
use todoke_tests::{Scene, notice_for};

const RECIPIENTS: usize = 40;

#[tokio::test(flavor = "multi_thread")]
async fn greylisted_mail_comes_back_from_the_same_source() -> Result<()> {
    let plan = WorldPlan::of([CarrierPlan::for_tests("other", "ume.example.jp")]);
    // The carrier takes a recipient one second after the first try; from another source that would be a first try again.
    let mut scene = Scene::open(plan, |engine| engine.retry_after_s = vec![2]).await?;
    let addresses: Vec<String> = (0..RECIPIENTS).map(|n| format!("grey.g{n}@ume.example.jp")).collect();
    scene.send(&notice_for("notice", &addresses)?).await?;
    scene.finished("notice").await?;

    let books = scene.close().await?;
    assert!(books.found.is_clean() && books.found.accepted == RECIPIENTS, "{}", books.found);
    let refusals: u64 = books.journal.refusals.iter().map(|refusal| refusal.count).sum();
    assert_eq!(refusals, u64::try_from(RECIPIENTS)?, "one each: {:?}", books.journal.refusals);
    let mut sources = std::collections::BTreeSet::new();
    for address in &addresses {
        let attempts: Vec<_> = books.attempts(address).collect();
        assert!(matches!(attempts[0].outcome, Outcome::Deferred(_)), "{:?}", attempts[0].outcome);
        assert_eq!((attempts.len(), attempts[1].outcome), (2, Outcome::Accepted));
        assert_eq!(attempts[0].source, attempts[1].source);
        sources.extend(attempts[0].source.clone());
    }
    assert!(sources.len() > 1, "several sources were at work: {sources:?}");
    Ok(())
}
