//! The canaries of this engine: they join campaigns, their arrivals are noted, the ledger is asked about them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use carriers::Directory;
use clock::Clock;
use engine_config::{CanariesConfig, EdgesConfig};
use mail_model::{CampaignName, MessageId, NotificationId, UnixMs};
use parking_lot::Mutex;
use queue::{Queue, Write};
use return_links::KeysError;

use crate::flight::{self, Flight, INDEX_KEY, Roster};
use crate::marks::Marks;
use crate::watch::{Alarm, KEPT, Watch};

/// How long records are kept; longer than they are looked for, so that none is forgotten by half.
const STORED: Duration = Duration::from_secs(KEPT.as_secs() + 86_400);

/// The canaries of this engine. Cheap to clone.
#[derive(Clone)]
pub struct Canaries(pub(crate) Arc<Shared>);

/// See [`Canaries`].
pub(crate) struct Shared {
    pub(crate) config: CanariesConfig,
    pub(crate) queue: Queue,
    pub(crate) directory: Arc<Directory>,
    pub(crate) clock: Clock,
    pub(crate) watch: Mutex<Watch>,
    marks: Marks,
}

/// An arrival that is to be written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The canary.
    pub id: NotificationId,
    key: Vec<u8>,
    value: Vec<u8>,
    expires: UnixMs,
}

impl Arrival {
    /// Adds it to a write, which may hold whatever else follows from the same mail.
    pub fn amend(&self, write: Write) -> Write {
        write.remember(&self.key, &self.value, self.expires)
    }
}

impl std::fmt::Debug for Canaries {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Canaries").field("mailboxes", &self.0.config.mailboxes.len()).finish_non_exhaustive()
    }
}

impl Canaries {
    /// The canaries of a configuration, with what the queue remembers of them. Reads the disk.
    ///
    /// # Errors
    /// When the key of `[returns]` is too short, or its domain too long.
    pub fn new(edges: &EdgesConfig, queue: Queue, directory: Arc<Directory>, clock: Clock) -> Result<Self, KeysError> {
        let (config, marks) = (edges.canaries.clone(), Marks::new(edges)?);
        let mut watch = Watch::new(
            Duration::from_secs(config.arrive_within_s),
            config.mailboxes.iter().map(|mailbox| mailbox.name.as_str().to_owned()),
        );
        let flights = remembered(&queue).into_iter().map(|flight| (flight.roster.id, flight));
        watch.flights.extend(flights);
        watch.forget(clock.unix());
        let canaries = Self(Arc::new(Shared { config, queue, directory, clock, watch: Mutex::new(watch), marks }));
        canaries.take_up();
        Ok(canaries)
    }

    /// Whether there are any mailboxes that take part.
    pub(crate) fn are_there(&self) -> bool {
        self.0.config.enabled && !self.0.config.mailboxes.is_empty()
    }

    /// The notification that a text out of a mail names; see the table of the webhook in README.md. That it is a canary,
    /// [`Canaries::arrival`] tells.
    pub fn named(&self, text: &str) -> Option<NotificationId> {
        self.0.marks.notification(text, self.0.clock.unix())
    }

    /// Notes that a canary was seen in its mailbox at `at`; `None` when this notification is no canary, or, with
    /// `mailbox`, none to that mailbox. What is given back must be written: then a restart knows of it, too. The first
    /// arrival counts, and noting it again is the same as once.
    pub fn arrival(&self, id: NotificationId, mailbox: Option<&str>, at: UnixMs) -> Option<Arrival> {
        let mut watch = self.0.watch.lock();
        let canary = watch.canary(id).filter(|canary| mailbox.is_none_or(|name| canary.mailbox == name))?;
        let at = *canary.arrived_at.get_or_insert(at.min(self.0.clock.unix()));
        let expires = self.0.clock.unix() + STORED;
        Some(Arrival { id, key: flight::arrival_key(id), value: flight::encode_time(at), expires })
    }

    /// The messages of the canaries that went along with this campaign or message: they are cancelled with it.
    pub fn messages_of(&self, campaign: Option<&CampaignName>, message: Option<MessageId>) -> Vec<MessageId> {
        let watch = self.0.watch.lock();
        let goes_along = |flight: &&Flight| {
            let Roster { campaign: own, main, .. } = &flight.roster;
            (campaign.is_some() || message.is_some())
                && campaign.is_none_or(|name| name == own)
                && message.is_none_or(|id| id == *main)
        };
        watch.flights.values().filter(goes_along).map(|flight| flight.roster.id).collect()
    }

