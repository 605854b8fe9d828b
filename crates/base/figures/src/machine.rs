//! What a figure must always say about where and when it was taken.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

/// Machine, kernel, cores, load, commit, date, and the file system that holds `dir`.
pub fn facts(dir: &Path) -> Value {
    let cpu = line_of("/proc/cpuinfo", "model name").unwrap_or_default();
    let kib = line_of("/proc/meminfo", "MemTotal").unwrap_or_default();
    let kib: u64 = kib.trim_end_matches("kB").trim().parse().unwrap_or(0);
    json!({
        "date": jiff::Timestamp::from_millisecond(unix_ms()).map(|time| time.to_string()).unwrap_or_default(),
        "cpu": cpu,
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
        "memory_mib": kib / 1_024,
        "kernel": word(Command::new("uname").arg("-r")),
        "file_system": word(Command::new("stat").args(["-f", "-c", "%T"]).arg(dir)),
        "load_before": load_average(),
        "commit": commit(),
    })
}

fn unix_ms() -> i64 {
    i64::try_from(clock::Clock::system().unix().0).unwrap_or(i64::MAX)
}

/// The commit, with a mark when the tree holds more than it.
fn commit() -> String {
    let id = word(Command::new("git").args(["rev-parse", "--short", "--verify", "HEAD"]));
    let id = if id.is_empty() { "none".to_owned() } else { id };
    let changed = word(Command::new("git").args(["status", "--porcelain", "--untracked-files=normal"]));
    if changed.is_empty() { id } else { format!("{id}+changes") }
}

fn line_of(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// What a command prints, or nothing.
pub fn word(command: &mut Command) -> String {
    let output = command.output().map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&output).trim().to_owned()
}

/// The load averages of the last 1, 5 and 15 minutes.
pub fn load_average() -> [f64; 3] {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let mut fields = text.split_ascii_whitespace().filter_map(|field| field.parse().ok());
    [(); 3].map(|()| fields.next().unwrap_or(f64::NAN))
}
