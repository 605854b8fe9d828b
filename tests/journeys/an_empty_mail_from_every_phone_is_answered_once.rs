//! A guardian opens a registration address, enters nothing and presses "send": one answer comes back, whatever the
//! phone. A forged sender, an automatic reply and a second mail get none.

use anyhow::{Context, Result};
use clock::Clock;
use testkit::{FORGER, InboundSettings, KeptMail, PHONES, Phone, Posted, demo_world, post, post_all, recipient_hash};
use todoke_tests::mail::Mail;
use todoke_tests::returns::registration_address;
use todoke_tests::{Scene, guardian};

const REGISTRATIONS: &str = "todoke_registrations_total";
const SUBJECT: &str = "登録の受付";

async fn open() -> Result<(Scene, InboundSettings)> {
    let mut plan = demo_world(3).flawless().unlimited();
    plan.keep_mails = 100;
    plan.dns.records = PHONES.iter().flat_map(Phone::records).collect();
    let inbound = InboundSettings::new()?;
    let scene = Scene::open(plan, |engine| engine.inbound = Some(inbound.clone())).await?;
    Ok((scene, inbound))
}

/// The answers to one person.
fn answers(scene: &Scene, phone: &Phone) -> Result<Vec<KeptMail>> {
    let person = recipient_hash(&guardian(&phone.address())?.email);
    let to_them = |mail: &KeptMail| mail.recipients.iter().any(|address| recipient_hash(address) == person);
    Ok(scene.world.mails().into_iter().filter(to_them).collect())
}

fn is_an_answer(answer: &KeptMail, phone: &Phone, inbound: &InboundSettings) -> Result<()> {
    assert_eq!(answer.sender, None, "{}: an answer comes from the null sender", phone.address());
    let mail = Mail::read(&answer.content)?;
    assert_eq!(mail.field("subject")?, SUBJECT);
    assert_eq!(mail.raw("auto-submitted"), Some("auto-replied"));
    assert!(mail.field("from")?.contains("さくら小学校"), "{:?}", mail.raw("from"));
    assert!(mail.text.contains("受け付けました"), "{}", mail.text);
    assert!(!mail.raw("from").unwrap_or_default().contains(&inbound.registration_domain), "the address stays secret");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_mail_from_every_phone_is_answered_once() -> Result<()> {
    let (scene, inbound) = open().await?;
    let address = registration_address(&inbound, 1)?;
    let clock = Clock::system();
    let mut taken_at = Vec::new();
    for (serial, phone) in (1..).zip(&PHONES) {
        // A QR code may hold it in capitals.
        let to = if serial % 2 == 0 { address.to_uppercase() } else { address.clone() };
        let posted = post(&phone.empty_mail(&to, serial), phone.source, inbound.listen).await?;
        assert!(posted.is_taken(), "{}: {posted:?}", phone.address());
        taken_at.push(clock.unix().0);
    }
    let all = u64::try_from(PHONES.len())?;
    scene.until_world("every answer has come", |world| world.journal().len() >= PHONES.len()).await?;
    assert_eq!(scene.counted(REGISTRATIONS, "result=\"pass\"").await?, all);
    let mut waits_ms = Vec::new();
    for (phone, taken_at) in PHONES.iter().zip(taken_at) {
        let [answer] = &answers(&scene, phone)?[..] else { panic!("not one answer to {}", phone.address()) };
        is_an_answer(answer, phone, &inbound)?;
        let person = recipient_hash(&guardian(&phone.address())?.email);
        let copy = scene.world.snapshot().entries.into_iter().find(|copy| copy.recipient() == person);
        waits_ms.push(copy.context("a copy in the journal")?.at().0.saturating_sub(taken_at));
    }
    waits_ms.sort_unstable();
    // The figure is for whoever reads the output; a busy machine fails nothing.
    eprintln!("from the 250 to the answer at the carrier, ms, shortest to longest: {waits_ms:?}");

    // None of these is answered. The carriers take whatever is said in their name; only DNS tells the forger.
    let before = scene.counted(REGISTRATIONS, "").await?;
    let unheard = (1_001..).zip(&PHONES).flat_map(|(serial, phone)| {
        let again = (phone.empty_mail(&address, serial), phone.source);
        [again, (phone.empty_mail(&address, serial + 1_000), FORGER)]
    });
    assert!(post_all(unheard, inbound.listen).await?.iter().all(Posted::is_taken));
    scene.until_counted(REGISTRATIONS, "", before + 2 * all).await?;
    assert_eq!(scene.counted(REGISTRATIONS, "result=\"limited\"").await?, all);
    assert_eq!(scene.counted(REGISTRATIONS, "result=\"not_authentic\"").await?, all);

    let away = PHONES.iter().zip(3_001..).map(|(phone, serial)| (phone.auto_reply(&address, serial), phone.source));
    let handled = scene.counted("todoke_inbound_handled_total", "").await?;
    assert!(post_all(away, inbound.listen).await?.iter().all(Posted::is_taken));
    scene.until_counted("todoke_inbound_handled_total", "", handled + all).await?;
    assert_eq!(scene.world.journal().len(), PHONES.len(), "only the first mail of each was answered");
    let books = scene.close().await?;
    assert_eq!(books.journal.entries.len(), PHONES.len());
    Ok(())
}