    /// The alarms that stand now.
    pub fn alarms(&self) -> Vec<Alarm> {
        self.0.watch.lock().alarms(self.0.clock.unix())
    }

    /// Writes a flight down and knows it from then on. It becomes true with its message, which is committed afterwards.
    pub(crate) fn keep(&self, flight: Flight) {
        let Shared { queue, clock, watch, .. } = &*self.0;
        let (id, now) = (flight.roster.id, clock.unix());
        let (roster, expires) = (flight.roster.encode(), flight.roster.from.max(now) + STORED);
        // Under the lock: whoever writes the index last must have seen all flights.
        let mut watch = watch.lock();
        watch.flights.insert(id, flight);
        watch.forget(now);
        let index = flight::encode_index(watch.flights.keys().copied());
        let longest = watch.flights.values().map(|flight| flight.roster.from.max(now) + STORED).max();
        let write = Write::new().remember(&flight::roster_key(id), &roster, expires);
        queue.write(write.remember(INDEX_KEY, &index, longest.unwrap_or(expires)));
    }

    /// Asks the ledger about all that may have changed. Blocks: not for an async thread.
    pub(crate) fn hear(&self) {
        let now = self.0.clock.unix();
        let open = self.0.watch.lock().open(now);
        for message in open {
            self.hear_of(message);
        }
    }

    fn hear_of(&self, message: MessageId) {
        let Shared { queue, watch, .. } = &*self.0;
        // Sums stand in memory; the ledger itself is asked only when they have changed.
        let sums: Option<flight::Sums> = queue
            .tally_of(message)
            .map(|tally| tally.outcomes().map(|(carrier, outcome, count)| (carrier.clone(), outcome, count)).collect());
        let asked: Vec<NotificationId> = {
            let mut watch = watch.lock();
            let Some(flight) = watch.flights.get_mut(&message) else { return };
            match sums {
                None => return flight.lose(),
                Some(sums) if sums == flight.heard => return,
                Some(sums) => flight.heard = sums,
            }
            let open = flight.canaries.iter().enumerate().filter(|(_, canary)| !canary.is_settled());
            open.map(|(index, _)| flight.notification(index)).collect()
        };
        for id in asked {
            let record = queue.last_attempt(id);
            if let Some(canary) = watch.lock().canary(id) {
                canary.hear(record.as_ref());
            }
        }
    }

    /// After a start: what was told before is not told again, but for what is missing now.
    fn take_up(&self) {
        self.hear();
        let mut watch = self.0.watch.lock();
        for news in watch.news(self.0.clock.unix()) {
            if news.fate == telemetry::CanaryFate::Missing
                && let Some(canary) = watch.canary(news.id)
            {
                canary.told = None;
            }
        }
    }
}

impl Flight {
    /// The queue has no such message: its commit never came, or it was forgotten.
    fn lose(&mut self) {
        use crate::fate::Handed;
        for canary in self.canaries.iter_mut().filter(|canary| !canary.is_settled()) {
            canary.handed = Handed::Forgotten;
        }
    }
}

/// Every flight that was written down, with the arrivals of its canaries.
fn remembered(queue: &Queue) -> Vec<Flight> {
    let ids = flight::decode_index(&queue.remembered(INDEX_KEY).unwrap_or_default());
    let known = |id: MessageId| {
        let roster = Roster::decode(&queue.remembered(&flight::roster_key(id))?)?;
        let mut flight = Flight::new(roster);
        for index in 0..flight.canaries.len() {
            let key = flight::arrival_key(flight.notification(index));
            let arrived_at = queue.remembered(&key).and_then(|value| flight::decode_time(&value));
            if let Some(canary) = flight.canaries.get_mut(index) {
                canary.arrived_at = arrived_at;
            }
        }
        flight.carried = queue.tally_of(flight.roster.main).map(|tally| flight::carried(&tally)).unwrap_or_default();
        Some(flight)
    };
    // By id, and each once, whatever the index says.
    let flights: BTreeMap<MessageId, Flight> =
        ids.into_iter().filter_map(known).map(|flight| (flight.roster.id, flight)).collect();
    flights.into_values().collect()
}
