//! What comes in, and what it does: received, dealt with together with a late outcome, tried once more.

use mail_model::{NotificationId, Outcome, UnixMs, Withheld};
use queue::{BeingSent, Late, Place, Revived, Told, Write};

use crate::common::*;
use crate::world::{CAUSES, World};

impl World {
    pub fn receive(&mut self) {
        let content = self.chance.next_u64().to_string();
        let id = receive(&self.queue, &content);
        self.model.inbox.push((id, content));
    }

    /// Takes a mail out of the inbox, and records in the same write what it says of a notification.
    pub fn deal(&mut self) {
        let Some(id) = self.some_notification() else { return };
        let cause = *self.pick(&CAUSES);
        let outcome = *self.pick(&[Outcome::Bounced(cause), Outcome::Bounced(cause), Outcome::Complained]);
        let now = self.clock.unix();
        let due = UnixMs(now.0 + self.chance.below(500));
        let (reported, revived) = *self.pick(&[(true, true), (true, false), (true, false), (false, true)]);
        let mut write = Write::new();
        if reported {
            write = write.late(&report(id, outcome));
        }
        if revived {
            write = write.revive(id, due);
        }
        let at = usize::try_from(self.chance.below(self.model.inbox.len().max(1) as u64)).unwrap();
        let mail = self.model.inbox.get(at).cloned();
        let kept = self.chance.one_of(1, 3);
        if let Some((mail, content)) = &mail {
            write = if kept { write.inbox_kept(*mail, "reply", content) } else { write.inbox_done(*mail) };
        }
        match self.queue.write_late(write) {
            Err(BeingSent(sent)) => {
                let waiting = &self.model.waiting[&id];
                assert!(sent == id && waiting.claimed && (waiting.marked || waiting.in_doubt), "{waiting:?}");
            }
            Ok(told) => {
                assert!(self.model.waiting.get(&id).is_none_or(|waiting| !waiting.marked), "{id}");
                if mail.is_some() {
                    let taken = self.model.inbox.remove(at);
                    self.model.kept.extend(Some(taken).filter(|_| kept));
                }
                self.expect(id, reported.then_some(outcome), revived.then_some(due), &told);
            }
        }
        self.check_inbox();
    }

    fn some_notification(&mut self) -> Option<NotificationId> {
        let known: Vec<NotificationId> = if self.chance.one_of(1, 3) {
            self.model.waiting.keys().copied().collect()
        } else {
            self.model.history.keys().copied().collect()
        };
        if known.is_empty() {
            return None;
        }
        let id = *self.pick(&known);
        // Its end by cancellation comes by itself, a little later than in the model.
        let cancelled = self.model.history.get(&id).and_then(|outcomes| outcomes.last())
            == Some(&Outcome::Withheld(Withheld::Cancelled));
        let index = if self.chance.one_of(1, 20) { id.index + 1_000 } else { id.index };
        (!cancelled).then_some(NotificationId { index, ..id })
    }

    /// What the model says becomes of a report.
    fn judge(&self, id: NotificationId, outcome: Outcome) -> Late {
        if self.model.messages.get(&id.message).is_none_or(|(_, count)| id.index >= *count) {
            return Late::Unknown;
        }
        if self.model.waiting.contains_key(&id) {
            return Late::Waiting;
        }
        let outcomes = &self.model.history[&id];
        let last = *outcomes.last().unwrap();
        if last != Outcome::Accepted && !last.is_late() {
            return Late::Failed;
        }
        let mut since_accepted = outcomes.iter().rev().take_while(|o| **o != Outcome::Accepted);
        if since_accepted.any(|o| o.kind() == outcome.kind()) { Late::Repeated } else { Late::Recorded }
    }

    fn expect(&mut self, id: NotificationId, reported: Option<Outcome>, again: Option<UnixMs>, told: &Told) {
        let late = reported.map(|outcome| self.judge(id, outcome));
        assert_eq!(told.late, late.map(|late| (id, late)).into_iter().collect::<Vec<_>>());
        let mut last = self.model.history.get(&id).and_then(|outcomes| outcomes.last()).copied();
        if late == Some(Late::Recorded) {
            last = reported;
        }
        let waits = self.model.waiting.contains_key(&id);
        let revived = again.map(|_| match last {
            _ if self.judge(id, Outcome::Complained) == Late::Unknown => Revived::NotKept,
            Some(Outcome::Bounced(_)) if !waits => Revived::Waiting,
            _ => Revived::NotReturned,
        });
        assert_eq!(told.revived, revived.map(|revived| (id, revived)).into_iter().collect::<Vec<_>>());
        match (revived, again) {
            (Some(Revived::Waiting), Some(due)) => {
                // Recorded just now it is one record with the revival; recorded before it has one already.
                let cause = last.and_then(Outcome::cause).unwrap();
                self.model.note(id, Outcome::Deferred(cause));
                self.waits_again(id, due);
            }
            _ if late == Some(Late::Recorded) => self.model.note(id, last.unwrap()),
            _ => {}
        }
    }

    fn waits_again(&mut self, id: NotificationId, due: UnixMs) {
        let (handed, lanes) = self.model.handed[&id].clone();
        let Place::Queued { lane, attempts, .. } = self.queue.inspect(id).unwrap().place else {
            panic!("{id} does not wait")
        };
        let lane = self.queue.lane_id(&lane).unwrap();
        assert!(lanes.contains(&lane), "{id} waits in a lane it was not in");
        let waiting = crate::world::Waiting {
            lane,
            due: due.0,
            attempts,
            hint: None,
            claimed: false,
            marked: false,
            cancelled: false,
            ..handed
        };
        self.model.waiting.insert(id, waiting);
    }

    pub fn check_inbox(&self) {
        let waiting = self.queue.inbox_next(None, usize::MAX).into_iter();
        let waiting: Vec<_> =
            waiting.map(|(id, mail)| (id, String::from_utf8(mail.content.to_vec()).unwrap())).collect();
        assert_eq!((self.queue.inbox_waiting(), &waiting), (self.model.inbox.len() as u64, &self.model.inbox));
        let kept = self.queue.kept(None, usize::MAX).into_iter().map(|kept| (kept.id, kept.note));
        let mut expected = self.model.kept.clone();
        expected.sort();
        assert!(kept.eq(expected));
    }
}
