//! Gauges that somebody must read now and then: queue, memory, disk.

use mail_model::CarrierName;
use metrics::gauge;

use crate::meters::SMTP_CLIENT;
use crate::metrics_table as table;

/// The queue's size.
pub struct QueueSample<'a> {
    /// All that wait.
    pub scheduled: u64,
    /// Those that are due and in memory.
    pub ready: u64,
    /// All that wait, by carrier.
    pub by_carrier: &'a [(CarrierName, u64)],
}

impl QueueSample<'_> {
    /// Sets the gauges.
    pub fn emit(&self) {
        gauge!(table::SCHEDULED).set(count(self.scheduled));
        gauge!(table::READY, "service" => SMTP_CLIENT).set(count(self.ready));
        for (carrier, waiting) in self.by_carrier {
            gauge!(table::QUEUED_BY_PROVIDER, "provider" => carrier.to_string()).set(count(*waiting));
        }
    }
}

/// How long what waits for one carrier will take.
pub struct TimeLeftSample<'a> {
    /// Whose.
    pub carrier: &'a CarrierName,
    /// Seconds until the last is handed over, most likely.
    pub seconds: f64,
}

impl TimeLeftSample<'_> {
    /// Sets the gauge.
    pub fn emit(&self) {
        gauge!(table::TIME_LEFT, "provider" => self.carrier.to_string()).set(self.seconds);
    }
}

/// This process's memory.
pub struct MemorySample {
    /// Resident bytes.
    pub resident_bytes: u64,
}

impl MemorySample {
    /// Sets the gauge.
    pub fn emit(&self) {
        gauge!(table::MEMORY).set(count(self.resident_bytes));
    }
}

/// A disk we write to.
pub struct DiskSample<'a> {
    /// What it is used for: `queue`.
    pub name: &'a str,
    /// Free for ordinary users.
    pub free_bytes: u64,
    /// All of it.
    pub total_bytes: u64,
}

impl DiskSample<'_> {
    /// Sets the gauges.
    pub fn emit(&self) {
        let name = || self.name.to_owned();
        gauge!(table::DISK_FREE, "name" => name()).set(count(self.free_bytes));
        let percent = 100.0 * count(self.free_bytes) / count(self.total_bytes.max(1));
        gauge!(table::DISK_FREE_PERCENT, "name" => name()).set(percent);
    }
}

/// Resident bytes of this process, where the system tells (Linux).
pub fn process_memory_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
}

/// A gauge is a float: exact up to 2^53, which no count here reaches.
fn count(value: u64) -> f64 {
    value as f64
}
