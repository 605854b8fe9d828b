//! Handing in a message: recipients stream to disk page by page, invisible until one synced write accepts all of them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use mail_model::{CampaignName, Class, EmailAddress, Lane, MessageId, PoolName, TenantName, UnixMs};
use tokio::sync::oneshot;

use crate::core::Core;
use crate::desk::{Abort, Placement};
use crate::keys::{Family, LaneId, Spot, campaign_key, deadline_key, message_key};
use crate::life::Handle;
use crate::record::at_deadline::AtDeadline;
use crate::record::due::DueRecord;
use crate::record::message::{Head, Known, Staged, encode_content};
use crate::reserved::{self, Taken};
use crate::settings::{IDEMPOTENCY_KEPT, IDEMPOTENCY_KEY_BYTES_MAX, Refusal};
use crate::store::Batch;
use crate::window::Entry;

/// A page is also written when it has this many bytes.
const PAGE_BYTES_MAX: usize = 4 << 20;

/// A caller's key for a call that it may repeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// 1 to 255 bytes; remembered for seven days.
    pub key: String,
    /// Digest of everything in the call that matters.
    pub digest: [u8; 32],
}

/// A message to be handed in.
#[derive(Clone, Debug)]
pub struct NewMessage {
    /// What is counted together.
    pub campaign: CampaignName,
    /// Whose it is.
    pub tenant: TenantName,
    /// How urgent.
    pub class: Class,
    /// Which sources send it.
    pub pool: PoolName,
    /// Not to be sent earlier.
    pub not_before: Option<UnixMs>,
    /// Not to be sent later.
    pub not_after: Option<UnixMs>,
    /// What happens around that time; nothing of it counts without `not_after`.
    pub at_deadline: AtDeadline,
    /// The envelope sender; `None` is `<>`.
    pub sender: Option<EmailAddress>,
    /// What the mails are made of, opaque here.
    pub content: Vec<u8>,
    /// The caller's key, if it may repeat the call.
    pub idempotency: Option<Idempotency>,
}

/// What [`crate::Queue::begin`] gives.
#[derive(Debug)]
pub enum Begun {
    /// A new message: add its recipients, then commit.
    New(Intake),
    /// The call was made before and accepted.
    Known {
        /// The message.
        message: MessageId,
        /// Its notifications.
        count: u32,
    },
}

/// A message that is accepted: a power cut does not lose it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The message.
    pub message: MessageId,
    /// Its notifications.
    pub count: u32,
}

/// A message that is being handed in. Dropped without [`Intake::commit`], nothing of it stays.
#[derive(Debug)]
pub struct Intake {
    draft: Box<Draft>,
}

struct Draft {
    life: Arc<Handle>,
    id: MessageId,
    head: Head,
    content: Vec<u8>,
    idempotency: Option<Idempotency>,
    due_ms: u64,
    page: Vec<(LaneId, Entry)>,
    page_bytes: usize,
    lanes: BTreeMap<LaneId, i64>,
    last_lane: Option<(Lane, LaneId)>,
    /// Lanes that the staging record on disk names; `None` while nothing is on disk.
    staged: Option<usize>,
    committed: bool,
}

impl std::fmt::Debug for Draft {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Draft").field("message", &self.id).field("count", &self.head.count).finish_non_exhaustive()
    }
}

/// Begins a message, under an id that was reserved for it or under the next one.
pub fn begin(life: &Arc<Handle>, reserved: Option<MessageId>, new: NewMessage) -> Result<Begun, Refusal> {
    let core = &life.core;
    let limits = &core.settings.limits;
    if new.content.len() > limits.content_bytes_max {
        return Err(Refusal::limit("content_bytes_max", limits.content_bytes_max));
    }
    let now = core.clock.unix();
    if let Some(idempotency) = &new.idempotency
        && let Some(known) = look_up(core, idempotency, now)?
    {
        return Ok(Begun::Known { message: known.message, count: known.count });
    }
    let id = match check_room(core).and_then(|()| reserved::take(core, reserved, now)) {
        Ok(Taken::Free(id)) => id,
        used_or_refused => {
            if let Some(idempotency) = &new.idempotency {
                core.intakes.lock().keys.remove(&idempotency.key);
            }
            return used_or_refused.and_then(|taken| match taken {
                Taken::Used(message, count) => Ok(Begun::Known { message, count }),
                Taken::Free(_) => Err(Refusal::IdempotencyBusy),
            });
        }
    };
    let due_ms = new.not_before.filter(|t| *t > now).map_or(0, |t| t.0);
    let head = Head {
        campaign: new.campaign,
        tenant: new.tenant,
        class: new.class,
        pool: new.pool,
        sender: new.sender,
        not_before: new.not_before,
        not_after: new.not_after.filter(|t| *t != UnixMs::NEVER),
        at_deadline: new.at_deadline,
        accepted_at: now,
        count: 0,
        first_seq: 0,
    };
    let draft = Draft {
        life: life.clone(),
        id,
        head,
        content: new.content,
        idempotency: new.idempotency,
        due_ms,
        page: vec![],
        page_bytes: 0,
        lanes: BTreeMap::new(),
        last_lane: None,
        staged: None,
        committed: false,
    };
    Ok(Begun::New(Intake { draft: Box::new(draft) }))
}

