//! What one source may do.

use std::time::Duration;

use clock::Clock;
use mail_model::UnixMs;
use testkit::{Ban, CarrierPlan, Limits, TurnAway, World, WorldPlan};

use crate::talk::{ID, S1, S2, Talk, one_carrier};

#[tokio::test]
async fn a_connection_too_many_is_turned_away_as_the_plan_says_and_only_for_its_source() {
    let table = [(TurnAway::Reply, "421"), (TurnAway::Close, "closed"), (TurnAway::Reset, "reset")];
    for (turn_away, expected) in table {
        let limits = Limits { connections_max: Some(2), turn_away, ..Limits::default() };
        let (world, address) = one_carrier(|plan| plan.script.limits = limits).await;
        let first = Talk::ready(S1, address).await;
        let _second = Talk::ready(S1, address).await;
        let (mut third, greeting) = Talk::greeted(S1, address).await;
        assert!(greeting.starts_with(expected), "{turn_away:?}: {greeting}");
        if turn_away == TurnAway::Reply {
            assert_eq!(third.reply().await, "closed");
        }
        Talk::ready(S2, address).await;
        drop(first);
        // The carrier learns of the end from its socket, so the place is free a moment later.
        while !Talk::greeted(S1, address).await.1.starts_with("220") {}
        let (source, record) = &world.carrier("a").sources()[0];
        assert_eq!((*source, record.open_max), (S1, 2));
        assert!(record.excesses >= 1);
    }
}

#[tokio::test]
async fn the_message_after_the_last_one_of_a_connection_is_refused_and_the_connection_closed() {
    let limits = Limits { messages_per_connection_max: Some(2), ..Limits::default() };
    let (_world, address) = one_carrier(|plan| plan.script.limits = limits).await;
    let mut talk = Talk::ready(S1, address).await;
    for _ in 0..2 {
        assert!(talk.mail(ID, "taro@a.test").await.starts_with("250"));
    }
    assert!(talk.say("MAIL FROM:<>").await.starts_with("421"));
    assert_eq!(talk.reply().await, "closed");
}

#[tokio::test]
async fn recipients_of_a_transaction_are_counted() {
    let (_world, address) = one_carrier(|plan| plan.script.limits.recipients_max = Some(1)).await;
    let mut talk = Talk::ready(S1, address).await;
    talk.envelope("taro@a.test").await;
    assert!(talk.say("RCPT TO:<hanako@a.test>").await.starts_with("452 4.5.3"));
}

/// A carrier that takes 60 mails a minute in bursts of 2 and bans for ten minutes after 3 excesses, on a manual clock.
async fn strict_world() -> (World, Clock) {
    let clock = Clock::manual(UnixMs(0));
    let mut plan = CarrierPlan::for_tests("a", "a.test");
    let ban = Ban {
        excesses_max: Some(2),
        excesses_forgotten_ms: 60_000,
        unknown_ratio_max: Some(0.5),
        unknown_window: 4,
        duration_ms: 600_000,
    };
    plan.script.limits = Limits { rate_per_min: Some(60.0), rate_burst: 2.0, ban: Some(ban), ..Limits::default() };
    let world = World::start_at(WorldPlan::of([plan]), clock.clone()).await.unwrap();
    (world, clock)
}

#[tokio::test]
async fn a_source_that_is_too_fast_is_slowed_down_and_then_shut_out_for_a_time() {
    let (world, clock) = strict_world().await;
    let address = world.carrier("a").address();
    let mut talk = Talk::ready(S1, address).await;
    let table = [(0, "250"), (0, "250"), (0, "450 4.7.1"), (1_000, "250"), (0, "450"), (0, "450"), (0, "421")];
    for (n, (wait_ms, reply)) in table.into_iter().enumerate() {
        clock.advance(Duration::from_millis(wait_ms));
        let heard = talk.say("MAIL FROM:<>").await;
        assert!(heard.starts_with(reply), "mail {n}: {heard}");
        if n < 6 {
            talk.say("RSET").await;
        }
    }
    assert_eq!(talk.reply().await, "closed", "a banned source loses its session");
    clock.advance(Duration::from_millis(599_999));
    assert!(Talk::greeted(S1, address).await.1.starts_with("421"));
    assert!(Talk::greeted(S2, address).await.1.starts_with("220"), "the ban is for one source");
    clock.advance(Duration::from_millis(1));
    assert!(Talk::greeted(S1, address).await.1.starts_with("220"));
    assert_eq!(world.carrier("a").bans(), 1);
}

#[tokio::test]
async fn too_many_unknown_recipients_shut_a_source_out_until_it_is_pardoned() {
    let (world, _clock) = strict_world().await;
    let carrier = world.carrier("a");
    let mut talk = Talk::ready(S1, carrier.address()).await;
    talk.say("MAIL FROM:<>").await;
    for n in 0..3 {
        talk.say(&format!("RCPT TO:<unknown.{n}@a.test>")).await;
    }
    talk.say("RSET").await;
    assert!(talk.say("MAIL FROM:<>").await.starts_with("421"));
    assert!(Talk::greeted(S1, carrier.address()).await.1.starts_with("421"));
    carrier.pardon();
    assert!(Talk::greeted(S1, carrier.address()).await.1.starts_with("220"));
}
