//! What is stored once per message: its head, its staging record while it is handed in, and its idempotency record.

use std::str::FromStr;

use mail_model::{CampaignName, Class, EmailAddress, Lane, MessageId, PoolName, TenantName, UnixMs};

use crate::keys::LaneId;
use crate::record::at_deadline::AtDeadline;
use crate::record::wire::{Corrupt, Reader, Writer};

/// Version of the records of this file, but for the head.
pub const VERSION: u8 = 1;
/// Version of the head. Version 1 has no `first_seq`, 2 no `at_deadline`.
pub const HEAD_VERSION: u8 = 3;

/// A message without its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// What the caller counts together.
    pub campaign: CampaignName,
    /// Whose it is.
    pub tenant: TenantName,
    /// How urgent.
    pub class: Class,
    /// Which sources send it.
    pub pool: PoolName,
    /// The envelope sender; `None` is `<>`.
    pub sender: Option<EmailAddress>,
    /// Not to be sent earlier.
    pub not_before: Option<UnixMs>,
    /// Not to be sent later.
    pub not_after: Option<UnixMs>,
    /// What happens around that time.
    pub at_deadline: AtDeadline,
    /// When it was handed in.
    pub accepted_at: UnixMs,
    /// Its notifications.
    pub count: u32,
    /// No attempt of it has a smaller number in the outbox; 0 when an earlier program stored it.
    pub first_seq: u64,
}

fn class_code(class: Class) -> u8 {
    match class {
        Class::Emergency => 1,
        Class::Normal => 2,
        Class::Transactional => 3,
    }
}

fn class_of(code: u8) -> Result<Class, Corrupt> {
    match code {
        1 => Ok(Class::Emergency),
        2 => Ok(Class::Normal),
        3 => Ok(Class::Transactional),
        _ => Err(Corrupt::Field("class")),
    }
}

impl Head {
    /// When what waits of it is ended, if ever.
    pub fn ends_at(&self) -> Option<UnixMs> {
        self.at_deadline.ends_at(self.not_after)
    }

    /// The bytes under `key`.
    pub fn encode(&self, key: &[u8]) -> Vec<u8> {
        let mut writer = Writer::new(HEAD_VERSION, 128);
        writer.text(self.campaign.as_str());
        writer.text(self.tenant.as_str());
        writer.u8(class_code(self.class));
        writer.text(self.pool.as_str());
        writer.opt_text(self.sender.as_ref().map(EmailAddress::as_str));
        writer.opt_u64(self.not_before.map(|t| t.0));
        writer.opt_u64(self.not_after.map(|t| t.0));
        writer.u64(self.accepted_at.0);
        writer.u32(self.count);
        writer.u64(self.first_seq);
        writer.opt_u64(self.at_deadline.replace_until.map(|t| t.0));
        writer.opt_u64(self.at_deadline.warn_at.map(|t| t.0));
        writer.seal(key)
    }

    /// Reads the bytes under `key`.
    pub fn decode(key: &[u8], value: &[u8]) -> Result<Self, Corrupt> {
        let (version, mut reader) = Reader::open_upto(key, value, HEAD_VERSION)?;
        let mut head = Self {
            campaign: reader.parse("campaign")?,
            tenant: reader.parse("tenant")?,
            class: class_of(reader.u8()?)?,
            pool: reader.parse("pool")?,
            sender: reader.opt_parse("sender")?,
            not_before: reader.opt_time("not_before")?,
            not_after: reader.opt_time("not_after")?,
            at_deadline: AtDeadline::default(),
            accepted_at: reader.time()?,
            count: reader.u32()?,
            first_seq: if version < 2 { 0 } else { reader.u64()? },
        };
        if version >= 3 {
            head.at_deadline.replace_until = reader.opt_time("replace_until")?;
            head.at_deadline.warn_at = reader.opt_time("warn_at")?;
        }
        reader.end()?;
        Ok(head)
    }
}

/// Content with its checksum, as stored.
pub fn encode_content(key: &[u8], content: &[u8]) -> Vec<u8> {
    let mut writer = Writer::new(VERSION, content.len());
    writer.rest(content);
    writer.seal(key)
}

/// Reads what [`encode_content`] wrote.
pub fn decode_content(key: &[u8], value: &[u8]) -> Result<Vec<u8>, Corrupt> {
    Ok(Reader::open(key, value, VERSION)?.rest().to_vec())
}

/// An intake whose pages are partly on disk: where to look for them when it does not come to an end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Staged {
    /// `due_ms` of every record of the message.
    pub due_ms: u64,
    /// The lanes that may hold records of it.
    pub lanes: Vec<LaneId>,
}

