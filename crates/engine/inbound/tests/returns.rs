//! Reports to return paths: outcome, suppression, retry, signals; and what moves nothing.

mod world;

use mail_model::{Cause, Outcome, UnixMs};
use queue::Peek;
use world::{NOW, World, mails};

#[tokio::test]
async fn a_late_bounce_corrects_the_outcome_and_condemns_the_address() {
    let mut world = World::new("").await;
    let id = world.sent("taro@docomo.ne.jp").await;
    world.start();
    world.comes_back(id, &mails::unknown("taro@docomo.ne.jp")).await;
    world.settled().await;
    let record = world.queue.last_attempt(id).unwrap();
    assert_eq!(record.outcome, Outcome::Bounced(Cause::AddressUnknown));
    assert_eq!((record.carrier.as_str(), record.source.unwrap().as_str()), ("docomo", "tokyo-1"));
    let reply = record.reply.unwrap();
    assert_eq!((reply.code, reply.enhanced.unwrap().to_string().as_str()), (550, "5.1.1"));
    assert_eq!(world.reason("taro@docomo.ne.jp"), Some("address_unknown"));
    assert!(world.history("taro@docomo.ne.jp").said_unknown().is_some(), "with the path that said so");
    assert!(world.kept().is_empty());
}

#[tokio::test]
async fn each_report_has_its_own_consequence() {
    let mut world = World::new("").await;
    // (status, words, outcome's cause, suppressed)
    let table = [
        ("5.1.1", "550 5.1.1 User unknown", Cause::AddressUnknown, true),
        ("5.1.2", "550 5.1.2 Host unknown", Cause::DomainUnknown, true),
        ("5.2.1", "550 5.2.1 The account is disabled", Cause::MailboxDisabled, false),
        ("5.3.4", "552 5.3.4 Message size exceeds fixed limit", Cause::MessageTooLarge, false),
    ];
    world.start();
    for (n, (status, words, cause, suppressed)) in table.into_iter().enumerate() {
        let to = format!("taro{n}@docomo.ne.jp");
        let id = world.sent(&to).await;
        world.comes_back(id, &mails::bounce(&to, status, words)).await;
        world.settled().await;
        assert_eq!(world.outcome(id), Outcome::Bounced(cause), "{words}");
        assert_eq!(world.reason(&to).is_some(), suppressed, "{words}");
    }
}

#[tokio::test]
async fn a_full_mailbox_is_tried_again_twice_and_no_more() {
    let mut world = World::new("").await;
    let id = world.sent_by("taro@docomo.ne.jp", "tokyo-1", Some(UnixMs(NOW.0 + 5 * 86_400_000))).await;
    world.start();
    for (round, hours) in [6_u64, 24].into_iter().enumerate() {
        world.comes_back(id, &mails::full("taro@docomo.ne.jp")).await;
        world.settled().await;
        assert_eq!(world.outcome(id), Outcome::Deferred(Cause::MailboxFull), "round {round}");
        world.pass(hours * 3_600 - 1);
        let lane = world.queue.lanes()[0].0;
        assert!(matches!(world.queue.peek(lane, world.clock.unix()), Peek::Later(_) | Peek::Loading));
        world.pass(1);
        let queued = claim(&world).await;
        assert_eq!(queued.id, id);
        world.settle(queued, "tokyo-1", Outcome::Accepted);
        assert_eq!(world.outcome(id), Outcome::Accepted);
    }
    world.comes_back(id, &mails::full("taro@docomo.ne.jp")).await;
    world.settled().await;
    assert_eq!(world.outcome(id), Outcome::Bounced(Cause::MailboxFull), "not a third time");
    assert_eq!(world.reason("taro@docomo.ne.jp"), None, "three of five");
}

async fn claim(world: &World) -> Box<queue::Queued> {
    let (lane, source) = (world.queue.lanes()[0].0, "tokyo-1".parse().unwrap());
    loop {
        let told = world.queue.activity().notified();
        match world.queue.claim(lane, world.clock.unix(), &source) {
            queue::Claim::Taken(queued) => return queued.into(),
            _ => told.await,
        }
    }
}

#[tokio::test]
async fn a_notice_whose_time_is_over_is_not_tried_again() {
    let mut world = World::new("").await;
    let id = world.sent_by("taro@docomo.ne.jp", "tokyo-1", Some(UnixMs(NOW.0 + 3_600_000))).await;
    world.start();
    world.comes_back(id, &mails::full("taro@docomo.ne.jp")).await;
    world.settled().await;
    assert_eq!(world.outcome(id), Outcome::Bounced(Cause::MailboxFull));
}

#[tokio::test]
async fn a_report_that_comes_twice_counts_once() {
    let mut world = World::new("").await;
    let id = world.sent("taro@docomo.ne.jp").await;
    world.start();
    let report = mails::bounce("taro@docomo.ne.jp", "5.2.1", "550 5.2.1 The account is disabled");
    for _ in 0..2 {
        world.comes_back(id, &report).await;
        world.settled().await;
        world.pass(24 * 3_600);
    }
    assert_eq!(world.outcome(id), Outcome::Bounced(Cause::MailboxDisabled));
    assert_eq!(world.reason("taro@docomo.ne.jp"), None, "one bounce is not two days");
}

