//! Bytes of a record: length-prefixed fields, a version in front, a checksum over key and value behind.

use std::str::FromStr;

use mail_model::{EmailAddress, MessageId, NotificationId, UnixMs};
use thiserror::Error;

/// A record that is not what was written. Says which field, never what stood there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Corrupt {
    /// The checksum over key and value does not fit.
    #[error("a record's checksum does not fit")]
    Checksum,
    /// Written by a program that is newer than this one.
    #[error("a record has version {found}; this program knows version {known}")]
    Version {
        /// What stands there.
        found: u8,
        /// The newest that is known here.
        known: u8,
    },
    /// The record ends too early, or goes on after its end.
    #[error("a record has the wrong length")]
    Length,
    /// A field holds what cannot stand in it.
    #[error("field {0} of a record holds what cannot stand there")]
    Field(&'static str),
    /// A key has the wrong length.
    #[error("a key has the wrong length")]
    Key,
}

const CHECKSUM_BYTES: usize = 4;

fn checksum(key: &[u8], value: &[u8]) -> u32 {
    // The key is part of it: a value that is read under another key is as wrong as a changed one.
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(key);
    hasher.update(value);
    hasher.finalize()
}

/// Writes one record.
pub struct Writer(Vec<u8>);

impl Writer {
    /// Begins a record of this version.
    pub fn new(version: u8, capacity_bytes: usize) -> Self {
        let mut bytes = Vec::with_capacity(capacity_bytes + CHECKSUM_BYTES + 1);
        bytes.push(version);
        Self(bytes)
    }

    /// One byte.
    pub fn u8(&mut self, n: u8) {
        self.0.push(n);
    }

    /// Two bytes, little-endian.
    pub fn u16(&mut self, n: u16) {
        self.0.extend_from_slice(&n.to_le_bytes());
    }

    /// Four bytes, little-endian.
    pub fn u32(&mut self, n: u32) {
        self.0.extend_from_slice(&n.to_le_bytes());
    }

    /// Eight bytes, little-endian.
    pub fn u64(&mut self, n: u64) {
        self.0.extend_from_slice(&n.to_le_bytes());
    }

    /// A text of at most 65,535 bytes; a longer one is cut at a character. Callers check lengths that matter before.
    pub fn text(&mut self, text: &str) {
        let cut = cut(text, usize::from(u16::MAX));
        self.u16(u16::try_from(cut.len()).unwrap_or(u16::MAX));
        self.0.extend_from_slice(cut.as_bytes());
    }

    /// A text that may be missing.
    pub fn opt_text(&mut self, text: Option<&str>) {
        self.u8(u8::from(text.is_some()));
        if let Some(text) = text {
            self.text(text);
        }
    }

    /// A number that may be missing.
    pub fn opt_u64(&mut self, n: Option<u64>) {
        self.u8(u8::from(n.is_some()));
        if let Some(n) = n {
            self.u64(n);
        }
    }

    /// A notification.
    pub fn id(&mut self, id: NotificationId) {
        self.u64(id.message.0);
        self.u32(id.index);
    }

    /// Everything that is left: only as the last field.
    pub fn rest(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// Ends the record that will stand under `key`.
    pub fn seal(mut self, key: &[u8]) -> Vec<u8> {
        let sum = checksum(key, &self.0);
        self.0.extend_from_slice(&sum.to_le_bytes());
        self.0
    }
}

/// The longest beginning of `text` of at most `max` bytes that ends at a character.
pub fn cut(text: &str, max: usize) -> &str {
    &text[..text.floor_char_boundary(max)]
}

/// Reads one record.
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Checks the checksum and the version. `known` is the only version the caller can read.
    pub fn open(key: &[u8], value: &'a [u8], known: u8) -> Result<Self, Corrupt> {
        match Self::open_upto(key, value, known)? {
            (version, reader) if version == known => Ok(reader),
            (found, _) => Err(Corrupt::Version { found, known }),
        }
    }

    /// Checks the checksum and the version, and gives the version. `known` is the newest that the caller can read; it
    /// reads all before it, too.
    pub fn open_upto(key: &[u8], value: &'a [u8], known: u8) -> Result<(u8, Self), Corrupt> {
        let at = value.len().checked_sub(CHECKSUM_BYTES).ok_or(Corrupt::Length)?;
        let (body, sum) = value.split_at(at);
        if checksum(key, body).to_le_bytes() != sum {
            return Err(Corrupt::Checksum);
        }
        match body.split_first() {
            Some((&version, rest)) if (1..=known).contains(&version) => Ok((version, Self(rest))),
            Some((&found, _)) => Err(Corrupt::Version { found, known }),
            None => Err(Corrupt::Length),
        }
    }

