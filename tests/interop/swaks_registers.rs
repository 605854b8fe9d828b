//! swaks registers as a guardian's carrier would: in clear, over TLS, with pipelining, with HELO alone. Each gets its
//! answer in a mailbox of another mail server.

use anyhow::Result;
use testkit::{InboundSettings, PHONES, Phone};
use todoke_tests::mail::Mail;
use todoke_tests::returns::registration_address;
use todoke_tests::scene::PATIENCE;
use todoke_tests::{Kind, Peer, Scene};

use crate::swaks::swaks;
use crate::town::{carriers, engine, may_run, relay};

/// How swaks speaks, and what its transcript then shows.
const MANNERS: [(&[&str], &str); 5] = [
    (&[], "<-  250"),
    (&["--tls"], "=== TLS started with cipher TLSv1.3"),
    (&["--tls", "--tls-protocol", "tlsv1_2"], "=== TLS started with cipher TLSv1.2"),
    (&["--pipeline"], ">\n -> DATA\n<-  250"),
    (&["--protocol", "SMTP"], " -> HELO "),
];

/// People whose carriers give out regular addresses; OpenSMTPD would keep no mailbox for others.
fn people() -> impl Iterator<Item = &'static Phone> {
    PHONES.iter().filter(|phone| !phone.local.starts_with(['.', '-']) && !phone.local.contains(".."))
}

async fn open(kind: Kind) -> Result<(Scene, Peer, InboundSettings)> {
    let world = carriers([]).await?;
    for record in PHONES.iter().flat_map(Phone::records) {
        world.dns().add(record);
    }
    let mut plan = relay(&world).mailboxes(people().map(Phone::address));
    plan.routes.clear();
    let peer = Peer::start(kind, &plan).await?;
    let mut inbound = InboundSettings::new()?;
    inbound.starttls = true;
    let scene = engine(world, &inbound, peer.address(), |_| {}).await?;
    Ok((scene, peer, inbound))
}

async fn swaks_registers(kind: Kind) -> Result<()> {
    if !may_run() {
        return Ok(());
    }
    let (scene, peer, inbound) = open(kind).await?;
    let folder = tempfile::tempdir()?;
    let address = registration_address(&inbound, 1)?;
    let mut count = 0;
    for (serial, (phone, (manner, sign))) in (1..).zip(people().zip(MANNERS.into_iter().cycle())) {
        let mail = phone.empty_mail(&address, serial);
        let ran = swaks(folder.path(), &mail, phone.source, inbound.listen, manner).await?;
        assert_eq!(ran.code, Some(0), "{}: {}", phone.address(), ran.said);
        assert!(ran.said.contains(sign), "{manner:?}: {}", ran.said);
        count += 1;
    }
    assert!(count >= MANNERS.len(), "every manner is tried");
    peer.until_mails(count, PATIENCE).await?;
    for phone in people() {
        let mails = peer.mails(&phone.address())?;
        assert_eq!(mails.len(), 1, "{}", phone.address());
        let mail = Mail::read(&mails[0])?;
        // OpenSMTPD leaves the line out when it is empty.
        assert!(mail.raw("return-path").is_none_or(|path| path == "<>"), "{:?}", mail.raw("return-path"));
        assert_eq!(mail.field("subject")?, "登録の受付");
    }
    let over_tls = u64::try_from((0..count).filter(|n| MANNERS[n % MANNERS.len()].0.contains(&"--tls")).count())?;
    assert_eq!(scene.counted("todoke_inbound_mails_total", "tls=\"yes\"").await?, over_tls);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn swaks_registers_and_postfix_gets_the_answers() -> Result<()> {
    swaks_registers(Kind::Postfix).await
}

#[tokio::test(flavor = "multi_thread")]
async fn swaks_registers_and_opensmtpd_gets_the_answers() -> Result<()> {
    swaks_registers(Kind::OpenSmtpd).await
}
