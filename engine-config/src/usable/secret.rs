//! Files that hold a secret: read once, refused when others can read them, never shown.

use std::fmt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::written::section::Section;
use crate::written::value::At;

/// Largest secret file; a PEM file of an RSA-4096 key has about 3,300 bytes.
const SECRET_BYTES_MAX: usize = 16_384;

/// What a secret file held.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Box<[u8]>);

impl Secret {
    /// The bytes. Never to be logged, compared in constant time only.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Shows nothing.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// Reads the file that `key` names. `remedy` tells how such a file is made.
pub(crate) fn read(section: &Section<'_>, key: &str, file: &At<PathBuf>, base: &Path, remedy: &str) -> Option<Secret> {
    let path = base.join(&file.value);
    let fault = |what: String, remedy: &str| {
        section.fault_at(file.line, key, format!("{} {what}", path.display()), remedy);
        None
    };
    let read = std::fs::metadata(&path).and_then(|meta| std::fs::read(&path).map(|bytes| (meta, bytes)));
    match read {
        Err(error) => fault(format!("cannot be read ({error})"), remedy),
        Ok((meta, _)) if meta.permissions().mode() & 0o077 != 0 => {
            fault("can be read by others than its owner".to_owned(), "chmod 400 it")
        }
        Ok((_, bytes)) if bytes.is_empty() => fault("is empty".to_owned(), remedy),
        Ok((_, bytes)) if bytes.len() > SECRET_BYTES_MAX => {
            fault(format!("is larger than {SECRET_BYTES_MAX} bytes"), remedy)
        }
        Ok((_, bytes)) => Some(Secret(bytes.into())),
    }
}
