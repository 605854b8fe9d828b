//! The sink as the benchmark sees it: a child process that is asked by lines.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::mails::Load;
use crate::sink::{Checked, Started, Waited};

/// A running sink. Dropping it ends the process.
#[derive(Debug)]
pub struct SinkProcess {
    child: Child,
    ask: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    port: u16,
}

impl SinkProcess {
    /// Starts this program again as `… sink`.
    ///
    /// # Errors
    /// When it does not start or has no port.
    pub async fn start() -> Result<Self> {
        let program = std::env::current_exe().context("the path of this program")?;
        let mut child = Command::new(program)
            .arg("sink")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("starting the sink")?;
        let ask = child.stdin.take().context("the sink's input")?;
        let answers = BufReader::new(child.stdout.take().context("the sink's output")?).lines();
        let mut sink = Self { child, ask, answers, port: 0 };
        sink.port = sink.answer::<Started>().await.context("the sink did not start")?.port;
        Ok(sink)
    }

    /// The port of its carriers.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id().unwrap_or(0)
    }

    /// Waits for `copies` mails, or until none came for `stall`.
    ///
    /// # Errors
    /// When the sink is gone.
    pub async fn wait(&mut self, copies: u64, stall: Duration) -> Result<Waited> {
        self.ask(&format!("wait {copies} {}", stall.as_millis())).await
    }

    /// Compares what came with what should have come.
    ///
    /// # Errors
    /// When the sink is gone.
    pub async fn check(&mut self, load: &Load) -> Result<Checked> {
        let Load { first, count, carriers_from, carriers, .. } = load;
        self.ask(&format!("check {first} {count} {carriers_from} {carriers}")).await
    }

    async fn ask<T: DeserializeOwned>(&mut self, line: &str) -> Result<T> {
        self.ask.write_all(format!("{line}\n").as_bytes()).await?;
        self.answer().await
    }

    async fn answer<T: DeserializeOwned>(&mut self) -> Result<T> {
        let line = self.answers.next_line().await?.context("the sink ended")?;
        serde_json::from_str(&line).with_context(|| format!("the sink said {line:?}"))
    }
}
