//! A queue in memory with the order of the durable one: due times, sources asked for, what was given back first.
//!
//! It keeps to `queue`'s window, because the order shapes what carriers see: only so many mails of a lane stand ready, what
//! fell due goes behind those, and a mail that wants a source waits for it up to `HINT_KEPT_MS`.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::sync::Arc;

use mail_model::{Cause, Lane, SourceName, UnixMs};
use parking_lot::Mutex;
use queue::{Claim, HINT_KEPT_MS, LaneId, Peek};
use scheduler::Work;

/// Mails of one lane that stand ready, as in a queue with its default settings and few lanes.
const ROOM: usize = 4_096;

/// One mail to one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// Its number in the run, from 0.
    pub number: u32,
    /// Which wave it belongs to.
    pub wave: u32,
    /// Where it waits.
    pub lane: LaneId,
    /// When it fell due.
    pub due: UnixMs,
    /// When it was handed in.
    pub accepted_at: UnixMs,
    /// Attempts made so far.
    pub attempts: u16,
    /// Why the last one failed.
    pub last_cause: Option<Cause>,
    /// The source the last one asked for.
    pub source_hint: Option<SourceName>,
}

/// Mails handed in together, numbered in a row.
#[derive(Clone, Copy, Debug)]
pub struct Batch {
    /// The first number.
    pub first: u32,
    /// How many.
    pub count: u32,
    /// Which wave.
    pub wave: u32,
    /// When.
    pub at: UnixMs,
}

/// A mail that waits for its time. Ordered as on disk: by time, then by number.
#[derive(Debug, PartialEq, Eq)]
struct Timed(Mail);

impl Ord for Timed {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.0.due, self.0.number).cmp(&(other.0.due, other.0.number))
    }
}

impl PartialOrd for Timed {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

#[derive(Debug)]
struct Row {
    id: LaneId,
    lane: Lane,
    fresh: VecDeque<Batch>,
    timed: BinaryHeap<Reverse<Timed>>,
    ready: VecDeque<Mail>,
    hinted: BTreeMap<SourceName, VecDeque<Mail>>,
    hinted_len: usize,
    /// Mails that have not ended, claimed ones included.
    unsettled: u64,
}

/// The queue of one node. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Shelf(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    lanes: Vec<Row>,
    /// Somebody gave a mail back or handed mails in: whoever waits for work looks again.
    stirred: bool,
}

impl Shelf {
    /// The lane's number, made when it is new.
    pub fn make_lane(&self, lane: &Lane) -> LaneId {
        let mut inner = self.0.lock();
        if let Some(known) = inner.lanes.iter().find(|known| known.lane == *lane) {
            return known.id;
        }
        let id = LaneId(u32::try_from(inner.lanes.len()).unwrap_or(u32::MAX));
        inner.lanes.push(Row {
            id,
            lane: lane.clone(),
            fresh: VecDeque::new(),
            timed: BinaryHeap::new(),
            ready: VecDeque::new(),
            hinted: BTreeMap::new(),
            hinted_len: 0,
            unsettled: 0,
        });
        id
    }

    /// Hands in new mails.
    pub fn hand_in(&self, lane: LaneId, batch: Batch) {
        let mut inner = self.0.lock();
        inner.stirred = true;
        if let Some(row) = inner.lane(lane) {
            row.unsettled += u64::from(batch.count);
            row.fresh.push_back(batch);
        }
    }

    /// Gives a claimed mail back that was not tried; it is the next of its lane.
    pub fn unclaim(&self, mail: Box<Mail>) {
        self.put_back(mail);
        self.0.lock().stirred = true;
    }

    /// Puts a claimed mail away until `due`, for `source` if the carrier wants the same one again.
    pub fn retry_at(&self, mut mail: Mail, due: UnixMs, source: Option<SourceName>) {
        mail.attempts = mail.attempts.saturating_add(1);
        self.put(mail, due, source);
    }

