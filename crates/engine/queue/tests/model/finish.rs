//! The end of a random run: everything ends, and what the queue tells of it is what the model knows.

use std::collections::BTreeMap;
use std::time::Duration;

use mail_model::{NotificationId, Outcome};
use queue::{AttemptRecord, HINT_KEPT_MS};

use crate::common::*;
use crate::world::World;

impl World {
    /// Everything ends, and what the queue tells of it is what the model knows.
    pub fn finish(mut self) {
        self.held.drain(..).map(|q| q.id).collect::<Vec<_>>().into_iter().for_each(|id| self.came_back(id));
        self.clock.advance(Duration::from_millis(HINT_KEPT_MS + 10_000));
        for queued in claim_all(&self.queue, &self.clock) {
            let (id, lane) = (queued.id, queued.lane);
            if queued.in_doubt {
                self.model.doubtful.insert(id);
            }
            self.check_claimed(queued, lane, "s1");
            done(&self.queue, self.held.pop().unwrap(), Outcome::Accepted, self.clock.unix());
            self.model.end(id, Outcome::Accepted);
        }
        assert!(self.model.waiting.is_empty(), "{:?}", self.model.waiting);
        let records = self.model.history.values().map(Vec::len).sum();
        let mut told: BTreeMap<NotificationId, Vec<AttemptRecord>> = BTreeMap::new();
        for record in outbox_of(&self.queue, records) {
            told.entry(record.id).or_default().push(record);
        }
        for (id, outcomes) in &self.model.history {
            let records = &told[id];
            assert_eq!(records.iter().map(|r| r.outcome).collect::<Vec<_>>(), *outcomes);
            assert!(records.windows(2).all(|pair| pair[0].attempt < pair[1].attempt), "{records:?}");
        }
        assert_eq!(told.len(), self.model.history.len());
        for (id, records) in &told {
            assert_eq!(self.queue.last_attempt(*id).as_ref(), records.last());
        }
        self.check_inbox();
        self.check_sums();
    }

    fn check_sums(&self) {
        for (message, (_, count)) in &self.model.messages {
            let tally = self.queue.tally_of(*message).unwrap();
            let of_message = || self.model.history.iter().filter(|(id, _)| id.message == *message);
            assert_eq!((tally.count, tally.queued()), (u64::from(*count), 0));
            // Of the ends of a notification only the last one counts.
            let counted = |outcomes: &Vec<Outcome>| {
                let last = outcomes.len() - 1;
                let counts = |(n, outcome): &(usize, Outcome)| *n == last || !outcome.is_final();
                outcomes.iter().copied().enumerate().filter(counts).map(|(_, outcome)| outcome).collect::<Vec<_>>()
            };
            let all: Vec<Outcome> = of_message().flat_map(|(_, outcomes)| counted(outcomes)).collect();
            for outcome in of_message().flat_map(|(_, outcomes)| outcomes) {
                assert_eq!(tally.of(*outcome), all.iter().filter(|o| *o == outcome).count() as u64);
            }
        }
        for campaign in ["c0", "c1", "c2"] {
            let failed = self.queue.failures(&campaign.parse().unwrap(), None, usize::MAX);
            let expected = self.model.history.iter().filter(|(id, outcomes)| {
                let told = outcomes.last() != Some(&Outcome::Accepted) || self.model.doubtful.contains(*id);
                self.model.messages[&id.message].0 == campaign && told
            });
            assert_eq!(failed.len(), expected.count());
        }
    }
}
