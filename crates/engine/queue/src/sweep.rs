//! Ending many notifications at once: cancelled by somebody, too late, or long finished and to be forgotten.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering;

use mail_model::{CampaignName, Cause, MessageId, Outcome, TenantName, UnixMs, Withheld};

use crate::core::Core;
use crate::ending::{bring_forward, end, flag_in_flight};
use crate::fatal::StoreFault;
use crate::keys::{Family, Spot, campaign_key, deadline_key, lane_end, message_key, read_u64};
use crate::lanes::LaneCell;
use crate::outbox::head;
use crate::record::due::DueRecord;
use crate::record::message::{Head, Known};
use crate::record::wire::Corrupt;
use crate::settings::IDEMPOTENCY_KEPT;
use crate::syncer::store_tallies;

/// Spots gathered before they are ended.
const GATHERED: usize = 5_000;

/// Which notifications. Every field that is given must fit; without any, all fit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this campaign.
    pub campaign: Option<CampaignName>,
    /// Of this tenant.
    pub tenant: Option<TenantName>,
    /// To this domain, lower case.
    pub domain: Option<String>,
    /// Of this message.
    pub message: Option<MessageId>,
}

impl Filter {
    fn fits_head(&self, head: &Head) -> bool {
        self.campaign.as_ref().is_none_or(|name| *name == head.campaign)
            && self.tenant.as_ref().is_none_or(|name| *name == head.tenant)
    }
}

struct Sieve<'a> {
    core: &'a Core,
    filter: &'a Filter,
    heads: HashMap<u64, bool>,
}

impl Sieve<'_> {
    fn lets_through(&mut self, spot: Spot, record: &DueRecord) -> bool {
        if self.filter.message.is_some_and(|message| message.0 != spot.message)
            || self.filter.domain.as_ref().is_some_and(|domain| domain != record.address.domain())
        {
            return false;
        }
        let (core, filter) = (self.core, self.filter);
        let fits = || head(core, MessageId(spot.message)).is_some_and(|head| filter.fits_head(&head));
        *self.heads.entry(spot.message).or_insert_with(fits)
    }
}

/// Goes through a lane as it is on disk and hands on, part by part, the spots that `wanted` lets through.
fn through(
    core: &Core,
    cell: &LaneCell,
    mut wanted: impl FnMut(Spot, &DueRecord) -> bool,
    mut hand_on: impl FnMut(&[Spot]),
) {
    let mut scan = core.store.scan(Family::Due, &Spot::FIRST_FRESH.key(cell.id), Some(lane_end(cell.id)));
    // After the scan has fixed what it sees. What is still being handed in is accepted after this call began, and must not
    // be settled between its acceptance and its way into the windows.
    let staging = core.intakes.lock().staging.clone();
    let mut spots = vec![];
    while let Some((key, value)) = scan.next_item() {
        let read = Spot::read(key).ok_or(Corrupt::Key).and_then(|(_, spot)| Ok((spot, DueRecord::decode(key, value)?)));
        let read = read.map_err(|corrupt| StoreFault::new(Family::Due.name(), corrupt));
        let (spot, record) = core.store.must("reading a lane", read);
        if !staging.contains(&spot.message) && wanted(spot, &record) {
            spots.push(spot);
        }
        if spots.len() >= GATHERED {
            hand_on(&spots);
            spots.clear();
        }
    }
    hand_on(&spots);
}

/// Withholds what fits and is not being sent; what is being sent ends unless it is accepted. Gives how many ended now.
pub fn sweep(core: &Core, filter: &Filter) -> u64 {
    let mut sieve = Sieve { core, filter, heads: HashMap::new() };
    let mut ended = 0;
    for cell in core.lanes.all() {
        let cancelled = |_: &DueRecord| Outcome::Withheld(Withheld::Cancelled);
        through(
            core,
            &cell,
            |spot, record| sieve.lets_through(spot, record),
            |spots| {
                let flag = |spot| {
                    flag_in_flight(core, cell.id, spot);
                };
                ended += end(core, &cell, spots, cancelled, flag).ended;
            },
        );
    }
    core.announce();
    ended
}

/// Makes due now what was postponed to exactly `until`. A message that must not go earlier by its own word stays.
pub fn recall(core: &Core, until: UnixMs) -> u64 {
    let mut own_time: HashMap<u64, bool> = HashMap::new();
    let mut moved = 0;
    for cell in core.lanes.all() {
        through(
            core,
            &cell,
            |spot, _| {
                let waits = || head(core, MessageId(spot.message)).is_none_or(|head| head.not_before >= Some(until));
                spot.due_ms == until.0 && !*own_time.entry(spot.message).or_insert_with(waits)
            },
            |spots| moved += bring_forward(core, &cell, spots, core.clock.unix()),
        );
    }
    core.bell.ring();
    core.announce();
    moved
}

