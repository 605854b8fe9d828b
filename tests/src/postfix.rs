//! Debian's Postfix as a receiver on this machine: a few domains, a mailbox a user, no relaying, gone when dropped.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

const POSTFIX: &str = "/usr/sbin/postfix";
const MISSING: &str = "Debian's Postfix is missing; install it with `ops/setup`, or `apt-get install postfix` with \
                       the choice \"No configuration\"";
/// `nobody`, who owns the mailboxes.
const NOBODY: u32 = 65_534;
const START_WITHIN: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(20);
/// How often a stopping master is looked at before it is killed: five seconds.
const STOP_LOOKS: u32 = 250;

/// A running Postfix.
pub struct Postfix {
    folder: TempDir,
    address: SocketAddr,
    child: Child,
}

impl Postfix {
    /// Starts a receiver for `domains` that knows `users` and nobody else, and waits until it listens.
    ///
    /// # Errors
    /// When Postfix is not installed or does not start; then its log is part of the error.
    pub async fn start(domains: &[&str], users: &[String]) -> Result<Self> {
        ensure!(Path::new(POSTFIX).exists(), MISSING);
        let folder = tempfile::Builder::new().prefix("todoke-postfix").tempdir()?;
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        lay_out(folder.path(), address, domains, users)?;
        let child = Command::new(POSTFIX)
            .arg("-c")
            .arg(folder.path().join("config"))
            .arg("start-fg")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        let mut postfix = Self { folder, address, child };
        postfix.until_listening().await?;
        Ok(postfix)
    }

    async fn until_listening(&mut self) -> Result<()> {
        let address = self.address;
        let child = &mut self.child;
        let look = async {
            while tokio::net::TcpStream::connect(address).await.is_err() && child.try_wait()?.is_none() {
                sleep(LOOK).await;
            }
            anyhow::Ok(child.try_wait()?.is_none())
        };
        let listens = matches!(timeout(START_WITHIN, look).await, Ok(Ok(true)));
        ensure!(listens, "Postfix does not start:\n{}", self.log());
        Ok(())
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it wrote into its log.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("postfix.log")).unwrap_or_default()
    }

    /// The mails in a user's mailbox; `user` by the place in the list at the start.
    ///
    /// # Errors
    /// When a mail cannot be read.
    pub fn mails(&self, user: usize) -> Result<Vec<Vec<u8>>> {
        let folder = self.folder.path().join(format!("mail/{user}/new"));
        // The first mail makes the folder.
        let Ok(entries) = std::fs::read_dir(folder) else { return Ok(Vec::new()) };
        entries.map(|entry| Ok(std::fs::read(entry?.path())?)).collect()
    }

    /// Mails in all mailboxes together.
    ///
    /// # Errors
    /// As [`Self::mails`].
    pub fn mail_count(&self, users: usize) -> Result<usize> {
        (0..users).map(|user| Ok(self.mails(user)?.len())).sum()
    }

    fn master(&self) -> Option<String> {
        let pid = std::fs::read_to_string(self.folder.path().join("queue/pid/master.pid")).ok()?;
        Some(pid.trim().to_owned())
    }
}

/// The master is a session of its own; killing the command that started it would leave it running. Nothing more can be
/// done here when a step fails: the next test takes another port and folder.
impl Drop for Postfix {
    fn drop(&mut self) {
        if let Some(master) = self.master() {
            let signal = |name: &str| Command::new("kill").args([name, &master]).stderr(Stdio::null()).status();
            let _ = signal("-TERM");
            for _ in 0..STOP_LOOKS {
                if !Path::new("/proc").join(&master).exists() {
                    break;
                }
                std::thread::sleep(LOOK);
            }
            let _ = signal("-KILL");
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lay_out(root: &Path, address: SocketAddr, domains: &[&str], users: &[String]) -> Result<()> {
    // Its programs run as users of their own and must get through.
    std::fs::set_permissions(root, PermissionsExt::from_mode(0o755))?;
    for name in ["config", "queue", "data", "mail"] {
        std::fs::create_dir(root.join(name))?;
    }
    chown(root.join("mail"), Some(NOBODY), Some(NOBODY)).context("mailboxes of nobody; Postfix needs root")?;
    chown(root.join("data"), Some(postfix_user()?), None)?;
    let mut mailboxes = String::new();
    for (number, user) in users.iter().enumerate() {
        writeln!(mailboxes, "{user} {number}/")?;
    }
    std::fs::write(root.join("mailboxes"), mailboxes)?;
    std::fs::write(root.join("config/main.cf"), main_cf(root, domains))?;
    std::fs::write(root.join("config/master.cf"), master_cf(address))?;
    Ok(())
}

fn postfix_user() -> Result<u32> {
    let users = std::fs::read_to_string("/etc/passwd")?;
    let line = users.lines().find_map(|line| line.strip_prefix("postfix:")).context(MISSING)?;
    line.split(':').nth(1).and_then(|id| id.parse().ok()).context("the user postfix has no number")
}

fn main_cf(root: &Path, domains: &[&str]) -> String {
    let at = |name: &str| -> PathBuf { root.join(name) };
    let fixed = "compatibility_level = 3.6\ncommand_directory = /usr/sbin\n\
         daemon_directory = /usr/lib/postfix/sbin\nmail_owner = postfix\nsetgid_group = postdrop\n\
         inet_interfaces = 127.0.0.1\ninet_protocols = ipv4\nmyhostname = mx.receiver.example\n\
         mydestination =\nmynetworks =\nrelay_domains =\nlocal_recipient_maps =\nalias_maps =\nalias_database =\n\
         virtual_alias_maps =\nvirtual_uid_maps = static:65534\nvirtual_gid_maps = static:65534\n\
         smtpd_relay_restrictions = reject_unauth_destination\n\
         smtpd_recipient_restrictions = reject_unauth_destination\n\
         default_transport = error:this receiver never relays\nrelay_transport = error:this receiver never relays\n\
         local_transport = error:this receiver never relays\n";
    format!(
        "{fixed}queue_directory = {}\ndata_directory = {}\nmaillog_file = {}\nmaillog_file_prefixes = {}\n\
         virtual_mailbox_base = {}\nvirtual_mailbox_maps = texthash:{}\nvirtual_mailbox_domains = {}\n",
        at("queue").display(),
        at("data").display(),
        at("postfix.log").display(),
        root.display(),
        at("mail").display(),
        at("mailboxes").display(),
        domains.join(", "),
    )
}

/// Only what receiving needs: there is no `smtp` among them, so nothing can leave.
fn master_cf(address: SocketAddr) -> String {
    format!(
        "{address} inet n - n - - smtpd\n\
         cleanup unix n - n - 0 cleanup\n\
         qmgr unix n - n 300 1 qmgr\n\
         rewrite unix - - n - - trivial-rewrite\n\
         bounce unix - - n - 0 bounce\n\
         defer unix - - n - 0 bounce\n\
         trace unix - - n - 0 bounce\n\
         proxymap unix - - n - - proxymap\n\
         error unix - - n - - error\n\
         retry unix - - n - - error\n\
         virtual unix - n n - - virtual\n\
         anvil unix - - n - 1 anvil\n\
         postlog unix-dgram n - n - 1 postlogd\n"
    )
}
