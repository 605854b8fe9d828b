//! swaks and other programs run as people run them: arguments, transcript, exit code.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result};
use testkit::Mailing;
use tokio::process::Command;
use tokio::time::timeout;

/// How long a program may take before it counts as hanging.
const RUN_WITHIN: Duration = Duration::from_secs(60);

/// How a program ended and all that it printed.
#[derive(Debug)]
pub struct Ran {
    /// Its exit code; `None` after a signal.
    pub code: Option<i32>,
    /// Output and errors.
    pub said: String,
}

/// Runs a program to its end.
pub async fn run(program: &str, arguments: &[&str]) -> Result<Ran> {
    // Postfix's tools read its configuration first, and an empty one will do.
    let postfix = tempfile::tempdir()?;
    std::fs::write(postfix.path().join("main.cf"), "compatibility_level = 3.6\n")?;
    let mut command = Command::new(program);
    command.args(arguments).env("MAIL_CONFIG", postfix.path()).stdin(Stdio::null()).kill_on_drop(true);
    let output = timeout(RUN_WITHIN, command.output()).await.with_context(|| format!("{program} does not end"))?;
    let output = output.with_context(|| format!("{program} is missing: run ops/setup"))?;
    let said = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat();
    Ok(Ran { code: output.status.code(), said })
}

/// Has swaks hand over a mail from `source`, its bytes as they are.
pub async fn swaks(folder: &Path, mail: &Mailing, source: Ipv4Addr, to: SocketAddr, more: &[&str]) -> Result<Ran> {
    let file = folder.join("mail");
    // Told not to touch the content, swaks does not add the final dot either, nor its line end.
    let content = mail.wire_content();
    std::fs::write(&file, content.strip_suffix(b"\r\n").unwrap_or(&content))?;
    let (server, source, recipients) = (to.to_string(), source.to_string(), mail.recipients.join(","));
    let data = format!("@{}", file.display());
    let sender = if mail.sender.is_empty() { "<>" } else { &mail.sender };
    let mut arguments = vec!["--server", &server, "--local-interface", &source, "--ehlo", &mail.ehlo];
    arguments.extend(["--from", sender, "--to", &recipients, "--no-data-fixup", "--data", &data]);
    arguments.extend(more);
    run("swaks", &arguments).await
}
