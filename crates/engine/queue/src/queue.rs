//! The queue as its users see it.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use clock::Clock;
use mail_model::{CampaignName, EmailAddress, Lane, MessageId, NotificationId, SourceName, UnixMs};
use tokio::sync::Notify;

use crate::act::Write;
use crate::claim::{self, Claim, Queued};
use crate::deadline::{self, MessageDeadline};
use crate::intake::{self, Begun, NewMessage};
use crate::keys::{Family, InboxId, LaneId, message_key};
use crate::late::{BeingSent, Told};
use crate::life::Handle;
use crate::open::{self, OpenError};
use crate::record::attempt::AttemptRecord;
use crate::record::audit::AuditEntry;
use crate::record::doubt::InDoubt;
use crate::record::mail::{KeptMail, ReceivedMail};
use crate::record::message::{Head, decode_content};
use crate::record::sums::Tally;
use crate::recover::recover;
use crate::settings::{QueueSettings, Refusal};
use crate::shape::{self, Inspection, Shape};
use crate::stored::{Shelf, StoredMessage};
use crate::sweep::{self, Filter};
use crate::waiting::{self, Waiting};
use crate::window::Peek;
use crate::{history, inbox, lists, outbox, reserved, write};

/// A queue directory, open. Cheap to clone; the last clone to be dropped closes it.
#[derive(Clone)]
pub struct Queue {
    life: Arc<Handle>,
    shelf: Arc<Shelf>,
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Queue").field("dir", &self.life.core.store.dir()).finish_non_exhaustive()
    }
}

impl Queue {
    /// Opens the queue in `dir`, or makes a new one there. Messages that were half handed in are removed; notifications
    /// that a crash left in doubt are listed by [`Queue::in_doubt`]. Blocks while the log is read.
    pub fn open(dir: &Path, settings: QueueSettings, clock: Clock) -> Result<Self, OpenError> {
        let store = open::open(dir)?;
        let core = recover(store, settings, clock).map_err(|fault| OpenError::damaged(dir, fault))?;
        let io = |source| OpenError::Io { path: dir.to_owned(), source };
        let life = Handle::start(core).map_err(io)?;
        Ok(Self { life: Arc::new(life), shelf: Arc::default() })
    }

    /// Begins a message. A call that was made before is answered with what it was answered then.
    pub fn begin(&self, new: NewMessage) -> Result<Begun, Refusal> {
        intake::begin(&self.life, None, new)
    }

    /// Gives message ids away, in order, for messages that will be begun later with [`Queue::begin_as`].
    pub fn reserve_ids(&self, count: usize) -> Vec<MessageId> {
        reserved::reserve(&self.life.core, count)
    }

    /// Begins a message under an id of [`Queue::reserve_ids`]. Lanes stand in the order of ids, so it goes before what was
    /// begun after its id was given away, as far as that is not in memory yet. Under an id that was used before this is
    /// a call that was made before.
    pub fn begin_as(&self, id: MessageId, new: NewMessage) -> Result<Begun, Refusal> {
        intake::begin(&self.life, Some(id), new)
    }

    /// How many lanes there are; lanes are never taken away.
    pub fn lane_count(&self) -> usize {
        self.life.core.lanes.len()
    }

    /// All lanes.
    pub fn lanes(&self) -> Vec<(LaneId, Lane)> {
        self.life.core.lanes.all().iter().map(|cell| (cell.id, cell.lane.clone())).collect()
    }

    /// The lane with this number.
    pub fn lane(&self, id: LaneId) -> Option<Lane> {
        self.life.core.lanes.get(id).map(|cell| cell.lane.clone())
    }

    /// Unsettled notifications of a lane, those being sent included. Memory only.
    pub fn queued_in(&self, lane: LaneId) -> u64 {
        let cell = self.life.core.lanes.get(lane);
        cell.map_or(0, |cell| u64::try_from(cell.queued.load(std::sync::atomic::Ordering::Relaxed)).unwrap_or(0))
    }

