//! Reading what became of notifications: outbox, failures, sums.

use std::sync::atomic::Ordering;

use mail_model::{CampaignName, MessageId, NotificationId, Outcome, UnixMs};

use crate::core::Core;
use crate::fatal::StoreFault;
use crate::keys::{Family, META_OUTBOX_TRIMMED, campaign_prefix, message_key, notification_key, read_u64};
use crate::record::attempt::AttemptRecord;
use crate::record::line::Line;
use crate::record::message::Head;
use crate::record::sums::Tally;
use crate::record::wire::Corrupt;
use crate::store::Scan;

fn next_record(core: &Core, scan: &mut Scan<'_>, family: Family) -> Option<AttemptRecord> {
    let (key, value) = scan.next_item()?;
    let read = Line::decode_record(key, value).map_err(|corrupt| StoreFault::new(family.name(), corrupt));
    Some(core.store.must("reading an outcome", read))
}

/// Settled attempts from number `from` on, only such as no power cut can take back.
pub fn outbox(core: &Core, from: u64, limit: usize) -> Vec<AttemptRecord> {
    let past = core.seqs.synced.load(Ordering::Acquire) + 1;
    let mut scan = core.store.scan(Family::Outbox, &from.to_be_bytes(), Some(past.to_be_bytes().to_vec()));
    std::iter::from_fn(|| next_record(core, &mut scan, Family::Outbox)).take(limit).collect()
}

/// Removes settled attempts up to `upto`, as far as they are summed up. Gives how far that was.
pub fn trim(core: &Core, upto: u64) -> u64 {
    let mut index = core.back.lock();
    let _one = core.snapshot.lock();
    let trimmed = core.seqs.trimmed.load(Ordering::Relaxed);
    let upto = upto.min(core.seqs.tally.load(Ordering::Relaxed)).min(core.seqs.synced.load(Ordering::Acquire));
    if upto <= trimmed {
        return trimmed;
    }
    let mut batch = core.store.batch();
    batch.delete_range(Family::Outbox, &trimmed.to_be_bytes(), &(upto + 1).to_be_bytes());
    batch.put(Family::Meta, META_OUTBOX_TRIMMED, &upto.to_be_bytes());
    batch.write();
    core.seqs.trimmed.store(upto, Ordering::Relaxed);
    index.clear();
    core.desk.dirty();
    upto
}

/// The number of the last attempt that was settled before `time` and has none later before it; 0 when there is none.
pub fn last_before(core: &Core, time: UnixMs) -> u64 {
    let mut scan = core.store.scan(Family::Outbox, &[], None);
    let mut last = core.seqs.trimmed.load(Ordering::Relaxed);
    while let Some(record) = next_record(core, &mut scan, Family::Outbox).filter(|record| record.at < time) {
        last = record.seq;
    }
    last
}

/// Messages of a campaign, in order of acceptance.
pub fn messages_of(core: &Core, campaign: &CampaignName) -> Vec<MessageId> {
    let prefix = campaign_prefix(campaign);
    let mut past = prefix.clone();
    past.extend([0xff; 9]);
    let mut scan = core.store.scan(Family::Campaign, &prefix, Some(past));
    let mut messages = vec![];
    while let Some((key, _)) = scan.next_item() {
        let id = key.get(prefix.len()..).and_then(read_u64).ok_or(Corrupt::Key);
        let id = id.map_err(|corrupt| StoreFault::new(Family::Campaign.name(), corrupt));
        messages.push(MessageId(core.store.must("reading a campaign", id)));
    }
    messages
}

/// What stands in `failure` that is none: accepted again after it had come back.
fn is_failure(record: &AttemptRecord) -> bool {
    record.outcome != Outcome::Accepted || record.in_doubt
}

/// The last outcome of the notifications of a campaign that are not accepted, in order, from behind `after` on.
pub fn failures(
    core: &Core,
    campaign: &CampaignName,
    after: Option<NotificationId>,
    limit: usize,
) -> Vec<AttemptRecord> {
    let mut found = vec![];
    for message in messages_of(core, campaign) {
        let start = match after {
            Some(after) if message < after.message => continue,
            Some(after) if message == after.message => match after.index.checked_add(1) {
                Some(index) => NotificationId { message, index },
                None => continue,
            },
            _ => NotificationId { message, index: 0 },
        };
        let past = message_key(MessageId(message.0 + 1)).to_vec();
        let mut scan = core.store.scan(Family::Failure, &notification_key(start), Some(past));
        while found.len() < limit
            && let Some(record) = next_record(core, &mut scan, Family::Failure)
        {
            found.extend(Some(record).filter(is_failure));
        }
        if found.len() >= limit {
            break;
        }
    }
    found
}

/// The last outcome of one notification, unless it is accepted.
pub fn failure(core: &Core, id: NotificationId) -> Option<AttemptRecord> {
    core.store.read(Family::Failure, &notification_key(id), Line::decode_record).filter(is_failure)
}

/// Sums of one message.
pub fn tally_of(core: &Core, message: MessageId) -> Option<Tally> {
    core.store.has(Family::Message, &message_key(message)).then(|| core.book.get(&core.store, message)).flatten()
}

/// Sums of a campaign.
pub fn tally(core: &Core, campaign: &CampaignName) -> Tally {
    let mut all = Tally::default();
    for message in messages_of(core, campaign) {
        if let Some(tally) = tally_of(core, message) {
            all.merge(&tally);
        }
    }
    all
}

/// A message's head.
pub fn head(core: &Core, message: MessageId) -> Option<Head> {
    core.store.read(Family::Message, &message_key(message), Head::decode)
}
