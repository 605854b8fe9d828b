//! What swaks must not get through: mail for others, forged commands, mail that is too large, names and passwords.

use std::net::Ipv4Addr;

use anyhow::Result;
use reqwest::Method;
use serde_json::Value;
use testkit::{CarrierPlan, EngineSettings, InboundSettings, Mailing, World, WorldPlan};
use todoke_tests::Scene;

use crate::swaks::{Ran, run, swaks};

const SOURCE: Ipv4Addr = Ipv4Addr::new(127, 0, 3, 77);
/// swaks' exit codes.
const NO_MAIL: i32 = 23;
const NO_RECIPIENT: i32 = 24;
const NO_CONTENT: i32 = 26;
const NO_LOGIN: i32 = 28;

fn mailing(to: &[String], bytes: usize) -> Mailing {
    let line = format!("{}\r\n", "x".repeat(76));
    Mailing {
        ehlo: "mail.elsewhere.example".to_owned(),
        sender: "somebody@elsewhere.example".to_owned(),
        recipients: to.to_vec(),
        content: format!("Subject: x\r\n\r\n{}", line.repeat(bytes / line.len())).into_bytes(),
    }
}

async fn open() -> Result<(Scene, InboundSettings)> {
    let world = World::start(WorldPlan::of([CarrierPlan::for_tests("docomo", "docomo.ne.jp")])).await?;
    let mut inbound = InboundSettings::new()?;
    inbound.more = "message_bytes_max = 1_000_000".to_owned();
    let mut settings = EngineSettings::for_world(&world);
    settings.inbound = Some(inbound.clone());
    Ok((Scene::around(world, &settings).await?, inbound))
}

fn assert_refused(ran: &Ran, code: i32, reply: &str) {
    assert_eq!(ran.code, Some(code), "{}", ran.said);
    let is_said = ran.said.lines().any(|line| line.starts_with("<*") && line.contains(reply));
    assert!(is_said, "no {reply} in\n{}", ran.said);
}

#[tokio::test(flavor = "multi_thread")]
async fn swaks_gets_no_mail_through_to_others() -> Result<()> {
    let (scene, inbound) = open().await?;
    let folder = tempfile::tempdir()?;
    let own = &inbound.returns_domain;
    let others: Vec<String> =
        ["hana@docomo.ne.jp".to_owned(), format!("hana%docomo.ne.jp@{own}"), format!("nobody@{own}")].to_vec();
    for more in [&[][..], &["--pipeline"]] {
        let ran = swaks(folder.path(), &mailing(&others, 100), SOURCE, inbound.listen, more).await?;
        assert_refused(&ran, NO_RECIPIENT, "550");
        assert!(!ran.said.contains("354"), "{}", ran.said);
    }
    // One good recipient among them: the mail is taken for that one.
    let postmaster = format!("postmaster@{own}");
    let mixed = [others, vec![postmaster.clone()]].concat();
    for (count, more) in (1..).zip([&[][..], &["--pipeline"]]) {
        let ran = swaks(folder.path(), &mailing(&mixed, 100), SOURCE, inbound.listen, more).await?;
        assert_eq!((ran.code, ran.said.matches("<** 550").count()), (Some(0), 3), "{}", ran.said);
        assert_eq!(scene.counted("todoke_inbound_mails_total", "").await?, count);
    }
    assert!(scene.world.journal().is_empty(), "nothing was passed on");

    let login = ["--auth", "PLAIN", "--auth-user", "root", "--auth-password", "secret"];
    let ran = swaks(folder.path(), &mailing(&[postmaster.clone()], 100), SOURCE, inbound.listen, &login).await?;
    assert_eq!(ran.code, Some(NO_LOGIN), "{}", ran.said);

    let ran = swaks(folder.path(), &mailing(&[postmaster.clone()], 2_000_000), SOURCE, inbound.listen, &[]).await?;
    assert_refused(&ran, NO_CONTENT, "552");
    let ran = swaks(folder.path(), &mailing(&[postmaster], 900_000), SOURCE, inbound.listen, &[]).await?;
    assert_eq!(ran.code, Some(0), "{}", ran.said);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_that_are_none_are_refused_and_the_session_lives() -> Result<()> {
    let (scene, inbound) = open().await?;
    let (server, folder) = (inbound.listen.to_string(), tempfile::tempdir()?);
    let postmaster = format!("postmaster@{}", inbound.returns_domain);
    let from = |sender: &'static str| Mailing { sender: sender.to_owned(), ..mailing(&[postmaster.clone()], 100) };
    // Senders are taken however odd, for a bounce's sake; what would be a parameter is read as one.
    for sender in ["MAILER-DAEMON", "a..b.@docomo.ne.jp", "no address"] {
        let ran = swaks(folder.path(), &from(sender), SOURCE, inbound.listen, &[]).await?;
        assert_eq!(ran.code, Some(0), "{sender}: {}", ran.said);
    }
    for sender in ["a@x.example> SIZE=99999999 <", "a@x.example> BODY=NONE <", "a@x.example> SIZE=99999999"] {
        let ran = swaks(folder.path(), &from(sender), SOURCE, inbound.listen, &[]).await?;
        assert_refused(&ran, NO_MAIL, "5");
    }
    // LMTP's greeting is none here, and HELO without a name is one mistake less than a session's end.
    let ran = run("swaks", &["--server", &server, "--protocol", "LMTP", "--quit-after", "LHLO"]).await?;
    assert!(ran.code != Some(0) && ran.said.contains("<** 5"), "{}", ran.said);
    let ran = run("swaks", &["--server", &server, "--ehlo", "x.example", "--quit-after", "EHLO"]).await?;
    assert_eq!(ran.code, Some(0), "{}", ran.said);
    for promise in ["PIPELINING", "SIZE 1000000", "8BITMIME", "ENHANCEDSTATUSCODES"] {
        assert!(ran.said.contains(promise), "{promise}: {}", ran.said);
    }
    for not_here in ["AUTH", "ETRN", "VRFY", "CHUNKING", "STARTTLS"] {
        assert!(!ran.said.contains(not_here), "{not_here}: {}", ran.said);
    }
    let live = scene.call(Method::GET, "/healthz", &Value::Null).await?;
    assert_eq!(live.status, 200);
    Ok(())
}