    fn take(&mut self, n: usize) -> Result<&'a [u8], Corrupt> {
        let (taken, rest) = self.0.split_at_checked(n).ok_or(Corrupt::Length)?;
        self.0 = rest;
        Ok(taken)
    }

    /// A fixed number of bytes.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Corrupt> {
        self.take(N)?.try_into().map_err(|_| Corrupt::Length)
    }

    /// One byte.
    pub fn u8(&mut self) -> Result<u8, Corrupt> {
        Ok(u8::from_le_bytes(self.array()?))
    }

    /// Two bytes.
    pub fn u16(&mut self) -> Result<u16, Corrupt> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    /// Four bytes.
    pub fn u32(&mut self) -> Result<u32, Corrupt> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    /// Eight bytes.
    pub fn u64(&mut self) -> Result<u64, Corrupt> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// A time.
    pub fn time(&mut self) -> Result<UnixMs, Corrupt> {
        self.u64().map(UnixMs)
    }

    /// A text.
    pub fn text(&mut self, field: &'static str) -> Result<&'a str, Corrupt> {
        let len = usize::from(self.u16()?);
        std::str::from_utf8(self.take(len)?).map_err(|_| Corrupt::Field(field))
    }

    /// A text that is a checked type: a name, an address.
    pub fn parse<T: FromStr>(&mut self, field: &'static str) -> Result<T, Corrupt> {
        self.text(field)?.parse().map_err(|_| Corrupt::Field(field))
    }

    /// A text as it is.
    pub fn string(&mut self, field: &'static str) -> Result<String, Corrupt> {
        self.text(field).map(str::to_owned)
    }

    /// A checked text that may be missing.
    pub fn opt_parse<T: FromStr>(&mut self, field: &'static str) -> Result<Option<T>, Corrupt> {
        if self.flag(field)? { self.parse(field).map(Some) } else { Ok(None) }
    }

    /// A time that may be missing.
    pub fn opt_time(&mut self, field: &'static str) -> Result<Option<UnixMs>, Corrupt> {
        if self.flag(field)? { self.time().map(Some) } else { Ok(None) }
    }

    /// 0 or 1.
    pub fn flag(&mut self, field: &'static str) -> Result<bool, Corrupt> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Corrupt::Field(field)),
        }
    }

    /// A mail address.
    pub fn address(&mut self) -> Result<EmailAddress, Corrupt> {
        self.parse("address")
    }

    /// A notification.
    pub fn id(&mut self) -> Result<NotificationId, Corrupt> {
        Ok(NotificationId { message: MessageId(self.u64()?), index: self.u32()? })
    }

    /// Everything that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }

    /// Ends the reading: nothing may be left.
    pub fn end(self) -> Result<(), Corrupt> {
        if self.0.is_empty() { Ok(()) } else { Err(Corrupt::Length) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_bit_another_key_and_another_version_are_all_noticed() {
        let mut writer = Writer::new(1, 16);
        writer.text("a@b");
        writer.u64(7);
        let value = writer.seal(b"key");
        assert!(Reader::open(b"key", &value, 1).is_ok());
        assert_eq!(Reader::open_upto(b"key", &value, 2).map(|(version, _)| version), Ok(1));
        assert_eq!(Reader::open(b"kez", &value, 1).err(), Some(Corrupt::Checksum));
        assert_eq!(Reader::open(b"key", &value, 2).err(), Some(Corrupt::Version { found: 1, known: 2 }));
        for bit in 0..value.len() * 8 {
            let mut changed = value.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(Reader::open(b"key", &changed, 1).is_err(), "bit {bit}");
        }
        for len in 0..value.len() {
            assert!(Reader::open(b"key", &value[..len], 1).is_err(), "cut to {len}");
        }
    }

    #[test]
    fn a_text_is_cut_at_a_character_and_a_record_must_end_where_it_ends() {
        assert_eq!(cut("日本", 5), "日");
        assert_eq!(cut("ab", 5), "ab");
        let mut writer = Writer::new(1, 16);
        writer.u16(1);
        let value = writer.seal(b"");
        let mut reader = Reader::open(b"", &value, 1).unwrap();
        assert_eq!(reader.u8(), Ok(1));
        assert_eq!(reader.end(), Err(Corrupt::Length));
    }
}
