//! The engine starts, stops, and reaches its limits.

use std::time::Duration;

use mail_model::UnixMs;
use metrics::{counter, gauge};
use tracing::{info, warn};

use crate::attempt::millis;
use crate::metrics_table::{BUILD, LIMITS, START_TIME};

/// The engine takes and sends mail from now on.
pub struct EngineStarted<'a> {
    /// Of the program.
    pub version: &'static str,
    /// This node.
    pub node: &'a str,
    /// Now.
    pub at: UnixMs,
    /// Notifications found waiting.
    pub queued: u64,
    /// How long the start took.
    pub took: Duration,
}

impl EngineStarted<'_> {
    /// Counts and logs.
    pub fn emit(&self) {
        gauge!(START_TIME).set(Duration::from_millis(self.at.0).as_secs_f64());
        gauge!(BUILD, "version" => self.version).set(1.0);
        info!(
            target: "todoke::engine",
            version = self.version,
            node = self.node,
            queued = self.queued,
            took_ms = millis(self.took),
            "the engine is ready"
        );
    }
}

/// The engine was told to stop.
pub struct EngineStopping {
    /// `SIGTERM`, `end of demo` …
    pub why: &'static str,
}

impl EngineStopping {
    /// Logs.
    pub fn emit(&self) {
        info!(target: "todoke::engine", why = self.why, "the engine finishes its open transactions and stops");
    }
}

/// A part did not end within its time and was cut off; what it had not settled is tried again after the next start.
pub struct StopSlow {
    /// `http`, `sessions`.
    pub part: &'static str,
}

impl StopSlow {
    /// Logs.
    pub fn emit(&self) {
        warn!(target: "todoke::engine", part = self.part, "a part of the engine did not stop in time and was cut off");
    }
}

/// The engine has stopped; nothing is in memory only.
pub struct EngineStopped {
    /// Notifications that wait for the next start.
    pub queued: u64,
    /// How long stopping took.
    pub took: Duration,
}

impl EngineStopped {
    /// Logs.
    pub fn emit(&self) {
        info!(target: "todoke::engine", queued = self.queued, took_ms = millis(self.took), "the engine has stopped");
    }
}

/// A configured limit was reached and something was turned away or made to wait.
pub struct LimitReached {
    /// The setting's name, `queue.messages_max`.
    pub limit: &'static str,
    /// Its value.
    pub value: u64,
}

impl LimitReached {
    /// Counts and logs.
    pub fn emit(&self) {
        counter!(LIMITS, "limit" => self.limit).increment(1);
        warn!(
            target: "todoke::engine",
            limit = self.limit,
            value = self.value,
            "a limit was reached; callers are told to try later, raise it if this is normal load"
        );
    }
}