    /// The number of this lane, if anything was ever in it.
    pub fn lane_id(&self, lane: &Lane) -> Option<LaneId> {
        self.life.core.lanes.find(lane)
    }

    /// The number of this lane; makes it when it is new.
    pub fn make_lane(&self, lane: &Lane) -> Result<LaneId, Refusal> {
        let core = &self.life.core;
        core.lanes.find_or_make(&core.store, lane, core.settings.limits.lanes_max)
    }

    /// Claims the next notification of a lane for a source. Memory only: never waits for the disk.
    pub fn claim(&self, lane: LaneId, now: UnixMs, source: &SourceName) -> Claim {
        claim::claim(&self.life.core, lane, now, source)
    }

    /// What a claim of this lane would find, for any source. Memory only.
    pub fn peek(&self, lane: LaneId, now: UnixMs) -> Peek {
        claim::peek(&self.life.core, lane, now)
    }

    /// Gives a claimed notification back that was not tried; it is the next of its lane.
    pub fn unclaim(&self, queued: impl Into<Box<Queued>>) {
        claim::unclaim(&self.life.core, *queued.into());
        self.life.core.announce();
    }

    /// The same without telling whoever waits for work: for a caller that claimed just now, under a lock that everybody
    /// takes who claims, so that nobody has missed it.
    pub fn put_back(&self, queued: Box<Queued>) {
        claim::unclaim(&self.life.core, *queued);
    }

    /// Writes what became of claimed notifications. Returns when the death of the process cannot take it back; a power
    /// cut cannot after the sync interval, see [`Queue::synced`].
    ///
    /// Late outcomes and revivals are written, too, without a word about what became of them; one that comes too early is
    /// lost. They belong to [`Queue::write_late`].
    pub fn write(&self, write: Write) {
        write::write(&self.life.core, write);
    }

    /// Writes what follows from received mail, like [`Queue::write`], and tells what became of late outcomes and
    /// revivals. All of it is written, or, when one of its notifications is being sent in this moment, nothing.
    ///
    /// The first look at a message reads the outbox from its acceptance on, which takes a second for a million outcomes:
    /// not for an async thread.
    pub fn write_late(&self, write: Write) -> Result<Told, BeingSent> {
        write::write_late(&self.life.core, write)
    }

    /// Returns once everything that was written before the call is safe from a power cut.
    pub async fn synced(&self) {
        let (done, told) = tokio::sync::oneshot::channel();
        self.life.core.desk.tell_when_synced(done);
        if told.await.is_err() {
            // Only without a syncer, which lives as long as this handle: say nothing rather than guess.
            std::future::pending::<()>().await;
        }
    }

    /// Stores a received mail. Returns after the sync that covers it: from then on it will be dealt with, whatever
    /// happens. Thousands that arrive together share one sync, and none of it is done in the caller's thread.
    ///
    /// A future that is dropped after it was polled leaves the mail stored or not.
    pub async fn receive(&self, mail: ReceivedMail) -> Result<InboxId, Refusal> {
        inbox::receive(&self.life.core, mail).await
    }

    /// Received mails that wait, oldest first, from behind `after` on: at most `limit`, fewer when they are large. They
    /// stay until [`Write::inbox_done`] or [`Write::inbox_kept`] takes them out.
    pub fn inbox_next(&self, after: Option<InboxId>, limit: usize) -> Vec<(InboxId, ReceivedMail)> {
        inbox::next(&self.life.core, after, limit)
    }

    /// How many received mails wait, those included that are just being stored.
    pub fn inbox_waiting(&self) -> u64 {
        self.life.core.postbox.waiting()
    }

    /// Told when mail came in. Make the future before you look for it.
    pub fn received(&self) -> &Notify {
        &self.life.core.received
    }

