//! `address suppressed, show, free, audit`: which addresses get no mail, and who let mail go there again.

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;
use serde_json::{Value, json};

use crate::client::Client;
use crate::engine_args::EngineArgs;

const SUPPRESSION: &str = "/engine/api/admin/suppression/v1";

#[derive(Subcommand, Debug)]
pub(crate) enum AddressCommand {
    /// List every address that gets no mail, with the cause.
    Suppressed {
        /// Print one JSON line an address.
        #[arg(long)]
        json: bool,
    },
    /// Say whether one address gets mail, and why not.
    Show {
        /// The address.
        email: String,
    },
    /// Let mail go to an address again. The reason is kept with your key's name.
    Free {
        /// The address.
        email: String,
        /// Who confirmed the address, and how.
        #[arg(long)]
        reason: String,
    },
    /// List what was freed by hand, by whom and why.
    Audit,
}

pub(crate) async fn run(engine: EngineArgs, command: AddressCommand) -> Result<ExitCode> {
    let client = Client::new(&engine)?;
    match command {
        AddressCommand::Suppressed { json } => suppressed(&client, json).await?,
        AddressCommand::Show { email } => {
            let answer = client.post(SUPPRESSION, &json!({ "email": email })).await?;
            match answer["cause"].as_str() {
                Some(cause) => {
                    println!("gets no mail: {} ({cause})\n{}", text(&answer, "label_ja"), text(&answer, "advice_ja"));
                }
                None => println!("gets mail"),
            }
        }
        AddressCommand::Free { email, reason } => {
            client.delete(SUPPRESSION, &json!({ "email": email, "reason": reason })).await?;
            println!("mail goes to this address again; noted with the reason");
        }
        AddressCommand::Audit => audit(&client).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn suppressed(client: &Client, as_json: bool) -> Result<()> {
    let (mut after, mut count) = (Value::Null, 0);
    loop {
        let asked = if after.is_null() { json!({}) } else { json!({ "after": after }) };
        let page = client.post("/engine/api/admin/suppressions/v1", &asked).await?;
        let lines = page.as_array().map(Vec::as_slice).unwrap_or_default();
        let Some(last) = lines.last() else { break };
        after = last["email"].clone();
        for line in lines {
            if as_json {
                println!("{line}");
            } else {
                println!("{:<40} {:<18} {}", text(line, "email"), text(line, "cause"), text(line, "label_ja"));
            }
        }
        count += lines.len();
    }
    if count == 0 && !as_json {
        println!("every address gets mail");
    }
    Ok(())
}

async fn audit(client: &Client) -> Result<()> {
    let mut after = 0;
    loop {
        let page = client.get(&format!("/engine/api/admin/audit/v1?after={after}")).await?;
        let lines = page.as_array().map(Vec::as_slice).unwrap_or_default();
        let Some(last) = lines.last().and_then(|line| line["seq"].as_u64()) else { return Ok(()) };
        after = last;
        for line in lines {
            let words = ["at", "actor", "action", "subject", "reason"].map(|key| text(line, key));
            println!("{}", words.join("  "));
        }
    }
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}
