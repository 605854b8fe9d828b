//! Handing mails in by HTTP: one call for everybody, or a call for each mail over many kept connections.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::http::Http;
use crate::mails::Load;

/// Where mail is handed in.
pub const INJECT: &str = "/engine/api/inject/v1";

const LOOK: Duration = Duration::from_millis(100);
/// A campaign that is not finished by then never will be.
const FINISHED_WITHIN_LOOKS: u32 = 300;

/// One call with a body made before. Returns when the 202 and all ids were read.
///
/// # Errors
/// When the answer is not 202.
pub async fn one_call(to: SocketAddr, body: &[u8]) -> Result<()> {
    let answer = Http::connect(to).await?.post(INJECT, body).await?;
    match answer.status {
        202 => Ok(()),
        status => bail!("the call was answered {status}: {}", String::from_utf8_lossy(&answer.body)),
    }
}

/// A call for each mail of `load`. Returns when the last is acknowledged.
///
/// # Errors
/// When any call is not answered 202.
pub async fn separate_calls(to: SocketAddr, load: Load, campaign: &str, connections: u32) -> Result<()> {
    let next = Arc::new(AtomicU32::new(0));
    let mut running = JoinSet::new();
    for _ in 0..connections {
        running.spawn(caller(to, load, campaign.to_owned(), Arc::clone(&next)));
    }
    while let Some(done) = running.join_next().await {
        done.context("a caller broke off")??;
    }
    Ok(())
}

async fn caller(to: SocketAddr, load: Load, campaign: String, next: Arc<AtomicU32>) -> Result<()> {
    let mut http = Http::connect(to).await?;
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= load.count {
            return Ok(());
        }
        let answer = http.post(INJECT, &load.separate_call(&campaign, load.first + number)).await?;
        if answer.status != 202 {
            bail!("a call was answered {}: {}", answer.status, String::from_utf8_lossy(&answer.body));
        }
    }
}

/// Waits until the engine says that nothing of the campaign is queued.
///
/// # Errors
/// When it does not say so within half a minute.
pub async fn until_finished(to: SocketAddr, campaign: &str) -> Result<Value> {
    let path = format!("/engine/api/campaigns/v1/{campaign}");
    let mut http = Http::connect(to).await?;
    let mut last = Value::Null;
    for _ in 0..FINISHED_WITHIN_LOOKS {
        last = http.get(&path).await?.json()?;
        if last["finished"] == Value::Bool(true) {
            return Ok(last);
        }
        sleep(LOOK).await;
    }
    bail!("the campaign is not finished: {last}")
}
