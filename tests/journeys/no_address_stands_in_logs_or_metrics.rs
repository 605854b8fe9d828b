//! Every way in which a mail can fare, at log level debug: no address, name or subject in the log or in `/metrics`.

use anyhow::Result;
use reqwest::Method;
use serde_json::json;
use testkit::{Fate, Guardian, Outage, demo_world, notice, population};
use todoke_tests::{Scene, guardian};

/// Local parts that no other text could hold by chance.
const MARK: &str = "qzxv";

fn guardians() -> Result<Vec<Guardian>> {
    let domains =
        ["docomo.ne.jp", "au.com", "softbank.ne.jp", "gmail.com", "yahoo.co.jp", "outlook.jp", "ume.example.jp"];
    let mut all: Vec<Guardian> = population(200, 5).collect();
    for (n, fate) in Fate::ALL.into_iter().enumerate() {
        for domain in domains {
            all.push(Guardian {
                name: format!("{MARK}氏{n}"),
                ..guardian(&format!("{}.{MARK}{n}@{domain}", fate.prefix()))?
            });
        }
    }
    for irregular in ["a..", "-x..-_-.."] {
        all.push(guardian(&format!("{irregular}{MARK}@docomo.ne.jp"))?);
    }
    all.push(guardian(&format!("{MARK}@no-such-domain.invalid"))?);
    Ok(all)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_address_stands_in_logs_or_metrics() -> Result<()> {
    let mut scene = Scene::open(demo_world(5), |engine| {
        engine.retry_after_s = vec![1];
        engine.give_up_after_s = 4;
        engine.extra = "[telemetry]\nlog_level = \"debug\"\n".to_owned();
    })
    .await?;
    let guardians = guardians()?;
    scene.world.carrier("au").set_outage(Outage::Reset).await;
    let mut call = notice("log", &guardians);
    call["content"]["subject"] = format!("{MARK} subject").into();
    scene.send(&call).await?;
    scene.until_world("docomo is at work", |world| world.carrier("docomo").taken() > 0).await?;
    scene.world.carrier("au").set_outage(Outage::None).await;
    scene.finished("log").await?;
    // Suppressed ones now, and calls that are refused.
    call["campaign"] = "again".into();
    scene.send(&call).await?;
    scene.engine.kill().await?;
    scene.engine.start_again().await?;
    scene.finished("again").await?;
    for bad in [
        json!({ "recipients": [{ "email": format!("{MARK} at docomo") }] }),
        json!({ "recipients": [{ "email": format!("{MARK}@docomo.ne.jp"), "name": [MARK] }], "content": MARK }),
    ] {
        let refused = scene.call(Method::POST, "/engine/api/inject/v1", &bad).await?;
        assert!((400..500).contains(&refused.status), "{refused:?}");
        assert!(!refused.text.contains(MARK), "a refusal names places, not values: {refused:?}");
    }
    let look = json!({ "email": format!("unknown.{MARK}1@docomo.ne.jp") });
    scene.call(Method::POST, "/engine/api/admin/suppression/v1", &look).await?;
    scene.text("/engine/api/campaigns/v1/log/bounces.csv").await?;

    let metrics = scene.text("/metrics").await?;
    assert!(metrics.contains("todoke_"), "metrics are there: {metrics}");
    scene.engine.stop().await?;
    let log = std::fs::read_to_string(scene.engine.log_path())?;
    assert!(log.lines().count() > 200, "the log is at debug");
    for (place, text) in [("log", &log), ("metrics", &metrics)] {
        for line in text.lines() {
            assert!(!line.contains(MARK), "{place}: {line}");
            // An own name in a line of another meaning is no leak; a local part with its '@' always is one.
            let leak = guardians.iter().find(|g| line.contains(g.email.local()) || line.contains(&g.name));
            assert!(leak.is_none(), "{place} names {:?}: {line}", leak.map(|g| &g.email));
        }
    }
    Ok(())
}
