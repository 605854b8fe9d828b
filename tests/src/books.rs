//! The books of an engine that has ended: its ledger as it lies on disk, joined with what the carriers hold.

use std::path::Path;

use anyhow::{Context, Result};
use clock::Clock;
use queue::{AttemptRecord, InDoubt, Queue, QueueSettings};
use testkit::{Drain, Intent, LedgerLine, Reconciliation, Snapshot, reconcile};

/// Attempts read from the outbox at a time.
const PAGE: usize = 10_000;

/// Ledger and journal side by side.
pub struct Books {
    /// Every settled attempt, in the order of settling.
    pub ledger: Vec<AttemptRecord>,
    /// The carriers' copies, in the order in which they took them.
    pub journal: Snapshot,
    /// What the oracle says of the two.
    pub found: Reconciliation,
}

impl Books {
    /// Reads the ledger in `data_dir`, which no engine may have open, and asks the oracle.
    ///
    /// # Errors
    /// When the queue cannot be opened.
    pub fn read(data_dir: &Path, intents: Vec<Intent>, journal: Snapshot, drain: Drain) -> Result<Self> {
        let ledger = ledger(data_dir)?;
        let found = reconcile(intents, ledger.iter().map(line), &journal, drain);
        Ok(Self { ledger, journal, found })
    }

    /// The attempts at one address, in their order.
    pub fn attempts<'a>(&'a self, address: &'a str) -> impl Iterator<Item = &'a AttemptRecord> {
        self.ledger.iter().filter(move |record| record.address.as_str() == address)
    }
}

/// An attempt in the oracle's words.
pub fn line(record: &AttemptRecord) -> LedgerLine {
    LedgerLine { id: record.id, attempt: record.attempt, outcome: record.outcome, in_doubt: record.in_doubt }
}

/// Every settled attempt that is on disk.
///
/// # Errors
/// When the queue cannot be opened.
pub fn ledger(data_dir: &Path) -> Result<Vec<AttemptRecord>> {
    let queue = open(&data_dir.join("queue"))?;
    let mut ledger: Vec<AttemptRecord> = Vec::new();
    loop {
        let page = queue.outbox(ledger.last().map_or(1, |last| last.seq + 1), PAGE);
        if page.is_empty() {
            return Ok(ledger);
        }
        ledger.extend(page);
    }
}

/// What an engine that was killed left in doubt. Looks at a copy: opening the queue itself would do the recovery that
/// the engine's next start is to do.
///
/// # Errors
/// When the files cannot be copied or the copy cannot be opened.
pub fn in_doubt(data_dir: &Path) -> Result<Vec<InDoubt>> {
    let from = data_dir.join("queue");
    if !from.join("CURRENT").exists() {
        // Killed before the queue was made.
        return Ok(Vec::new());
    }
    let copy = tempfile::tempdir()?;
    for entry in std::fs::read_dir(&from)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            std::fs::copy(entry.path(), copy.path().join(entry.file_name()))?;
        }
    }
    Ok(open(copy.path())?.in_doubt())
}

fn open(folder: &Path) -> Result<Queue> {
    Queue::open(folder, QueueSettings::default(), Clock::system()).context("the queue that the engine left")
}
