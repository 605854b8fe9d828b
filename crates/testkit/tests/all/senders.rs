//! People's phones hand mail over as they are known to.

use std::net::Ipv4Addr;

use testkit::{CarrierPlan, PHONES, Sender, World, WorldPlan, post};

const HERE: &str = "r-abc@entry.example.jp";

async fn world() -> World {
    let mut plan = WorldPlan::of([CarrierPlan::for_tests("entry", "entry.example.jp")]);
    plan.keep_mails = PHONES.len();
    World::start(plan).await.unwrap()
}

#[tokio::test]
async fn every_phones_mail_arrives_as_it_was_written_from_its_carriers_address() {
    let world = world().await;
    for (serial, phone) in (1..).zip(&PHONES) {
        let mail = phone.empty_mail(HERE, serial);
        let posted = post(&mail, phone.source, world.carrier("entry").address()).await.unwrap();
        assert!(posted.is_taken(), "{}: {posted:?}", phone.address());
        let kept = world.mails().pop().unwrap();
        assert_eq!((kept.source, kept.content.as_ref()), (phone.source, &mail.content[..]), "{}", phone.address());
        assert_eq!(kept.sender.map(|sender| sender.as_str().to_owned()), Some(phone.address()));
    }
}

#[test]
fn the_phones_differ_in_what_makes_empty_mail_hard_to_read() {
    let mails: Vec<Vec<u8>> = PHONES.iter().map(|phone| phone.empty_mail(HERE, 7).content).collect();
    let with = |part: &[u8]| mails.iter().filter(|mail| mail.windows(part.len()).any(|some| some == part)).count();
    assert!(with(b"Message-ID:") < mails.len() && with(b"Subject:") < mails.len());
    assert!(with(b"Subject: \r\n") > 0 && with(b"=?ISO-2022-JP?B?") > 0 && with(b"charset=Shift_JIS") > 1);
    assert!(with(b"Subject: \x1b$B") > 0, "raw ISO-2022-JP");
    assert!(mails.iter().any(|mail| mail.iter().any(|byte| !byte.is_ascii())), "raw Shift_JIS");
    assert!(mails.iter().any(|mail| mail.ends_with(b"\r\n\r\n")), "no body at all");
    for mail in &mails {
        assert!(mail.windows(4).any(|four| four == b"\r\n\r\n"));
        let text = String::from_utf8_lossy(mail).replace("\r\n", "");
        assert!(!text.contains(['\r', '\n']), "no line end of its own: {text}");
    }
}

#[tokio::test]
async fn a_refusal_is_part_of_the_answer_and_the_session_can_go_on_by_hand() {
    let world = world().await;
    let address = world.carrier("entry").address();
    let refused =
        post(&PHONES[0].empty_mail("unknown.x@entry.example.jp", 1), PHONES[0].source, address).await.unwrap();
    assert!(!refused.is_taken());
    let refusal = refused.refusal().unwrap();
    assert_eq!((refusal.code, refusal.command.as_str()), (550, "RCPT TO:<unknown.x@entry.example.jp>"));

    let mut session = Sender::connect(Ipv4Addr::LOCALHOST, address).await.unwrap();
    assert_eq!(session.greeting.code, 220);
    let ehlo = session.say("EHLO x.example").await.unwrap();
    assert!(ehlo.text.lines().any(|line| line == "PIPELINING"), "{ehlo:?}");
    assert_eq!(session.say("NONSENSE").await.unwrap().code, 500);
}
