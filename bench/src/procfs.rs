//! CPU time and memory of a process with all its children, and of the whole machine, from `/proc`.

use std::collections::{HashMap, HashSet};
use std::fs;

/// Linux reports times to programs in hundredths of a second on every architecture (`USER_HZ`).
const TICKS_PER_SECOND: f64 = 100.0;

/// What a process tree used and holds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// User and system seconds, those of ended and waited-for children included.
    pub cpu_s: f64,
    /// Sum of resident sets in KiB. Pages shared between processes count for each of them.
    pub rss_kib: u64,
    /// Processes.
    pub processes: u32,
}

struct Line {
    parent: u32,
    cpu_ticks: u64,
}

/// One process's line of `/proc/<pid>/stat`. Its name may hold spaces and parentheses.
fn stat_line(text: &str) -> Option<Line> {
    let (_, rest) = text.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    // Counted from 1 in proc(5): 4 ppid, 14 utime, 15 stime, 16 cutime, 17 cstime; the first field here is the third.
    let number = |place: usize| fields.get(place - 3)?.parse::<u64>().ok();
    let cpu_ticks = number(14)? + number(15)? + number(16)? + number(17)?;
    Some(Line { parent: u32::try_from(number(4)?).ok()?, cpu_ticks })
}

/// The lines of `root` and of everything below it.
fn tree_of(root: u32) -> HashMap<u32, Line> {
    let mut lines: HashMap<u32, Line> = HashMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let text = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        if let Some(line) = stat_line(&text) {
            lines.insert(pid, line);
        }
    }
    let below: HashSet<u32> = lines.keys().copied().filter(|pid| is_below(*pid, root, &lines)).collect();
    lines.retain(|pid, _| below.contains(pid));
    lines
}

/// What `root` and everything below it used up to now. Zero for a process that does not exist.
pub fn usage_of(root: u32) -> Usage {
    let lines = tree_of(root);
    Usage {
        cpu_s: seconds(lines.values().map(|line| line.cpu_ticks).sum()),
        rss_kib: lines.keys().filter_map(|pid| status_kib(*pid, "VmRSS:")).sum(),
        processes: u32::try_from(lines.len()).unwrap_or(u32::MAX),
    }
}

/// CPU seconds of one process alone.
pub fn cpu_of(pid: u32) -> f64 {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat_line(&text).map_or(0.0, |line| seconds(line.cpu_ticks))
}

fn is_below(pid: u32, root: u32, lines: &HashMap<u32, Line>) -> bool {
    let mut at = pid;
    // A process that ends while the list is read can leave a gap, never a circle; the bound is for safety.
    for _ in 0..64 {
        if at == root {
            return true;
        }
        match lines.get(&at) {
            Some(line) if line.parent > 1 => at = line.parent,
            _ => return false,
        }
    }
    false
}

fn seconds(ticks: u64) -> f64 {
    ticks as f64 / TICKS_PER_SECOND
}

/// Proportional memory of `root` and everything below it in KiB: a page that N processes share counts 1/N for each.
/// Slower than [`usage_of`]; zero where the kernel does not tell.
pub fn pss_kib_of(root: u32) -> u64 {
    tree_of(root).keys().filter_map(|pid| rollup_kib(*pid)).sum()
}

fn rollup_kib(pid: u32) -> Option<u64> {
    field_kib(&fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?, "Pss:")
}

/// A line such as `VmRSS:` or `VmHWM:` of a process in KiB.
pub fn status_kib(pid: u32, name: &str) -> Option<u64> {
    field_kib(&fs::read_to_string(format!("/proc/{pid}/status")).ok()?, name)
}

fn field_kib(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

/// Seconds that all CPUs together have worked since the machine started, for whomever.
pub fn machine_busy_s() -> f64 {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    let fields = text.lines().next().unwrap_or_default().split_ascii_whitespace().skip(1);
    let ticks: Vec<u64> = fields.filter_map(|field| field.parse().ok()).collect();
    // user nice system idle iowait irq softirq: all but the two kinds of waiting.
    seconds([0, 1, 2, 5, 6].into_iter().filter_map(|place: usize| ticks.get(place)).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_spaces_and_parentheses_does_not_shift_the_fields() {
        let text = "42 (smtpd (a) b) S 7 42 42 0 -1 4194304 1 2 3 4 50 6 700 8 20 0 1 0 12345 1000 200 184 1";
        let line = stat_line(text).unwrap();
        assert_eq!((line.parent, line.cpu_ticks), (7, 50 + 6 + 700 + 8));
    }

    #[test]
    fn this_process_has_used_something_and_is_resident() {
        let usage = usage_of(std::process::id());
        assert!(usage.processes >= 1 && usage.rss_kib > 0, "{usage:?}");
        assert!(machine_busy_s() > 0.0);
        assert_eq!(usage_of(u32::MAX - 1), Usage::default());
    }
}
