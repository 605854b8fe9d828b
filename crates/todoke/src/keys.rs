//! `keys new`: the secret that authenticates what comes back; and how any secret is written to a file.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Subcommand;
use rustls::crypto::aws_lc_rs;

/// 256 bits, as long as the strength of the MACs made with it.
const KEY_BYTES: usize = 32;

#[derive(Subcommand, Debug)]
pub(crate) enum KeysCommand {
    /// Write 256 random bits, as 64 hex digits, to a new file that only its owner can read.
    #[command(after_help = "\
For `key_file` of [returns]. It authenticates return paths, registration addresses and unsubscribe links: whoever has \
it can forge bounces, so it belongs into the backup and nowhere else.

To change it: make a new one, name it in `key_file` and the old one in `old_key_files`. Take the old one away when no \
mail sent with it can bounce any more (`window_days`) and no letter with an old registration address is in use.")]
    New {
        /// The file; it must not exist.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

pub(crate) fn run(command: &KeysCommand) -> Result<ExitCode> {
    let KeysCommand::New { file } = command;
    let mut bits = [0; KEY_BYTES];
    if aws_lc_rs::default_provider().secure_random.fill(&mut bits).is_err() {
        bail!("the machine has no randomness to give");
    }
    let mut text: String = bits.iter().map(|byte| format!("{byte:02x}")).collect();
    text.push('\n');
    write_new(file, text.as_bytes())?;
    println!("wrote {} (mode 0400). For the configuration:\n", file.display());
    println!("[returns]\ndomain = \"b.school.example\"   # its MX is this engine\nkey_file = {}", shown(file)?);
    Ok(ExitCode::SUCCESS)
}

/// Writes a secret to a file that did not exist, readable by its owner only from the first moment, and syncs it.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = match OpenOptions::new().write(true).create_new(true).mode(0o400).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            bail!("{} exists; a key is never written over, choose another name", path.display())
        }
        Err(error) => return Err(error).with_context(|| format!("cannot make {}", path.display())),
    };
    file.write_all(bytes).and_then(|()| file.sync_all()).with_context(|| format!("cannot write {}", path.display()))
}

/// A path as a value of the configuration, wherever that file lies.
pub(crate) fn shown(path: &Path) -> Result<String> {
    let whole = path.canonicalize().with_context(|| format!("cannot read {}", path.display()))?;
    Ok(toml::Value::String(whole.display().to_string()).to_string())
}