    /// Received mails that are kept for people, oldest first, from behind `after` on: at most `limit`, fewer when they
    /// are large. Beyond [`crate::Limits::kept_bytes_max`] the oldest are let go.
    pub fn kept(&self, after: Option<InboxId>, limit: usize) -> Vec<KeptMail> {
        inbox::kept(&self.life.core, after, limit)
    }

    /// Lets go of mails that are kept since before `before`. Gives how many.
    pub fn forget_kept(&self, before: UnixMs) -> u64 {
        inbox::forget_kept(&self.life.core, before)
    }

    /// A message with its content; the last few are kept in memory.
    pub fn message(&self, id: MessageId) -> Option<Arc<StoredMessage>> {
        let store = &self.life.core.store;
        self.shelf.get_or(id, || {
            let key = message_key(id);
            let head = store.read(Family::Message, &key, Head::decode)?;
            let content = store.read(Family::Content, &key, decode_content)?;
            Some(StoredMessage::new(id, head, content))
        })
    }

    /// What was said when the address was suppressed.
    pub fn suppression(&self, address: &EmailAddress) -> Option<Vec<u8>> {
        let store = &self.life.core.store;
        let found = store.must("reading", store.try_get(Family::Suppress, address.as_str().as_bytes()));
        found.map(|value| value.to_vec())
    }

    /// Suppressed addresses with what was said when they were, in the order of their bytes, from behind `after` on.
    pub fn suppressions(&self, after: Option<&EmailAddress>, limit: usize) -> Vec<(EmailAddress, Vec<u8>)> {
        lists::suppressions(&self.life.core, after, limit)
    }

    /// What was done by hand, with its number from 1, from behind number `after` on. Never removed here.
    pub fn audit(&self, after: u64, limit: usize) -> Vec<(u64, AuditEntry)> {
        lists::audit(&self.life.core, after, limit)
    }

    /// What [`Write::remember`] wrote under this key, unless it has expired.
    pub fn remembered(&self, key: &[u8]) -> Option<Vec<u8>> {
        let core = &self.life.core;
        lists::remembered(core, key, core.clock.unix())
    }

    /// What is remembered under keys that begin with `start`, with these keys, in the order of their bytes. For owners of
    /// few and small things: all of it is read at once.
    pub fn remembered_under(&self, start: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
        let core = &self.life.core;
        lists::remembered_under(core, start, core.clock.unix())
    }

    /// Removes what has expired by `now`. Gives how much that was.
    pub fn forget_remembered(&self, now: UnixMs) -> u64 {
        lists::forget_remembered(&self.life.core, now)
    }

    /// Told when work was placed or loaded. Make the future before you look for work.
    pub fn activity(&self) -> &Notify {
        &self.life.core.activity
    }

    /// Told when there is more in the outbox.
    pub fn settled(&self) -> &Notify {
        &self.life.core.settled
    }

    /// Sums of a campaign; exact, also after a crash.
    pub fn tally(&self, campaign: &CampaignName) -> Tally {
        outbox::tally(&self.life.core, campaign)
    }

    /// Sums of a message.
    pub fn tally_of(&self, message: MessageId) -> Option<Tally> {
        outbox::tally_of(&self.life.core, message)
    }

    /// Messages of a campaign, in order of acceptance.
    pub fn messages_of(&self, campaign: &CampaignName) -> Vec<MessageId> {
        outbox::messages_of(&self.life.core, campaign)
    }

    /// The last outcome of every notification of a campaign that has one and is not accepted, those that will be tried
    /// again and those that came back later included; and of those that were accepted and may have arrived twice. In order of message and index, from
    /// behind `after` on.
    pub fn failures(&self, campaign: &CampaignName, after: Option<NotificationId>, limit: usize) -> Vec<AttemptRecord> {
        outbox::failures(&self.life.core, campaign, after, limit)
    }

