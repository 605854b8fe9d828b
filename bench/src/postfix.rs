//! A Postfix of its own in a temporary directory, beside and independent of any that the system has.

use std::fmt::Write as _;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;
use tokio::time::sleep;

use crate::engine::free_port;
use crate::machine::word;
use crate::mails::{CARRIERS, FIRST_CARRIER};

const PROGRAM: &str = "/usr/sbin/postfix";
const MAIN: &str = include_str!("../postfix/main.cf");
const MASTER: &str = include_str!("../postfix/master.cf");
const LOOK: Duration = Duration::from_millis(50);
const STARTED_WITHIN_LOOKS: u32 = 400;
const DRAINED_WITHIN_LOOKS: u32 = 12_000;

/// What its manual leaves to the operator.
#[derive(Clone, Debug)]
pub struct Tuning {
    /// `default_process_limit`.
    pub processes: u32,
    /// `default_destination_concurrency_limit` and `initial_destination_concurrency`.
    pub concurrency: u32,
    /// Further lines of `main.cf`, which overrule ours.
    pub settings: Vec<String>,
}

/// A running instance. Dropping it stops all of its processes.
#[derive(Debug)]
pub struct Postfix {
    folder: TempDir,
    port: u16,
    master: u32,
}

/// Its version, or nothing when it is not installed.
pub fn version() -> Option<String> {
    let said = word(Command::new("/usr/sbin/postconf").args(["-d", "-h", "mail_version"]));
    (Path::new(PROGRAM).exists() && !said.is_empty()).then_some(said)
}

impl Postfix {
    /// Writes the configuration below `parent`, starts the instance and waits for its listener.
    ///
    /// # Errors
    /// When it is not installed, not allowed to start (it needs root) or does not come up.
    pub async fn start(parent: &Path, sink_port: u16, tuning: &Tuning) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("todoke-bench-postfix-").tempdir_in(parent)?;
        // Its processes are another user's.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
        let mut postfix = Self { folder, port: free_port()?, master: 0 };
        postfix.configure(sink_port, tuning)?;
        postfix.control("start")?;
        for _ in 0..STARTED_WITHIN_LOOKS {
            postfix.master = postfix.read_master();
            if postfix.master > 0 && tokio::net::TcpStream::connect(postfix.address()).await.is_ok() {
                return Ok(postfix);
            }
            sleep(LOOK).await;
        }
        bail!("postfix does not listen: {}", postfix.last_words())
    }

    fn configure(&self, sink_port: u16, tuning: &Tuning) -> Result<()> {
        let base = self.folder.path();
        for name in ["config", "queue", "data"] {
            fs::create_dir(base.join(name))?;
        }
        let owned = Command::new("chown").arg("postfix").arg(base.join("data")).status()?;
        if !owned.success() {
            bail!("the data directory cannot be given to the user postfix; is this root?");
        }
        let mut transports = String::new();
        let [a, b, c, first] = FIRST_CARRIER;
        for (last, (_, domain)) in (first..).zip(CARRIERS) {
            let address = Ipv4Addr::new(a, b, c, last);
            write!(transports, "{{ {domain} = smtp:[{address}]:{sink_port} }}, ")?;
        }
        let words = [
            ("@base@", base.display().to_string()),
            ("@port@", self.port.to_string()),
            ("@processes@", tuning.processes.to_string()),
            ("@concurrency@", tuning.concurrency.to_string()),
            ("@transports@", transports.trim_end_matches([',', ' ']).to_owned()),
        ];
        for (name, text) in [("main.cf", MAIN), ("master.cf", MASTER)] {
            let text = words.iter().fold(text.to_owned(), |text, (mark, word)| text.replace(mark, word));
            let more = if name == "main.cf" { tuning.settings.join("\n") } else { String::new() };
            fs::write(base.join("config").join(name), format!("{text}{more}\n"))?;
        }
        Ok(())
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("config")
    }

    fn control(&self, word: &str) -> Result<()> {
        let output = Command::new(PROGRAM).arg("-c").arg(self.config()).arg(word).output();
        let output = output.with_context(|| format!("{PROGRAM}: install the package postfix"))?;
        if !output.status.success() {
            bail!("postfix {word}: {}{}", String::from_utf8_lossy(&output.stderr), self.last_words());
        }
        Ok(())
    }

    fn read_master(&self) -> u32 {
        let file = self.folder.path().join("queue/pid/master.pid");
        fs::read_to_string(file).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
    }

    fn last_words(&self) -> String {
        let log = fs::read(self.folder.path().join("maillog")).unwrap_or_default();
        let tail = log.len().saturating_sub(2_000);
        String::from_utf8_lossy(&log[tail..]).into_owned()
    }

    /// Its SMTP listener.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }

    /// Its master process, parent of all others.
    pub fn pid(&self) -> u32 {
        self.master
    }

    /// Waits until its queue holds no mail.
    ///
    /// # Errors
    /// When mail is still there after ten minutes.
    pub async fn until_drained(&self) -> Result<()> {
        for _ in 0..DRAINED_WITHIN_LOOKS {
            let queue = self.folder.path().join("queue");
            if ["incoming", "active", "deferred"].iter().all(|name| is_empty(&queue.join(name))) {
                return Ok(());
            }
            sleep(LOOK).await;
        }
        bail!("postfix still holds mail: {}", self.last_words())
    }
}

/// Whether no file is in `dir` or one level below it (queues may be hashed).
fn is_empty(dir: &Path) -> bool {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    !entries.map(|entry| entry.path()).any(|path| !path.is_dir() || !is_empty(&path))
}

impl Drop for Postfix {
    fn drop(&mut self) {
        if let Err(error) = self.control("stop") {
            eprintln!("postfix was not stopped: {error:#}");
        }
    }
}
