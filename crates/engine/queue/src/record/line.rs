//! A line of the ledger as it is stored: an attempt, and what only the queue itself needs of it.

use mail_model::CarrierName;

use crate::keys::LaneId;
use crate::record::attempt::{AttemptRecord, outcome_code, outcome_of};
use crate::record::wire::{Corrupt, Reader, Writer};

/// Version of a line that has nothing but its attempt.
const PLAIN: u8 = 1;
/// Version of a line with a tail; the newest.
const TAILED: u8 = 2;

const HANDED: u8 = 1;
const CORRECTS: u8 = 2;

/// [`Tail::Corrects::known`]: it came back.
pub const KNOWN_BOUNCED: u8 = 1;
/// [`Tail::Corrects::known`]: the recipient complained.
pub const KNOWN_COMPLAINED: u8 = 2;

/// A final outcome that was counted and is not to be counted any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Correction {
    /// Under which carrier it was counted.
    pub carrier: CarrierName,
    /// Its kind and detail, as [`outcome_code`] gives them.
    pub code: (u8, u8),
}

impl Correction {
    /// Takes this record's count back.
    pub fn of(record: &AttemptRecord) -> Self {
        Self { carrier: record.carrier.clone(), code: outcome_code(record.outcome) }
    }
}

/// What stands behind the attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tail {
    /// Nothing.
    Nothing,
    /// Of an accepted one: what it takes to send it once more.
    Handed {
        /// The lane it was sent from.
        lane: LaneId,
        /// What the caller gave with the address.
        payload: Vec<u8>,
    },
    /// Of one that has the last word over an earlier end.
    Corrects {
        /// Over which one.
        correction: Correction,
        /// Which late outcomes are known since the last acceptance, this one included.
        known: u8,
    },
}

/// A line of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The attempt.
    pub record: AttemptRecord,
    /// What stands behind it.
    pub tail: Tail,
}

impl Line {
    /// A line without a tail.
    pub fn plain(record: AttemptRecord) -> Self {
        Self { record, tail: Tail::Nothing }
    }

    /// Which late outcomes are known since the last acceptance.
    pub fn known(&self) -> u8 {
        match &self.tail {
            Tail::Corrects { known, .. } => *known,
            Tail::Nothing | Tail::Handed { .. } => 0,
        }
    }

    /// The bytes under `key`.
    pub fn encode(&self, key: &[u8]) -> Vec<u8> {
        let version = if self.tail == Tail::Nothing { PLAIN } else { TAILED };
        let payload_bytes = if let Tail::Handed { payload, .. } = &self.tail { payload.len() } else { 0 };
        let mut writer = Writer::new(version, 192 + payload_bytes);
        self.record.write_fields(&mut writer);
        match &self.tail {
            Tail::Nothing => {}
            Tail::Handed { lane, payload } => {
                writer.u8(HANDED);
                writer.u32(lane.0);
                writer.rest(payload);
            }
            Tail::Corrects { correction, known } => {
                writer.u8(CORRECTS);
                writer.text(correction.carrier.as_str());
                writer.u8(correction.code.0);
                writer.u8(correction.code.1);
                writer.u8(*known);
            }
        }
        writer.seal(key)
    }

    /// Reads the bytes under `key`.
    pub fn decode(key: &[u8], value: &[u8]) -> Result<Self, Corrupt> {
        let (version, mut reader) = Reader::open_upto(key, value, TAILED)?;
        let record = AttemptRecord::read_fields(&mut reader)?;
        let tail = if version < TAILED { Tail::Nothing } else { read_tail(&mut reader)? };
        reader.end()?;
        Ok(Self { record, tail })
    }

    /// Reads the attempt alone.
    pub fn decode_record(key: &[u8], value: &[u8]) -> Result<AttemptRecord, Corrupt> {
        let (version, mut reader) = Reader::open_upto(key, value, TAILED)?;
        let record = AttemptRecord::read_fields(&mut reader)?;
        if version < TAILED {
            reader.end()?;
        }
        Ok(record)
    }

    /// The message that a stored line belongs to, read without looking at the rest: for walks over many lines.
    pub fn peek_message(value: &[u8]) -> Option<u64> {
        // Version and outbox number stand before it, see `write_fields`.
        Some(u64::from_le_bytes(value.get(9..17)?.try_into().ok()?))
    }
}

fn read_tail(reader: &mut Reader<'_>) -> Result<Tail, Corrupt> {
    Ok(match reader.u8()? {
        HANDED => Tail::Handed { lane: LaneId(reader.u32()?), payload: reader.rest().to_vec() },
        CORRECTS => {
            let carrier = reader.parse("carrier")?;
            let code = (reader.u8()?, reader.u8()?);
            outcome_of(code.0, code.1)?;
            Tail::Corrects { correction: Correction { carrier, code }, known: reader.u8()? }
        }
        _ => return Err(Corrupt::Field("tail")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use mail_model::{Cause, MessageId, NotificationId, Outcome, SiteName, UnixMs};

    #[test]
    fn a_line_reads_back_with_each_tail_and_tells_its_message() {
        let record = AttemptRecord {
            seq: 9,
            id: NotificationId { message: MessageId(7), index: 3 },
            attempt: 2,
            outcome: Outcome::Bounced(Cause::MailboxFull),
            at: UnixMs(1_500),
            accepted_at: UnixMs(1_000),
            carrier: "docomo".parse().unwrap(),
            site: SiteName::none(),
            source: None,
            mx_host: String::new(),
            stage: None,
            reply: None,
            rule: String::new(),
            address: "a@docomo.ne.jp".parse().unwrap(),
            in_doubt: false,
        };
        let correction = Correction { carrier: "au".parse().unwrap(), code: (1, 0) };
        let tails = [
            Tail::Nothing,
            Tail::Handed { lane: LaneId(5), payload: vec![] },
            Tail::Handed { lane: LaneId(5), payload: vec![1, 2] },
            Tail::Corrects { correction, known: KNOWN_BOUNCED },
        ];
        for tail in tails {
            let line = Line { record: record.clone(), tail };
            let bytes = line.encode(b"k");
            assert_eq!(bytes[0], if line.tail == Tail::Nothing { 1 } else { 2 });
            assert_eq!(Line::decode(b"k", &bytes), Ok(line.clone()));
            assert_eq!(Line::decode_record(b"k", &bytes), Ok(record.clone()));
            assert_eq!(Line::peek_message(&bytes), Some(7));
        }
    }
}
