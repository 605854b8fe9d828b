//! The model, the queue beside it, and what sending does to both.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use clock::{Chance, Clock};
use mail_model::{Cause, EmailAddress, MessageId, NotificationId, Outcome, UnixMs, Withheld};
use queue::{Claim, Filter, HINT_KEPT_MS, InboxId, LaneId, NewMessage, Next, Queue, Queued, Write};

use crate::common::*;

#[derive(Clone, Debug)]
pub struct Waiting {
    pub lane: LaneId,
    pub due: u64,
    pub attempts: u16,
    pub address: EmailAddress,
    pub payload: Vec<u8>,
    pub hint: Option<String>,
    pub in_doubt: bool,
    pub claimed: bool,
    pub marked: bool,
    pub cancelled: bool,
}

#[derive(Default)]
pub struct Model {
    pub waiting: BTreeMap<NotificationId, Waiting>,
    pub history: BTreeMap<NotificationId, Vec<Outcome>>,
    /// Accepted, and perhaps twice.
    pub doubtful: BTreeSet<NotificationId>,
    pub messages: BTreeMap<MessageId, (String, u32)>,
    /// What was accepted, as it was last sent, and the lanes it was accepted in.
    pub handed: BTreeMap<NotificationId, (Waiting, BTreeSet<LaneId>)>,
    /// Received mails that wait, and those that are kept.
    pub inbox: Vec<(InboxId, String)>,
    pub kept: Vec<(InboxId, String)>,
}

impl Model {
    pub fn note(&mut self, id: NotificationId, outcome: Outcome) {
        self.history.entry(id).or_default().push(outcome);
    }

    pub fn end(&mut self, id: NotificationId, outcome: Outcome) {
        self.note(id, outcome);
        let ended = self.waiting.remove(&id);
        if let Some(ended) = ended.filter(|_| outcome == Outcome::Accepted) {
            let lanes = self.handed.remove(&id).map(|(_, lanes)| lanes).unwrap_or_default();
            let lanes = lanes.into_iter().chain([ended.lane]).collect();
            self.handed.insert(id, (ended, lanes));
        }
    }
}

pub struct World {
    pub held: Vec<Box<Queued>>,
    // Before the directory, so that it is closed before that is removed.
    pub queue: Queue,
    pub dir: tempfile::TempDir,
    pub clock: Clock,
    pub chance: Chance,
    pub model: Model,
    /// Cancelled notifications that came back.
    pub coming: u64,
}

pub const CAUSES: [Cause; 3] = [Cause::RateLimited, Cause::MailboxFull, Cause::ServerError];
const CARRIERS: [&str; 3] = ["docomo", "au", "other"];
const SOURCES: [&str; 2] = ["s1", "s2"];

