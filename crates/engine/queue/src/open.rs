//! Opening a queue directory: one process only, a format we know, nothing synced missing – or a refusal with words.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rocksdb::{DB, ErrorKind};
use thiserror::Error;

use crate::fatal::StoreFault;
use crate::keys::Family;
use crate::logs::find_trap;
use crate::store::{LogTail, Make, Store, descriptors, options};
use crate::synced::{FILE_NAME, Said, SyncedMark, read};

/// The format this program writes. It opens directories of earlier formats, too, and makes them its own.
pub const FORMAT_VERSION: u32 = 3;
const FORMAT_FILE: &str = "FORMAT";
const FORMAT_WORDS: &str = "todoke queue format ";

/// Why a queue directory is not opened. Nothing in it was changed.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The file system refused something.
    #[error("{}: {source}", path.display())]
    Io {
        /// What could not be used.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process, or this one, has it open.
    #[error("the queue in {} is in use by another process; stop that one first", dir.display())]
    Locked {
        /// The directory.
        dir: PathBuf,
    },
    /// A newer program wrote it.
    #[error(
        "the queue in {} has format {found}; this program knows format {FORMAT_VERSION}. Start the newer program, or \
         drain the queue with it before going back",
        dir.display()
    )]
    Newer {
        /// The directory.
        dir: PathBuf,
        /// Its format.
        found: u32,
    },
    /// Something is missing or changed.
    #[error(
        "the queue in {} is damaged, part {part}: {detail}. It was not opened, so that nothing wrong is sent. Keep a copy \
         of the directory, check the disk, and restore the queue from the last backup",
        dir.display()
    )]
    Damaged {
        /// The directory.
        dir: PathBuf,
        /// Which file or column family.
        part: String,
        /// What is wrong.
        detail: String,
    },
}

impl OpenError {
    /// The damage that a fault tells of.
    pub fn damaged(dir: &Path, fault: StoreFault) -> Self {
        Self::Damaged { dir: dir.to_owned(), part: fault.part, detail: fault.detail }
    }
}

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> OpenError + '_ {
    move |source| OpenError::Io { path: path.to_owned(), source }
}

/// Opens or creates the store in `dir`.
pub fn open(dir: &Path) -> Result<Store, OpenError> {
    fs::create_dir_all(dir).map_err(io_error(dir))?;
    let said = read(dir).map_err(io_error(&dir.join(FILE_NAME)))?;
    let found = check_files(dir, said)?;
    let synced = match said {
        Said::Nothing => 0,
        Said::UpTo(number) => number,
        Said::Damaged => return Err(damaged(dir, FILE_NAME, "the file does not hold what was written")),
    };
    // Before anything is changed. RocksDB has a lock of its own, but takes it later.
    let lock = lock(dir)?;
    clear_traps(dir, synced)?;
    let db = open_checked(dir, found, synced)?;
    if found.format < FORMAT_VERSION {
        // Its families are there, and durable, and nothing stands in them yet: from here on it is of this format.
        raise_format(dir).map_err(io_error(&dir.join(FORMAT_FILE)))?;
        tracing::info!(from = found.format, to = FORMAT_VERSION, "the queue was brought to the present format");
    }
    let mark = SyncedMark::open(dir, db.latest_sequence_number()).map_err(io_error(&dir.join(FILE_NAME)))?;
    Ok(Store::new(db, mark, lock, dir))
}

/// Held as long as the queue is open; the system lets go of it when the process dies.
fn lock(dir: &Path) -> Result<File, OpenError> {
    let path = dir.join(FORMAT_FILE);
    let file = File::open(&path).map_err(io_error(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked { dir: dir.to_owned() }),
        Err(TryLockError::Error(error)) => Err(io_error(&path)(error)),
    }
}

