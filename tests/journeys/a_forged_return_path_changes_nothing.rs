//! Who guesses a return path is refused at RCPT; who writes a bounce without one is read and believed nothing. Mail for
//! others is refused, however its recipient is written.

use std::net::Ipv4Addr;

use anyhow::{Context, Result};
use reqwest::Method;
use serde_json::json;
use testkit::{CarrierPlan, Exchange, InboundSettings, Mailing, ReportForm, Sender, WorldPlan, post, post_all};
use todoke_tests::returns::registration_address;
use todoke_tests::{Scene, bounces, notice_for};

const HERE: &str = "hana@docomo.ne.jp";
const ATTACKER: Ipv4Addr = Ipv4Addr::new(127, 0, 3, 66);
const REPORT: &str = "/engine/api/campaigns/v1/closed/bounces.csv";

/// The true return path with one character of it changed, at each place; and parts of it.
fn guesses(true_path: &str) -> Vec<String> {
    let (local, domain) = true_path.split_once('@').unwrap_or((true_path, ""));
    let mut guesses: Vec<String> = (0..local.len())
        .map(|place| {
            let other = if local.as_bytes()[place] == b'a' { "b" } else { "a" };
            format!("{}{other}{}@{domain}", &local[..place], &local[place + 1..])
        })
        .collect();
    for cut in [1, 8, local.len() - 3] {
        guesses.push(format!("{}@{domain}", &local[..local.len() - cut]));
    }
    guesses.push(format!("{local}a@{domain}"));
    guesses.push(format!("nobody@{domain}"));
    guesses
}

/// Recipients that would make us a relay for somebody else (IN-05).
fn relays(inbound: &InboundSettings) -> Vec<String> {
    let own = &inbound.returns_domain;
    let forms = [
        "victim@elsewhere.example",
        "victim%elsewhere.example@OWN",
        "elsewhere.example!victim@OWN",
        "victim@[127.0.0.1]",
        "@OWN:victim@elsewhere.example",
        "\"victim@elsewhere.example\"@OWN",
        "\"victim@elsewhere.example\"",
        "victim@elsewhere.example@OWN",
        "victim",
        "\"victim\"@elsewhere.example",
        "victim@OWN.elsewhere.example",
        "victim@sub.OWN",
        "victim@elsewhere.example.",
        "victim@localhost",
        "victim@[IPv6:::1]",
        "",
    ];
    forms.map(|form| form.replace("OWN", own)).to_vec()
}

/// A session in which the recipient comes next.
async fn begin(inbound: &InboundSettings) -> Result<Sender> {
    let mut session = Sender::connect(ATTACKER, inbound.listen).await?;
    for line in ["EHLO attacker.example", "MAIL FROM:<>"] {
        assert_eq!(session.say(line).await?.code, 250, "{line}");
    }
    Ok(session)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_return_path_changes_nothing() -> Result<()> {
    let mut plan = WorldPlan::of([CarrierPlan::for_tests("docomo", "docomo.ne.jp")]);
    plan.keep_mails = 10;
    let inbound = InboundSettings::new()?;
    let mut scene = Scene::open(plan, |engine| engine.inbound = Some(inbound.clone())).await?;
    scene.send(&notice_for("closed", [HERE])?).await?;
    scene.finished("closed").await?;
    let mail = scene.world.mails().pop().context("the mail")?;
    let true_path = mail.sender.context("a return path")?.as_str().to_owned();

    let mut session = begin(&inbound).await?;
    for guess in guesses(&true_path) {
        let reply = loop {
            match session.say(&format!("RCPT TO:<{guess}>")).await {
                // A server that has heard enough ends the session; the next guess comes in another one.
                Ok(Exchange { code: 421, .. }) | Err(_) => session = begin(&inbound).await?,
                Ok(reply) => break reply,
            }
        };
        assert_eq!(reply.code, 550, "{guess}: {reply:?}");
    }
    let relays = relays(&inbound);
    let mails = relays.iter().map(|relay| Mailing {
        ehlo: "attacker.example".to_owned(),
        sender: "somebody@elsewhere.example".to_owned(),
        recipients: vec![relay.clone()],
        content: b"Subject: x\r\n\r\nx\r\n".to_vec(),
    });
    let posted = post_all(mails.map(|mail| (mail, ATTACKER)), inbound.listen).await?;
    for (relay, posted) in relays.iter().zip(posted) {
        assert!(!posted.is_taken(), "{relay}: {posted:?}");
        assert!(posted.refusal().is_some_and(|refusal| refusal.code / 100 == 5), "{relay}: {posted:?}");
    }

    // Bounces that name the recipient and quote our Message-ID, to addresses that anybody knows.
    let domain = &inbound.returns_domain;
    for to in [format!("postmaster@{domain}"), format!("abuse@{domain}"), registration_address(&inbound, 1)?] {
        let report = ReportForm::Docomo.report(HERE, &to, &mail.content);
        assert!(post(&report, ATTACKER, inbound.listen).await?.is_taken(), "{to}");
    }
    scene.until_counted("todoke_inbound_handled_total", "", 3).await?;
    assert_eq!(scene.counted("todoke_late_outcomes_total", "").await?, 0);
    assert!(bounces::read(&scene.text(REPORT).await?)?.is_empty());
    let state = scene.call(Method::POST, "/engine/api/admin/suppression/v1", &json!({ "email": HERE })).await?.json();
    assert_eq!(state["suppressed"], false, "{state}");

    scene.send(&notice_for("next", [HERE])?).await?;
    assert_eq!(scene.finished("next").await?["accepted"], 1);
    Ok(())
}
