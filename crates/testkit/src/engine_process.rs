//! A `todoke serve` child in a directory of its own: started, stopped, killed, started again on the same data.

use std::fs::OpenOptions;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use crate::engine_client::EngineClient;
use crate::engine_settings::EngineSettings;
use crate::error::KitError;

/// How long a start may take, recovery of a full queue included.
const START_WITHIN: Duration = Duration::from_secs(60);
/// How long an orderly stop may take.
const STOP_WITHIN: Duration = Duration::from_secs(60);
/// Between two looks at a starting child.
const LOOK: Duration = Duration::from_millis(10);
/// How much of the child's last words an error repeats.
const LAST_WORDS_CHARS: usize = 2_000;

/// A child engine. Dropping it kills the process and removes its directory.
#[derive(Debug)]
pub struct EngineProcess {
    binary: PathBuf,
    folder: TempDir,
    http: SocketAddr,
    child: Option<Child>,
    client: EngineClient,
}

impl EngineProcess {
    /// Writes the configuration, starts `binary serve --config …` and waits until it takes mail.
    ///
    /// # Errors
    /// When the binary cannot be run, ends at once, or does not take mail within a minute.
    pub async fn start(binary: &Path, settings: &EngineSettings) -> Result<Self, KitError> {
        let folder = tempfile::tempdir().map_err(|source| KitError::File { path: std::env::temp_dir(), source })?;
        let http = free_address()?;
        let client = EngineClient::new(&format!("http://{http}"));
        let mut process = Self { binary: binary.to_owned(), folder, http, child: None, client };
        process.configure(settings)?;
        process.start_again().await?;
        Ok(process)
    }

    /// Replaces the configuration; the next start uses it.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn configure(&self, settings: &EngineSettings) -> Result<(), KitError> {
        settings.write_files(self.folder.path())?;
        let path = self.config_path();
        std::fs::write(&path, settings.to_toml(self.http)).map_err(|source| KitError::File { path, source })
    }

    /// Starts the engine again on the same data after [`Self::kill`] or [`Self::stop`], and waits until it takes mail.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn start_again(&mut self) -> Result<(), KitError> {
        let log = OpenOptions::new().create(true).append(true).open(self.log_path());
        let log = log.map_err(|source| KitError::File { path: self.log_path(), source })?;
        let errors = log.try_clone().map_err(|source| KitError::File { path: self.log_path(), source })?;
        let child = Command::new(&self.binary)
            .arg("serve")
            .arg("--config")
            .arg(self.config_path())
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .kill_on_drop(true)
            .spawn()
            .map_err(|source| KitError::File { path: self.binary.clone(), source })?;
        self.child = Some(child);
        match timeout(START_WITHIN, self.until_live()).await {
            Ok(started) => started,
            Err(_) => Err(KitError::Engine(format!("takes no mail after a minute:\n{}", self.last_words()))),
        }
    }

    async fn until_live(&mut self) -> Result<(), KitError> {
        while !self.client.is_live().await {
            if let Some(status) = self.child.as_mut().and_then(|child| child.try_wait().ok().flatten()) {
                return Err(KitError::Engine(format!("ended with {status} at its start:\n{}", self.last_words())));
            }
            sleep(LOOK).await;
        }
        Ok(())
    }

    /// SIGKILL: what a crash leaves behind.
    ///
    /// # Errors
    /// When the system refuses.
    pub async fn kill(&mut self) -> Result<(), KitError> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        let fault = |source| KitError::File { path: self.binary.clone(), source };
        child.kill().await.map_err(fault)
    }

    /// SIGTERM, then waits for the orderly end.
    ///
    /// # Errors
    /// When it takes longer than a minute (it is killed then), or ends with a failure.
    pub async fn stop(&mut self) -> Result<(), KitError> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        let fault = |source| KitError::File { path: self.binary.clone(), source };
        if let Some(id) = child.id() {
            // The standard library knows SIGKILL only and kill(2) needs unsafe code; the shell has it built in.
            let asked = Command::new("sh").arg("-c").arg(format!("kill -TERM {id}")).status().await;
            asked.map_err(fault)?;
        }
        match timeout(STOP_WITHIN, child.wait()).await {
            Ok(ended) => match ended.map_err(fault)? {
                status if status.success() => Ok(()),
                status => Err(KitError::Engine(format!("stopped with {status}:\n{}", self.last_words()))),
            },
            Err(_) => {
                child.kill().await.map_err(fault)?;
                Err(KitError::Engine(format!("did not stop within a minute:\n{}", self.last_words())))
            }
        }
    }

    /// Calls to its API.
    pub fn client(&self) -> &EngineClient {
        &self.client
    }

    /// Where its API listens; the same after every start.
    pub fn http_address(&self) -> SocketAddr {
        self.http
    }

    /// Its process id while it runs.
    pub fn process_id(&self) -> Option<u32> {
        self.child.as_ref().and_then(Child::id)
    }

    /// Its queue directory.
    pub fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Its configuration.
    pub fn config_path(&self) -> PathBuf {
        self.folder.path().join("todoke.toml")
    }

    /// What it printed, over all starts.
    pub fn log_path(&self) -> PathBuf {
        self.folder.path().join("engine.log")
    }

    /// The end of its log.
    pub fn last_words(&self) -> String {
        let log = std::fs::read(self.log_path()).unwrap_or_default();
        let text = String::from_utf8_lossy(&log);
        let skipped = text.chars().count().saturating_sub(LAST_WORDS_CHARS);
        text.chars().skip(skipped).collect()
    }
}

/// An address that was free a moment ago. Another process could take it before the child does; then the start fails.
fn free_address() -> Result<SocketAddr, KitError> {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let taken = TcpListener::bind(any).and_then(|listener| listener.local_addr());
    taken.map_err(|source| KitError::Listen { address: any, source })
}