/// Keeps RocksDB from damage at which it would hang. Only a tail that was never synced is cut off here.
fn clear_traps(dir: &Path, synced: u64) -> Result<(), OpenError> {
    let mut logs = vec![];
    let manifest = fs::read_to_string(dir.join("CURRENT")).unwrap_or_default();
    for entry in fs::read_dir(dir).map_err(io_error(dir))? {
        let path = entry.map_err(io_error(dir))?.path();
        if path.extension().is_some_and(|ext| ext == "log") {
            logs.push(path);
        } else if path.file_name().is_some_and(|name| name == manifest.trim_end())
            && find_trap(&path).map_err(io_error(&path))?.is_some()
        {
            return Err(damaged(dir, manifest.trim_end(), "it holds a record of a kind that is never written"));
        }
    }
    // Numbered with leading zeros, so names sort as the logs do.
    logs.sort();
    let last = logs.len().saturating_sub(1);
    for (at, path) in logs.iter().enumerate() {
        let Some(trap) = find_trap(path).map_err(io_error(path))? else { continue };
        if at != last || trap.last_number < synced {
            return Err(synced_part_missing(dir, synced, trap.last_number, "a record of a kind that is never written"));
        }
        tracing::warn!(bytes = trap.whole_bytes, "the queue's log had rubbish behind its end, which is cut off");
        let log = File::options().write(true).open(path).map_err(io_error(path))?;
        log.set_len(trap.whole_bytes).and_then(|()| log.sync_all()).map_err(io_error(path))?;
    }
    Ok(())
}

fn damaged(dir: &Path, part: &str, detail: impl ToString) -> OpenError {
    OpenError::damaged(dir, StoreFault::new(part, detail))
}

/// What the files around the database say.
#[derive(Clone, Copy, Debug)]
struct Found {
    /// The format, at most ours.
    format: u32,
    /// Whether a database may be created.
    create: bool,
}

impl Found {
    fn make(self) -> Make {
        match self {
            Self { create: true, .. } => Make::Database,
            Self { format, .. } if format < FORMAT_VERSION => Make::Families,
            Self { .. } => Make::Nothing,
        }
    }
}

/// Looks at the files around the database.
fn check_files(dir: &Path, said: Said) -> Result<Found, OpenError> {
    let path = dir.join(FORMAT_FILE);
    let has_database = database_files(dir).map_err(io_error(dir))?;
    let format = match fs::read_to_string(&path) {
        Ok(text) => check_format(dir, &text)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound && !has_database && said == Said::Nothing => {
            write_format(dir, &path).map_err(io_error(&path))?;
            FORMAT_VERSION
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(damaged(dir, FORMAT_FILE, "the file is missing, so the format is not known"));
        }
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            return Err(damaged(dir, FORMAT_FILE, "the file does not hold what was written"));
        }
        Err(error) => return Err(io_error(&path)(error)),
    };
    let has_current = dir.join("CURRENT").exists();
    // RocksDB would make a new, empty database without a word when CURRENT is missing.
    if !has_current && (has_database || said != Said::Nothing) {
        return Err(damaged(dir, "CURRENT", "the file is missing"));
    }
    Ok(Found { format, create: !has_current })
}

fn database_files(dir: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(dir)? {
        let name = entry?.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("MANIFEST-") || name.ends_with(".sst") || name.ends_with(".log") {
            return Ok(true);
        }
    }
    Ok(false)
}

fn check_format(dir: &Path, text: &str) -> Result<u32, OpenError> {
    let number = text.strip_prefix(FORMAT_WORDS).and_then(|rest| rest.strip_suffix('\n'));
    match number.and_then(|digits| digits.parse::<u32>().ok()) {
        Some(found @ 1..=FORMAT_VERSION) => Ok(found),
        Some(found) if found > FORMAT_VERSION => Err(OpenError::Newer { dir: dir.to_owned(), found }),
        _ => Err(damaged(dir, FORMAT_FILE, "the file does not hold what was written")),
    }
}

fn format_text() -> String {
    format!("{FORMAT_WORDS}{FORMAT_VERSION}\n")
}