    /// The last outcome of a notification, accepted ones included, also before it is synced. `None`: it was not tried,
    /// its acceptance was trimmed, or its message is forgotten.
    ///
    /// The first look at a message reads the outbox from its acceptance on, which takes a second for a million outcomes:
    /// not for an async thread.
    pub fn last_attempt(&self, id: NotificationId) -> Option<AttemptRecord> {
        history::last_attempt(&self.life.core, id)
    }

    /// Settled attempts from number `from` on, in order. Only what no power cut can take back. Numbers may have gaps.
    pub fn outbox(&self, from: u64, limit: usize) -> Vec<AttemptRecord> {
        outbox::outbox(&self.life.core, from, limit)
    }

    /// Removes attempts up to `upto`. Gives how far it went: not past what is durable and summed up.
    pub fn outbox_trim(&self, upto: u64) -> u64 {
        outbox::trim(&self.life.core, upto)
    }

    /// Removes attempts older than `time`; see [`Queue::outbox_trim`].
    pub fn outbox_trim_before(&self, time: UnixMs) -> u64 {
        let last = outbox::last_before(&self.life.core, time);
        outbox::trim(&self.life.core, last)
    }

    /// The queue at a glance.
    pub fn shape(&self) -> Shape {
        shape::shape(&self.life.core)
    }

    /// One notification.
    pub fn inspect(&self, id: NotificationId) -> Option<Inspection> {
        shape::inspect(&self.life.core, id)
    }

    /// Notifications that may have arrived although we never read the answer, because a crash came in between.
    pub fn in_doubt(&self) -> Vec<InDoubt> {
        shape::in_doubt(&self.life.core)
    }

    /// Cancels what fits: settled now as withheld when nobody is sending it, else at its next failure. Gives how many
    /// were settled now. Reads the whole queue from disk: not for an async thread.
    pub fn sweep(&self, filter: &Filter) -> u64 {
        sweep::sweep(&self.life.core, filter)
    }

    /// Makes due now what [`Write::postpone`] moved to exactly `until`: the hold that did it is over early. Gives how many.
    /// Reads the whole queue from disk: not for an async thread.
    pub fn recall(&self, until: UnixMs) -> u64 {
        sweep::recall(&self.life.core, until)
    }

    /// Settles as expired what was not sent by its `not_after`, or, where something may be sent in its place, by the end of
    /// that. Reads the queue only when a message is late.
    pub fn expire(&self, now: UnixMs) -> u64 {
        sweep::expire(&self.life.core, now)
    }

    /// Messages whose deadline is so near at `now` that those who wait are foreseen to be late, and how many wait.
    pub fn near_deadlines(&self, now: UnixMs) -> Vec<MessageDeadline> {
        deadline::near(&self.life.core, now)
    }

    /// The deadlines of those of these messages that have one; of more than ten thousand, the last ones.
    pub fn deadlines_of(&self, messages: &[MessageId]) -> Vec<MessageDeadline> {
        deadline::of(&self.life.core, messages)
    }

    /// Hands everything of these messages that has not ended to `each`, until that says false. As it is at this moment,
    /// lane by lane; what ends meanwhile may still be among it. Reads much of the queue: not for an async thread.
    pub fn waiting(&self, messages: &BTreeSet<MessageId>, each: &mut dyn FnMut(Waiting) -> bool) {
        waiting::waiting(&self.life.core, messages, each);
    }

    /// Forgets at most `limit` finished messages handed in before `before`. Gives how many.
    pub fn forget(&self, before: UnixMs, limit: usize) -> u64 {
        self.shelf.clear();
        sweep::forget(&self.life.core, before, limit)
    }

    /// Copies the queue as it is now to `to`, a new directory on the same file system. To be opened as a queue it needs
    /// the file `FORMAT` beside it, which is copied too.
    pub fn checkpoint(&self, to: &Path) {
        let store = &self.life.core.store;
        store.checkpoint(to);
        let copied = open::copy_format(store.dir(), to);
        store.must("making a checkpoint", copied.map_err(|error| crate::fatal::StoreFault::new("FORMAT", error)));
    }
}