    /// Puts a claimed mail away until `due` without an attempt charged.
    pub fn put(&self, mut mail: Mail, due: UnixMs, source: Option<SourceName>) {
        (mail.due, mail.source_hint) = (due, source);
        let mut inner = self.0.lock();
        if let Some(row) = inner.lane(mail.lane) {
            row.timed.push(Reverse(Timed(mail)));
        }
    }

    /// Whether something was handed in or given back since the last call.
    pub fn take_stirred(&self) -> bool {
        std::mem::take(&mut self.0.lock().stirred)
    }

    /// Mails of a lane that wait for a time after `now`, and the first of these times.
    pub fn put_off(&self, lane: LaneId, now: UnixMs) -> (u64, Option<UnixMs>) {
        let mut inner = self.0.lock();
        let Some(row) = inner.lane(lane) else { return (0, None) };
        let later = row.timed.iter().filter(|Reverse(Timed(mail))| mail.due > now);
        (later.count() as u64, row.first_due())
    }

    /// Takes out what waits of a wave, for good.
    pub fn take_wave(&self, lane: LaneId, wave: u32) -> Vec<Mail> {
        let mut inner = self.0.lock();
        inner.lane(lane).map_or(Vec::new(), |row| row.take_wave(wave))
    }

    /// A mail of this lane has ended that was claimed or taken out.
    pub fn ended(&self, lane: LaneId) {
        if let Some(row) = self.0.lock().lane(lane) {
            row.unsettled = row.unsettled.saturating_sub(1);
        }
    }
}

impl Inner {
    fn lane(&mut self, id: LaneId) -> Option<&mut Row> {
        self.lanes.get_mut(usize::try_from(id.0).ok()?)
    }
}

impl Row {
    fn len(&self) -> usize {
        self.ready.len() + self.hinted_len
    }

    fn first_due(&self) -> Option<UnixMs> {
        self.timed.peek().map(|Reverse(Timed(mail))| mail.due)
    }

    /// What the durable queue's refill does: when half of the room is free, what fell due goes in first, but only into
    /// half of it while new mail waits as well.
    fn refill(&mut self, now: UnixMs) {
        let due = self.first_due().is_some_and(|due| due <= now);
        if self.len() * 2 > ROOM || (self.fresh.is_empty() && !due) {
            return;
        }
        let room = ROOM - self.len();
        let mut left = if self.fresh.is_empty() { room } else { (room / 2).max(1) };
        let mut taken = 0;
        while left > 0 && self.first_due().is_some_and(|due| due <= now) {
            let Some(Reverse(Timed(mail))) = self.timed.pop() else { break };
            self.line_up(mail);
            (left, taken) = (left - 1, taken + 1);
        }
        for _ in 0..(room - taken).max(1) {
            let Some(mail) = self.next_fresh() else { break };
            self.line_up(mail);
        }
    }

    fn next_fresh(&mut self) -> Option<Mail> {
        let batch = self.fresh.front_mut()?;
        let mail = Mail {
            number: batch.first,
            wave: batch.wave,
            lane: self.id,
            due: batch.at,
            accepted_at: batch.at,
            attempts: 0,
            last_cause: None,
            source_hint: None,
        };
        (batch.first, batch.count) = (batch.first + 1, batch.count - 1);
        if batch.count == 0 {
            self.fresh.pop_front();
        }
        Some(mail)
    }

    fn line_up(&mut self, mail: Mail) {
        match &mail.source_hint {
            Some(source) if self.hinted_len < ROOM / 2 => {
                self.hinted_len += 1;
                self.hinted.entry(source.clone()).or_default().push_back(mail);
            }
            _ => self.ready.push_back(mail),
        }
    }

    fn pop_hinted(&mut self, source: &SourceName) -> Option<Mail> {
        let line = self.hinted.get_mut(source)?;
        let mail = line.pop_front();
        if line.is_empty() {
            self.hinted.remove(source);
        }
        self.hinted_len -= usize::from(mail.is_some());
        mail
    }

