//! A program in name spaces of its own: it sees this machine with other files in place, and takes all its children along.
//!
//! Mail servers have fixed paths, users and a resolver from `/etc/resolv.conf`, and Debian installs one of them at a
//! time. In here each has its own; the system's files stay as they are, and the only name server is one on loopback.

use std::fmt::Write as _;
use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

const SCRIPT: &str = include_str!("enclosure.sh");
/// What the program's user may write into.
const OPEN: u32 = 0o777;

/// What the program finds.
#[derive(Clone, Debug)]
pub struct Layout {
    /// The machine's name.
    pub host: String,
    /// Its name server, at port 53.
    pub name_server: Ipv4Addr,
    /// The Debian package that is there besides what is installed; `ops/setup` unpacks it.
    pub package: Option<&'static str>,
    /// Users that are there besides the system's, with a group each.
    pub users: &'static [&'static str],
    /// Files by their absolute paths.
    pub files: Vec<(String, String)>,
    /// Folders by their absolute paths, with their modes.
    pub folders: Vec<(&'static str, u32)>,
    /// The program and its arguments.
    pub program: Vec<String>,
}

/// A running program. Dropping it kills it and whatever it started.
#[derive(Debug)]
pub struct Enclosure {
    folder: TempDir,
    child: Child,
}

/// Why nothing can be enclosed here, if so.
pub fn obstacle() -> Option<&'static str> {
    let is_root = fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
    (!is_root).then_some("skipped: mail servers of their own need root (mounts, ports below 1024); run this as root")
}

/// Where `ops/setup` unpacks a package; `TODOKE_PEERS` names another place.
///
/// # Errors
/// When it is not there.
pub fn package_folder(package: &str) -> Result<PathBuf> {
    let cache = || std::env::var_os("XDG_CACHE_HOME").filter(|path| !path.is_empty()).map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let peers = match std::env::var_os("TODOKE_PEERS") {
        Some(given) => PathBuf::from(given),
        None => cache().or_else(home).context("neither HOME nor XDG_CACHE_HOME is set")?.join("todoke/peers"),
    };
    let folder = peers.join(package);
    ensure!(folder.join("usr").is_dir(), "Debian's {package} is missing below {}: run ops/setup", peers.display());
    Ok(folder)
}

/// A folder that the enclosed program shares with the test. Everybody may look into it.
///
/// # Errors
/// When it cannot be made.
pub fn shared_folder() -> Result<TempDir> {
    let folder = tempfile::Builder::new().prefix("todoke-peer").tempdir()?;
    fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755))?;
    for name in ["files", "mail", "log"] {
        let path = folder.path().join(name);
        fs::create_dir(&path)?;
        fs::set_permissions(path, PermissionsExt::from_mode(if name == "files" { 0o755 } else { OPEN }))?;
    }
    Ok(folder)
}

impl Enclosure {
    /// Lays the files out and starts the program. `folder` is one of [`shared_folder`].
    ///
    /// # Errors
    /// When files cannot be written or the package is missing. What the program itself says is in [`Self::said`].
    pub fn start(folder: TempDir, layout: &Layout) -> Result<Self> {
        lay_out(&folder.path().join("files"), layout)?;
        let script = folder.path().join("enclosure.sh");
        fs::write(&script, SCRIPT)?;
        let package = layout.package.map(package_folder).transpose()?.unwrap_or_else(|| PathBuf::from("-"));
        let out = fs::File::create(folder.path().join("out"))?;
        let child = Command::new("setpriv")
            // Were this test killed, nothing would be left to kill the program.
            .args(["--pdeathsig", "KILL"])
            .args(["unshare", "--uts", "--mount", "--pid", "--fork", "--kill-child", "sh"])
            .args([&script, folder.path(), &package])
            .arg(&layout.host)
            .args(&layout.program)
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .spawn()
            .context("unshare and setpriv of util-linux are needed")?;
        Ok(Self { folder, child })
    }

    /// A path in the folder that it shares with the program.
    pub fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Whether the program has ended.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn has_ended(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_some())
    }

    /// What it printed and logged.
    pub fn said(&self) -> String {
        let mut said = fs::read_to_string(self.at("out")).unwrap_or_default();
        for entry in fs::read_dir(self.at("log")).into_iter().flatten().flatten() {
            said.push_str(&String::from_utf8_lossy(&fs::read(entry.path()).unwrap_or_default()));
        }
        said
    }
}

/// Nothing more can be done here when a step fails: the next test takes another port and folder.
impl Drop for Enclosure {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lay_out(files: &Path, layout: &Layout) -> Result<()> {
    let host = &layout.host;
    put(files, "/etc/resolv.conf", &format!("nameserver {}\noptions timeout:1 attempts:2\n", layout.name_server))?;
    put(files, "/etc/hosts", &format!("127.0.0.1 localhost\n127.0.0.1 {host}\n"))?;
    put(files, "/etc/mailname", &format!("{host}\n"))?;
    let (mut passwd, mut group) = (fs::read_to_string("/etc/passwd")?, fs::read_to_string("/etc/group")?);
    // Numbers that Debian gives to nobody by itself.
    for (id, user) in (64_900..).zip(layout.users) {
        if !passwd.lines().any(|line| line.starts_with(&format!("{user}:"))) {
            writeln!(passwd, "{user}:x:{id}:{id}::/nonexistent:/usr/sbin/nologin")?;
            writeln!(group, "{user}:x:{id}:")?;
        }
    }
    put(files, "/etc/passwd", &passwd)?;
    put(files, "/etc/group", &group)?;
    for (path, mode) in &layout.folders {
        let folder = inside(files, path);
        fs::create_dir_all(&folder)?;
        fs::set_permissions(&folder, PermissionsExt::from_mode(*mode))?;
    }
    for (path, text) in &layout.files {
        put(files, path, text)?;
    }
    Ok(())
}

fn inside(files: &Path, path: &str) -> PathBuf {
    files.join(path.trim_start_matches('/'))
}

fn put(files: &Path, path: &str, text: &str) -> Result<()> {
    let path = inside(files, path);
    fs::create_dir_all(path.parent().context("a file lies in a folder")?)?;
    Ok(fs::write(path, text)?)
}