fn check_room(core: &Core) -> Result<(), Refusal> {
    let limits = &core.settings.limits;
    if at_least(core.messages.load(Ordering::Relaxed), limits.messages_max) {
        return Err(Refusal::limit("messages_max", limits.messages_max));
    }
    if at_least(core.queued.load(Ordering::Relaxed), limits.notifications_max) {
        return Err(Refusal::limit("notifications_max", limits.notifications_max));
    }
    core.check_disk()
}

fn at_least(count: i64, max: u64) -> bool {
    u64::try_from(count).unwrap_or(0) >= max
}

/// What the key stands for; a new key is kept busy from here on.
fn look_up(core: &Core, idempotency: &Idempotency, now: UnixMs) -> Result<Option<Known>, Refusal> {
    let key = idempotency.key.as_bytes();
    if key.is_empty() || key.len() > IDEMPOTENCY_KEY_BYTES_MAX {
        return Err(Refusal::limit("idempotency_key_bytes_max", IDEMPOTENCY_KEY_BYTES_MAX));
    }
    // Busy first, store second: a call that ends in between is then found in the store.
    if !core.intakes.lock().keys.insert(idempotency.key.clone()) {
        return Err(Refusal::IdempotencyBusy);
    }
    let known = core.store.read(Family::Idempotency, key, Known::decode);
    let Some(known) = known.filter(|known| now < known.at + IDEMPOTENCY_KEPT) else { return Ok(None) };
    core.intakes.lock().keys.remove(&idempotency.key);
    if known.digest != idempotency.digest {
        return Err(Refusal::IdempotencyConflict { message: known.message });
    }
    Ok(Some(known))
}

impl Intake {
    /// The id the message will have.
    pub fn message(&self) -> MessageId {
        self.draft.id
    }

    /// Recipients so far.
    pub fn count(&self) -> u32 {
        self.draft.head.count
    }

    /// The lanes that it has recipients in.
    pub fn lanes(&self) -> Vec<Lane> {
        let lane = |id: &LaneId| self.draft.core().lanes.get(*id).map(|cell| cell.lane.clone());
        self.draft.lanes.keys().filter_map(lane).collect()
    }

    /// Adds a recipient and gives its index. After a refusal the intake can go on without this one.
    pub fn add(&mut self, lane: &Lane, address: EmailAddress, payload: Vec<u8>) -> Result<u32, Refusal> {
        self.draft.add(lane, address, payload)
    }

    /// Accepts the message. Returns once a sync has made all of it durable.
    ///
    /// A future that is dropped after it was polled leaves the message accepted or not, never half.
    pub async fn commit(mut self) -> Result<Accepted, Refusal> {
        let done = self.draft.accept();
        // The syncer answers as long as the handle lives, and this intake holds it. Were it gone, nothing may be
        // acknowledged: wait rather than guess.
        if done.await.is_err() {
            std::future::pending::<()>().await;
        }
        Ok(Accepted { message: self.draft.id, count: self.draft.head.count })
    }
}

impl Draft {
    fn core(&self) -> &Core {
        &self.life.core
    }

    fn add(&mut self, lane: &Lane, address: EmailAddress, payload: Vec<u8>) -> Result<u32, Refusal> {
        let index = self.head.count;
        self.check(index, payload.len())?;
        let lane = self.lane_id(lane)?;
        if self.page.len() >= self.core().settings.page_records.max(1) || self.page_bytes >= PAGE_BYTES_MAX {
            self.core().check_disk()?;
            self.write_page();
        }
        self.page_bytes += payload.len() + address.as_str().len();
        let record = DueRecord {
            attempts: 0,
            accepted_at: self.head.accepted_at,
            source_hint: None,
            last_cause: None,
            in_doubt: false,
            cancelled: false,
            returned: false,
            address,
            payload,
        };
        let spot = Spot { due_ms: self.due_ms, message: self.id.0, index };
        self.page.push((lane, Entry { spot, record }));
        *self.lanes.entry(lane).or_default() += 1;
        self.head.count += 1;
        Ok(index)
    }