    fn pop_left_over(&mut self, now: UnixMs) -> Option<Mail> {
        let waited = |line: &VecDeque<Mail>| line.front().is_some_and(|mail| free_at(mail) <= now);
        let source = self.hinted.iter().find(|(_, line)| waited(line))?.0.clone();
        self.pop_hinted(&source)
    }

    fn take_wave(&mut self, wave: u32) -> Vec<Mail> {
        let mut taken = Vec::new();
        let (of_wave, others): (VecDeque<Batch>, _) =
            std::mem::take(&mut self.fresh).into_iter().partition(|batch| batch.wave == wave);
        self.fresh = of_wave;
        taken.extend(std::iter::from_fn(|| self.next_fresh()));
        self.fresh = others;
        let mut keep = |mail: Mail| {
            if mail.wave == wave {
                taken.push(mail);
                return None;
            }
            Some(mail)
        };
        self.ready = std::mem::take(&mut self.ready).into_iter().filter_map(&mut keep).collect();
        let timed = std::mem::take(&mut self.timed).into_vec().into_iter();
        self.timed = timed.filter_map(|Reverse(Timed(mail))| keep(mail).map(Timed).map(Reverse)).collect();
        for line in self.hinted.values_mut() {
            *line = std::mem::take(line).into_iter().filter_map(&mut keep).collect();
        }
        self.hinted.retain(|_, line| !line.is_empty());
        self.hinted_len = self.hinted.values().map(VecDeque::len).sum();
        taken.sort_by_key(|mail| mail.number);
        taken
    }

    fn take(&mut self, now: UnixMs, source: &SourceName) -> Claim<Mail> {
        self.refill(now);
        let hinted = if self.hinted.is_empty() { None } else { self.pop_hinted(source) };
        let taken = hinted.or_else(|| self.pop_left_over(now)).or_else(|| self.ready.pop_front());
        if let Some(mail) = taken {
            return Claim::Taken(Box::new(mail));
        }
        let for_others = self.hinted.values().filter_map(VecDeque::front).map(free_at);
        for_others.chain(self.first_due()).min().map_or(Claim::Empty, Claim::Later)
    }

    fn peek(&mut self, now: UnixMs) -> Peek {
        self.refill(now);
        if !self.ready.is_empty() {
            return Peek::Due;
        }
        if !self.hinted.is_empty() {
            let free = self.hinted.values().filter_map(VecDeque::front).any(|mail| free_at(mail) <= now);
            return if free { Peek::Due } else { Peek::DueFor(self.hinted.keys().cloned().collect()) };
        }
        self.first_due().map_or(Peek::Empty, Peek::Later)
    }

    fn put_back(&mut self, mail: Mail) {
        match &mail.source_hint {
            Some(source) => {
                self.hinted_len += 1;
                self.hinted.entry(source.clone()).or_default().push_front(mail);
            }
            None => self.ready.push_front(mail),
        }
    }
}

impl Work for Shelf {
    type Item = Mail;

    fn lane_count(&self) -> usize {
        self.0.lock().lanes.len()
    }

    fn lanes(&self) -> Vec<(LaneId, Lane)> {
        self.0.lock().lanes.iter().map(|row| (row.id, row.lane.clone())).collect()
    }

    fn peek(&self, lane: LaneId, now: UnixMs) -> Peek {
        self.0.lock().lane(lane).map_or(Peek::Empty, |row| row.peek(now))
    }

    fn claim(&self, lane: LaneId, now: UnixMs, source: &SourceName) -> Claim<Mail> {
        self.0.lock().lane(lane).map_or(Claim::Empty, |row| row.take(now, source))
    }

    fn put_back(&self, item: Box<Mail>) {
        if let Some(row) = self.0.lock().lane(item.lane) {
            row.put_back(*item);
        }
    }

    fn waiting(&self, lane: LaneId) -> u64 {
        self.0.lock().lane(lane).map_or(0, |row| row.unsettled)
    }
}

/// When any source may take a mail that wants a certain one.
fn free_at(mail: &Mail) -> UnixMs {
    UnixMs(mail.due.0.saturating_add(HINT_KEPT_MS))
}
