//! Postfix's own tools at our listener: many sessions at once, and what a cautious sender finds out about its TLS.

use anyhow::Result;
use testkit::{CarrierPlan, EngineSettings, InboundSettings, World, WorldPlan};
use todoke_tests::Scene;

use crate::swaks::run;

async fn open() -> Result<(Scene, InboundSettings)> {
    let world = World::start(WorldPlan::of([CarrierPlan::for_tests("docomo", "docomo.ne.jp")])).await?;
    let mut inbound = InboundSettings::new()?;
    inbound.starttls = true;
    let mut settings = EngineSettings::for_world(&world);
    settings.inbound = Some(inbound.clone());
    Ok((Scene::around(world, &settings).await?, inbound))
}

#[tokio::test(flavor = "multi_thread")]
async fn smtp_source_hands_in_many_mails_at_once() -> Result<()> {
    let (scene, inbound) = open().await?;
    let (server, to) = (inbound.listen.to_string(), format!("postmaster@{}", inbound.returns_domain));
    let arguments = ["-d", "-s", "20", "-m", "400", "-l", "4000", "-f", "a@elsewhere.example", "-t", &to, &server];
    let ran = run("/usr/sbin/smtp-source", &arguments).await?;
    assert_eq!(ran.code, Some(0), "{}", ran.said);
    assert_eq!(scene.counted("todoke_inbound_mails_total", "").await?, 400);
    scene.until_counted("todoke_inbound_handled_total", "", 400).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn posttls_finger_finds_tls() -> Result<()> {
    let (_scene, inbound) = open().await?;
    let place = format!("[{}]:{}", inbound.listen.ip(), inbound.listen.port());
    let arguments = ["-c", "-l", "encrypt", "-L", "summary", &place];
    let ran = run("/usr/sbin/posttls-finger", &arguments).await?;
    assert!(ran.said.contains("TLS connection established") && ran.said.contains("TLSv1.3"), "{}", ran.said);
    let old = run("/usr/sbin/posttls-finger", &["-c", "-l", "encrypt", "-p", "TLSv1", &place]).await?;
    assert!(!old.said.contains("TLS connection established"), "{}", old.said);
    Ok(())
}
