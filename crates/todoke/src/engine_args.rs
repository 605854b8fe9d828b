//! How a command reaches a running engine.

use std::path::PathBuf;

use clap::Args;

/// How to reach a running engine.
#[derive(Args, Debug, Clone)]
pub(crate) struct EngineArgs {
    /// Where the engine listens.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8025", global = true)]
    pub(crate) engine: String,
    /// A file with the API key on its first line; not needed on loopback when the engine has no keys.
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) key_file: Option<PathBuf>,
}
