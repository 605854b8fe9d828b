//! All canaries that are under way or were lately: what arrived, what is missing, whose alarm stands. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use mail_model::{CampaignName, CarrierName, MessageId, NotificationId, UnixMs};
use telemetry::CanaryFate;

use crate::fate::{Canary, Standing};
use crate::flight::Flight;

/// Flights remembered, at most; the oldest are let go. A ward sends a few notices a day.
pub(crate) const FLIGHTS_MAX: usize = 512;
/// How long a flight is remembered after it may leave.
pub(crate) const KEPT: Duration = Duration::from_secs(7 * 86_400);
/// How long a missing canary speaks for its carrier. What was not cleared by another one in a day says nothing about today.
pub(crate) const ALARM_KEPT: Duration = Duration::from_secs(86_400);

/// Something to count and log.
#[derive(Clone, Debug)]
pub(crate) struct News {
    pub(crate) id: NotificationId,
    pub(crate) canary: Canary,
    pub(crate) campaign: CampaignName,
    pub(crate) fate: CanaryFate,
}

/// A carrier that accepts and does not deliver, as far as we see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// The carrier.
    pub carrier: CarrierName,
    /// Mailboxes whose last canary was accepted and has not arrived.
    pub missing: u64,
    /// Mailboxes of the carrier from which anything was to be expected in the last day.
    pub mailboxes: u64,
    /// Since when the first of them is missed.
    pub since: UnixMs,
    /// The campaign whose canary is missed longest.
    pub campaign: CampaignName,
}

impl Alarm {
    /// In one line, for people.
    pub fn words(&self) -> String {
        let Self { carrier, missing, mailboxes, .. } = self;
        let at = match (missing, mailboxes) {
            (1, 1) => "our only mailbox".to_owned(),
            (2, 2) => "both of our mailboxes".to_owned(),
            (missing, all) if missing == all => format!("all {all} of our mailboxes"),
            (1, 2) => "one of our two mailboxes".to_owned(),
            (missing, all) => format!("{missing} of our {all} mailboxes"),
        };
        format!("{carrier} accepted mail that has not arrived at {at}")
    }
}

/// All flights, in the order of their ids.
#[derive(Debug)]
pub(crate) struct Watch {
    pub(crate) within: Duration,
    /// The mailboxes that there are now; one that was taken out of the configuration raises no alarm any more.
    known: BTreeSet<String>,
    pub(crate) flights: BTreeMap<MessageId, Flight>,
}

impl Watch {
    pub(crate) fn new(within: Duration, mailboxes: impl Iterator<Item = String>) -> Self {
        Self { within, known: mailboxes.collect(), flights: BTreeMap::new() }
    }

    /// The canary of this notification.
    pub(crate) fn canary(&mut self, id: NotificationId) -> Option<&mut Canary> {
        let index = usize::try_from(id.index).ok()?;
        self.flights.get_mut(&id.message)?.canaries.get_mut(index)
    }

    /// When a mailbox takes part in whatever is nearest in time to `at`, before it or after.
    pub(crate) fn nearest(&self, mailbox: &str, at: UnixMs) -> Option<UnixMs> {
        let has = |flight: &&Flight| flight.canaries.iter().any(|canary| canary.mailbox == mailbox);
        let times = self.flights.values().filter(has).map(|flight| flight.roster.from);
        times.min_by_key(|time| time.0.abs_diff(at.0))
    }

    /// The messages of flights of which the ledger may still say something that matters.
    pub(crate) fn open(&self, now: UnixMs) -> Vec<MessageId> {
        let is_open =
            |flight: &&Flight| now < flight.roster.from + ALARM_KEPT && !flight.canaries.iter().all(Canary::is_settled);
        self.flights.values().filter(is_open).map(|flight| flight.roster.id).collect()
    }

    /// The last flight of each campaign's message, if it has ids left and joined at least `after` ago.
    pub(crate) fn to_be_followed(&self, now: UnixMs, after: Duration) -> Vec<MessageId> {
        let mut last: BTreeMap<MessageId, &Flight> = BTreeMap::new();
        for flight in self.flights.values() {
            let known = last.entry(flight.roster.main).or_insert(flight);
            if known.roster.number < flight.roster.number {
                *known = flight;
            }
        }
        let is_due = |flight: &&Flight| {
            let from = flight.roster.from;
            !flight.roster.reserved.is_empty() && now >= from + after && now < from + ALARM_KEPT
        };
        last.into_values().filter(is_due).map(|flight| flight.roster.id).collect()
    }

