//! A carrier takes a mail with a 250 and returns it an hour later: the report names the cause, and the next notice
//! leaves those out who are not there.

use std::net::Ipv4Addr;

use anyhow::{Context, Result};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{InboundSettings, KeptMail, Posted, ReportForm, demo_world, post_all};
use todoke_tests::{Scene, bounces, notice_for};

const CAMPAIGN: &str = "closed";
const REPORT: &str = "/engine/api/campaigns/v1/closed/bounces.csv";
const SUPPRESSION: &str = "/engine/api/admin/suppression/v1";
const LATE: &str = "todoke_late_outcomes_total";
/// Whoever sends the bounce: nobody asks for its SPF, the return path proves it.
const CARRIER: Ipv4Addr = Ipv4Addr::new(127, 0, 3, 50);

fn address(form: ReportForm) -> String {
    format!("returned.taro@{}", form.domain())
}

async fn open() -> Result<(Scene, InboundSettings)> {
    let mut plan = demo_world(4).flawless().unlimited();
    plan.keep_mails = 100;
    let inbound = InboundSettings::new()?;
    let scene = Scene::open(plan, |engine| {
        engine.inbound = Some(inbound.clone());
        // A full mailbox is tried again hours later, if there is time.
        engine.give_up_after_s = 5 * 86_400;
    })
    .await?;
    Ok((scene, inbound))
}

/// Returns the mail that each carrier took, in the carrier's own form.
async fn return_all(scene: &Scene, inbound: &InboundSettings) -> Result<()> {
    let mails = scene.world.mails();
    let report = |form: ReportForm| {
        let to_them = |mail: &&KeptMail| mail.recipients.iter().any(|to| to.as_str() == address(form));
        let mail = mails.iter().find(to_them).context("a mail that came")?;
        let return_path = mail.sender.as_ref().context("a return path")?;
        assert!(return_path.as_str().ends_with(&inbound.returns_domain), "{return_path}");
        anyhow::Ok((form.report(&address(form), return_path.as_str(), &mail.content), CARRIER))
    };
    let reports: Vec<_> = ReportForm::ALL.into_iter().map(report).collect::<Result<_>>()?;
    let posted = post_all(reports, inbound.listen).await?;
    assert!(posted.iter().all(Posted::is_taken), "{posted:?}");
    Ok(())
}

async fn suppressed(scene: &Scene, form: ReportForm) -> Result<Value> {
    let answer = scene.call(Method::POST, SUPPRESSION, &json!({ "email": address(form) })).await?;
    Ok(answer.json()["suppressed"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_bounce_reaches_the_report() -> Result<()> {
    let (mut scene, inbound) = open().await?;
    let mut everybody: Vec<String> = ReportForm::ALL.map(address).to_vec();
    everybody.push("hana@docomo.ne.jp".to_owned());
    scene.send(&notice_for(CAMPAIGN, &everybody)?).await?;
    let progress = scene.finished(CAMPAIGN).await?;
    assert_eq!(progress["accepted"], everybody.len(), "{progress}");

    let count = u64::try_from(ReportForm::ALL.len())?;
    let full = ReportForm::ALL.into_iter().filter(|form| form.cause() == "mailbox_full").count();
    let lost = ReportForm::ALL.len() - full;
    return_all(&scene, &inbound).await?;
    scene.until_counted("todoke_inbound_handled_total", "kind=\"bounce\"", count).await?;
    let progress = scene.until(CAMPAIGN, |progress| progress["bounced"] == lost).await?;
    assert_eq!(progress["accepted"], everybody.len() - lost - full, "{progress}");

    let report = bounces::read(&scene.text(REPORT).await?)?;
    assert_eq!(report.len(), ReportForm::ALL.len(), "{report:?}");
    for form in ReportForm::ALL {
        let row = report.iter().find(|row| row.address() == address(form)).context("a row for each")?;
        let result = if form.cause() == "mailbox_full" { "再送待ち" } else { "受付後に返送" };
        assert_eq!((row.cause(), row.result()), (form.cause(), result), "{row:?}");
        assert!(!row.cell("携帯会社").is_empty() && !row.cell("相手の応答").is_empty(), "{row:?}");
        assert_eq!(suppressed(&scene, form).await?, form.cause() == "address_unknown", "{form:?}");
    }

    // The same reports once more change nothing.
    return_all(&scene, &inbound).await?;
    scene.until_counted("todoke_inbound_handled_total", "", 2 * count).await?;
    assert_eq!(scene.counted(LATE, "").await?, count);
    assert_eq!(bounces::read(&scene.text(REPORT).await?)?.len(), ReportForm::ALL.len());

    scene.send(&notice_for("next", &everybody)?).await?;
    let gone = ReportForm::ALL.into_iter().filter(|form| form.cause() == "address_unknown").count();
    let progress = scene.finished("next").await?;
    assert_eq!((&progress["withheld"], &progress["accepted"]), (&gone.into(), &(everybody.len() - gone).into()));
    Ok(())
}
