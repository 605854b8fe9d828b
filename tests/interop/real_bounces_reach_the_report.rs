//! Todoke hands mail to another mail server, which takes it and fails behind Todoke's back: at carriers that refuse, at a
//! domain that is gone, at its own full or missing mailboxes. Its real bounce comes back and ends in the report.

use anyhow::{Context, Result};
use reqwest::Method;
use serde_json::json;
use testkit::InboundSettings;
use todoke_tests::{Kind, Peer, Scene, bounces, notice_for};

use crate::town::{GONE_DOMAIN, OWN_DOMAIN, carriers, engine, may_run, relay};

const CAMPAIGN: &str = "closed";
const RETURNED: &str = "受付後に返送";
/// Long enough for a second try after a mailbox was full.
const DAYS_5: u64 = 5 * 86_400;
const AGAIN: &str = "再送待ち";

/// A recipient and what the report says of it.
struct Case {
    address: String,
    causes: &'static [&'static str],
    /// A part of the words that the last server said, empty where it did not hand them on.
    words: &'static str,
}

fn case(address: &str, causes: &'static [&'static str], words: &'static str) -> Case {
    Case { address: address.to_owned(), causes, words }
}

/// What every mail server is tried with. OpenSMTPD does not hand on the command, and what it gave up after its time it
/// returns as "delayed".
fn cases(kind: Kind) -> Vec<Case> {
    let tells = kind != Kind::OpenSmtpd;
    let mut cases = vec![
        case("unknown.a@docomo.ne.jp", &["address_unknown"], "Unknown user"),
        case("unknown.a@ezweb.ne.jp", &["address_unknown"], "User unknown"),
        case("unknown.a@softbank.ne.jp", &["address_unknown"], "Invalid recipient"),
        case("full.a@docomo.ne.jp", &["mailbox_full"], "Too much mail data"),
    ];
    // Exim says "Unrouteable address" of both.
    let gone: &'static [&'static str] =
        if kind == Kind::Exim { &["domain_unknown", "address_unknown"] } else { &["domain_unknown"] };
    cases.push(case(&format!("nobody@{GONE_DOMAIN}"), gone, ""));
    if tells {
        // docomo's same words, after the content.
        cases.push(case("filtered.a@docomo.ne.jp", &["recipient_filtered"], "Unknown user"));
        cases.push(case("full.a@ezweb.ne.jp", &["mailbox_full"], "Mailbox full"));
    } else {
        cases.push(case("filtered.a@docomo.ne.jp", &["recipient_filtered", "address_unknown"], "Unknown user"));
    }
    if keeps_mailboxes(kind) {
        cases.push(case(&format!("nobody@{OWN_DOMAIN}"), &["address_unknown"], ""));
        cases.push(case(&format!("full@{OWN_DOMAIN}"), &["mailbox_full"], ""));
    }
    cases
}

/// OpenSMTPD refuses its unknown users at RCPT, and Sendmail has none here.
fn keeps_mailboxes(kind: Kind) -> bool {
    matches!(kind, Kind::Postfix | Kind::Exim)
}

async fn open(kind: Kind) -> Result<(Scene, Peer)> {
    let world = carriers([]).await?;
    let inbound = InboundSettings::new()?;
    let mut plan = relay(&world).route(&inbound.returns_domain, inbound.listen);
    if keeps_mailboxes(kind) {
        let own = ["hana", "full"].map(|local| format!("{local}@{OWN_DOMAIN}"));
        plan = plan.mailboxes(&own);
        plan.full = own[1..].to_vec();
        plan.takes_unknown = true;
    }
    let peer = Peer::start(kind, &plan).await?;
    let scene = engine(world, &inbound, peer.address(), |settings| settings.give_up_after_s = DAYS_5).await?;
    Ok((scene, peer))
}

async fn real_bounces_reach_the_report(kind: Kind) -> Result<()> {
    if !may_run() {
        return Ok(());
    }
    let (mut scene, peer) = open(kind).await?;
    let cases = cases(kind);
    let mut everybody: Vec<&str> = cases.iter().map(|case| case.address.as_str()).collect();
    let good: &[&str] =
        if keeps_mailboxes(kind) { &["hana@sakura.example.jp", "hana@docomo.ne.jp"] } else { &["hana@docomo.ne.jp"] };
    everybody.extend(good);
    scene.send(&notice_for(CAMPAIGN, &everybody)?).await?;
    scene
        .until(CAMPAIGN, |progress| progress["count"] == everybody.len() && progress["queued"] != everybody.len())
        .await?;
    let count = u64::try_from(cases.len())?;
    let handled = scene.until_counted("todoke_inbound_handled_total", "kind=\"bounce\"", count).await;
    handled.with_context(|| format!("{kind:?} said:\n{}", peer.log()))?;

    let report = bounces::read(&scene.text(&format!("/engine/api/campaigns/v1/{CAMPAIGN}/bounces.csv")).await?)?;
    assert_eq!(report.len(), cases.len(), "{kind:?}: {report:#?}");
    for case in &cases {
        let row = report.iter().find(|row| row.address() == case.address);
        let row = row.with_context(|| format!("{kind:?}: no row for {}", case.address))?;
        assert!(case.causes.contains(&row.cause()), "{kind:?}: {row:#?}\n{}", peer.log());
        assert_eq!(row.result(), if row.cause() == "mailbox_full" { AGAIN } else { RETURNED }, "{kind:?}: {row:#?}");
        assert!(row.cell("相手の応答").contains(case.words), "{kind:?}: {row:#?}");
        let email = json!({ "email": case.address });
        let state = scene.call(Method::POST, "/engine/api/admin/suppression/v1", &email).await?.json();
        let is_gone = ["address_unknown", "domain_unknown"].contains(&row.cause());
        assert_eq!(state["suppressed"], is_gone, "{kind:?}: {row:#?}: {state}");
    }
    let carrier = |domain: &str| {
        report.iter().find(|row| row.address().ends_with(domain)).map(|row| row.cell("携帯会社").to_owned())
    };
    for (domain, name) in [("docomo.ne.jp", "docomo"), ("ezweb.ne.jp", "au"), ("softbank.ne.jp", "softbank")] {
        assert_eq!(carrier(domain).as_deref(), Some(name), "{kind:?}");
    }
    let progress = scene.engine.client().campaign(CAMPAIGN).await?;
    assert_eq!(progress["accepted"], good.len(), "{kind:?}: {progress}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn bounces_of_postfix_reach_the_report() -> Result<()> {
    real_bounces_reach_the_report(Kind::Postfix).await
}

#[tokio::test(flavor = "multi_thread")]
async fn bounces_of_opensmtpd_reach_the_report() -> Result<()> {
    real_bounces_reach_the_report(Kind::OpenSmtpd).await
}

#[tokio::test(flavor = "multi_thread")]
async fn bounces_of_exim_reach_the_report() -> Result<()> {
    real_bounces_reach_the_report(Kind::Exim).await
}

#[tokio::test(flavor = "multi_thread")]
async fn bounces_of_sendmail_reach_the_report() -> Result<()> {
    real_bounces_reach_the_report(Kind::Sendmail).await
}
