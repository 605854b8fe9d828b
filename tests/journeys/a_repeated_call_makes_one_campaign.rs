//! A caller that crashes and calls again with the same key: one campaign, whatever the first call had come to.

use std::time::Duration;

use anyhow::{Context, Result};
use reqwest::Method;
use serde_json::Value;
use testkit::{CarrierPlan, Injected, WorldPlan};
use todoke_tests::{Answer, Scene, notice_for};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::sleep;

const INJECT: &str = "/engine/api/inject/v1";
const RECIPIENTS: usize = 300;

fn call(key: &str) -> Result<Value> {
    let mut call = notice_for(key, (0..RECIPIENTS).map(|n| format!("{key}{n}@docomo.ne.jp")))?;
    call["idempotency_key"] = key.into();
    Ok(call)
}

/// Writes a part of the call and is gone.
async fn crash(scene: &Scene, call: &Value, percent: usize) -> Result<()> {
    let body = call.to_string();
    let head = format!(
        "POST {INJECT} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let mut stream = TcpStream::connect(scene.engine.http_address()).await?;
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(&body.as_bytes()[..body.len() * percent / 100]).await?;
    Ok(())
}

/// Calls until no earlier call with this key is under way any more.
async fn repeated(scene: &Scene, call: &Value) -> Result<Answer> {
    loop {
        let answer = scene.call(Method::POST, INJECT, call).await?;
        if answer.status != 409 || answer.json()["errors"][0]["error"] != "Conflict" {
            return Ok(answer);
        }
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_call_makes_one_campaign() -> Result<()> {
    let plan = WorldPlan::of([CarrierPlan::for_tests("docomo", "docomo.ne.jp")]);
    let mut scene = Scene::open(plan, |_| {}).await?;
    for (key, percent) in [("none", 0), ("half", 50), ("almost", 99), ("whole", 100)] {
        let call = call(key)?;
        crash(&scene, &call, percent).await?;
        crash(&scene, &call, percent).await?;
        let first = repeated(&scene, &call).await?;
        assert_eq!(first.status, 202, "{key}: {first:?}");
        let second = scene.call(Method::POST, INJECT, &call).await?;
        assert!(second.status == 202 && second.is_replay, "{key}: {second:?}");
        assert_eq!(second.text, first.text, "{key}: the first answer again");
        let injected: Injected = serde_json::from_str(&second.text)?;
        scene.remember(injected, &call)?;
        let progress = scene.finished(key).await?;
        assert_eq!((&progress["count"], &progress["accepted"]), (&RECIPIENTS.into(), &RECIPIENTS.into()), "{key}");
    }
    scene.engine.stop().await?;
    scene.engine.start_again().await?;
    let replay = scene.call(Method::POST, INJECT, &call("half")?).await?;
    assert!(replay.status == 202 && replay.is_replay, "kept over a restart: {replay:?}");
    let mut other = call("half")?;
    other["recipients"].as_array_mut().context("recipients")?.pop();
    let conflict = scene.call(Method::POST, INJECT, &other).await?;
    let said = (conflict.status, conflict.json()["errors"][0]["error"].clone());
    assert_eq!(said, (409, "IdempotencyConflict".into()), "the same key with other bytes: {conflict:?}");

    let found = scene.close().await?.found;
    assert!(found.is_clean() && found.accepted == 4 * RECIPIENTS && found.copies == 4 * RECIPIENTS, "{found}");
    Ok(())
}
