//! Looking over RocksDB's logs before RocksDB reads them, for the one kind of damage at which its reader never ends.
//!
//! RocksDB 11.8 (`log::Reader::ReadPhysicalRecord`) meets a record of a *recyclable* type in a log that did not begin
//! with one by returning without moving on, and its caller asks again, for ever, in every recovery mode. Our logs are
//! never recycled, so such a type is always damage: one flipped bit (1 → 5), or rubbish behind the end. The MANIFEST is
//! read by the same reader. Layout: blocks of 32 KiB; a record in a block is CRC-32C u32, length u16, type u8, bytes.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

const BLOCK_BYTES: usize = 32 * 1_024;
const HEADER_BYTES: usize = 7;

/// Where the reader would not get on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trap {
    /// End of the last whole record before it, bytes from the beginning of the file.
    pub whole_bytes: u64,
    /// RocksDB's number of the last write up to there.
    pub last_number: u64,
}

/// Looks over one file. Quick while nothing is odd; checksums are looked at only when something is.
pub fn find_trap(path: &Path) -> io::Result<Option<Trap>> {
    if !Walk::new(false).over(path)?.odd {
        return Ok(None);
    }
    Ok(Walk::new(true).over(path)?.trap)
}

/// Follows the reader through a file.
struct Walk {
    check: bool,
    odd: bool,
    trap: Option<Trap>,
    /// The reader has given out a record.
    given: bool,
    /// The reader has met damage: it stops after the next record.
    damaged: bool,
    over: bool,
    whole_bytes: u64,
    last_number: u64,
    /// Number of the last write in the record whose first part was read.
    begun: Option<u64>,
}

impl Walk {
    fn new(check: bool) -> Self {
        Self {
            check,
            odd: false,
            trap: None,
            given: false,
            damaged: false,
            over: false,
            whole_bytes: 0,
            last_number: 0,
            begun: None,
        }
    }

    fn over(mut self, path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let mut block = Vec::with_capacity(BLOCK_BYTES);
        let mut start = 0;
        while !self.over {
            block.clear();
            file.by_ref().take(BLOCK_BYTES as u64).read_to_end(&mut block)?;
            if block.is_empty() {
                break;
            }
            self.block(&block, start);
            start += block.len() as u64;
        }
        Ok(self)
    }

    fn block(&mut self, block: &[u8], start: u64) {
        let mut at = 0;
        while !self.over
            && let Some((header, rest)) = block.get(at..).and_then(|left| left.split_at_checked(HEADER_BYTES))
        {
            let length = usize::from(u16::from_le_bytes([header[4], header[5]]));
            let kind = header[6];
            if matches!(kind, 5..=8 | 11 | 131) {
                self.odd = true;
                self.over = true;
                if self.given {
                    self.trap = Some(Trap { whole_bytes: self.whole_bytes, last_number: self.last_number });
                }
                return;
            }
            if kind == 0 && length == 0 {
                return;
            }
            let body = rest.get(..length);
            if body.is_none_or(|body| self.check && !checksum_fits(header, body)) {
                // The reader drops the rest of the block.
                (self.odd, self.damaged) = (true, true);
                return;
            }
            at += HEADER_BYTES + length;
            self.record(kind, body.unwrap_or_default(), start + at as u64);
        }
    }

    fn record(&mut self, kind: u8, body: &[u8], end: u64) {
        let number = match kind {
            1 => last_number(body),
            2 => {
                self.begun = last_number(body);
                return;
            }
            4 => self.begun.take(),
            _ => return,
        };
        self.given = true;
        if self.damaged {
            self.over = true;
            return;
        }
        self.whole_bytes = end;
        self.last_number = number.unwrap_or(0).max(self.last_number);
    }
}

/// A write begins with its first number, u64, and how many it takes, u32.
fn last_number(body: &[u8]) -> Option<u64> {
    let first = u64::from_le_bytes(body.get(..8)?.try_into().ok()?);
    let count = u32::from_le_bytes(body.get(8..12)?.try_into().ok()?);
    (first + u64::from(count)).checked_sub(1)
}

fn checksum_fits(header: &[u8], body: &[u8]) -> bool {
    let stored = header.get(..4).and_then(|bytes| bytes.try_into().ok()).map(u32::from_le_bytes);
    let crc = !body.iter().fold(crc_step(u32::MAX, header[6]), |crc, byte| crc_step(crc, *byte));
    // RocksDB's masking, so that a checksum of bytes that hold checksums is not degenerate.
    stored == Some(crc.rotate_right(15).wrapping_add(0xa282_ead8))
}

/// CRC-32C, one byte; slow and short, for files that are already known to be odd.
fn crc_step(crc: u32, byte: u8) -> u32 {
    (0..8).fold(crc ^ u32::from(byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0x82f6_3b78 } else { crc >> 1 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: u8, number: u64, len: usize) -> Vec<u8> {
        let mut body = number.to_le_bytes().to_vec();
        body.extend(1u32.to_le_bytes());
        body.resize(len, 9);
        let crc = !body.iter().fold(crc_step(u32::MAX, kind), |crc, byte| crc_step(crc, *byte));
        let mut bytes = crc.rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes().to_vec();
        bytes.extend(u16::try_from(len).unwrap().to_le_bytes());
        bytes.push(kind);
        bytes.extend(body);
        bytes
    }

    #[test]
    fn the_checksum_is_the_castagnoli_one() {
        let crc = !b"123456789".iter().fold(u32::MAX, |crc, byte| crc_step(crc, *byte));
        assert_eq!(crc, 0xe306_9283);
    }

    #[test]
    fn only_a_recyclable_record_that_the_reader_would_reach_is_a_trap() {
        let (one, two) = (record(1, 5, 30), record(1, 6, 30));
        let whole = one.len() as u64;
        let trap = Some(Trap { whole_bytes: whole, last_number: 5 });
        let odd = |kind: u8| [one.clone(), record(kind, 7, 20)].concat();
        let mut damaged = one.clone();
        damaged[10] ^= 1;
        let table = [
            (vec![], None),
            ([one.clone(), two.clone()].concat(), None),
            (odd(5), trap),
            (odd(131), trap),
            (odd(4), None),
            ([one.clone(), vec![7; 10]].concat(), trap),
            ([one.clone(), vec![0; 10]].concat(), None),
            (record(5, 7, 20), None),
            // The reader gives up at the damage and does not come to the trap in the same block.
            ([damaged, record(5, 7, 20)].concat(), None),
        ];
        for (bytes, expected) in table {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), &bytes).unwrap();
            assert_eq!(find_trap(file.path()).unwrap(), expected, "{bytes:?}");
        }
    }
}