impl World {
    pub fn new(seed: u64) -> Self {
        let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::manual(START));
        let queue = open(dir.path(), &clock);
        Self { dir, clock, chance: Chance::seeded(seed), queue, held: vec![], model: Model::default(), coming: 0 }
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[usize::try_from(self.chance.below(from.len() as u64)).unwrap()]
    }

    fn hand_in(&mut self) {
        let campaign = format!("c{}", self.chance.below(3));
        let not_before = self.chance.one_of(1, 4).then(|| UnixMs(self.clock.unix().0 + self.chance.below(500)));
        let now = self.clock.unix().0;
        let due = not_before.map_or(0, |t| if t.0 > now { t.0 } else { 0 });
        let mut intake = begin(&self.queue, NewMessage { not_before, ..message(&campaign) });
        let id = intake.message();
        let count = *self.pick(&[0, 1, 2, 4, 5, 13, 40]);
        let mut added = vec![];
        for n in 0..count {
            let carrier = *self.pick(&CARRIERS);
            let domain = *self.pick(&["a.jp", "b.jp"]);
            let (address, payload) = (address(n, domain), n.to_be_bytes().repeat(3));
            let index = intake.add(&lane(carrier), address.clone(), payload.clone()).unwrap();
            let lane = self.queue.lane_id(&lane(carrier)).unwrap();
            added.push((NotificationId { message: id, index }, lane, address, payload));
        }
        if self.chance.one_of(1, 4) {
            return;
        }
        assert_eq!(wait(intake.commit()).unwrap().count, count);
        self.model.messages.insert(id, (campaign, count));
        for (id, lane, address, payload) in added {
            let waiting = Waiting {
                lane,
                due,
                attempts: 0,
                address,
                payload,
                hint: None,
                in_doubt: false,
                claimed: false,
                marked: false,
                cancelled: false,
            };
            self.model.waiting.insert(id, waiting);
        }
    }

    fn claim(&mut self) {
        let lanes = self.queue.lanes();
        if lanes.is_empty() {
            return;
        }
        let (lane, _) = self.pick(&lanes).clone();
        let from = *self.pick(&SOURCES);
        let now = self.clock.unix();
        match claim(&self.queue, lane, &self.clock, &source(from)) {
            Some(queued) => self.check_claimed(queued, lane, from),
            None => {
                // Nothing that this source may have is due.
                let missed: Vec<_> =
                    self.model.waiting.iter().filter(|(_, w)| may_have(w, lane, from, now.0)).collect();
                assert!(missed.is_empty(), "{missed:?}");
                if let Claim::Later(at) = self.queue.claim(lane, now, &source(from)) {
                    assert!(at > now);
                }
            }
        }
    }

    pub fn check_claimed(&mut self, queued: Box<Queued>, lane: LaneId, from: &str) {
        let now = self.clock.unix().0;
        let waiting = self.model.waiting.get_mut(&queued.id).expect("claimed after its end");
        assert!(!waiting.claimed && !waiting.cancelled, "{waiting:?}");
        assert!(waiting.due <= now, "{waiting:?} at {now}");
        assert_eq!((waiting.lane, waiting.attempts), (lane, queued.attempts));
        assert_eq!((&waiting.address, &waiting.payload), (&queued.address, &queued.payload));
        assert_eq!(waiting.in_doubt, queued.in_doubt, "{waiting:?}");
        assert_eq!(queued.source.as_str(), from);
        waiting.claimed = true;
        self.held.push(queued);
    }

    fn take_held(&mut self) -> Option<Box<Queued>> {
        let at = usize::try_from(self.chance.below(self.held.len() as u64)).unwrap();
        (!self.held.is_empty()).then(|| self.held.swap_remove(at))
    }

    fn mark(&mut self) {
        if let Some(queued) = self.held.last() {
            self.queue.write(Write::new().mark_in_doubt(queued));
            self.model.waiting.get_mut(&queued.id).unwrap().marked = true;
        }
    }

    fn settle(&mut self) {
        let Some(queued) = self.take_held() else { return };
        let (id, now) = (queued.id, self.clock.unix());
        let cause = *self.pick(&CAUSES);
        let outcome =
            *self.pick(&[Outcome::Accepted, Outcome::Accepted, Outcome::Failed(cause), Outcome::Deferred(cause)]);
        let record = record(&self.queue, &queued, outcome, now);
        let waiting = self.model.waiting.get(&id).unwrap().clone();
        if outcome.is_final() {
            self.queue.write(Write::new().settle(queued, record, Next::Done));
            self.model.end(id, outcome);
            if waiting.in_doubt && outcome == Outcome::Accepted {
                self.model.doubtful.insert(id);
            }
            return;
        }
        let due = UnixMs(now.0 + self.chance.below(2_000));
        let hint = self.chance.one_of(1, 2).then(|| (*self.pick(&SOURCES)).to_owned());
        let next = Next::RetryAt { due, source_hint: hint.as_deref().map(source) };
        self.queue.write(Write::new().settle(queued, record, next));
        self.model.note(id, outcome);
        if waiting.cancelled {
            self.model.end(id, Outcome::Withheld(Withheld::Cancelled));
        } else {
            let attempts = waiting.attempts + 1;
            let again = Waiting { due: due.0, attempts, hint, claimed: false, marked: false, ..waiting };
            self.model.waiting.insert(id, again);
        }
    }

    fn give_back(&mut self, dropped: bool) {
        let Some(queued) = self.take_held() else { return };
        let id = queued.id;
        if dropped {
            drop(queued)
        } else {
            self.queue.unclaim(queued)
        }
        self.came_back(id);
    }

    pub fn came_back(&mut self, id: NotificationId) {
        let waiting = self.model.waiting.get_mut(&id).unwrap();
        waiting.claimed = false;
        waiting.in_doubt |= waiting.marked;
        waiting.marked = false;
        if waiting.cancelled {
            self.coming += 1;
            self.model.end(id, Outcome::Withheld(Withheld::Cancelled));
        }
    }

    fn relane(&mut self) {
        let Some(queued) = self.take_held() else { return };
        let id = queued.id;
        let carrier = *self.pick(&CARRIERS);
        let to = self.queue.make_lane(&lane(carrier)).unwrap();
        self.queue.write(Write::new().relane(queued, to));
        let waiting = self.model.waiting.get_mut(&id).unwrap();
        (waiting.lane, waiting.claimed) = (to, false);
        waiting.in_doubt |= waiting.marked;
        waiting.marked = false;
        if waiting.cancelled {
            self.coming += 1;
            self.model.end(id, Outcome::Withheld(Withheld::Cancelled));
        }
    }

    fn sweep(&mut self) {
        let ids: Vec<MessageId> = self.model.messages.keys().copied().collect();
        if ids.is_empty() {
            return;
        }
        let message = *self.pick(&ids);
        let campaign = self.model.messages[&message].0.clone();
        let filter = match self.chance.below(3) {
            0 => Filter { message: Some(message), ..Filter::default() },
            1 => Filter { campaign: Some(campaign.parse().unwrap()), ..Filter::default() },
            _ => Filter { message: Some(message), domain: Some("a.jp".to_owned()), ..Filter::default() },
        };
        let fits = |id: &NotificationId, waiting: &Waiting| {
            filter.message.is_none_or(|m| m == id.message)
                && filter.campaign.as_ref().is_none_or(|c| c.as_str() == self.model.messages[&id.message].0)
                && filter.domain.as_ref().is_none_or(|d| d == waiting.address.domain())
        };
        let (flying, idle): (Vec<_>, Vec<_>) = self
            .model
            .waiting
            .iter()
            .filter(|(id, w)| fits(id, w))
            .map(|(id, w)| (*id, w.claimed))
            .partition(|(_, c)| *c);
        let ended = self.queue.sweep(&filter);
        let idle_now = idle.len() as u64;
        // Cancelled ones that came back end by themselves a little later, or by this sweep.
        assert!((idle_now..=idle_now + self.coming).contains(&ended), "{ended}, not {idle_now}");
        idle.iter().for_each(|(id, _)| self.model.end(*id, Outcome::Withheld(Withheld::Cancelled)));
        flying.iter().for_each(|(id, _)| self.model.waiting.get_mut(id).unwrap().cancelled = true);
    }

    fn reopen(&mut self) {
        let orphaned = self.chance.one_of(1, 2);
        let mut held = std::mem::take(&mut self.held);
        let ids: Vec<_> = held.iter().map(|q| q.id).collect();
        if !orphaned {
            held.clear();
        }
        // A queue cannot be dropped while it is a field; put another in its place.
        let elsewhere = tempfile::tempdir().unwrap();
        let old = std::mem::replace(&mut self.queue, open(elsewhere.path(), &self.clock));
        drop(old);
        drop(held);
        self.queue = open(self.dir.path(), &self.clock);
        ids.into_iter().for_each(|id| self.came_back(id));
        let doubtful: BTreeSet<_> = self.queue.in_doubt().iter().map(|mark| mark.id).collect();
        for (id, waiting) in &self.model.waiting {
            assert!(waiting.in_doubt || !doubtful.contains(id));
        }
    }

    pub fn act(&mut self) {
        match self.chance.below(48) {
            0..=4 => self.hand_in(),
            5..=16 => self.claim(),
            17..=19 => self.mark(),
            20..=28 => self.settle(),
            29 => self.give_back(true),
            30 => self.give_back(false),
            31 => self.relane(),
            32 => self.sweep(),
            33 if self.chance.one_of(1, 3) => self.reopen(),
            34 if self.chance.one_of(1, 4) => self.clock.advance(Duration::from_millis(HINT_KEPT_MS)),
            35..=36 => self.receive(),
            37..=42 => self.deal(),
            _ => self.clock.advance(Duration::from_millis(self.chance.below(400))),
        }
    }
}

fn may_have(waiting: &Waiting, lane: LaneId, from: &str, now: u64) -> bool {
    let free = waiting.hint.as_deref().is_none_or(|hint| hint == from) || waiting.due + HINT_KEPT_MS <= now;
    waiting.lane == lane && !waiting.claimed && waiting.due <= now && free
}
