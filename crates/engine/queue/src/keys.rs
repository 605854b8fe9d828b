//! Key layouts: what stands where in each column family. Numbers in keys are big-endian, so that bytes sort as numbers.

use std::fmt;

use mail_model::{CampaignName, MessageId, NotificationId};
use serde::{Deserialize, Serialize};

/// A lane's number in this queue directory, given at first use and never given again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LaneId(pub u32);

/// A received mail's number in this queue directory: the time of its receipt in ms × 2²⁰ and a counter, greater than that
/// of every mail that is still there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct InboxId(pub u64);

impl fmt::Display for InboxId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A column family. The names are on disk; see FORMAT.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Lanes, counters.
    Meta,
    /// Heads of accepted messages.
    Message,
    /// What the caller wants sent, opaque.
    Content,
    /// Intakes under way.
    Staging,
    /// Unsettled notifications, in the order in which they fall due.
    Due,
    /// Marks set before a final dot.
    Doubt,
    /// Every settled attempt: ledger and outbox.
    Outbox,
    /// The last outcome of each notification that is not accepted.
    Failure,
    /// Sums per message.
    Tally,
    /// Addresses that get no mail.
    Suppress,
    /// Keys that callers repeat.
    Idempotency,
    /// Messages of a campaign.
    Campaign,
    /// Messages by their `not_after`.
    Deadline,
    /// Received mails, whole.
    Mail,
    /// Received mails that nobody has dealt with.
    Inbox,
    /// Received mails that are kept for people to read.
    Kept,
    /// Who did what by hand, and why.
    Audit,
    /// What is to be remembered for a while.
    Memory,
    /// The same by the time of its end.
    Expiry,
}

impl Family {
    /// All of them.
    pub const ALL: [Self; 19] = [
        Self::Meta,
        Self::Message,
        Self::Content,
        Self::Staging,
        Self::Due,
        Self::Doubt,
        Self::Outbox,
        Self::Failure,
        Self::Tally,
        Self::Suppress,
        Self::Idempotency,
        Self::Campaign,
        Self::Deadline,
        Self::Mail,
        Self::Inbox,
        Self::Kept,
        Self::Audit,
        Self::Memory,
        Self::Expiry,
    ];

    /// Those that a directory of this format is sure to have.
    pub fn of_format(format: u32) -> &'static [Self] {
        let since_format_2 = Self::ALL.iter().position(|family| *family == Self::Mail).unwrap_or(Self::ALL.len());
        if format < 2 { &Self::ALL[..since_format_2] } else { &Self::ALL }
    }

    /// The name on disk.
    pub fn name(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Message => "message",
            Self::Content => "content",
            Self::Staging => "staging",
            Self::Due => "due",
            Self::Doubt => "doubt",
            Self::Outbox => "outbox",
            Self::Failure => "failure",
            Self::Tally => "tally",
            Self::Suppress => "suppress",
            Self::Idempotency => "idempotency",
            Self::Campaign => "campaign",
            Self::Deadline => "deadline",
            Self::Mail => "mail",
            Self::Inbox => "inbox",
            Self::Kept => "kept",
            Self::Audit => "audit",
            Self::Memory => "memory",
            Self::Expiry => "expiry",
        }
    }
}

/// The outbox number up to which the stored tallies are exact.
pub const META_TALLY_SEQ: &[u8] = b"tally_seq";
/// The outbox number up to which the outbox was trimmed.
pub const META_OUTBOX_TRIMMED: &[u8] = b"outbox_trimmed";
/// Prefix of the lane table: `lane/` and the lane's number.
pub const META_LANE: &[u8] = b"lane/";

/// Which part of a lane a record stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Never tried and to be sent at once: in order of acceptance, whatever the clock says.
    Fresh,
    /// Reserved for later, or to be tried again: by time.
    Timed,
}

/// A record's place inside its lane. The order is the order on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Spot {
    /// 0 in the fresh stream, else the time at which it falls due, Unix milliseconds.
    pub due_ms: u64,
    /// The message.
    pub message: u64,
    /// The recipient's index.
    pub index: u32,
}

/// Bytes of a key in [`Family::Due`].
pub const DUE_KEY_BYTES: usize = 24;

impl Spot {
    /// Before every fresh record.
    pub const FIRST_FRESH: Self = Self { due_ms: 0, message: 0, index: 0 };
    /// Before every timed record.
    pub const FIRST_TIMED: Self = Self { due_ms: 1, message: 0, index: 0 };

    /// Which stream it stands in.
    pub fn stream(self) -> Stream {
        if self.due_ms == 0 { Stream::Fresh } else { Stream::Timed }
    }

    /// The notification that stands here.
    pub fn id(self) -> NotificationId {
        NotificationId { message: MessageId(self.message), index: self.index }
    }

    /// The key in [`Family::Due`].
    pub fn key(self, lane: LaneId) -> [u8; DUE_KEY_BYTES] {
        let mut key = [0; DUE_KEY_BYTES];
        key[..4].copy_from_slice(&lane.0.to_be_bytes());
        key[4..12].copy_from_slice(&self.due_ms.to_be_bytes());
        key[12..20].copy_from_slice(&self.message.to_be_bytes());
        key[20..].copy_from_slice(&self.index.to_be_bytes());
        key
    }

