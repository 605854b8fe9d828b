//! Why policies cannot be obeyed at all.

use std::path::PathBuf;

use thiserror::Error;

/// Why policies cannot be obeyed at all. Only our own machine can be the reason, and only at the start.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TlsPolicyError {
    /// The file of further root certificates cannot be used.
    #[error("[tls] roots_file: {path} cannot be used: {why}")]
    RootsFile {
        /// The file.
        path: PathBuf,
        /// The system's words, or ours.
        why: String,
    },
    /// The TLS library refuses its settings.
    #[error("TLS cannot be set up: {0}")]
    Setup(String),
}
