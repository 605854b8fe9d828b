//! The journal on disk: one line of JSON with the carriers' names, then records of 40 bytes, little-endian.
//!
//! | bytes | copy (kind 1) | reply sent (kind 2) |
//! |---|---|---|
//! | 0 | kind | kind |
//! | 1 | flags | 0 |
//! | 2–3 | carrier number | 0 |
//! | 4–7 | source address | 0 |
//! | 8–15 | message id | place of the copy, from 0 |
//! | 16–19 | index | 0 |
//! | 20–23 | 0 | 0 |
//! | 24–31 | recipient hash | 0 |
//! | 32–39 | time, Unix ms | 0 |
//!
//! Records reach the page cache before the 250 they stand for; nothing is synced, because the carriers are never
//! killed. "Reply sent" records may lag: they travel with the next copies or with `flush`.

use std::fs::File;
use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::path::Path;

use mail_model::CarrierName;

use crate::entry::{ANSWERED, Entry};

const RECORD_BYTES: usize = 40;
const COPY: u8 = 1;
const REPLY_SENT: u8 = 2;

/// An open journal file.
#[derive(Debug)]
pub(crate) struct JournalFile {
    file: File,
    marks: Vec<u8>,
}

impl JournalFile {
    pub(crate) fn create(path: &Path, carriers: &[CarrierName]) -> io::Result<Self> {
        let mut file = File::create_new(path)?;
        let mut line = serde_json::to_vec(carriers)?;
        line.push(b'\n');
        file.write_all(&line)?;
        Ok(Self { file, marks: Vec::new() })
    }

    pub(crate) fn append(&mut self, copies: &[Entry]) -> io::Result<()> {
        let mut bytes = std::mem::take(&mut self.marks);
        for copy in copies {
            put(&mut bytes, COPY, copy);
        }
        self.file.write_all(&bytes)?;
        bytes.clear();
        self.marks = bytes;
        Ok(())
    }

    pub(crate) fn answered(&mut self, place: usize) {
        let mark = Entry {
            message: u64::try_from(place).unwrap_or(u64::MAX),
            recipient: 0,
            at_ms: 0,
            index: 0,
            source: Ipv4Addr::UNSPECIFIED,
            carrier: 0,
            flags: 0,
        };
        put(&mut self.marks, REPLY_SENT, &mark);
    }

    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.append(&[])
    }
}

impl Drop for JournalFile {
    fn drop(&mut self) {
        // Marks that cannot be written leave copies "not answered", the careful reading.
        let _ = self.flush();
    }
}

fn put(bytes: &mut Vec<u8>, kind: u8, entry: &Entry) {
    bytes.extend_from_slice(&[kind, entry.flags]);
    bytes.extend_from_slice(&entry.carrier.to_le_bytes());
    bytes.extend_from_slice(&entry.source.octets());
    bytes.extend_from_slice(&entry.message.to_le_bytes());
    bytes.extend_from_slice(&entry.index.to_le_bytes());
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(&entry.recipient.to_le_bytes());
    bytes.extend_from_slice(&entry.at_ms.to_le_bytes());
}

/// Reads names and copies; marks are folded into the copies.
pub(crate) fn read(path: &Path) -> io::Result<(Vec<CarrierName>, Vec<Entry>)> {
    let bytes = std::fs::read(path)?;
    let no_journal = || io::Error::new(io::ErrorKind::InvalidData, "not a journal file");
    let end = bytes.iter().position(|&b| b == b'\n').ok_or_else(no_journal)?;
    let (line, records) = bytes.split_at(end + 1);
    let carriers = serde_json::from_slice(line)?;
    let (records, _torn) = records.as_chunks::<RECORD_BYTES>();
    let mut entries: Vec<Entry> = Vec::with_capacity(records.len());
    for record in records {
        let entry = entry_of(record);
        match record[0] {
            COPY => entries.push(entry),
            REPLY_SENT => {
                let place = usize::try_from(entry.message).map_err(|_| no_journal())?;
                entries.get_mut(place).ok_or_else(no_journal)?.flags |= ANSWERED;
            }
            _ => return Err(no_journal()),
        }
    }
    Ok((carriers, entries))
}

fn entry_of(record: &[u8; RECORD_BYTES]) -> Entry {
    let eight = |from: usize| -> [u8; 8] { std::array::from_fn(|n| record[from + n]) };
    let four = |from: usize| -> [u8; 4] { std::array::from_fn(|n| record[from + n]) };
    Entry {
        flags: record[1],
        carrier: u16::from_le_bytes([record[2], record[3]]),
        source: Ipv4Addr::from(four(4)),
        message: u64::from_le_bytes(eight(8)),
        index: u32::from_le_bytes(four(16)),
        recipient: u64::from_le_bytes(eight(24)),
        at_ms: u64::from_le_bytes(eight(32)),
    }
}