    /// What is to be counted and logged, once.
    pub(crate) fn news(&mut self, now: UnixMs) -> Vec<News> {
        let within = self.within;
        let mut all = Vec::new();
        for flight in self.flights.values_mut() {
            for index in 0..flight.canaries.len() {
                let id = flight.notification(index);
                let Some(canary) = flight.canaries.get_mut(index) else { continue };
                if let Some(fate) = canary.news(now, within) {
                    all.push(News { id, canary: canary.clone(), campaign: flight.roster.campaign.clone(), fate });
                }
            }
        }
        all
    }

    /// The alarms that stand: a carrier's, while at one of its mailboxes a canary is missing and none that was accepted
    /// with it or after it has arrived.
    pub(crate) fn alarms(&self, now: UnixMs) -> Vec<Alarm> {
        let mut mailboxes: BTreeMap<&str, Mailbox<'_>> = BTreeMap::new();
        let of_today = |flight: &&Flight| now < flight.roster.from + ALARM_KEPT;
        for flight in self.flights.values().filter(of_today) {
            for canary in flight.canaries.iter().filter(|canary| self.known.contains(&canary.mailbox)) {
                let seen = mailboxes.entry(&canary.mailbox).or_insert_with(|| Mailbox::new(&canary.carrier));
                seen.add(canary, &flight.roster.campaign, now, self.within);
            }
        }
        let mut alarms: BTreeMap<&CarrierName, Alarm> = BTreeMap::new();
        for mailbox in mailboxes.values() {
            let Some((since, campaign)) = mailbox.missed() else { continue };
            let alarm = alarms.entry(mailbox.carrier).or_insert_with(|| Alarm {
                carrier: mailbox.carrier.clone(),
                missing: 0,
                mailboxes: 0,
                since,
                campaign: campaign.clone(),
            });
            alarm.missing += 1;
            if since < alarm.since {
                (alarm.since, alarm.campaign) = (since, campaign.clone());
            }
        }
        for mailbox in mailboxes.values().filter(|mailbox| mailbox.was_expected()) {
            if let Some(alarm) = alarms.get_mut(mailbox.carrier) {
                alarm.mailboxes += 1;
            }
        }
        alarms.into_values().collect()
    }

    /// Forgets what is old or too much. Whether anything was.
    pub(crate) fn forget(&mut self, now: UnixMs) -> bool {
        let before = self.flights.len();
        self.flights.retain(|_, flight| now < flight.roster.from + KEPT);
        while self.flights.len() > FLIGHTS_MAX {
            self.flights.pop_first();
        }
        self.flights.len() != before
    }
}

/// What was seen of one mailbox today.
struct Mailbox<'w> {
    carrier: &'w CarrierName,
    /// Latest acceptance of a canary that arrived.
    arrived: Option<UnixMs>,
    /// Missing canaries: acceptance, since when missed, campaign.
    missing: Vec<(UnixMs, UnixMs, &'w CampaignName)>,
}

impl<'w> Mailbox<'w> {
    fn new(carrier: &'w CarrierName) -> Self {
        Self { carrier, arrived: None, missing: Vec::new() }
    }

    fn add(&mut self, canary: &Canary, campaign: &'w CampaignName, now: UnixMs, within: Duration) {
        match canary.standing(now, within) {
            Standing::Arrived | Standing::Late => {
                self.arrived = self.arrived.max(canary.accepted_at().or(canary.arrived_at));
            }
            Standing::Missing => {
                let since = canary.missing_since(now, within);
                self.missing.extend(canary.accepted_at().zip(since).map(|(at, since)| (at, since, campaign)));
            }
            _ => {}
        }
    }

    /// Since when something is missed that nothing later has made good, and of which campaign.
    fn missed(&self) -> Option<(UnixMs, &'w CampaignName)> {
        let counts = |(accepted, ..): &&(UnixMs, UnixMs, &CampaignName)| self.arrived.is_none_or(|at| *accepted > at);
        self.missing
            .iter()
            .filter(counts)
            .map(|(_, since, campaign)| (*since, *campaign))
            .min_by_key(|(since, _)| *since)
    }

    fn was_expected(&self) -> bool {
        self.arrived.is_some() || !self.missing.is_empty()
    }
}

#[cfg(test)]
#[path = "watch_tests.rs"]
mod tests;
