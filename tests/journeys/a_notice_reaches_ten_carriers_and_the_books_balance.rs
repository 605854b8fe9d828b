//! 3,000 guardians at ten carriers with their own words, limits and whims: every one is accounted for.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use anyhow::Result;
use mail_model::{Cause, Outcome};
use serde_json::Value;
use testkit::{EngineSettings, demo_world, notice, population};
use todoke_tests::{Books, Scene, bounces};

const GUARDIANS: u64 = 3_000;
/// Carriers whose profiles name the pool `narrow`.
const NARROW: [&str; 4] = ["apple", "google", "microsoft", "yahoo_jp"];

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_reaches_ten_carriers_and_the_books_balance() -> Result<()> {
    let mut scene = Scene::open(demo_world(7), |engine| {
        // A little less on a connection than the strictest carrier takes.
        engine.messages_per_connection_max = 90;
        // Mailboxes stay full; whoever greylists takes the second or third attempt.
        engine.retry_after_s = vec![1, 2, 2];
        engine.give_up_after_s = 8;
    })
    .await?;
    let guardians: Vec<_> = population(GUARDIANS, 7).collect();
    let injected = scene.send(&notice("typhoon", &guardians)).await?;
    assert_eq!(u64::from(injected.success_count), GUARDIANS);

    let progress = scene.finished("typhoon").await?;
    let report = bounces::read(&scene.text("/engine/api/campaigns/v1/typhoon/bounces.csv").await?)?;
    let books = scene.close().await?;
    let found = &books.found;
    assert!(found.is_clean(), "{found}");
    assert_eq!((found.recipients, found.settled()), (3_000, 3_000), "{found}");
    assert!(found.duplicates_in_doubt.is_empty(), "nothing crashed: {found}");
    assert_eq!(found.accepted, found.copies, "{found}");

    the_progress_says_what_the_books_say(&progress, &books);
    let unreached: BTreeSet<&str> = report.iter().map(bounces::Bounce::address).map(plain).collect();
    let failed =
        books.ledger.iter().filter(|record| matches!(record.outcome, Outcome::Failed(_) | Outcome::Expired(_)));
    assert_eq!(unreached, failed.map(|record| record.address.as_str()).collect(), "the report names exactly these");
    for cause in [Cause::AddressUnknown, Cause::RecipientFiltered, Cause::MailboxFull] {
        let seen = found.failed.get(&cause).or(found.expired.get(&cause));
        assert!(seen.is_some_and(|count| *count > 0), "{cause} is among the whims of the carriers: {found}");
    }
    each_carrier_saw_the_sources_of_its_pool(&books);
    Ok(())
}

/// The report puts an apostrophe before what a spreadsheet would calculate.
fn plain(cell: &str) -> &str {
    cell.strip_prefix('\'').unwrap_or(cell)
}

fn the_progress_says_what_the_books_say(progress: &Value, books: &Books) {
    let count = |key: &str| progress[key].as_u64().and_then(|n| usize::try_from(n).ok());
    let found = &books.found;
    assert_eq!(count("count"), Some(found.recipients));
    assert_eq!(count("queued"), Some(0));
    assert_eq!(count("accepted"), Some(found.accepted));
    assert_eq!(count("failed"), Some(found.failed.values().sum()));
    assert_eq!(count("expired"), Some(found.expired.values().sum()));
    let deferred = books.ledger.iter().filter(|record| matches!(record.outcome, Outcome::Deferred(_))).count();
    assert_eq!(count("deferred"), Some(deferred));
    assert!(deferred > 0, "some carriers are busy or greylist");
}

fn each_carrier_saw_the_sources_of_its_pool(books: &Books) {
    let mut seen: BTreeMap<&str, BTreeSet<Ipv4Addr>> = BTreeMap::new();
    for copy in &books.journal.entries {
        let carrier = books.journal.carriers[usize::from(copy.carrier())].as_str();
        seen.entry(carrier).or_default().insert(copy.source());
    }
    assert_eq!(seen.len(), 10, "every carrier got mail: {seen:?}");
    let all: BTreeSet<Ipv4Addr> = (1..=8).map(EngineSettings::source_address).collect();
    for (carrier, sources) in seen {
        let pool: BTreeSet<Ipv4Addr> =
            if NARROW.contains(&carrier) { all.iter().take(2).copied().collect() } else { all.clone() };
        assert!(sources.is_subset(&pool), "{carrier} saw {sources:?}");
        // A carrier with a handful of mails cannot see all eight.
        if ["docomo", "au", "softbank"].contains(&carrier) {
            assert_eq!(sources, pool, "{carrier}");
        }
        // Few steady addresses: the first one carries it, the next helps when that would take too long.
        if carrier == "google" {
            assert!(sources.contains(&EngineSettings::source_address(1)), "{carrier} saw {sources:?}");
        }
    }
}
