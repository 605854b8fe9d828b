//! `queue shape, hold, release, in-doubt, inspect` against a running engine.

use std::process::ExitCode;

use anyhow::Result;
use serde_json::{Map, Value, json};

use crate::cli::QueueCommand;
use crate::client::Client;
use crate::engine_args::EngineArgs;

pub(crate) async fn run(engine: EngineArgs, command: QueueCommand) -> Result<ExitCode> {
    let client = Client::new(&engine)?;
    match command {
        QueueCommand::Shape => shape(&client).await?,
        QueueCommand::Hold { campaign, tenant, domain, carrier, reason, duration } => {
            let mut body = Map::new();
            let fields = [("campaign", campaign), ("tenant", tenant), ("domain", domain), ("carrier", carrier)];
            for (key, value) in fields {
                value.map(|v| body.insert(key.into(), v.into()));
            }
            body.insert("reason".into(), reason.into());
            body.insert("duration".into(), duration.into());
            let answer = client.post("/engine/api/admin/suspend/v1", &Value::Object(body)).await?;
            println!("held, as number {}. End it with: todoke queue release {0}", answer["id"]);
        }
        QueueCommand::Release { id } => {
            client.delete("/engine/api/admin/suspend/v1", &json!({ "id": id })).await?;
            println!("hold {id} is over; its mail goes on now");
        }
        QueueCommand::InDoubt => {
            let answer = client.get("/engine/api/admin/in-doubt/v1").await?;
            println!("{}", serde_json::to_string_pretty(&answer)?);
        }
        QueueCommand::Inspect { id } => {
            let answer = client.get(&format!("/engine/api/admin/inspect-message/v1?id={id}")).await?;
            println!("{}", serde_json::to_string_pretty(&answer)?);
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn shape(client: &Client) -> Result<()> {
    let lanes = client.get("/engine/api/admin/inspect-sched-q/v1").await?;
    let paths = client.get("/engine/api/admin/ready-q-states/v1").await?;
    let holds = client.get("/engine/api/admin/suspend/v1").await?;
    println!("{:<12} {:<24} {:<10} {:<10} {:>10}", "carrier", "domain", "pool", "class", "waiting");
    for lane in lanes["lanes"].as_array().into_iter().flatten() {
        println!(
            "{:<12} {:<24} {:<10} {:<10} {:>10}",
            text(&lane["carrier"]),
            text(&lane["domain"]),
            text(&lane["pool"]),
            text(&lane["class"]),
            lane["queued"]
        );
    }
    println!("\n{:<12} {:<10} {:>8} {:>12}  state", "carrier", "source", "sessions", "mails/min");
    for path in paths["paths"].as_array().into_iter().flatten() {
        let rate = path["rate_per_min"].as_f64().unwrap_or_default();
        println!(
            "{:<12} {:<10} {:>8} {:>12.0}  {}",
            text(&path["carrier"]),
            text(&path["source"]),
            path["connections"],
            rate,
            state(path)
        );
    }
    for hold in holds.as_array().into_iter().flatten() {
        println!("\nhold {}: {}", hold["id"], hold);
    }
    Ok(())
}

/// A breaker that is closed lets mail through, which only electricians would guess.
fn state(path: &Value) -> String {
    match (path["breaker"].as_str(), path["resting_until"].as_str()) {
        (Some("closed"), None) => "sending".to_owned(),
        (Some(breaker), None) => breaker.to_owned(),
        (_, Some(until)) => format!("rests until {until}"),
        (None, None) => "?".to_owned(),
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
