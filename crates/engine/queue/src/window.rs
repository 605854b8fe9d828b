//! The part of one lane that is in memory. Pure: no store, no lock, no clock.
//!
//! Invariant: a record on disk whose spot is before `from` of its stream is `live` (ready here, or claimed). What is at
//! or behind `from` may or may not be. `from` `None` means that everything of the stream is live. So lowering `from` is
//! always safe, and only a finished scan may raise it.

use std::collections::{BTreeMap, HashSet, VecDeque};

use mail_model::{SourceName, UnixMs};

use crate::keys::{Spot, Stream};
use crate::record::due::DueRecord;

/// How long a record waits for the source it wants before any source may take it.
pub const HINT_KEPT_MS: u64 = 10 * 60 * 1_000;

/// A record with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where it stands in the lane.
    pub spot: Spot,
    /// What stands there.
    pub record: DueRecord,
}

/// What a lane can give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Take {
    /// This one. It stays live until it is finished or put back.
    Taken(Box<Entry>),
    /// Nothing before this time.
    Later(UnixMs),
    /// There is more on disk.
    Loading,
    /// Nothing at all.
    Empty,
}

/// Whose a record is that somebody wants to settle without sending it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seized {
    /// The caller's now: it was waiting. It is live until it is finished or put back.
    Waiting,
    /// Somebody is sending it.
    InFlight,
}

/// What a scan should read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScanPlan {
    /// Where to begin in the fresh stream; `None`: nothing there.
    pub fresh: Option<Spot>,
    /// Where to begin in the timed stream; `None`: nothing is due there.
    pub timed: Option<Spot>,
    /// How many records at most.
    pub room: usize,
    /// Timed records are due up to this time.
    pub now: UnixMs,
}

/// What [`crate::Queue::peek`] says of a lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peek {
    /// Something is due that any source may take.
    Due,
    /// What is due wants one of these sources, as greylisting carriers do.
    DueFor(Vec<SourceName>),
    /// Nothing before this time.
    Later(UnixMs),
    /// There is more; it is being read. Wait for [`crate::Queue::activity`].
    Loading,
    /// The lane is empty.
    Empty,
}

/// What a scan read.
#[derive(Debug, Default)]
pub struct Scanned {
    /// The records, in the order in which they are to leave.
    pub entries: Vec<Entry>,
    /// How far the fresh stream was read: the first spot that was not. `None`: to its end.
    pub fresh_next: Option<Spot>,
    /// The same for the timed stream.
    pub timed_next: Option<Spot>,
}

#[derive(Debug)]
struct Running {
    plan: ScanPlan,
    finished: HashSet<Spot>,
    lowered: [Option<Spot>; 2],
}

/// One lane's ready and claimed records.
#[derive(Debug, Default)]
pub struct Window {
    ready: VecDeque<Entry>,
    hinted: BTreeMap<SourceName, VecDeque<Entry>>,
    hinted_len: usize,
    live: HashSet<Spot>,
    from: [Option<Spot>; 2],
    running: Option<Running>,
}

fn place(stream: Stream) -> usize {
    match stream {
        Stream::Fresh => 0,
        Stream::Timed => 1,
    }
}

fn lower_to(from: &mut Option<Spot>, spot: Spot) {
    *from = Some(from.map_or(spot, |at| at.min(spot)));
}

impl Window {
    /// A lane that may have anything on disk.
    pub fn unknown() -> Self {
        Self { from: [Some(Spot::FIRST_FRESH), Some(Spot::FIRST_TIMED)], ..Self::default() }
    }

    /// Records that are ready.
    pub fn len(&self) -> usize {
        self.ready.len() + self.hinted_len
    }

    /// Whether none is ready.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Records that are claimed.
    pub fn in_flight(&self) -> usize {
        self.live.len() - self.len()
    }

    /// When the next record that is not in memory falls due, at the earliest.
    pub fn next_due(&self) -> Option<UnixMs> {
        match self.from {
            [Some(_), _] => Some(UnixMs(0)),
            [None, timed] => timed.map(|spot| UnixMs(spot.due_ms)),
        }
    }

    /// Notes that there is a record on disk at `spot` or behind it that is not live.
    pub fn lower(&mut self, spot: Spot) {
        let stream = place(spot.stream());
        lower_to(&mut self.from[stream], spot);
        if let Some(running) = &mut self.running {
            lower_to(&mut running.lowered[stream], spot);
        }
    }

    /// Takes in a record that was just written to disk, or notes that it is there when it cannot be taken in: no room,
    /// not due, others before it, or a scan under way that may see it as well.
    pub fn offer(&mut self, entry: Entry, room: usize) {
        let stream = place(entry.spot.stream());
        let first = self.from[stream].is_none() && self.running.is_none();
        if entry.spot.stream() == Stream::Timed || !first || self.len() >= room || self.live.contains(&entry.spot) {
            self.lower(entry.spot);
        } else {
            self.live.insert(entry.spot);
            self.line_up(entry, room, false);
        }
    }

    fn line_up(&mut self, entry: Entry, room: usize, front: bool) {
        // Hinted records may wait for minutes. More than half a window of them would block the lane, so the rest goes to
        // any source: a greylisting carrier then says "later" once more, which is better than a standing lane.
        let line = match &entry.record.source_hint {
            Some(source) if self.hinted_len < room / 2 => {
                self.hinted_len += 1;
                self.hinted.entry(source.clone()).or_default()
            }
            _ => &mut self.ready,
        };
        if front {
            line.push_front(entry);
        } else {
            line.push_back(entry);
        }
    }

