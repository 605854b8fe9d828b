//! What can keep a world or a child engine from starting.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use thiserror::Error;

/// Why the kit itself failed. What a carrier says to its client is never one of these.
#[derive(Debug, Error)]
pub enum KitError {
    /// The plan contradicts itself or holds a text that is no reply.
    #[error("carrier {carrier}: {fault}")]
    Plan {
        /// Which carrier of the plan.
        carrier: String,
        /// What is wrong and how to mend it.
        fault: String,
    },
    /// No port number was free on all addresses of the plan.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address that refused.
        address: SocketAddr,
        /// The system's answer.
        source: io::Error,
    },
    /// A certificate or a key could not be made.
    #[error("no certificate or key: {0}")]
    Certificate(String),
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// A scenario does not fit into a world of sockets.
    #[error("the scenario cannot be played with sockets: {0}")]
    Scenario(String),
    /// The child engine did not start, stop or answer as it must.
    #[error("engine process: {0}")]
    Engine(String),
    /// An HTTP call to the child engine got no answer.
    #[error("engine process: {0}")]
    Http(#[from] reqwest::Error),
}
