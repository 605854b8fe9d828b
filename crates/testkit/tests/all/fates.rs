//! What becomes of recipients.

use std::time::Duration;

use clock::Clock;
use mail_model::UnixMs;
use testkit::{CarrierPlan, Situation, Word, World, WorldPlan};

use crate::talk::{ID, S1, S2, Talk, one_carrier};

#[tokio::test]
async fn a_prefix_chooses_what_a_recipient_hears() {
    let (world, address) = one_carrier(|_| {}).await;
    let mut talk = Talk::ready(S1, address).await;
    let table = [
        ("taro@a.test", "250 2.0.0 Ok"),
        ("unknown.taro@a.test", "550 5.1.1 <unknown.taro@a.test>"),
        ("filtered.taro@a.test", "550 5.2.0 <filtered.taro@a.test>"),
        ("full.taro@a.test", "452 4.2.2"),
        ("disabled.taro@a.test", "550 5.2.1"),
        ("content.taro@a.test", "554 5.7.1"),
        ("large.taro@a.test", "552 5.3.4"),
        ("dropped.taro@a.test", "250 2.0.0 Ok"),
        ("slow.taro@a.test", "250 2.0.0 Ok"),
        ("\"unknown..taro\"@a.test", "550 5.1.1"),
    ];
    for (to, reply) in table {
        let heard = talk.mail(ID, to).await;
        assert!(heard.starts_with(reply), "{to}: {heard}");
        talk.say("RSET").await;
    }
    let entries = world.snapshot().entries;
    assert_eq!(entries.len(), 3);
    assert_eq!(entries.iter().filter(|entry| entry.is_dropped()).count(), 1);
}

#[tokio::test]
async fn words_may_be_said_at_data_and_then_no_content_is_asked_for() {
    let (_world, address) = one_carrier(|plan| {
        let word = Word::SayAt { say: "552 Too much mail data {address}".to_owned(), at: testkit::Moment::Data };
        plan.script.words.insert(Situation::Full, word);
    })
    .await;
    let mut talk = Talk::ready(S1, address).await;
    assert!(talk.envelope("full.x@a.test").await.starts_with("250"));
    assert_eq!(talk.say("DATA").await, "552 Too much mail data full.x@a.test");
    assert!(talk.mail(ID, "taro@a.test").await.starts_with("250"), "the session goes on");
}

#[tokio::test]
async fn one_recipient_refused_at_the_final_dot_fails_the_whole_transaction() {
    let (world, address) = one_carrier(|_| {}).await;
    let mut talk = Talk::ready(S1, address).await;
    talk.envelope("taro@a.test").await;
    assert!(talk.say("RCPT TO:<filtered.x@a.test>").await.starts_with("250"));
    talk.say("DATA").await;
    assert!(talk.say("Subject: x\r\n\r\nx\r\n.").await.starts_with("550 5.2.0 <filtered.x@a.test>"));
    assert!(world.journal().is_empty());
}

#[tokio::test]
async fn a_greylisted_recipient_is_taken_from_the_same_source_after_its_wait_only() {
    let clock = Clock::manual(UnixMs(0));
    let mut plan = CarrierPlan::for_tests("a", "a.test");
    plan.script.behaviour.grey_ms = 300_000;
    let world = World::start_at(WorldPlan::of([plan]), clock.clone()).await.unwrap();
    let address = world.carrier("a").address();
    let table =
        [(0, S1, "450"), (299_999, S1, "450"), (1, S2, "450"), (0, S1, "250"), (299_999, S2, "450"), (1, S2, "250")];
    for (n, (wait_ms, source, reply)) in table.into_iter().enumerate() {
        clock.advance(Duration::from_millis(wait_ms));
        let heard = Talk::ready(source, address).await.envelope("grey.taro@a.test").await;
        assert!(heard.starts_with(reply), "try {n}: {heard}");
    }
}

#[tokio::test]
async fn a_busy_recipient_refuses_its_first_tries_from_anywhere() {
    let (_world, address) = one_carrier(|plan| plan.script.behaviour.busy_tries = 2).await;
    for (source, reply) in [(S1, "451"), (S2, "451"), (S1, "250")] {
        let heard = Talk::ready(source, address).await.envelope("busy.taro@a.test").await;
        assert!(heard.starts_with(reply), "{heard}");
    }
}

#[tokio::test]
async fn shares_decide_alike_in_every_run() {
    let fates = async |seed| {
        let (_world, address) = one_carrier(|plan| {
            plan.script.behaviour.unknown = 0.3;
            plan.script.behaviour.seed = seed;
        })
        .await;
        let mut talk = Talk::ready(S1, address).await;
        let mut heard = String::new();
        for n in 0..60 {
            heard.push_str(&talk.envelope(&format!("g{n}@a.test")).await[..3]);
            talk.say("RSET").await;
        }
        heard
    };
    let first = fates(1).await;
    assert_eq!(first, fates(1).await);
    assert_ne!(first, fates(2).await);
    assert!(first.contains("550") && first.contains("250"));
}