/// Overwrites an earlier format's number. In place and not by renaming, because the file carries the lock; all formats so
/// far have texts of one length, far inside one sector, so it is never half written.
fn raise_format(dir: &Path) -> io::Result<()> {
    let file = File::options().write(true).open(dir.join(FORMAT_FILE))?;
    file.write_all_at(format_text().as_bytes(), 0)?;
    file.sync_all()
}

fn write_format(dir: &Path, path: &Path) -> io::Result<()> {
    let fresh = dir.join("FORMAT.new");
    let mut file = File::create(&fresh)?;
    file.write_all(format_text().as_bytes())?;
    file.sync_all()?;
    fs::rename(&fresh, path)?;
    File::open(dir)?.sync_all()
}

/// Copies the file that tells the format beside a checkpoint.
pub fn copy_format(from: &Path, to: &Path) -> io::Result<()> {
    fs::copy(from.join(FORMAT_FILE), to.join(FORMAT_FILE))?;
    File::open(to.join(FORMAT_FILE))?.sync_all()?;
    File::open(to)?.sync_all()
}

/// Opens the database if everything that was synced is there. A refusal leaves every file as it is.
fn open_checked(dir: &Path, found: Found, synced: u64) -> Result<DB, OpenError> {
    let whole = options(LogTail::Whole, found.make());
    let db = match DB::open_cf_descriptors(&whole, dir, descriptors(&Family::ALL)) {
        Ok(db) => db,
        Err(error) if error.kind() == ErrorKind::Corruption => {
            // The log does not end cleanly, as after a power cut or a kill in the middle of a write. Read it without
            // changing anything and see whether what is readable reaches as far as the last sync did.
            let tail = options(LogTail::CutAtDamage, Make::Nothing);
            let families = descriptors(Family::of_format(found.format));
            let probe = DB::open_cf_descriptors_read_only(&tail, dir, families, false)
                .map_err(|second| damaged(dir, "database", second))?;
            let reaches = probe.latest_sequence_number();
            drop(probe);
            if reaches < synced {
                return Err(synced_part_missing(dir, synced, reaches, &error.into_string()));
            }
            tracing::warn!(reason = error.as_ref(), "the queue's log had a torn end; only unsynced writes were in it");
            let tail = options(LogTail::CutAtDamage, found.make());
            DB::open_cf_descriptors(&tail, dir, descriptors(&Family::ALL)).map_err(|error| refused(dir, error))?
        }
        Err(error) => return Err(refused(dir, error)),
    };
    let reaches = db.latest_sequence_number();
    if reaches < synced {
        return Err(synced_part_missing(dir, synced, reaches, "the log ends early"));
    }
    Ok(db)
}

fn synced_part_missing(dir: &Path, synced: u64, reaches: u64, why: &str) -> OpenError {
    let detail = format!("writes were synced up to number {synced}, but only {reaches} can be read ({why})");
    damaged(dir, "log", detail)
}

fn refused(dir: &Path, error: rocksdb::Error) -> OpenError {
    let words = error.into_string();
    // RocksDB has no kind for this; both its texts (same process, other process) name the LOCK file.
    if words.contains("/LOCK") && words.to_ascii_lowercase().contains("lock") && words.starts_with("IO error") {
        return OpenError::Locked { dir: dir.to_owned() };
    }
    damaged(dir, "database", words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_file_is_believed_only_when_it_is_whole() {
        let dir = Path::new("/q");
        for format in 1..=FORMAT_VERSION {
            let text = format!("todoke queue format {format}\n");
            assert!(check_format(dir, &text).is_ok_and(|found| found == format) && text.len() == format_text().len());
        }
        assert!(matches!(check_format(dir, "todoke queue format 4\n"), Err(OpenError::Newer { found: 4, .. })));
        for bad in ["", "todoke queue format 1", "todoke queue format 0\n", "todoke queue format x\n", "postfix\n"] {
            assert!(matches!(check_format(dir, bad), Err(OpenError::Damaged { .. })), "{bad:?}");
        }
    }
}