#[tokio::test]
async fn what_is_no_bounce_moves_nothing() {
    let mut world = World::new("").await;
    let id = world.sent("taro@docomo.ne.jp").await;
    world.start();
    let delivered = mails::bounce("taro@docomo.ne.jp", "2.0.0", "250 2.0.0 delivered");
    let vacation = mails::vacation("taro@docomo.ne.jp");
    let no_spam = mails::complaint("not-spam", "");
    for mail in [delivered, vacation, no_spam] {
        world.comes_back(id, &mail).await;
    }
    world.settled().await;
    assert_eq!(world.outcome(id), Outcome::Accepted);
    assert_eq!(world.reason("taro@docomo.ne.jp"), None);
    assert!(world.kept().is_empty(), "{:?}", world.kept());
}

#[tokio::test]
async fn somebody_who_answers_a_notice_is_kept_for_people() {
    let mut world = World::new("").await;
    let id = world.sent("taro@docomo.ne.jp").await;
    world.start();
    world.comes_back(id, &mails::reply("taro@docomo.ne.jp")).await;
    world.settled().await;
    let kept = world.kept();
    assert_eq!((kept.len(), kept[0].kind.as_str()), (1, "reply"));
}

#[tokio::test]
async fn a_bounce_without_our_mac_is_kept_and_condemns_nobody() {
    let mut world = World::new("").await;
    let id = world.sent("taro@docomo.ne.jp").await;
    world.start();
    let named =
        mails::unknown("taro@docomo.ne.jp").replace("Subject: notice", &format!("Message-ID: <{id}@mx.example.jp>"));
    for to in ["postmaster@bounce.example.jp", "abuse@mx.example.jp", "postmaster@entry.example.jp"] {
        world.comes_from("203.0.113.9", "", &[to], named.as_bytes()).await;
    }
    world.settled().await;
    assert_eq!(world.outcome(id), Outcome::Accepted);
    assert_eq!(world.reason("taro@docomo.ne.jp"), None);
    assert!(world.kept().iter().all(|kept| kept.kind == "unsigned_bounce") && world.kept().len() == 3);
}

#[tokio::test]
async fn a_report_that_is_faster_than_our_note_of_the_250_waits_for_it() {
    let mut world = World::new("").await;
    let (id, queued) = world.claimed("taro@docomo.ne.jp", "tokyo-1", None).await;
    world.start();
    world.comes_back(id, &mails::unknown("taro@docomo.ne.jp")).await;
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    world.settled_but(1).await;
    world.settle(queued, "tokyo-1", Outcome::Accepted);
    world.pass(5);
    world.settled().await;
    assert_eq!(world.outcome(id), Outcome::Bounced(Cause::AddressUnknown));
}

#[tokio::test]
async fn a_report_about_what_is_forgotten_is_kept() {
    let mut world = World::new("").await;
    let id = world.sent("taro@docomo.ne.jp").await;
    let gone = mail_model::NotificationId { index: 77, ..id };
    world.start();
    world.pass(120);
    let path = world.addresses.return_paths().unwrap().mint(gone);
    let mail = mails::unknown("taro@docomo.ne.jp");
    world.comes_from("198.51.100.7", "", &[path.as_str()], mail.as_bytes()).await;
    world.pass(120);
    world.settled().await;
    assert_eq!(world.kept()[0].kind, "bounce");
    assert_eq!(world.outcome(id), Outcome::Accepted);
}

#[tokio::test]
async fn a_recipient_behind_a_forwarding_does_not_condemn_the_address_we_have() {
    let mut world = World::new("").await;
    let id = world.sent("taro@docomo.ne.jp").await;
    world.start();
    world.comes_back(id, &mails::unknown("old-mailbox@elsewhere.example")).await;
    world.settled().await;
    assert_eq!(world.outcome(id), Outcome::Bounced(Cause::AddressUnknown));
    assert_eq!(world.reason("taro@docomo.ne.jp"), None);
}

#[tokio::test]
async fn a_block_that_is_told_late_rests_the_path() {
    let mut world = World::new("").await;
    let id = world.sent("taro@docomo.ne.jp").await;
    world.start();
    let words = "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org";
    world.comes_back(id, &mails::bounce("taro@docomo.ne.jp", "5.7.1", words)).await;
    world.settled().await;
    assert_eq!(world.outcome(id), Outcome::Bounced(Cause::SenderBlocked));
    let docomo = world.scheduler.status().into_iter().find(|group| group.carrier.as_str() == "docomo").unwrap();
    let path = docomo.paths.iter().find(|path| path.source.as_str() == "tokyo-1").unwrap();
    assert!(matches!(path.throttle.breaker, throttle::BreakerStatus::Open { .. }), "{:?}", path.throttle);
}

#[tokio::test]
async fn a_crash_in_the_middle_counts_each_report_once() {
    for after_ms in [0, 1, 2, 4, 8, 16] {
        let mut world = World::new("").await;
        let mut sent = Vec::new();
        for _ in 0..5 {
            sent.push(world.sent("taro@docomo.ne.jp").await);
        }
        for id in &sent[..4] {
            world.comes_back(*id, &mails::full("taro@docomo.ne.jp")).await;
        }
        world.start();
        tokio::time::sleep(std::time::Duration::from_millis(after_ms)).await;
        world.crash().await;
        world.start();
        world.settled().await;
        assert_eq!(world.reason("taro@docomo.ne.jp"), None, "four, after {after_ms} ms");
        world.comes_back(sent[4], &mails::full("taro@docomo.ne.jp")).await;
        world.settled().await;
        assert_eq!(world.reason("taro@docomo.ne.jp"), Some("mailbox_full"), "five, after {after_ms} ms");
        world.stop().await;
    }
}
