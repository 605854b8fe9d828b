//! `canaries`: what arrived in our own mailboxes; `canaries addresses`: where each of them must forward its mail.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use engine_config::{CanaryWay, EngineConfig, Secret};
use return_links::{CanaryAddresses, Keys};
use serde_json::Value;

use crate::client::Client;
use crate::engine_args::EngineArgs;

#[derive(Args, Debug)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
A carrier's acceptance does not say that a mail arrives. Mailboxes of our own at each carrier ([[canary_mailboxes]]) get
every campaign, too; what a carrier accepted and what does not arrive within [canaries] arrive_within_s is missing.
The exit code is 0, or 1 while a carrier is under alarm."
)]
pub(crate) struct CanariesArgs {
    /// Only those of this campaign.
    #[arg(long)]
    campaign: Option<String>,
    /// Print the engine's answer as one JSON object.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    engine: EngineArgs,
    #[command(subcommand)]
    command: Option<CanariesCommand>,
}

#[derive(Subcommand, Debug)]
enum CanariesCommand {
    /// Print the address to which each mailbox must forward all its mail.
    Addresses {
        /// The configuration file with [returns] and [[canary_mailboxes]].
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
}

pub(crate) async fn run(args: CanariesArgs) -> Result<ExitCode> {
    match args.command {
        Some(CanariesCommand::Addresses { config }) => addresses(&config),
        None => show(&args).await,
    }
}

fn addresses(path: &std::path::Path) -> Result<ExitCode> {
    let config = match EngineConfig::load(path) {
        Ok(config) => config,
        Err(faults) => {
            eprintln!("{faults}");
            return Ok(ExitCode::FAILURE);
        }
    };
    let edges = &config.edges;
    if edges.canaries.mailboxes.is_empty() {
        bail!("there are no [[canary_mailboxes]] in {}", path.display());
    }
    let minted = match &edges.returns {
        Some(returns) => {
            let keys = Keys::new(returns.key.bytes(), returns.old_keys.iter().map(Secret::bytes));
            let keys = keys.context("[returns] key_file")?;
            Some(CanaryAddresses::new(keys, returns.domain.as_str()).context("[returns] domain")?)
        }
        None => None,
    };
    for mailbox in &edges.canaries.mailboxes {
        let name = mailbox.name.as_str();
        let forwards = minted.as_ref().filter(|_| mailbox.arrives_by == CanaryWay::Forward);
        let to = match forwards.and_then(|addresses| addresses.mint(name)) {
            Some(address) => format!("forwards to {address}"),
            None => "a program that reads it calls POST /engine/api/canaries/arrived".to_owned(),
        };
        println!("{name:<24}  {}  {to}", mailbox.address);
    }
    Ok(ExitCode::SUCCESS)
}

async fn show(args: &CanariesArgs) -> Result<ExitCode> {
    let client = Client::new(&args.engine)?;
    let query = args.campaign.as_ref().map(|name| format!("?campaign={name}")).unwrap_or_default();
    let answer = client.get(&format!("/engine/api/canaries{query}")).await?;
    let (alarms, canaries) = (list(&answer["alarms"]), list(&answer["canaries"]));
    if args.json {
        println!("{answer}");
    } else {
        canaries.iter().for_each(|canary| println!("{}", line(canary)));
        if canaries.is_empty() {
            println!("no canary is under way or was lately");
        }
        for alarm in alarms {
            println!("\nALARM: {}, since {} ({})", text(alarm, "text"), text(alarm, "since"), text(alarm, "campaign"));
        }
    }
    Ok(if alarms.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or("-")
}

/// `typhoon-12  docomo  docomo-1  accepted 2026-09-01T07:31:02Z, arrived after 3.1 s`.
fn line(canary: &Value) -> String {
    let since = canary["since_accepted_s"].as_f64().unwrap_or_default();
    let accepted = text(canary, "accepted_at");
    let story = match text(canary, "state") {
        "accepted" => format!("accepted {accepted}, not arrived yet after {since:.0} s"),
        "missing" => format!("accepted {accepted}, NOT ARRIVED for {since:.0} s"),
        "arrived" if accepted == "-" => format!("arrived {}", text(canary, "arrived_at")),
        "arrived" => format!("accepted {accepted}, arrived after {since:.1} s"),
        "late" => format!("accepted {accepted}, arrived LATE after {since:.0} s"),
        state => format!("{state} {}", canary["cause"].as_str().unwrap_or_default()),
    };
    let (campaign, carrier, mailbox) = (text(canary, "campaign"), text(canary, "carrier"), text(canary, "mailbox"));
    format!("{campaign:<24}  {carrier:<12}  {mailbox:<24}  {}", story.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_line_tells_what_became_of_a_canary() {
        let at = "2026-09-01T07:31:02Z";
        let table = [
            (json!({"state": "queued"}), "queued"),
            (json!({"state": "queued", "cause": "rate_limited"}), "queued rate_limited"),
            (
                json!({"state": "accepted", "accepted_at": at, "since_accepted_s": 3.1}),
                "accepted 2026-09-01T07:31:02Z, not arrived yet after 3 s",
            ),
            (
                json!({"state": "missing", "accepted_at": at, "since_accepted_s": 48.2}),
                "accepted 2026-09-01T07:31:02Z, NOT ARRIVED for 48 s",
            ),
            (
                json!({"state": "arrived", "accepted_at": at, "since_accepted_s": 3.14}),
                "accepted 2026-09-01T07:31:02Z, arrived after 3.1 s",
            ),
            (json!({"state": "refused", "cause": "mailbox_full"}), "refused mailbox_full"),
        ];
        for (canary, expected) in table {
            assert!(line(&canary).ends_with(&format!("  {expected}")), "{}", line(&canary));
        }
    }
}
