//! What is wrong with a scenario file, told so that its author can mend all of it in one go.

use std::fmt;

use thiserror::Error;

/// One thing that is wrong, where it stands, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// The file as the caller named it.
    pub origin: String,
    /// Line in the file, from 1.
    pub line: u32,
    /// Table and key, `carriers.1.periods.2.latency.mail_ms`; empty when the text is no TOML there.
    pub key: String,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

impl fmt::Display for Fault {
    /// The form that editors and grep can jump to.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.origin, self.line)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        write!(f, "{}; {}", self.what, self.remedy)
    }
}

/// Why a scenario could not be had.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The file cannot be read.
    #[error("{path}: {why}; name a file that can be read")]
    File {
        /// As it was given.
        path: String,
        /// The system's reason.
        why: std::io::Error,
    },
    /// Everything that is wrong in it, in the order of its lines.
    #[error("{}", lines(.0))]
    Faults(Vec<Fault>),
}

fn lines(faults: &[Fault]) -> String {
    faults.iter().map(Fault::to_string).collect::<Vec<_>>().join("\n")
}
