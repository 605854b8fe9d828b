//! A carrier says 250 and throws the mails away. Its own mailbox tells: the alarm stands for this carrier and for no
//! other, through a kill, until something arrives there.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use anyhow::{Context, Result};
use reqwest::Method;
use return_links::{CanaryAddresses, Keys};
use serde_json::{Value, json};
use testkit::{CarrierPlan, InboundSettings, Mailing, RETURN_KEY, WorldPlan, post};
use todoke_tests::scene::PATIENCE;
use todoke_tests::{Scene, bounces, notice_for};
use tokio::time::{sleep, timeout};

const CANARIES: &str = "/engine/api/canaries";
const EACH: usize = 30;
/// Name, carrier and address; local parts that begin with `dropped.` are thrown away after the 250.
const MAILBOXES: [(&str, &str, &str); 3] = [
    ("docomo-1", "docomo", "canary@docomo.ne.jp"),
    ("au-1", "au", "dropped.canary@au.com"),
    ("softbank-1", "softbank", "canary@softbank.ne.jp"),
];
/// Whose server forwards is of no matter: the address proves it.
const FORWARDER: Ipv4Addr = Ipv4Addr::new(127, 0, 3, 80);

/// The mailboxes of the test: what is not thrown away is forwarded to the engine, as people set it up.
struct Forwarding {
    inbound: InboundSettings,
    addresses: CanaryAddresses,
    done: BTreeSet<Vec<u8>>,
}

impl Forwarding {
    fn new(inbound: InboundSettings) -> Result<Self> {
        let addresses = CanaryAddresses::new(Keys::new(RETURN_KEY, [])?, &inbound.returns_domain)?;
        Ok(Self { inbound, addresses, done: BTreeSet::new() })
    }

    async fn forward(&mut self, scene: &Scene) -> Result<()> {
        for mail in scene.world.mails() {
            let is_in =
                |(_, _, address): &&(&str, &str, &str)| mail.recipients.iter().any(|to| to.as_str() == *address);
            let Some((name, ..)) = MAILBOXES.iter().find(is_in).filter(|(.., to)| !to.starts_with("dropped.")) else {
                continue;
            };
            if !self.done.insert(mail.content.to_vec()) {
                continue;
            }
            // Some forward with the sender as it was, some with their own.
            let kept = mail.sender.as_ref().map(|sender| sender.as_str().to_owned()).unwrap_or_default();
            let sender = if *name == "docomo-1" { kept } else { "forwarder@softbank.ne.jp".to_owned() };
            let to = self.addresses.mint(name).context("an address to forward to")?;
            let mailing = Mailing {
                ehlo: "forwarder.example".to_owned(),
                sender,
                recipients: vec![to.as_str().to_owned()],
                content: mail.content.to_vec(),
            };
            assert!(post(&mailing, FORWARDER, self.inbound.listen).await?.is_taken(), "{name}");
        }
        Ok(())
    }

    /// Forwards until the canaries are as wished.
    async fn until(&mut self, scene: &Scene, wish: &[(&str, &str)]) -> Result<Value> {
        let wish: BTreeMap<String, String> = wish.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        let mut last = Value::Null;
        let look = async {
            loop {
                self.forward(scene).await?;
                last = serde_json::from_str(&scene.text(CANARIES).await?)?;
                if states(&last) == wish {
                    return anyhow::Ok(());
                }
                sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        timeout(PATIENCE, look).await.with_context(|| format!("{wish:?} is not so"))??;
        Ok(last)
    }
}

/// State by mailbox, of the campaign's first canaries.
fn states(seen: &Value) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let canaries = seen["canaries"].as_array().into_iter().flatten();
    canaries.map(|canary| (text(&canary["mailbox"]), text(&canary["state"]))).collect()
}

/// What no restart may change.
fn facts(seen: &Value) -> Vec<[Value; 4]> {
    let fact = |canary: &Value| ["id", "accepted_at", "arrived_at", "missing_since"].map(|key| canary[key].clone());
    seen["canaries"].as_array().into_iter().flatten().map(fact).collect()
}

fn settings() -> String {
    let mailbox = |(name, carrier, address): &(&str, &str, &str)| {
        format!("[[canary_mailboxes]]\nname = \"{name}\"\ncarrier = \"{carrier}\"\naddress = \"{address}\"\n")
    };
    let canaries = "[canaries]\narrive_within_s = 3\nrecipients_min = 10\n".to_owned();
    canaries + &MAILBOXES.iter().map(mailbox).collect::<String>()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_carrier_that_accepts_and_drops_is_noticed() -> Result<()> {
    let domains = [("docomo", "docomo.ne.jp"), ("au", "au.com"), ("softbank", "softbank.ne.jp")];
    let mut plan = WorldPlan::of(domains.map(|(name, domain)| CarrierPlan::for_tests(name, domain)));
    plan.keep_mails = 1_000;
    let inbound = InboundSettings::new()?;
    let mut scene = Scene::open(plan, |engine| {
        engine.inbound = Some(inbound.clone());
        engine.extra = settings();
    })
    .await?;
    let mut forwarding = Forwarding::new(inbound)?;
    let families: Vec<String> =
        domains.iter().flat_map(|(_, domain)| (0..EACH).map(move |n| format!("p{n}@{domain}"))).collect();
    scene.send(&notice_for("storm", &families)?).await?;

    let wish = [("docomo-1", "arrived"), ("au-1", "missing"), ("softbank-1", "arrived")];
    let seen = forwarding.until(&scene, &wish).await?;
    let alarms = seen["alarms"].as_array().context("alarms")?;
    assert_eq!(alarms.len(), 1, "{seen}");
    assert_eq!((&alarms[0]["carrier"], &alarms[0]["campaign"]), (&json!("au"), &json!("storm")), "{seen}");
    scene.until_counted("todoke_canary_missing", "carrier=\"au\"", 1).await?;
    assert_eq!(scene.counted("todoke_canary_missing", "docomo").await?, 0);
    assert_eq!(scene.counted("todoke_canary_missing", "softbank").await?, 0);
    assert_eq!(scene.counted("todoke_inbound_handled_total", "kind=\"canary\"").await?, 2);

    // Nobody waited for the canaries: they stand in no sum and no report.
    let progress = scene.finished("storm").await?;
    assert_eq!((&progress["count"], &progress["accepted"]), (&json!(3 * EACH), &json!(3 * EACH)), "{progress}");
    assert!(bounces::read(&scene.text("/engine/api/campaigns/v1/storm/bounces.csv").await?)?.is_empty());

    scene.engine.kill().await?;
    scene.engine.start_again().await?;
    let again = forwarding.until(&scene, &wish).await?;
    assert_eq!(facts(&again), facts(&seen));
    assert_eq!(again["alarms"], seen["alarms"]);

    // A program that reads the mailbox finds the mail at last.
    let au = again["canaries"].as_array().into_iter().flatten().find(|canary| canary["mailbox"] == "au-1");
    let id = au.context("the canary at au")?["id"].clone();
    let told = scene.call(Method::POST, &format!("{CANARIES}/arrived"), &json!({ "message_id": id })).await?;
    assert_eq!((told.status, &told.json()["state"]), (200, &json!("late")), "{told:?}");
    let cleared: Value = serde_json::from_str(&scene.text(CANARIES).await?)?;
    assert_eq!(cleared["alarms"], json!([]));
    Ok(())
}