impl Staged {
    /// The bytes under `key`.
    pub fn encode(&self, key: &[u8]) -> Vec<u8> {
        let mut writer = Writer::new(VERSION, 16 + 4 * self.lanes.len());
        writer.u64(self.due_ms);
        writer.u32(u32::try_from(self.lanes.len()).unwrap_or(u32::MAX));
        for lane in &self.lanes {
            writer.u32(lane.0);
        }
        writer.seal(key)
    }

    /// Reads the bytes under `key`.
    pub fn decode(key: &[u8], value: &[u8]) -> Result<Self, Corrupt> {
        let mut reader = Reader::open(key, value, VERSION)?;
        let due_ms = reader.u64()?;
        let count = reader.u32()?;
        let lanes = (0..count).map(|_| reader.u32().map(LaneId)).collect::<Result<_, _>>()?;
        reader.end()?;
        Ok(Self { due_ms, lanes })
    }
}

/// What a caller's key stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The message.
    pub message: MessageId,
    /// Its notifications.
    pub count: u32,
    /// Digest of the call, as given by the caller.
    pub digest: [u8; 32],
    /// When it was accepted.
    pub at: UnixMs,
}

impl Known {
    /// The bytes under `key`.
    pub fn encode(&self, key: &[u8]) -> Vec<u8> {
        let mut writer = Writer::new(VERSION, 64);
        writer.u64(self.message.0);
        writer.u32(self.count);
        writer.u64(self.at.0);
        writer.rest(&self.digest);
        writer.seal(key)
    }

    /// Reads the bytes under `key`.
    pub fn decode(key: &[u8], value: &[u8]) -> Result<Self, Corrupt> {
        let mut reader = Reader::open(key, value, VERSION)?;
        let (message, count, at) = (MessageId(reader.u64()?), reader.u32()?, reader.time()?);
        let digest = reader.rest().try_into().map_err(|_| Corrupt::Length)?;
        Ok(Self { message, count, digest, at })
    }
}

/// A row of the lane table.
pub fn encode_lane(key: &[u8], lane: &Lane) -> Vec<u8> {
    let mut writer = Writer::new(VERSION, 96);
    writer.text(lane.carrier.as_str());
    writer.text(lane.site.as_str());
    writer.text(lane.pool.as_str());
    writer.u8(class_code(lane.class));
    writer.seal(key)
}

/// Reads a row of the lane table.
pub fn decode_lane(key: &[u8], value: &[u8]) -> Result<Lane, Corrupt> {
    fn name<T: FromStr>(reader: &mut Reader<'_>, field: &'static str) -> Result<T, Corrupt> {
        reader.parse(field)
    }
    let mut reader = Reader::open(key, value, VERSION)?;
    let lane = Lane {
        carrier: name(&mut reader, "carrier")?,
        site: name(&mut reader, "site")?,
        pool: name(&mut reader, "pool")?,
        class: class_of(reader.u8()?)?,
    };
    reader.end()?;
    Ok(lane)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_stagings_keys_and_lanes_read_back() {
        let head = Head {
            campaign: "c1".parse().unwrap(),
            tenant: "school-1".parse().unwrap(),
            class: Class::Emergency,
            pool: "wide".parse().unwrap(),
            sender: Some("bounce@school.example".parse().unwrap()),
            not_before: None,
            not_after: Some(UnixMs(9)),
            at_deadline: AtDeadline { replace_until: Some(UnixMs(12)), warn_at: Some(UnixMs(7)) },
            accepted_at: UnixMs(5),
            count: 3,
            first_seq: 77,
        };
        assert_eq!(Head::decode(b"k", &head.encode(b"k")), Ok(head.clone()));
        let at_deadline = AtDeadline::default();
        let empty = Head { sender: None, not_before: Some(UnixMs(1)), not_after: None, at_deadline, ..head };
        assert_eq!(Head::decode(b"k", &empty.encode(b"k")), Ok(empty.clone()));
        let staged = Staged { due_ms: 0, lanes: vec![LaneId(0), LaneId(7)] };
        assert_eq!(Staged::decode(b"k", &staged.encode(b"k")), Ok(staged.clone()));
        let known = Known { message: MessageId(1), count: 2, digest: [7; 32], at: UnixMs(3) };
        assert_eq!(Known::decode(b"k", &known.encode(b"k")), Ok(known.clone()));
        for class in Class::ALL {
            let lane = Lane {
                carrier: "other".parse().unwrap(),
                site: "example.jp".parse().unwrap(),
                pool: "wide".parse().unwrap(),
                class,
            };
            assert_eq!(decode_lane(b"k", &encode_lane(b"k", &lane)), Ok(lane));
        }
        assert_eq!(decode_content(b"k", &encode_content(b"k", b"body")), Ok(b"body".to_vec()));
    }
}
