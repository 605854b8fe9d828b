//! Why something does not open.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why a sealed value or key does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Unopened {
    /// Another suite than those known, or too short to be a sealed value at all.
    #[error("this is no sealed value of a known form")]
    Form,
    /// Another key, another place, or changed bytes; which of them cannot be told.
    #[error("the value does not open here: its key is another one, it was moved, or it was changed")]
    Refused,
    /// Sealed under a generation of the root key that the key file does not hold.
    #[error("root key generation {0} is not in the key file; put its line back")]
    Generation(u32),
    /// A record of another kind, or with another parent, than the one asked for.
    #[error("the key record stands at another place of the tree")]
    Tree,
}

/// Why there is no root key.
#[derive(Debug, Error)]
pub enum RootError {
    /// The file cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Others than its owner may read it.
    #[error("{0} can be read by others; take their rights away: chmod 0400")]
    Open(PathBuf),
    /// A line is no key.
    #[error("{path}, line {line}: expected a generation number and 32 bytes in base64")]
    Line {
        /// Which file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
    },
    /// Two lines of one generation.
    #[error("{path}, line {line}: generation {generation} stands there twice; each key has a number of its own")]
    Twice {
        /// Which file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// The number.
        generation: u32,
    },
    /// No line at all.
    #[error("{0} holds no key; make one with `todoke keys root`")]
    Empty(PathBuf),
}