    fn check(&self, index: u32, payload_bytes: usize) -> Result<(), Refusal> {
        let limits = &self.core().settings.limits;
        if payload_bytes > limits.payload_bytes_max {
            return Err(Refusal::limit("payload_bytes_max", limits.payload_bytes_max));
        }
        if index >= limits.recipients_per_message_max {
            return Err(Refusal::limit("recipients_per_message_max", limits.recipients_per_message_max));
        }
        let queued = self.core().queued.load(Ordering::Relaxed).saturating_add(i64::from(index));
        if at_least(queued, limits.notifications_max) {
            return Err(Refusal::limit("notifications_max", limits.notifications_max));
        }
        Ok(())
    }

    fn lane_id(&mut self, lane: &Lane) -> Result<LaneId, Refusal> {
        if let Some((last, id)) = &self.last_lane
            && last == lane
        {
            return Ok(*id);
        }
        let core = self.core();
        let id = core.lanes.find_or_make(&core.store, lane, core.settings.limits.lanes_max)?;
        self.last_lane = Some((lane.clone(), id));
        Ok(id)
    }

    fn put_records(&self, batch: &mut Batch<'_>) {
        for (lane, entry) in &self.page {
            let key = entry.spot.key(*lane);
            batch.put(Family::Due, &key, &entry.record.encode(&key));
        }
    }

    /// Puts the page on disk under its final keys. The staging record, written no later, names every lane it touches.
    fn write_page(&mut self) {
        let life = self.life.clone();
        let mut batch = life.core.store.batch();
        let key = message_key(self.id);
        if self.staged.is_none() {
            batch.put(Family::Content, &key, &encode_content(&key, &self.content));
        }
        if self.staged != Some(self.lanes.len()) {
            let staged = Staged { due_ms: self.due_ms, lanes: self.lanes.keys().copied().collect() };
            batch.put(Family::Staging, &key, &staged.encode(&key));
            self.staged = Some(self.lanes.len());
        }
        self.put_records(&mut batch);
        batch.write();
        self.page.clear();
        self.page_bytes = 0;
    }

    /// Writes the batch that makes the message true, and leaves the rest to the syncer.
    fn accept(&mut self) -> oneshot::Receiver<()> {
        let life = self.life.clone();
        let core = &life.core;
        let (done, told) = oneshot::channel();
        // Nobody can claim, and so nobody can settle, before the syncer has placed it.
        self.head.first_seq = core.seqs.next.load(Ordering::Relaxed);
        let mut batch = core.store.batch();
        self.put_records(&mut batch);
        self.put_message(&mut batch);
        {
            let _shared = core.gate.read();
            batch.write();
            for (lane, count) in &self.lanes {
                core.count(*lane, *count);
            }
            core.messages.fetch_add(1, Ordering::Relaxed);
        }
        self.committed = true;
        let page = std::mem::take(&mut self.page);
        core.desk.submit(Placement {
            message: self.id.0,
            key: self.idempotency.take().map(|idempotency| idempotency.key),
            lanes: self.places(),
            entries: if self.staged.is_some() { vec![] } else { page },
            done,
        });
        told
    }

    fn put_message(&self, batch: &mut Batch<'_>) {
        let key = message_key(self.id);
        if self.staged.is_some() {
            batch.delete(Family::Staging, &key);
        } else {
            batch.put(Family::Content, &key, &encode_content(&key, &self.content));
        }
        batch.put(Family::Message, &key, &self.head.encode(&key));
        batch.put(Family::Campaign, &campaign_key(&self.head.campaign, self.id), &[]);
        if let Some(end) = self.head.ends_at() {
            batch.put(Family::Deadline, &deadline_key(end.0, self.id), &[]);
        }
        if let Some(Idempotency { key, digest }) = &self.idempotency {
            let known = Known { message: self.id, count: self.head.count, digest: *digest, at: self.head.accepted_at };
            batch.put(Family::Idempotency, key.as_bytes(), &known.encode(key.as_bytes()));
        }
    }

    fn places(&self) -> Vec<(LaneId, Spot)> {
        let first = Spot { due_ms: self.due_ms, message: self.id.0, index: 0 };
        self.lanes.keys().map(|lane| (*lane, first)).collect()
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if self.committed {
            return;
        }
        let core = &self.life.core;
        {
            let mut intakes = core.intakes.lock();
            if let Some(idempotency) = &self.idempotency {
                intakes.keys.remove(&idempotency.key);
            }
            if self.staged.is_none() {
                intakes.staging.remove(&self.id.0);
            }
        }
        // Removing pages takes a while: not in the caller's thread, which may be one of tokio's.
        if self.staged.is_some() {
            core.bell.abort(Abort { message: self.id.0, lanes: self.places() });
        }
    }
}