    /// Reads a key of [`Family::Due`]; `None` when it is none.
    pub fn read(key: &[u8]) -> Option<(LaneId, Self)> {
        if key.len() != DUE_KEY_BYTES {
            return None;
        }
        let lane = LaneId(u32::from_be_bytes(part(key, 0)?));
        let due_ms = u64::from_be_bytes(part(key, 4)?);
        let message = u64::from_be_bytes(part(key, 12)?);
        let index = u32::from_be_bytes(part(key, 20)?);
        Some((lane, Self { due_ms, message, index }))
    }
}

fn part<const N: usize>(key: &[u8], at: usize) -> Option<[u8; N]> {
    key.get(at..at + N)?.try_into().ok()
}

/// The end of a lane's keys: the first key that is not its own.
pub fn lane_end(lane: LaneId) -> Vec<u8> {
    match lane.0.checked_add(1) {
        Some(next) => next.to_be_bytes().to_vec(),
        None => vec![0xff; DUE_KEY_BYTES + 1],
    }
}

/// Key of a message.
pub fn message_key(id: MessageId) -> [u8; 8] {
    id.0.to_be_bytes()
}

/// Key of a notification in `doubt` and `failure`.
pub fn notification_key(id: NotificationId) -> [u8; 12] {
    let mut key = [0; 12];
    key[..8].copy_from_slice(&id.message.0.to_be_bytes());
    key[8..].copy_from_slice(&id.index.to_be_bytes());
    key
}

/// Reads what [`notification_key`] wrote.
pub fn read_notification_key(key: &[u8]) -> Option<NotificationId> {
    let message = MessageId(read_u64(key.get(..8)?)?);
    let index = u32::from_be_bytes(key.get(8..)?.try_into().ok()?);
    Some(NotificationId { message, index })
}

/// Reads a key that is one number.
pub fn read_u64(key: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(key.try_into().ok()?))
}

/// Beginning of the keys of one campaign. No name holds a NUL, so no name's keys mix with another's.
pub fn campaign_prefix(name: &CampaignName) -> Vec<u8> {
    let mut key = Vec::with_capacity(name.as_str().len() + 9);
    key.extend_from_slice(name.as_str().as_bytes());
    key.push(0);
    key
}

/// Key of one message in its campaign.
pub fn campaign_key(name: &CampaignName, id: MessageId) -> Vec<u8> {
    let mut key = campaign_prefix(name);
    key.extend_from_slice(&id.0.to_be_bytes());
    key
}

/// Key of a message's deadline.
pub fn deadline_key(not_after_ms: u64, id: MessageId) -> [u8; 16] {
    let mut key = [0; 16];
    key[..8].copy_from_slice(&not_after_ms.to_be_bytes());
    key[8..].copy_from_slice(&id.0.to_be_bytes());
    key
}

/// Key in `expiry` of what is remembered under `key` until `expires_ms`.
pub fn expiry_key(expires_ms: u64, key: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(8 + key.len());
    bytes.extend_from_slice(&expires_ms.to_be_bytes());
    bytes.extend_from_slice(key);
    bytes
}

/// The key under which something is remembered, from what [`expiry_key`] wrote.
pub fn read_expiry_key(bytes: &[u8]) -> Option<&[u8]> {
    bytes.get(8..)
}

/// Key of a lane in the lane table.
pub fn lane_key(lane: LaneId) -> Vec<u8> {
    let mut key = META_LANE.to_vec();
    key.extend_from_slice(&lane.0.to_be_bytes());
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_sort_as_their_numbers_do_and_read_back() {
        let places = [
            (LaneId(0), Spot::FIRST_FRESH),
            (LaneId(0), Spot { due_ms: 0, message: 7, index: 256 }),
            (LaneId(0), Spot::FIRST_TIMED),
            (LaneId(0), Spot { due_ms: 256, message: 1, index: 0 }),
            (LaneId(1), Spot { due_ms: 0, message: 0, index: 1 }),
        ];
        for pair in places.windows(2) {
            assert!(pair[0].1.key(pair[0].0) < pair[1].1.key(pair[1].0));
        }
        for (lane, spot) in places {
            assert_eq!(Spot::read(&spot.key(lane)), Some((lane, spot)));
            assert!(spot.key(lane).as_slice() < lane_end(lane).as_slice());
        }
        assert_eq!(Spot::read(&[0; 23]), None);
        assert!(
            Spot { due_ms: u64::MAX, ..Spot::FIRST_FRESH }.key(LaneId(u32::MAX)).as_slice()
                < &lane_end(LaneId(u32::MAX))[..]
        );
    }

    #[test]
    fn the_names_of_families_are_all_different() {
        let names: std::collections::BTreeSet<_> = Family::ALL.iter().map(|f| f.name()).collect();
        assert_eq!(names.len(), Family::ALL.len());
        assert_eq!((Family::of_format(1).len(), Family::of_format(2).len()), (13, 19));
    }
}
