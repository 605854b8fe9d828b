//! The other mail programs before Todoke is there: each takes mail, passes it on, and returns what it cannot deliver.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Result, ensure};
use testkit::{Mailing, World, post};
use todoke_tests::scene::PATIENCE;
use todoke_tests::{Kind, Peer};
use tokio::time::{sleep, timeout};

use crate::town::{CARRIERS, GONE_DOMAIN, OWN_DOMAIN, carriers, collector, may_run, relay};

const LOOK: Duration = Duration::from_millis(20);
const SENDER: &str = "somebody@sender.example.jp";

fn mail(to: &str) -> Mailing {
    let content = format!("From: {SENDER}\r\nTo: {to}\r\nSubject: test\r\nMessage-ID: <1.{to}>\r\n\r\n.\r\ntext\r\n");
    Mailing {
        ehlo: "mail.sender.example.jp".to_owned(),
        sender: SENDER.to_owned(),
        recipients: vec![to.to_owned()],
        content: content.into_bytes(),
    }
}

fn returned(world: &World) -> Vec<testkit::KeptMail> {
    world.mails().into_iter().filter(|mail| mail.carrier.as_str() == "sender").collect()
}

async fn a_bounce_comes_back_for_each(kind: Kind, keeps_mailboxes: bool) -> Result<()> {
    if !may_run() {
        return Ok(());
    }
    let world = carriers([collector("sender", "sender.example.jp")?]).await?;
    let mut plan = relay(&world);
    let [kept, full, unknown] = ["hana", "full", "nobody"].map(|local| format!("{local}@{OWN_DOMAIN}"));
    if keeps_mailboxes {
        plan = plan.mailboxes([&kept, &full]);
        plan.full = vec![full.clone()];
        plan.takes_unknown = true;
    }
    let peer = Peer::start(kind, &plan).await?;

    let mut lost: Vec<String> = CARRIERS.iter().map(|(_, domain)| format!("unknown.x@{domain}")).collect();
    lost.extend(CARRIERS.iter().map(|(_, domain)| format!("full.x@{domain}")));
    lost.push(format!("x@{GONE_DOMAIN}"));
    if keeps_mailboxes {
        lost.extend([full, unknown]);
        ensure!(post(&mail(&kept), Ipv4Addr::LOCALHOST, peer.address()).await?.is_taken());
    }
    for address in &lost {
        let posted = post(&mail(address), Ipv4Addr::LOCALHOST, peer.address()).await?;
        ensure!(posted.is_taken(), "{address}: {posted:?}\n{}", peer.log());
    }
    let look = async {
        while returned(&world).len() < lost.len() {
            sleep(LOOK).await;
        }
    };
    let came = timeout(PATIENCE, look).await;
    for report in returned(&world) {
        let text = String::from_utf8_lossy(&report.content).into_owned();
        assert_eq!(report.sender, None, "a bounce has no sender");
        let place = lost.iter().position(|address| text.contains(address.as_str()));
        let Some(place) = place else { panic!("a bounce of nothing that was sent:\n{text}") };
        if let Some(folder) = std::env::var_os("TODOKE_KEEP_REPORTS") {
            let name = format!("{kind:?}-{}.eml", lost[place].replace('@', "-at-")).to_lowercase();
            std::fs::write(std::path::Path::new(&folder).join(name), &report.content)?;
        }
        lost.swap_remove(place);
    }
    ensure!(came.is_ok() && lost.is_empty(), "no bounce for {lost:?}:\n{}", peer.log());
    if keeps_mailboxes {
        peer.until_mails(1, PATIENCE).await?;
        let text = String::from_utf8_lossy(&peer.mails(&kept)?[0]).into_owned();
        assert!(text.replace('\r', "").ends_with("\n\n.\ntext\n"), "{text}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn postfix_returns_what_it_cannot_deliver() -> Result<()> {
    a_bounce_comes_back_for_each(Kind::Postfix, true).await
}

#[tokio::test(flavor = "multi_thread")]
async fn opensmtpd_returns_what_it_cannot_deliver() -> Result<()> {
    a_bounce_comes_back_for_each(Kind::OpenSmtpd, false).await
}

#[tokio::test(flavor = "multi_thread")]
async fn exim_returns_what_it_cannot_deliver() -> Result<()> {
    a_bounce_comes_back_for_each(Kind::Exim, true).await
}

#[tokio::test(flavor = "multi_thread")]
async fn sendmail_returns_what_it_cannot_deliver() -> Result<()> {
    a_bounce_comes_back_for_each(Kind::Sendmail, false).await
}
