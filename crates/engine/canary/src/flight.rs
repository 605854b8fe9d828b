//! The canaries that went along with a campaign at one time: what is written down of them, and what is known.
//!
//! Written once, when they join: who they are. Everything else is found again after a restart: the ledger knows what was
//! accepted and when, and each arrival is a record of its own, written together with whatever told of it.

use std::collections::BTreeMap;

use compose::StoredRecipient;
use mail_model::{CampaignName, CarrierName, MessageId, NotificationId, Outcome, UnixMs};
use queue::Tally;
use serde::{Deserialize, Serialize};

use crate::fate::Canary;

/// Version of the record.
const VERSION: u32 = 1;
/// Under it stands which flights there are.
pub(crate) const INDEX_KEY: &[u8] = b"canary/index";

/// What is written down of the canaries of one campaign and time: they are one message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Roster {
    version: u32,
    /// The canaries' message.
    pub(crate) id: MessageId,
    /// The campaign they go along with, and its message.
    pub(crate) campaign: CampaignName,
    pub(crate) main: MessageId,
    /// From when on they may leave.
    pub(crate) from: UnixMs,
    /// 1 for those that joined at the injection, 2, 3 … for those that followed.
    pub(crate) number: u32,
    /// Ids for flights to follow.
    pub(crate) reserved: Vec<MessageId>,
    /// What fills the template.
    pub(crate) recipient: StoredRecipient,
    /// Mailbox and carrier of each, by index.
    pub(crate) mailboxes: Vec<(String, CarrierName)>,
}

impl Roster {
    /// The canaries that join at the injection.
    pub(crate) fn first(campaign: CampaignName, main: MessageId, recipient: StoredRecipient) -> Self {
        let (version, id, from, number) = (VERSION, MessageId(0), UnixMs(0), 1);
        Self { version, id, campaign, main, from, number, reserved: vec![], recipient, mailboxes: vec![] }
    }

    /// Those that follow, later.
    pub(crate) fn following(&self, from: UnixMs, mailboxes: Vec<(String, CarrierName)>) -> Option<Self> {
        let (id, reserved) = self.reserved.split_first()?;
        let number = self.number.saturating_add(1);
        Some(Self { id: *id, reserved: reserved.to_vec(), number, from, mailboxes, ..self.clone() })
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads it back; what another version wrote is no roster.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok().filter(|roster: &Self| roster.version == VERSION)
    }
}

/// The key of a roster.
pub(crate) fn roster_key(id: MessageId) -> Vec<u8> {
    [b"canary/flight/".as_slice(), &id.0.to_be_bytes()].concat()
}

/// The key of an arrival.
pub(crate) fn arrival_key(id: NotificationId) -> Vec<u8> {
    [b"canary/arrived/".as_slice(), &id.message.0.to_be_bytes(), &id.index.to_be_bytes()].concat()
}

/// The value under [`arrival_key`].
pub(crate) fn encode_time(at: UnixMs) -> Vec<u8> {
    at.0.to_be_bytes().to_vec()
}

/// Reads what [`encode_time`] wrote.
pub(crate) fn decode_time(bytes: &[u8]) -> Option<UnixMs> {
    bytes.try_into().ok().map(|bytes| UnixMs(u64::from_be_bytes(bytes)))
}

/// The value under [`INDEX_KEY`].
pub(crate) fn encode_index(ids: impl Iterator<Item = MessageId>) -> Vec<u8> {
    ids.flat_map(|id| id.0.to_be_bytes()).collect()
}

/// Reads what [`encode_index`] wrote.
pub(crate) fn decode_index(bytes: &[u8]) -> Vec<MessageId> {
    let id = |eight: &[u8]| eight.try_into().map(|bytes| MessageId(u64::from_be_bytes(bytes))).ok();
    bytes.chunks_exact(8).filter_map(id).collect()
}

/// How many mails each carrier has accepted.
pub(crate) fn carried(tally: &Tally) -> BTreeMap<CarrierName, u64> {
    let accepted = tally.outcomes().filter(|(_, outcome, _)| *outcome == Outcome::Accepted);
    accepted.map(|(carrier, _, count)| (carrier.clone(), count)).collect()
}

/// Sums of a message, as far as they tell whether there is anything new.
pub(crate) type Sums = Vec<(CarrierName, Outcome, u64)>;

/// What is known of the canaries of one campaign and time.
#[derive(Clone, Debug)]
pub(crate) struct Flight {
    pub(crate) roster: Roster,
    /// By index.
    pub(crate) canaries: Vec<Canary>,
    /// Their message's sums when the ledger was last asked.
    pub(crate) heard: Sums,
    /// How many mails of the campaign each carrier had accepted when these joined, or at the start of the engine.
    pub(crate) carried: BTreeMap<CarrierName, u64>,
}

impl Flight {
    pub(crate) fn new(roster: Roster) -> Self {
        let canaries = roster.mailboxes.iter().map(|(mailbox, carrier)| Canary::new(mailbox, carrier)).collect();
        Self { roster, canaries, heard: Sums::new(), carried: BTreeMap::new() }
    }

    /// The notification of the canary at this index.
    pub(crate) fn notification(&self, index: usize) -> NotificationId {
        NotificationId { message: self.roster.id, index: u32::try_from(index).unwrap_or(u32::MAX) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roster() -> Roster {
        let recipient = StoredRecipient { name: Some("〇〇".to_owned()), ..StoredRecipient::default() };
        let mut roster = Roster::first("storm".parse().unwrap(), MessageId(9), recipient);
        roster.id = MessageId(5);
        roster.reserved = vec![MessageId(6), MessageId(7)];
        roster.mailboxes = vec![("docomo-1".to_owned(), "docomo".parse().unwrap())];
        roster
    }

    #[test]
    fn what_is_written_reads_back_and_what_another_version_wrote_is_left_alone() {
        assert_eq!(Roster::decode(&roster().encode()), Some(roster()));
        let later = Roster { version: 2, ..roster() };
        for bytes in [later.encode(), b"{}".to_vec(), Vec::new()] {
            assert_eq!(Roster::decode(&bytes), None);
        }
        let ids = [MessageId(1), MessageId(u64::MAX)];
        assert_eq!(decode_index(&encode_index(ids.into_iter())), ids);
        assert_eq!(decode_time(&encode_time(UnixMs(77))), Some(UnixMs(77)));
        assert_eq!(decode_time(b"short"), None);
    }

    #[test]
    fn flights_follow_until_no_id_is_left() {
        let second = roster().following(UnixMs(3), vec![]).unwrap();
        assert_eq!((second.id, second.number, second.from), (MessageId(6), 2, UnixMs(3)));
        let third = second.following(UnixMs(4), vec![]).unwrap();
        assert_eq!((third.id, third.number), (MessageId(7), 3));
        assert_eq!(third.following(UnixMs(5), vec![]), None);
    }
}