/// Ends what was not sent by its message's end. What is being sent gets its answer; call it again later.
pub fn expire(core: &Core, now: UnixMs) -> u64 {
    let late = late_messages(core, now);
    if late.is_empty() {
        return 0;
    }
    let messages: HashSet<u64> = late.iter().map(|(_, id)| id.0).collect();
    let (mut ended, mut waiting) = (0, HashSet::new());
    for cell in core.lanes.all() {
        through(
            core,
            &cell,
            |spot, _| messages.contains(&spot.message),
            |spots| {
                let expired = |record: &DueRecord| Outcome::Expired(record.last_cause.unwrap_or(Cause::RateLimited));
                ended += end(core, &cell, spots, expired, |spot| {
                    waiting.insert(spot.message);
                })
                .ended;
            },
        );
    }
    let mut batch = core.store.batch();
    for (ends_at, id) in late.iter().filter(|(_, id)| !waiting.contains(&id.0)) {
        batch.delete(Family::Deadline, &deadline_key(*ends_at, *id));
    }
    batch.write();
    core.desk.dirty();
    ended
}

fn late_messages(core: &Core, now: UnixMs) -> Vec<(u64, MessageId)> {
    let past = deadline_key(now.0.saturating_add(1), MessageId(0)).to_vec();
    let mut scan = core.store.scan(Family::Deadline, &[], Some(past));
    let mut late = vec![];
    while let Some((key, _)) = scan.next_item() {
        let read = || Some((read_u64(key.get(..8)?)?, MessageId(read_u64(key.get(8..)?)?)));
        let read = read().ok_or_else(|| StoreFault::new(Family::Deadline.name(), Corrupt::Key));
        late.push(core.store.must("reading deadlines", read));
    }
    late
}

/// Forgets at most `limit` finished messages that were handed in before `before`, and idempotency keys older than seven
/// days. The newest message always stays: its id tells the next start which ids were given away.
pub fn forget(core: &Core, before: UnixMs, limit: usize) -> u64 {
    // Nothing may come back to life while it is being forgotten.
    let mut index = core.back.lock();
    // Sums of forgotten messages must not be stored afterwards.
    store_tallies(core);
    let _one = core.snapshot.lock();
    let newest = core.store.must("reading", core.store.try_last_key(Family::Message));
    let mut scan = core.store.scan(Family::Message, &[], newest);
    let mut forgotten = 0;
    while forgotten < limit
        && let Some((key, value)) = scan.next_item()
    {
        let read = read_u64(key).ok_or(Corrupt::Key).and_then(|id| Ok((MessageId(id), Head::decode(key, value)?)));
        let read = read.map_err(|corrupt| StoreFault::new(Family::Message.name(), corrupt));
        let (id, head) = core.store.must("reading messages", read);
        let finished = core.book.get(&core.store, id).is_some_and(|tally| tally.queued() == 0);
        if head.accepted_at < before && finished {
            forget_one(core, id, &head);
            forgotten += 1;
        }
    }
    core.messages.fetch_sub(i64::try_from(forgotten).unwrap_or(0), Ordering::Relaxed);
    forget_keys(core, core.clock.unix());
    index.clear();
    core.desk.dirty();
    u64::try_from(forgotten).unwrap_or(u64::MAX)
}

fn forget_one(core: &Core, id: MessageId, head: &Head) {
    let (key, past) = (message_key(id), message_key(MessageId(id.0 + 1)));
    let mut batch = core.store.batch();
    for family in [Family::Message, Family::Content, Family::Tally] {
        batch.delete(family, &key);
    }
    batch.delete_range(Family::Failure, &key, &past);
    batch.delete(Family::Campaign, &campaign_key(&head.campaign, id));
    if let Some(end) = head.ends_at() {
        batch.delete(Family::Deadline, &deadline_key(end.0, id));
    }
    batch.write();
    core.book.forget(id);
}

fn forget_keys(core: &Core, now: UnixMs) {
    let mut scan = core.store.scan(Family::Idempotency, &[], None);
    let mut batch = core.store.batch();
    while let Some((key, value)) = scan.next_item() {
        let known = Known::decode(key, value).map_err(|corrupt| StoreFault::new(Family::Idempotency.name(), corrupt));
        if now >= core.store.must("reading keys", known).at + IDEMPOTENCY_KEPT {
            batch.delete(Family::Idempotency, key);
        }
    }
    batch.write();
}
