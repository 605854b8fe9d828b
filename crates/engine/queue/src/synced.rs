//! The file `synced`: the number of the last write that a sync made safe. It tells a torn tail from lost data.
//!
//! RocksDB can stop reading its log at the first damaged record, and everything behind it is gone without a word. That
//! is right for a tail that was never synced and wrong for anything else, and the log alone cannot tell which it was.
//! The number is written after each sync without a sync of its own: after a power cut the file may hold an older
//! number, never a greater one, so it never accuses wrongly.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Name of the file inside the queue directory.
pub const FILE_NAME: &str = "synced";
const MAGIC: &[u8; 8] = b"TODOKEsy";
const BYTES: usize = 20;

/// What the file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// There is no such file: a new queue, or one restored from a checkpoint.
    Nothing,
    /// Every write up to this RocksDB sequence number was synced.
    UpTo(u64),
    /// The file is damaged.
    Damaged,
}

/// Reads the file.
pub fn read(dir: &Path) -> io::Result<Said> {
    let bytes = match std::fs::read(dir.join(FILE_NAME)) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Said::Nothing),
        Err(error) => return Err(error),
    };
    Ok(decode(&bytes).map_or(Said::Damaged, Said::UpTo))
}

fn decode(bytes: &[u8]) -> Option<u64> {
    let number: [u8; 8] = bytes.get(8..16)?.try_into().ok()?;
    (bytes == encode(u64::from_le_bytes(number))).then_some(u64::from_le_bytes(number))
}

fn encode(number: u64) -> [u8; BYTES] {
    let mut bytes = [0; BYTES];
    bytes[..8].copy_from_slice(MAGIC);
    bytes[8..16].copy_from_slice(&number.to_le_bytes());
    let sum = crc32fast::hash(&bytes[..16]);
    bytes[16..].copy_from_slice(&sum.to_le_bytes());
    bytes
}

/// The file, open for writing.
pub struct SyncedMark(File);

impl SyncedMark {
    /// Opens the file, creates it if need be, and writes and syncs `number`.
    pub fn open(dir: &Path, number: u64) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(dir.join(FILE_NAME))?;
        let mark = Self(file);
        mark.write(number)?;
        mark.0.sync_all()?;
        File::open(dir)?.sync_all()?;
        Ok(mark)
    }

    /// Notes that everything up to `number` is synced. 20 bytes at offset 0, inside one sector: never half written.
    pub fn write(&self, number: u64) -> io::Result<()> {
        self.0.write_all_at(&encode(number), 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_reads_back_and_no_changed_bit_passes() {
        let bytes = encode(0x0123_4567_89ab_cdef);
        assert_eq!(decode(&bytes), Some(0x0123_4567_89ab_cdef));
        for bit in 0..BYTES * 8 {
            let mut changed = bytes;
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode(&changed), None, "bit {bit}");
        }
        assert_eq!(decode(&bytes[..BYTES - 1]), None);
        assert_eq!(decode(&[]), None);
    }
}
