//! Empty mails of guardians: who is answered, how often, with what; and who is not.

mod world;

use std::time::Duration;

use inbound::Authentication;
use mail_model::Class;
use world::fake_dns::{Behaviour, txt};
use world::{DOCOMO, FORGER, NOW, World, mails};

async fn registers(world: &World, peer: &str, sender: &str, id: &str, fields: &str) {
    let to = world.registration_address();
    let mail = mails::empty(sender, id, fields);
    world.comes_from(peer, sender, &[&to], &mail).await;
}

#[tokio::test]
async fn an_empty_mail_from_a_phone_is_one_event_and_one_answer() {
    let mut world = World::new("").await;
    world.start();
    registers(&world, DOCOMO, "a..b.@docomo.ne.jp", "1", "").await;
    world.settled().await;
    let heard = world.heard.0.lock().unwrap().clone();
    assert_eq!(heard.len(), 1);
    assert_eq!((heard[0].school, heard[0].generation), (1, 1));
    assert_eq!((heard[0].sender.as_str(), heard[0].authentication), ("a..b.@docomo.ne.jp", Authentication::Pass));
    assert_eq!(heard[0].received_at, NOW);
    let answers = world.answers();
    assert_eq!(answers.len(), 1);
    let (to, lane, content) = &answers[0];
    assert_eq!(
        (to.as_str(), lane.carrier.as_str(), lane.class),
        ("a..b.@docomo.ne.jp", "docomo", Class::Transactional)
    );
    for words in ["auto-replied", "<1@docomo.ne.jp>", "In-Reply-To", "References", "entry@example.jp", "受け付けました"]
    {
        assert!(content.contains(words), "{words} in {content}");
    }
}

#[tokio::test]
async fn without_a_school_side_everybody_gets_the_configured_text() {
    let more = "";
    let mut world = World::new(more).await;
    world.start_without_registrar();
    registers(&world, DOCOMO, "taro@docomo.ne.jp", "1", "").await;
    world.settled().await;
    let answers = world.answers();
    assert!(answers[0].2.contains("空メールを受け付けました") && answers[0].2.contains("登録の受付"), "{answers:?}");
}

#[tokio::test]
async fn a_forged_sender_gets_nothing() {
    let mut world = World::new("").await;
    world.dns.records("strict.example.jp", vec![txt("v=spf1 ip4:192.0.2.1 -all")]);
    world.start();
    for (peer, sender, from) in [
        (FORGER, "victim@docomo.ne.jp", "victim@docomo.ne.jp"),
        (FORGER, "victim@strict.example.jp", "victim@strict.example.jp"),
        // The envelope is the forger's own, and allowed; the From is not.
        ("192.0.2.1", "x@strict.example.jp", "victim@docomo.ne.jp"),
    ] {
        let to = world.registration_address();
        world.comes_from(peer, sender, &[&to], &mails::empty(from, "9", "")).await;
    }
    world.settled().await;
    assert!(world.heard.0.lock().unwrap().is_empty() && world.answers().is_empty());
}

#[tokio::test]
async fn a_domain_that_publishes_nothing_is_answered_within_the_limits() {
    let mut world = World::new("").await;
    world.start();
    registers(&world, FORGER, "taro@nothing.example.jp", "1", "").await;
    world.settled().await;
    assert_eq!(world.heard.0.lock().unwrap()[0].authentication, Authentication::None);
    assert_eq!(world.answers().len(), 1);
}

#[tokio::test]
async fn what_a_machine_wrote_is_not_answered() {
    let mut world = World::new("").await;
    world.start();
    let fields = [
        "Auto-Submitted: auto-replied\r\n",
        "Precedence: bulk\r\n",
        "List-Id: <pta.example.jp>\r\n",
        "X-Loop: entry@example.jp\r\n",
        &"Received: by x\r\n".repeat(51),
    ];
    for (n, fields) in fields.iter().enumerate() {
        registers(&world, DOCOMO, &format!("taro{n}@docomo.ne.jp"), "1", fields).await;
    }
    let to = world.registration_address();
    for (sender, mail) in [
        ("", mails::empty("taro@docomo.ne.jp", "1", "")),
        ("entry@example.jp", mails::empty("entry@example.jp", "1", "")),
        ("postmaster@mx.example.jp", mails::empty("postmaster@mx.example.jp", "1", "")),
        ("taro@docomo.ne.jp", mails::vacation("taro@docomo.ne.jp").into_bytes()),
        ("", mails::unknown("taro@docomo.ne.jp").into_bytes()),
    ] {
        world.comes_from(DOCOMO, sender, &[&to], &mail).await;
    }
    world.settled().await;
    assert!(world.heard.0.lock().unwrap().is_empty() && world.answers().is_empty());
}

#[tokio::test]
async fn the_same_mail_twice_is_one_registration() {
    let mut world = World::new("").await;
    world.start();
    for hop in 0..3 {
        registers(&world, DOCOMO, "taro@docomo.ne.jp", "same", &format!("Received: by hop{hop}\r\n")).await;
        world.settled().await;
        world.pass(3_600);
    }
    assert_eq!((world.heard.0.lock().unwrap().len(), world.answers().len()), (1, 1));
}

