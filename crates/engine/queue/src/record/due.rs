//! A notification that waits: who, what goes into the mail, and how often it was tried.

use mail_model::{Cause, EmailAddress, SourceName, UnixMs};

use crate::record::wire::{Corrupt, Reader, Writer};

/// Version of this record.
pub const VERSION: u8 = 1;

const HAS_SOURCE: u8 = 1;
const HAS_CAUSE: u8 = 2;
const IN_DOUBT: u8 = 4;
const CANCELLED: u8 = 8;
const RETURNED: u8 = 16;

/// The record under a key of `due`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueRecord {
    /// Attempts made so far.
    pub attempts: u16,
    /// When the message was handed in.
    pub accepted_at: UnixMs,
    /// The source that should try again; greylisting wants the same one.
    pub source_hint: Option<SourceName>,
    /// Why the last attempt failed.
    pub last_cause: Option<Cause>,
    /// An earlier attempt may have arrived without our knowing.
    pub in_doubt: bool,
    /// Cancelled while it was being tried: to be withheld, not sent.
    pub cancelled: bool,
    /// It was accepted once and came back by mail. Its end is then kept among the failures, even when it is accepted
    /// again: that is where it is looked for, since the outbox is read for the first acceptance only.
    pub returned: bool,
    /// The recipient.
    pub address: EmailAddress,
    /// What the caller needs to make this recipient's mail, opaque.
    pub payload: Vec<u8>,
}

impl DueRecord {
    /// The bytes under `key`.
    pub fn encode(&self, key: &[u8]) -> Vec<u8> {
        let mut flags = 0;
        flags |= if self.source_hint.is_some() { HAS_SOURCE } else { 0 };
        flags |= if self.last_cause.is_some() { HAS_CAUSE } else { 0 };
        flags |= if self.in_doubt { IN_DOUBT } else { 0 };
        flags |= if self.cancelled { CANCELLED } else { 0 };
        flags |= if self.returned { RETURNED } else { 0 };
        let mut writer = Writer::new(VERSION, 32 + self.address.as_str().len() + self.payload.len());
        writer.u8(flags);
        writer.u16(self.attempts);
        writer.u64(self.accepted_at.0);
        if let Some(source) = &self.source_hint {
            writer.text(source.as_str());
        }
        if let Some(cause) = self.last_cause {
            writer.u8(cause.number());
        }
        writer.text(self.address.as_str());
        writer.rest(&self.payload);
        writer.seal(key)
    }

    /// Reads the bytes under `key`.
    pub fn decode(key: &[u8], value: &[u8]) -> Result<Self, Corrupt> {
        let mut reader = Reader::open(key, value, VERSION)?;
        let flags = reader.u8()?;
        if flags & !(HAS_SOURCE | HAS_CAUSE | IN_DOUBT | CANCELLED | RETURNED) != 0 {
            return Err(Corrupt::Field("flags"));
        }
        let attempts = reader.u16()?;
        let accepted_at = reader.time()?;
        let source_hint = if flags & HAS_SOURCE != 0 { Some(reader.parse("source")?) } else { None };
        let last_cause = if flags & HAS_CAUSE != 0 {
            Some(Cause::from_number(reader.u8()?).ok_or(Corrupt::Field("cause"))?)
        } else {
            None
        };
        Ok(Self {
            attempts,
            accepted_at,
            source_hint,
            last_cause,
            in_doubt: flags & IN_DOUBT != 0,
            cancelled: flags & CANCELLED != 0,
            returned: flags & RETURNED != 0,
            address: reader.address()?,
            payload: reader.rest().to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_due_record_reads_back_with_every_field_set_and_unset() {
        let plain = DueRecord {
            attempts: 0,
            accepted_at: UnixMs(1_700_000_000_000),
            source_hint: None,
            last_cause: None,
            in_doubt: false,
            cancelled: false,
            returned: false,
            address: "a..b@docomo.ne.jp".parse().unwrap(),
            payload: vec![],
        };
        let full = DueRecord {
            attempts: 3,
            source_hint: Some(SourceName::new("s1").unwrap()),
            last_cause: Some(Cause::Other),
            in_doubt: true,
            cancelled: true,
            returned: true,
            payload: vec![0, 1, 2],
            ..plain.clone()
        };
        for record in [plain, full] {
            assert_eq!(DueRecord::decode(b"k", &record.encode(b"k")), Ok(record.clone()));
        }
    }
}
