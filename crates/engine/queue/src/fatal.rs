//! What happens when the store fails: one clear line, and the process stops.
//!
//! Nothing is returned and nothing is retried. A failed sync may have dropped the pages it was to write, and trying it
//! again would call them safe ("fsyncgate", 2018); only a new start that reads the log from the disk knows the truth.

use std::path::Path;

/// Why the store could not do something.
#[derive(Debug)]
pub struct StoreFault {
    /// Which column family or file.
    pub part: String,
    /// What it said.
    pub detail: String,
}

impl StoreFault {
    /// A fault of one part of the store.
    #[expect(clippy::needless_pass_by_value, reason = "so that map_err can hand its error on")]
    pub fn new(part: impl Into<String>, detail: impl ToString) -> Self {
        Self { part: part.into(), detail: detail.to_string() }
    }
}

/// Prints what happened and ends the process without running anything else.
#[allow(clippy::print_stderr)]
pub fn stop(dir: &Path, doing: &str, fault: &StoreFault) -> ! {
    eprintln!(
        "todoke queue: {doing} failed in {} ({}): {}. The process stops, so that nothing is acknowledged that is not on \
         disk. Check the disk (space, permissions, `dmesg`); what was acknowledged is recovered at the next start; if it \
         stops again, restore the directory from the last backup.",
        dir.display(),
        fault.part,
        fault.detail
    );
    std::process::abort()
}