#[tokio::test]
async fn an_address_is_answered_once_in_ten_minutes_and_five_times_a_day() {
    let mut world = World::new("").await;
    world.start();
    let mut answered = 0;
    for minute in 0..120 {
        // One person, however the address is written.
        let sender = if minute % 2 == 0 { "Taro@docomo.ne.jp" } else { "taro+x@docomo.ne.jp" };
        registers(&world, DOCOMO, sender, &format!("m{minute}"), "").await;
        world.settled().await;
        answered += world.answers().len();
        world.pass(60);
    }
    assert_eq!(answered, 5);
    world.pass(24 * 3_600);
    registers(&world, DOCOMO, "taro@docomo.ne.jp", "next-day", "").await;
    world.settled().await;
    assert_eq!(world.answers().len(), 1);
}

#[tokio::test]
async fn a_flood_from_many_addresses_gets_no_more_than_the_allowed_rate() {
    let mut world = World::new("").await;
    world.start();
    for n in 0..130 {
        registers(&world, DOCOMO, &format!("taro{n}@docomo.ne.jp"), "1", "").await;
    }
    // 600 a minute: a hundred at once, the others as the minute passes.
    world.settled_but(30).await;
    assert_eq!(world.answers().len(), 100);
    for _ in 0..200 {
        world.pass(1);
        tokio::time::sleep(Duration::from_millis(10)).await;
        if world.queue.inbox_waiting() == 0 {
            break;
        }
    }
    world.settled().await;
    assert_eq!(world.answers().len(), 30);
}

#[tokio::test]
async fn a_mail_waits_for_dns_and_after_an_hour_no_longer() {
    let mut world = World::new("").await;
    world.dns.set("slow.example.jp", Behaviour::Silent);
    world.start();
    registers(&world, FORGER, "taro@slow.example.jp", "1", "").await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    world.settled_but(1).await;
    assert!(world.heard.0.lock().unwrap().is_empty());
    // It answers at last.
    world.dns.records("slow.example.jp", vec![txt(&format!("v=spf1 ip4:{FORGER} -all"))]);
    world.pass(31);
    world.settled().await;
    assert_eq!(world.heard.0.lock().unwrap()[0].authentication, Authentication::Pass);

    world.dns.set("dead.example.jp", Behaviour::Silent);
    registers(&world, FORGER, "taro@dead.example.jp", "2", "").await;
    world.pass(3_601);
    // A look that began before the hour was over puts it off once more.
    for _ in 0..1_000 {
        if world.queue.inbox_waiting() == 0 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        world.pass(31);
    }
    world.settled().await;
    assert_eq!(world.heard.0.lock().unwrap()[1].authentication, Authentication::None);
}

#[tokio::test]
async fn who_registers_with_good_proof_gets_mail_again() {
    let mut world = World::new("").await;
    let id = world.sent("taro@docomo.ne.jp").await;
    world.start();
    world.comes_back(id, &mails::unknown("taro@docomo.ne.jp")).await;
    world.settled().await;
    assert!(world.reason("taro@docomo.ne.jp").is_some());
    registers(&world, FORGER, "taro@docomo.ne.jp", "forged", "").await;
    world.settled().await;
    assert!(world.reason("taro@docomo.ne.jp").is_some(), "a forger frees nobody");
    registers(&world, DOCOMO, "taro@docomo.ne.jp", "1", "").await;
    world.settled().await;
    assert_eq!(world.reason("taro@docomo.ne.jp"), None);
    let audit = world.queue.audit(0, 10);
    assert_eq!(audit.last().unwrap().1.action, "suppression.lift");
    assert_eq!(world.answers().len(), 1);
}

#[tokio::test]
async fn headers_in_shift_jis_and_a_missing_message_id_are_ordinary_mail() {
    let mut world = World::new("").await;
    world.start();
    let to = world.registration_address();
    let raw = [b"From: taro@docomo.ne.jp\r\nSubject: ".as_slice(), &[0x93, 0x6f, 0x98, 0x5e, 0x83, 0x5c], b"\r\n\r\n"];
    world.comes_from(DOCOMO, "taro@docomo.ne.jp", &[&to], &raw.concat()).await;
    let jis = b"From: hanako@docomo.ne.jp\r\nSubject: \x1b$BEPO?\x1b(B\r\n\r\n\x1b$B%F%9%H\x1b(B\r\n";
    world.comes_from(DOCOMO, "hanako@docomo.ne.jp", &[&to], jis).await;
    world.comes_from(DOCOMO, "jiro@docomo.ne.jp", &[&to], b"\r\n").await;
    world.settled().await;
    assert_eq!(world.answers().len(), 3);
}

#[tokio::test]
async fn a_crash_in_the_middle_answers_once() {
    for after_ms in [0, 1, 3, 10, 30, 100] {
        let mut world = World::new("").await;
        world.start();
        for n in 0..10 {
            registers(&world, DOCOMO, &format!("taro{n}@docomo.ne.jp"), "1", "").await;
        }
        tokio::time::sleep(Duration::from_millis(after_ms)).await;
        world.crash().await;
        world.start();
        world.settled().await;
        let answers = world.answers();
        assert_eq!(answers.len(), 10, "after {after_ms} ms");
        world.stop().await;
    }
}