    /// Claims the next record for `source`.
    pub fn take(&mut self, now: UnixMs, source: &SourceName) -> Take {
        if let Some(entry) = self.pop_hinted(source).or_else(|| self.pop_left_over(now)) {
            return Take::Taken(Box::new(entry));
        }
        if let Some(entry) = self.ready.pop_front() {
            return Take::Taken(Box::new(entry));
        }
        let for_others = self.hinted.values().filter_map(VecDeque::front).map(free_at);
        let on_disk = self.next_due();
        if self.running.is_some() || on_disk.is_some_and(|due| due <= now) {
            return Take::Loading;
        }
        for_others.chain(on_disk).min().map_or(Take::Empty, Take::Later)
    }

    /// What `take` would find, without taking it.
    pub fn peek(&self, now: UnixMs) -> Peek {
        if !self.ready.is_empty() {
            return Peek::Due;
        }
        if !self.hinted.is_empty() {
            let free = self.hinted.values().filter_map(VecDeque::front).any(|entry| free_at(entry) <= now);
            return if free { Peek::Due } else { Peek::DueFor(self.hinted.keys().cloned().collect()) };
        }
        match self.next_due() {
            _ if self.running.is_some() => Peek::Loading,
            Some(due) if due <= now => Peek::Loading,
            Some(due) => Peek::Later(due),
            None => Peek::Empty,
        }
    }

    fn pop_hinted(&mut self, source: &SourceName) -> Option<Entry> {
        let line = self.hinted.get_mut(source)?;
        let entry = line.pop_front();
        if line.is_empty() {
            self.hinted.remove(source);
        }
        self.hinted_len -= usize::from(entry.is_some());
        entry
    }

    fn pop_left_over(&mut self, now: UnixMs) -> Option<Entry> {
        let waited = |line: &VecDeque<Entry>| line.front().is_some_and(|entry| free_at(entry) <= now);
        let source = self.hinted.iter().find(|(_, line)| waited(line))?.0.clone();
        self.pop_hinted(&source)
    }

    /// Puts a claimed record back, before all others.
    pub fn put_back(&mut self, entry: Entry) {
        self.line_up(entry, usize::MAX, true);
    }

    /// Gives up a claimed record without having it at hand: it is read from disk again.
    pub fn let_go(&mut self, spot: Spot) {
        // A scan under way may have read it before it was marked or cancelled: that copy must not be taken in.
        self.finish(spot);
        self.lower(spot);
    }

    /// Forgets a record. Call it after the record was deleted on disk, so that no later scan can find it there.
    pub fn finish(&mut self, spot: Spot) {
        self.live.remove(&spot);
        if let Some(running) = &mut self.running {
            running.finished.insert(spot);
        }
    }

    /// The records that are claimed.
    pub fn claimed(&self) -> HashSet<Spot> {
        let mut claimed = self.live.clone();
        for entry in self.ready.iter().chain(self.hinted.values().flatten()) {
            claimed.remove(&entry.spot);
        }
        claimed
    }

    /// Whether the record is claimed.
    pub fn is_in_flight(&self, spot: Spot) -> bool {
        self.live.contains(&spot) && !self.waits(spot)
    }

    fn waits(&self, spot: Spot) -> bool {
        self.ready.iter().chain(self.hinted.values().flatten()).any(|entry| entry.spot == spot)
    }

    /// Takes a record that is on disk out of everybody's reach, wherever it is.
    pub fn seize(&mut self, spot: Spot) -> Seized {
        if self.live.insert(spot) {
            return Seized::Waiting;
        }
        let before = self.len();
        self.ready.retain(|entry| entry.spot != spot);
        self.hinted.retain(|_, line| {
            line.retain(|entry| entry.spot != spot);
            !line.is_empty()
        });
        self.hinted_len = self.hinted.values().map(VecDeque::len).sum();
        if self.len() < before { Seized::Waiting } else { Seized::InFlight }
    }

    /// Begins a scan when there is something to read and less than half of `room` is taken.
    pub fn begin_scan(&mut self, now: UnixMs, room: usize) -> Option<ScanPlan> {
        let timed = self.from[1].filter(|spot| spot.due_ms <= now.0);
        if self.running.is_some() || self.len() * 2 > room || (self.from[0].is_none() && timed.is_none()) {
            return None;
        }
        let plan = ScanPlan { fresh: self.from[0], timed, room: room - self.len(), now };
        self.running = Some(Running { plan, finished: HashSet::new(), lowered: [None; 2] });
        Some(plan)
    }

    /// Ends the scan and takes in what it found, but for what was claimed, finished or taken in meanwhile.
    pub fn end_scan(&mut self, scanned: Scanned, room: usize) {
        let Some(running) = self.running.take() else { return };
        for entry in scanned.entries {
            if !running.finished.contains(&entry.spot) && self.live.insert(entry.spot) {
                self.line_up(entry, room, false);
            }
        }
        for (stream, (begun, next)) in
            [(running.plan.fresh, scanned.fresh_next), (running.plan.timed, scanned.timed_next)].into_iter().enumerate()
        {
            if begun.is_some() {
                self.from[stream] = next;
            }
            if let Some(spot) = running.lowered[stream] {
                lower_to(&mut self.from[stream], spot);
            }
        }
    }

    /// Whether a scan would be worth its while.
    pub fn wants_scan(&self, now: UnixMs, room: usize) -> bool {
        self.running.is_none() && self.len() * 2 <= room && self.next_due().is_some_and(|due| due <= now)
    }
}

/// When any source may take a record that wants a certain one.
fn free_at(entry: &Entry) -> UnixMs {
    UnixMs(entry.spot.due_ms.saturating_add(HINT_KEPT_MS))
}
