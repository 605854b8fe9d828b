//! Owners of addresses who want no more mail: complaints and unsubscribing; and forgers who speak for them.

mod world;

use inbound::{Unsubscribed, unsubscribe};
use mail_model::{Cause, Outcome};
use world::{NOW, World, mails};

#[tokio::test]
async fn a_complaint_to_the_return_path_suppresses_and_is_told() {
    let mut world = World::new("").await;
    let id = world.sent("taro@docomo.ne.jp").await;
    world.start();
    world.comes_back(id, &mails::complaint("abuse", "")).await;
    world.settled().await;
    assert_eq!(world.outcome(id), Outcome::Complained);
    assert_eq!(world.reason("taro@docomo.ne.jp"), Some("complained"));
    let audit = world.queue.audit(0, 10);
    assert_eq!(audit.len(), 1);
    assert_eq!((audit[0].1.actor.as_str(), audit[0].1.action.as_str()), ("recipient", "suppression.complaint"));
    assert!(audit[0].1.reason.contains(&id.to_string()));
}

#[tokio::test]
async fn a_provider_that_writes_to_abuse_is_believed_when_it_quotes_what_only_the_recipient_has() {
    let mut world = World::new("").await;
    let links = world.addresses.unsubscribe_links().unwrap().clone();
    let paths = world.addresses.return_paths().unwrap().clone();
    world.start();
    type Quote<'a> = Box<dyn Fn(mail_model::NotificationId) -> String + 'a>;
    let quotes: [Quote<'_>; 3] = [
        Box::new(|id| format!("Return-Path: <{}>\r\n", paths.mint(id))),
        Box::new(|id| format!("List-Unsubscribe: <mailto:{}>\r\n", links.mailbox(id))),
        Box::new(|id| format!("List-Unsubscribe: <https://renraku.example.jp/u/{}>\r\n", links.token(id))),
    ];
    for (n, quote) in quotes.iter().enumerate() {
        let to = format!("taro{n}@docomo.ne.jp");
        let id = world.sent(&to).await;
        let mail = mails::complaint("abuse", &quote(id));
        world.comes_from("198.51.100.9", "fbl@provider.example", &["abuse@bounce.example.jp"], mail.as_bytes()).await;
        world.settled().await;
        assert_eq!((world.outcome(id), world.reason(&to)), (Outcome::Complained, Some("complained")), "{n}");
    }
    assert!(world.kept().is_empty());
}

#[tokio::test]
async fn a_forged_complaint_is_kept_and_silences_nobody() {
    let mut world = World::new("").await;
    let id = world.sent("taro@docomo.ne.jp").await;
    world.start();
    let by_message_id = format!("Message-ID: <{id}@mx.example.jp>\r\nTo: taro@docomo.ne.jp\r\n");
    let by_guess = format!("Return-Path: <b+{}@bounce.example.jp>\r\n", "a".repeat(37));
    for quote in [by_message_id, by_guess] {
        let mail = mails::complaint("abuse", &quote);
        world.comes_from("203.0.113.9", "x@evil.example", &["abuse@mx.example.jp"], mail.as_bytes()).await;
    }
    world.settled().await;
    assert_eq!((world.outcome(id), world.reason("taro@docomo.ne.jp")), (Outcome::Accepted, None));
    assert!(world.kept().iter().all(|kept| kept.kind == "complaint") && world.kept().len() == 2);
}

#[tokio::test]
async fn a_mail_to_the_unsubscribe_address_suppresses_once() {
    let mut world = World::new("").await;
    let id = world.sent("taro@docomo.ne.jp").await;
    let mailbox = world.addresses.unsubscribe_links().unwrap().mailbox(id).to_string();
    world.start();
    for _ in 0..3 {
        world
            .comes_from("192.0.2.1", "taro@docomo.ne.jp", &[&mailbox.to_uppercase()], b"Subject: unsubscribe\r\n\r\n")
            .await;
    }
    world.settled().await;
    assert_eq!(world.reason("taro@docomo.ne.jp"), Some("unsubscribed"));
    assert_eq!(world.outcome(id), Outcome::Accepted, "it arrived");
    let audit = world.queue.audit(0, 10);
    assert_eq!(audit.len(), 1);
    assert_eq!(audit[0].1.action, "suppression.request");
}

#[tokio::test]
async fn a_one_click_link_does_the_same_and_says_what_it_found() {
    let world = World::new("").await;
    let id = world.sent("taro@docomo.ne.jp").await;
    let queue = world.queue.clone();
    let forgotten = mail_model::NotificationId { index: 9, ..id };
    let told = tokio::task::spawn_blocking(move || [id, id, forgotten].map(|id| unsubscribe(&queue, id, NOW)));
    assert_eq!(told.await.unwrap(), [Unsubscribed::Now, Unsubscribed::Before, Unsubscribed::Forgotten]);
    assert_eq!(world.reason("taro@docomo.ne.jp"), Some("unsubscribed"));
    assert_eq!(world.queue.audit(0, 10).len(), 1);
}

#[tokio::test]
async fn a_complaint_and_a_bounce_of_one_mail_both_count() {
    let mut world = World::new("").await;
    let id = world.sent("taro@docomo.ne.jp").await;
    world.start();
    world.comes_back(id, &mails::unknown("taro@docomo.ne.jp")).await;
    world.comes_back(id, &mails::complaint("abuse", "")).await;
    world.comes_back(id, &mails::complaint("abuse", "")).await;
    world.settled().await;
    assert_eq!(world.outcome(id), Outcome::Complained);
    let history = world.history("taro@docomo.ne.jp");
    assert_eq!(history.suppressed_by(), Some(Cause::AddressUnknown));
    assert_eq!(history.reason().unwrap().as_str(), "complained");
    assert_eq!(world.queue.audit(0, 10).len(), 1);
}
