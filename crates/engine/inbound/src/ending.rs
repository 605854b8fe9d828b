//! What the handling of one mail adds up to: one write, and what is told once it is written.

use std::collections::BTreeMap;

use bounce::{AddressHistory, Noted, Reason};
use mail_model::{CarrierName, EgressPath, EmailAddress, NotificationId, Outcome};
use queue::{BeingSent, InboxId, Queue, Write};
use scheduler::{Scheduler, Signal};
use telemetry::{InboundHandled, LateOutcome, OperatorAlarm, RegistrationEnded, SuppressionNoted};

use crate::consequence::Alarm;

/// Collects what follows from one mail.
pub(crate) struct Ending {
    write: Write,
    /// Histories as they stand with what this mail says, by address: two recipients of one mail may mean the same one.
    histories: BTreeMap<EmailAddress, AddressHistory>,
    /// What this mail says. Noted when it is written, on what is known by then: a session may have noted more meanwhile.
    noted: Vec<(EmailAddress, Noted)>,
    keep: Option<(&'static str, String)>,
    signals: Vec<(EgressPath, Signal)>,
    told: Vec<Told>,
}

enum Told {
    Handled(&'static str, Option<NotificationId>),
    Registered(&'static str),
    Outcome { id: NotificationId, carrier: CarrierName, outcome: Outcome, rule: String },
    Suppressed { carrier: CarrierName, reason: Reason },
    Alarm { carrier: CarrierName, alarm: Alarm },
}

impl Ending {
    pub(crate) fn new() -> Self {
        Self {
            write: Write::new(),
            histories: BTreeMap::new(),
            noted: vec![],
            keep: None,
            signals: vec![],
            told: vec![],
        }
    }

    /// Adds to the write.
    pub(crate) fn amend(&mut self, change: impl FnOnce(Write) -> Write) {
        self.write = change(std::mem::take(&mut self.write));
    }

    /// The mail stays for people, as this kind. The first kind and note stand.
    pub(crate) fn keep(&mut self, kind: &'static str, note: impl Into<String>) {
        self.keep.get_or_insert((kind, note.into()));
    }

    /// Counts the mail as this, about this notification where it is about one.
    pub(crate) fn handled(&mut self, kind: &'static str, id: Option<NotificationId>) {
        self.told.push(Told::Handled(kind, id));
    }

    /// Counts a registration as this.
    pub(crate) fn registered(&mut self, result: &'static str) {
        self.told.push(Told::Registered(result));
    }

    /// An address's history, with what this mail has changed already.
    pub(crate) fn history(&self, queue: &Queue, address: &EmailAddress) -> AddressHistory {
        let pending = self.histories.get(address).cloned();
        pending.unwrap_or_else(|| AddressHistory::decode(queue.suppression(address).as_deref()))
    }

    /// Notes something of an address.
    pub(crate) fn note(&mut self, queue: &Queue, address: &EmailAddress, carrier: &CarrierName, noted: Noted) {
        let mut history = self.history(queue, address);
        history.note(&noted);
        if let Some(reason) = history.reason() {
            self.told.push(Told::Suppressed { carrier: carrier.clone(), reason });
        }
        self.histories.insert(address.clone(), history);
        self.noted.push((address.clone(), noted));
    }

    /// Tells a path, once all is written.
    pub(crate) fn signal(&mut self, path: EgressPath, signal: Signal) {
        self.signals.push((path, signal));
    }

    /// Tells operators, once all is written.
    pub(crate) fn alarm(&mut self, carrier: &CarrierName, alarm: Alarm) {
        self.told.push(Told::Alarm { carrier: carrier.clone(), alarm });
    }

    /// Tells of a late outcome, once all is written.
    pub(crate) fn outcome(&mut self, id: NotificationId, carrier: &CarrierName, outcome: Outcome, rule: &str) {
        self.told.push(Told::Outcome { id, carrier: carrier.clone(), outcome, rule: rule.to_owned() });
    }

    /// Writes all of it together with taking the mail out of the inbox, then tells. Nothing happens when a notification
    /// is being sent in this moment.
    pub(crate) fn finish(self, queue: &Queue, scheduler: &Scheduler, id: InboxId) -> Result<(), BeingSent> {
        let Self { mut write, noted, keep, signals, told, .. } = self;
        for (address, noted) in noted {
            write = write.change_suppression(&address, move |stored| Some(AddressHistory::noted(stored, &noted)));
        }
        write = match &keep {
            Some((kind, note)) => write.inbox_kept(id, kind, note),
            None => write.inbox_done(id),
        };
        queue.write_late(write)?;
        for (path, signal) in signals {
            scheduler.signal_path(&path, signal);
        }
        told.iter().for_each(tell);
        Ok(())
    }
}

fn tell(told: &Told) {
    match told {
        Told::Handled(kind, id) => InboundHandled { kind, id: *id }.emit(),
        Told::Registered(result) => RegistrationEnded { result }.emit(),
        Told::Outcome { id, carrier, outcome, rule } => {
            LateOutcome { id: *id, carrier, outcome: *outcome, rule }.emit();
        }
        Told::Suppressed { carrier, reason } => SuppressionNoted { carrier, reason: reason.as_str() }.emit(),
        Told::Alarm { carrier, alarm } => OperatorAlarm { carrier, reason: alarm.as_str() }.emit(),
    }
}
