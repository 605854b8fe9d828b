//! `inbox list, show`: received mail that a person should read.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

use crate::client::Client;
use crate::engine_args::EngineArgs;

const INBOX: &str = "/engine/api/admin/inbox/v1";

#[derive(Subcommand, Debug)]
pub(crate) enum InboxCommand {
    /// List mail to postmaster and abuse, replies of people, and bounces that nobody could make out.
    List,
    /// Print one mail as it came; `todoke inbox show N | todoke classify -` says what it means.
    Show {
        /// Its number, as listed.
        id: u64,
    },
}

pub(crate) async fn run(engine: EngineArgs, command: InboxCommand) -> Result<ExitCode> {
    let client = Client::new(&engine)?;
    match command {
        InboxCommand::List => list(&client).await?,
        InboxCommand::Show { id } => {
            let mail = client.bytes(&format!("{INBOX}/{id}")).await?;
            std::io::stdout().write_all(&mail)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(client: &Client) -> Result<()> {
    let (mut path, mut any) = (INBOX.to_owned(), false);
    loop {
        let page = client.get(&path).await?;
        let lines = page.as_array().map(Vec::as_slice).unwrap_or_default();
        let Some(last) = lines.last().and_then(|line| line["id"].as_str()) else { break };
        path = format!("{INBOX}?after={last}");
        for line in lines {
            any = true;
            let text = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
            let sender = line["sender"].as_str().unwrap_or("<>");
            println!("{}  {}  {:<12} {:<32} {}", text("id"), text("received_at"), text("kind"), sender, text("note"));
        }
    }
    if !any {
        println!("nothing waits for a person");
    }
    Ok(())
}
