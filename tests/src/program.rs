//! The program under test: where it lies, and its commands run as people run them.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::process::Command;
use tokio::time::timeout;

/// How long a command may take before it counts as hanging.
const RUN_WITHIN: Duration = Duration::from_secs(60);

/// The `todoke` that was built beside this test; `TODOKE_BIN` names another one.
///
/// # Errors
/// When it was not built. Cargo builds no other package's program for a test; `.config/nextest.toml` does it.
pub fn todoke() -> Result<PathBuf> {
    let given = std::env::var_os("TODOKE_BIN").map(PathBuf::from);
    let beside = || {
        let test = std::env::current_exe().context("where this test lies")?;
        let folder = test.ancestors().nth(2).context("a test lies in <target>/<profile>/deps")?;
        Ok::<_, anyhow::Error>(folder.join("todoke"))
    };
    let path = given.map_or_else(beside, Ok)?;
    ensure!(path.exists(), "{} is missing; build it with `cargo build --release -p todoke`", path.display());
    Ok(path)
}

/// How a command ended and what it said.
#[derive(Debug)]
pub struct Ran {
    /// Its exit code; `None` after a signal.
    pub code: Option<i32>,
    /// What it printed for people or programs.
    pub out: String,
    /// What it reported.
    pub err: String,
}

/// Runs `todoke` with these arguments to its end.
///
/// # Errors
/// When it cannot be started or takes longer than a minute; it is killed then.
pub async fn run<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Result<Ran> {
    let mut command = Command::new(todoke()?);
    command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    let output = timeout(RUN_WITHIN, command.output()).await.context("the command does not end")??;
    Ok(Ran {
        code: output.status.code(),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}
