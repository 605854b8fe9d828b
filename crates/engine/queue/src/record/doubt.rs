//! The mark that is set before a final dot: whoever finds it after a crash cannot know whether the mail arrived.

use mail_model::{NotificationId, SourceName, UnixMs};
use serde::{Deserialize, Serialize};

use crate::keys::{LaneId, notification_key, read_notification_key};
use crate::record::wire::{Corrupt, Reader, Writer};

/// Version of this record.
pub const VERSION: u8 = 1;

/// A notification whose last attempt was cut off by a crash after its final dot may have been sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InDoubt {
    /// Which one.
    pub id: NotificationId,
    /// The lane it waits in.
    pub lane: LaneId,
    /// When it was due.
    pub due: UnixMs,
    /// Number of the attempt that was cut off, from 1.
    pub attempt: u16,
    /// When the mark was set.
    pub at: UnixMs,
    /// The source that was sending it.
    pub source: SourceName,
}

impl InDoubt {
    /// The key in `doubt`.
    pub fn key(&self) -> [u8; 12] {
        notification_key(self.id)
    }

    /// The bytes under [`InDoubt::key`].
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new(VERSION, 64);
        writer.u32(self.lane.0);
        writer.u64(self.due.0);
        writer.u16(self.attempt);
        writer.u64(self.at.0);
        writer.text(self.source.as_str());
        writer.seal(&self.key())
    }

    /// Reads the bytes under `key`.
    pub fn decode(key: &[u8], value: &[u8]) -> Result<Self, Corrupt> {
        let id = read_notification_key(key).ok_or(Corrupt::Key)?;
        let mut reader = Reader::open(key, value, VERSION)?;
        let mark = Self {
            id,
            lane: LaneId(reader.u32()?),
            due: reader.time()?,
            attempt: reader.u16()?,
            at: reader.time()?,
            source: reader.parse("source")?,
        };
        reader.end()?;
        Ok(mark)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mail_model::MessageId;

    #[test]
    fn a_mark_reads_back() {
        let mark = InDoubt {
            id: NotificationId { message: MessageId(7), index: 3 },
            lane: LaneId(2),
            due: UnixMs(5),
            attempt: 1,
            at: UnixMs(6),
            source: SourceName::new("s1").unwrap(),
        };
        assert_eq!(InDoubt::decode(&mark.key(), &mark.encode()), Ok(mark.clone()));
        assert_eq!(InDoubt::decode(&[0; 11], &mark.encode()), Err(Corrupt::Key));
    }
}
