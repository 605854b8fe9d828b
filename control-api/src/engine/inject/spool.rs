//! Keeps the recipients of one call until its other fields are known: in memory, and beyond that in a nameless file.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// Bytes kept in memory before the file is used.
pub const MEMORY_BYTES_MAX: usize = 1 << 20;
/// Offset (8 bytes) and length (4 bytes) before each element, little-endian.
const RECORD_HEAD: usize = 12;

/// A list of byte slices with their offsets, appended, then read once.
#[derive(Debug, Default)]
pub struct Spool {
    memory: Vec<u8>,
    file: Option<File>,
    count: u64,
}

impl Spool {
    /// Adds one element. Never writes; see [`Spool::is_full`].
    pub fn push(&mut self, at: u64, text: &[u8]) -> io::Result<()> {
        let len = u32::try_from(text.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
        self.memory.extend_from_slice(&at.to_le_bytes());
        self.memory.extend_from_slice(&len.to_le_bytes());
        self.memory.extend_from_slice(text);
        self.count += 1;
        Ok(())
    }

    /// Whether [`Spool::spill`] is due.
    pub fn is_full(&self) -> bool {
        self.memory.len() >= MEMORY_BYTES_MAX
    }

    /// Whether it all fits in memory, so that reading it back cannot block.
    pub fn is_in_memory(&self) -> bool {
        self.file.is_none()
    }

    /// How many elements there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Writes what memory holds to the file; blocks. The file has no name, so it is gone when the process is.
    pub fn spill(&mut self, dir: &Path) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(tempfile::tempfile_in(dir)?),
        };
        file.write_all(&self.memory)?;
        self.memory.clear();
        Ok(())
    }

    /// Turns to reading from the first element on.
    pub fn into_reader(self) -> io::Result<SpoolReader> {
        let memory = Cursor::new(self.memory);
        let file: Box<dyn Read + Send> = match self.file {
            None => Box::new(io::empty()),
            Some(mut file) => {
                file.seek(SeekFrom::Start(0))?;
                Box::new(BufReader::with_capacity(1 << 16, file))
            }
        };
        Ok(SpoolReader { input: file.chain(memory), left: self.count, text: Vec::new() })
    }
}

/// Reads a [`Spool`] back in order.
pub struct SpoolReader {
    input: io::Chain<Box<dyn Read + Send>, Cursor<Vec<u8>>>,
    left: u64,
    text: Vec<u8>,
}

impl SpoolReader {
    /// The next element with its offset.
    pub fn read(&mut self) -> io::Result<Option<(u64, &[u8])>> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        let mut head = [0; RECORD_HEAD];
        self.input.read_exact(&mut head)?;
        let [a, b, c, d, e, f, g, h, i, j, k, l] = head;
        let at = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
        let len = u32::from_le_bytes([i, j, k, l]);
        self.text.resize(usize::try_from(len).unwrap_or(0), 0);
        self.input.read_exact(&mut self.text)?;
        Ok(Some((at, &self.text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_come_back_in_order_from_memory_and_from_the_file() {
        let dir = tempfile::tempdir().unwrap();
        for count in [0_u64, 1, 3, 40_000] {
            let mut spool = Spool::default();
            for n in 0..count {
                spool.push(n * 7, format!("element {n} {}", "x".repeat(64)).as_bytes()).unwrap();
                if spool.is_full() {
                    spool.spill(dir.path()).unwrap();
                }
            }
            assert_eq!(spool.is_in_memory(), count < 10_000);
            assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "the file has no name");
            let mut reader = spool.into_reader().unwrap();
            for n in 0..count {
                let (at, text) = reader.read().unwrap().unwrap();
                assert_eq!(at, n * 7);
                assert!(text.starts_with(format!("element {n} ").as_bytes()));
            }
            assert!(reader.read().unwrap().is_none());
        }
    }
}
