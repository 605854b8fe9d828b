//! Whole carriers out of order, and worlds that end.

use std::io::ErrorKind;

use testkit::Outage;

use crate::talk::{ID, S1, Talk, one_carrier};

#[tokio::test]
async fn an_outage_can_refuse_reset_hang_or_say_421_and_ends_when_told() {
    let (world, address) = one_carrier(|_| {}).await;
    let carrier = world.carrier("a");
    let mut open = Talk::ready(S1, address).await;

    carrier.set_outage(Outage::Refuse).await;
    assert_eq!(Talk::connect(S1, address).await.err().map(|e| e.kind()), Some(ErrorKind::ConnectionRefused));
    assert_eq!(open.reply().await, "reset", "open sessions end too");

    carrier.set_outage(Outage::Reset).await;
    assert_eq!(Talk::greeted(S1, address).await.1, "reset");

    carrier.set_outage(Outage::Reply).await;
    let (mut talk, greeting) = Talk::greeted(S1, address).await;
    assert_eq!(greeting, "421 4.3.2 mx.a.test Service not available");
    assert_eq!(talk.reply().await, "closed");

    carrier.set_outage(Outage::Silent).await;
    let mut talk = Talk::connect(S1, address).await.unwrap();
    assert!(tokio::time::timeout(std::time::Duration::from_millis(50), talk.reply()).await.is_err());

    carrier.set_outage(Outage::None).await;
    assert!(Talk::ready(S1, address).await.mail(ID, "taro@a.test").await.starts_with("250"));
    assert_eq!(carrier.outage(), Outage::None);
}

#[tokio::test]
async fn open_sessions_hear_of_an_outage_with_their_next_command() {
    let (world, address) = one_carrier(|_| {}).await;
    let mut talk = Talk::ready(S1, address).await;
    world.carrier("a").set_outage(Outage::Reply).await;
    assert!(talk.say("MAIL FROM:<>").await.starts_with("421"));
    assert_eq!(talk.reply().await, "closed");
}

#[tokio::test]
async fn a_dropped_world_resets_its_sessions_and_frees_its_ports() {
    let (world, address) = one_carrier(|_| {}).await;
    let mut talk = Talk::ready(S1, address).await;
    drop(world);
    assert_eq!(talk.reply().await, "reset");
    while Talk::connect(S1, address).await.is_ok() {}
}
