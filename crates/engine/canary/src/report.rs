//! The canaries as operators see them.

use mail_model::{CampaignName, CarrierName, NotificationId, UnixMs};

use crate::canaries::Canaries;
use crate::fate::{Canary, Handed};
use crate::flight::{Flight, Roster};
use crate::watch::Alarm;

/// What is known of the canaries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// How long after its acceptance a canary may take to arrive, seconds.
    pub arrive_within_s: u64,
    /// The alarms that stand.
    pub alarms: Vec<Alarm>,
    /// The canaries, last ones first.
    pub canaries: Vec<Seen>,
}

/// One canary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The notification.
    pub id: NotificationId,
    /// The campaign it went along with.
    pub campaign: CampaignName,
    /// Whose mailbox.
    pub carrier: CarrierName,
    /// The mailbox's name.
    pub mailbox: String,
    /// `queued`, `accepted`, `arrived`, `late`, `missing`, `refused`, `withheld` or `forgotten`.
    pub standing: &'static str,
    /// From when on it may leave.
    pub from: UnixMs,
    /// When the carrier accepted it.
    pub accepted_at: Option<UnixMs>,
    /// When it was seen in its mailbox.
    pub arrived_at: Option<UnixMs>,
    /// Since when it is missed.
    pub missing_since: Option<UnixMs>,
    /// Why it was refused or waits for another attempt: a cause's id; or `suppressed`, `cancelled`.
    pub cause: Option<&'static str>,
    /// The cause in Japanese, where it is one.
    pub label_ja: Option<&'static str>,
}

impl Canaries {
    /// At most `limit` canaries, last ones first; of one campaign if it is named, or its message. Alarms are those of all
    /// campaigns.
    pub fn report(&self, campaign: Option<&CampaignName>, limit: usize) -> Report {
        let now = self.0.clock.unix();
        let watch = self.0.watch.lock();
        let goes_along = |flight: &&Flight| {
            let Roster { campaign: own, main, .. } = &flight.roster;
            campaign.is_none_or(|name| name == own || name.as_str().parse() == Ok(*main))
        };
        let flights = watch.flights.values().rev().filter(goes_along);
        let seen = |flight| all_of(flight, now, &watch);
        Report {
            arrive_within_s: self.0.config.arrive_within_s,
            alarms: watch.alarms(now),
            canaries: flights.flat_map(seen).take(limit).collect(),
        }
    }

    /// One canary.
    pub fn seen(&self, id: NotificationId) -> Option<Seen> {
        let watch = self.0.watch.lock();
        let all = all_of(watch.flights.get(&id.message)?, self.0.clock.unix(), &watch);
        all.into_iter().find(|seen| seen.id == id)
    }
}

fn all_of(flight: &Flight, now: UnixMs, watch: &crate::watch::Watch) -> Vec<Seen> {
    let seen = |(index, canary): (usize, &Canary)| {
        let cause = match canary.handed {
            Handed::Refused { cause, .. } | Handed::Waiting(Some(cause)) => Some(cause),
            _ => None,
        };
        let withheld = if let Handed::Withheld(why) = canary.handed { Some(why) } else { None };
        Seen {
            id: flight.notification(index),
            campaign: flight.roster.campaign.clone(),
            carrier: canary.carrier.clone(),
            mailbox: canary.mailbox.clone(),
            standing: canary.standing(now, watch.within).as_str(),
            from: flight.roster.from,
            accepted_at: canary.accepted_at(),
            arrived_at: canary.arrived_at,
            missing_since: canary.missing_since(now, watch.within),
            cause: cause.map(mail_model::Cause::id).or(withheld),
            label_ja: cause.map(mail_model::Cause::label_ja),
        }
    };
    flight.canaries.iter().enumerate().map(seen).collect()
}
