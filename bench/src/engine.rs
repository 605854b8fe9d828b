//! `todoke serve` as the benchmark runs it: the program of this build with `bench/peers.toml`.

use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use crate::http::Http;
use crate::mails::SENDER_DOMAIN;

const CONFIG: &str = include_str!("../peers.toml");
const LOOK: Duration = Duration::from_millis(5);
const STARTED_WITHIN_LOOKS: u32 = 12_000;
const STOPPED_WITHIN: Duration = Duration::from_secs(60);

/// A port that was free a moment ago.
///
/// # Errors
/// When the system has none.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// The program beside this one, unless `TODOKE` names another.
pub fn program() -> Result<PathBuf> {
    if let Some(given) = std::env::var_os("TODOKE") {
        return Ok(given.into());
    }
    let beside = std::env::current_exe()?.with_file_name("todoke");
    if !beside.exists() {
        bail!("{} is missing: build it with `cargo build --release -p todoke`", beside.display());
    }
    Ok(beside)
}

/// Whether and how the engine signs its mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signing {
    /// Not at all.
    Off,
    /// Every mail by itself, over all its headers.
    EveryMail,
    /// A message once, over what is the same for all.
    Once,
}

/// A running engine in a directory of its own. Dropping it kills the process and removes the directory.
#[derive(Debug)]
pub struct Engine {
    folder: TempDir,
    port: u16,
    child: Option<Child>,
}

impl Engine {
    /// Starts it on an empty queue below `parent`, its carriers at `sink_port`.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn start(parent: &Path, sink_port: u16) -> Result<Self> {
        Self::start_signing(parent, sink_port, Signing::Off).await
    }

    /// The same, signing with an RSA-2048 and an Ed25519 key.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn start_signing(parent: &Path, sink_port: u16, signing: Signing) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("todoke-bench-engine-").tempdir_in(parent)?;
        let mut engine = Self { folder, port: free_port()?, child: None };
        let data = engine.folder.path().join("data");
        let config = CONFIG
            .replace("\"bench-data\"", &format!("{data:?}"))
            .replace("127.0.0.1:8025", &engine.address().to_string())
            .replace(":2525\"", &format!(":{sink_port}\""));
        fs::write(engine.config(), config + &engine.signing(signing).await?)?;
        engine.launch()?;
        engine.until_live().await?;
        Ok(engine)
    }

    /// Starts the process, on the data that is there, without waiting for it.
    ///
    /// # Errors
    /// When the program is missing.
    pub fn launch(&mut self) -> Result<()> {
        let log: File = OpenOptions::new().create(true).append(true).open(self.folder.path().join("log"))?;
        let program = program()?;
        let child = Command::new(&program)
            .args(["serve", "--config"])
            .arg(self.config())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| program.display().to_string())?;
        self.child = Some(child);
        Ok(())
    }

    /// Waits until it takes mail.
    ///
    /// # Errors
    /// When it ends, or does not within a minute.
    pub async fn until_live(&mut self) -> Result<()> {
        for _ in 0..STARTED_WITHIN_LOOKS {
            if let Ok(mut http) = Http::connect(self.address()).await
                && http.get("/engine/api/check-liveness/v1").await.is_ok_and(|answer| answer.status == 200)
            {
                return Ok(());
            }
            if self.child.as_mut().is_none_or(|child| !matches!(child.try_wait(), Ok(None))) {
                break;
            }
            sleep(LOOK).await;
        }
        bail!("todoke takes no mail:\n{}", self.last_words())
    }

    /// SIGKILL.
    ///
    /// # Errors
    /// When the system refuses.
    pub async fn kill(&mut self) -> Result<()> {
        match self.child.take() {
            Some(mut child) => Ok(child.kill().await?),
            None => Ok(()),
        }
    }

    /// Ends all suspensions while the process is down; they would outlive it.
    ///
    /// # Errors
    /// When the file that keeps them cannot be removed.
    pub fn forget_suspensions(&self) -> Result<()> {
        match fs::remove_file(self.folder.path().join("data/holds.json")) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// SIGTERM, and waits for the end.
    ///
    /// # Errors
    /// When it does not end within a minute, or ends with a failure.
    pub async fn stop(&mut self) -> Result<()> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        // The standard library knows SIGKILL only.
        Command::new("kill").args(["-TERM", &child.id().unwrap_or(0).to_string()]).status().await?;
        let status = timeout(STOPPED_WITHIN, child.wait()).await.context("todoke does not stop")??;
        if !status.success() {
            bail!("todoke stopped with {status}:\n{}", self.last_words());
        }
        Ok(())
    }

    /// Where its API listens.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }

    /// Its process; 0 while there is none.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().and_then(Child::id).unwrap_or(0)
    }

    /// Makes the keys and gives the lines that name them.
    async fn signing(&self, signing: Signing) -> Result<String> {
        let once = match signing {
            Signing::Off => return Ok(String::new()),
            Signing::EveryMail => "never",
            Signing::Once => "always",
        };
        let mut lines = format!("\n[dkim]\nsign_once = \"{once}\"\n");
        for algorithm in ["rsa", "ed25519"] {
            let file = self.folder.path().join(format!("{algorithm}.pem"));
            let domain = ["--domain", SENDER_DOMAIN, "--selector", algorithm, "--algorithm", algorithm];
            let made =
                Command::new(program()?).args(["dkim", "new"]).args(domain).arg("--out").arg(&file).output().await?;
            if !made.status.success() {
                bail!("no key: {}", String::from_utf8_lossy(&made.stderr));
            }
            let key = format!("domain = \"{SENDER_DOMAIN}\"\nselector = \"{algorithm}\"\nkey_file = {file:?}\n");
            lines.push_str(&format!("\n[[dkim_keys]]\n{key}"));
        }
        Ok(lines)
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("todoke.toml")
    }

    fn last_words(&self) -> String {
        let log = fs::read(self.folder.path().join("log")).unwrap_or_default();
        let tail = log.len().saturating_sub(4_000);
        String::from_utf8_lossy(&log[tail..]).into_owned()
    }
}
