//! Canaries over a real queue: joining, arriving, being missed, following, and all of it over a restart.

mod world;

use std::collections::BTreeMap;

use mail_model::{Cause, Class, Outcome, UnixMs};
use world::{Call, NOW, World};

const BOTH: [&str; 3] = ["a@docomo.ne.jp", "b@docomo.ne.jp", "c@au.com"];

fn pairs(all: &[(&str, &'static str)]) -> Vec<(String, &'static str)> {
    all.iter().map(|(mailbox, state)| ((*mailbox).to_owned(), *state)).collect()
}

#[tokio::test]
async fn a_carrier_that_accepts_and_drops_is_told_from_those_that_deliver() {
    let world = World::new("");
    world.inject(&Call::to("storm", &BOTH)).await;
    assert_eq!(world.answer("docomo", 9, Outcome::Accepted).await[0], "canary@docomo.ne.jp", "it goes first");
    world.answer("au", 9, Outcome::Accepted).await;
    world.pass(2);
    world.arrive(world.last("docomo-1"));
    world.pass(42);
    assert_eq!(world.states().await, pairs(&[("docomo-1", "arrived"), ("au-1", "accepted")]));
    world.pass(1);
    assert_eq!(world.states().await, pairs(&[("docomo-1", "arrived"), ("au-1", "missing")]));
    assert_eq!(world.alarms(), ["au".parse().unwrap()]);
    assert_eq!(world.sums("storm"), BTreeMap::from([("count", 3), ("queued", 0), ("accepted", 3)]));
    world.arrive(world.last("au-1"));
    assert_eq!(world.states().await, pairs(&[("docomo-1", "arrived"), ("au-1", "late")]));
    assert!(world.alarms().is_empty());
}

#[tokio::test]
async fn a_restart_forgets_nothing() {
    let world = World::new("");
    world.inject(&Call::to("storm", &BOTH)).await;
    world.answer("docomo", 9, Outcome::Accepted).await;
    world.pass(2);
    world.arrive(world.last("docomo-1"));
    let world = world.restart();
    assert_eq!(world.states().await, pairs(&[("docomo-1", "arrived"), ("au-1", "queued")]));
    world.answer("au", 9, Outcome::Accepted).await;
    world.pass(100);
    assert_eq!(world.states().await, pairs(&[("docomo-1", "arrived"), ("au-1", "missing")]));
    let world = world.restart();
    assert_eq!(world.states().await, pairs(&[("docomo-1", "arrived"), ("au-1", "missing")]));
    assert_eq!(world.alarms(), ["au".parse().unwrap()]);
    world.arrive(world.last("au-1"));
    let world = world.restart();
    assert_eq!(world.states().await, pairs(&[("docomo-1", "arrived"), ("au-1", "late")]));
}

#[tokio::test]
async fn a_refused_canary_is_shown_with_its_cause_and_raises_no_alarm() {
    let table = [
        (Outcome::Failed(Cause::SenderBlocked), "refused", Some("sender_blocked")),
        (Outcome::Expired(Cause::RateLimited), "refused", Some("rate_limited")),
    ];
    for (outcome, standing, cause) in table {
        let world = World::new("");
        world.inject(&Call::to("storm", &["c@au.com"])).await;
        world.answer("au", 9, outcome).await;
        world.pass(100);
        assert_eq!(world.states().await, pairs(&[("au-1", standing)]));
        assert_eq!(world.canaries.report(None, 9).canaries[0].cause, cause);
        assert!(world.alarms().is_empty());
    }
}

#[tokio::test]
async fn a_campaign_that_goes_on_takes_further_canaries_into_its_midst() {
    let world = World::new("again_after_s = 60");
    let many: Vec<String> = (0..40).map(|n| format!("p{n}@docomo.ne.jp")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    world.inject(&Call::to("storm", &many)).await;
    world.answer("docomo", 6, Outcome::Accepted).await;
    world.pass(61);
    assert_eq!(world.states().await, pairs(&[("docomo-1", "missing"), ("docomo-1", "queued")]));
    // Nothing has moved since: a lane that stands still needs no third.
    world.pass(61);
    assert_eq!(world.states().await.len(), 2);
    let order = world.answer("docomo", 99, Outcome::Accepted).await;
    let place = order.iter().position(|address| address == "canary@docomo.ne.jp").unwrap();
    assert!(place < order.len() / 2, "in the midst, not at the end: {place} of {}", order.len());
    world.pass(61);
    assert_eq!(world.states().await.len(), 2, "the campaign is through");
    assert_eq!(world.sums("storm")["accepted"], 40);
}

#[tokio::test]
async fn canaries_follow_after_a_restart_too_and_no_id_is_used_twice() {
    let world = World::new("again_after_s = 60");
    let many: Vec<String> = (0..40).map(|n| format!("p{n}@docomo.ne.jp")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    world.inject(&Call::to("storm", &many)).await;
    for followers in 0..3 {
        assert_eq!(world.states().await.len(), 1 + followers);
        world.answer("docomo", 8, Outcome::Accepted).await;
        world.pass(61);
        world.states().await;
    }
    let world = world.restart();
    let before = world.states().await.len();
    world.answer("docomo", 4, Outcome::Accepted).await;
    world.pass(61);
    world.states().await;
    assert_eq!(world.states().await.len(), before + 1);
    let mut ids: Vec<_> = world.canaries.report(None, 99).canaries.iter().map(|seen| seen.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), before + 1);
}

#[tokio::test]
async fn mailboxes_rest_between_campaigns_of_daily_life() {
    let world = World::new("mailbox_rest_s = 600");
    world.inject(&Call::to("lunch", &["c@au.com"])).await;
    world.inject(&Call::to("sports", &["c@au.com"])).await;
    assert_eq!(world.states().await.len(), 1);
    let quake = Call { class: Class::Emergency, ..Call::to("quake", &["c@au.com"]) };
    world.inject(&quake).await;
    assert_eq!(world.states().await.len(), 2);
    world.pass(600);
    world.inject(&Call::to("lunch-2", &["c@au.com"])).await;
    assert_eq!(world.states().await.len(), 3);
}

#[tokio::test]
async fn a_repeated_call_takes_none_along_twice_even_if_only_the_canaries_were_accepted() {
    let world = World::new("mailbox_rest_s = 0");
    let call = Call { key: Some("once"), ..Call::to("storm", &["c@au.com"]) };
    assert!(world.inject(&call).await.is_some());
    assert!(world.inject(&call).await.is_none(), "the campaign is known");
    assert_eq!(world.states().await.len(), 1);
    let call = Call { key: Some("twice"), crashes: true, ..Call::to("wind", &["c@au.com"]) };
    world.inject(&call).await;
    assert_eq!(world.states().await.len(), 2);
    assert!(world.inject(&Call { crashes: false, ..call }).await.is_some());
    assert_eq!(world.states().await.len(), 2, "its canaries went along the first time");
}

#[tokio::test]
async fn a_canary_that_never_got_its_message_is_forgotten_and_disturbs_nobody() {
    let world = World::new("");
    let past = Call { not_after: Some(UnixMs(NOW.0 + 1_000)), ..Call::to("storm", &["c@au.com"]) };
    world.inject(&past).await;
    world.pass(5);
    world.queue.expire(world.clock.unix());
    assert_eq!(world.states().await, pairs(&[("au-1", "refused")]));
    world.pass(8 * 86_400);
    world.inject(&Call::to("next", &["c@au.com"])).await;
    assert_eq!(world.states().await, pairs(&[("au-1", "queued")]), "what is a week old is forgotten");
}
