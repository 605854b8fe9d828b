//! Mails to our own mailboxes: accepted and arrived, accepted and not arrived, refused.

use std::time::Duration;

use mail_model::{CampaignName, CarrierName, NotificationId};
use metrics::{counter, gauge, histogram};
use tracing::{debug, info, warn};

use crate::attempt::millis;
use crate::metrics_table as table;

/// What became of a canary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CanaryFate {
    /// It arrived in time.
    Arrived,
    /// It arrived after it had been missed, or later than it should.
    Late,
    /// The carrier accepted it and it has not arrived in time.
    Missing,
    /// The carrier refused it, or it was given up.
    Refused,
    /// We did not send it: its address is suppressed, or the campaign was cancelled.
    Withheld,
}

impl CanaryFate {
    /// As written in labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Arrived => "arrived",
            Self::Late => "late",
            Self::Missing => "missing",
            Self::Refused => "refused",
            Self::Withheld => "withheld",
        }
    }
}

/// Something became of a canary.
pub struct CanaryFared<'a> {
    /// The notification.
    pub id: NotificationId,
    /// At whose mailbox.
    pub carrier: &'a CarrierName,
    /// The mailbox by its name in the configuration.
    pub mailbox: &'a str,
    /// The campaign that it went along with.
    pub campaign: &'a CampaignName,
    /// What.
    pub fate: CanaryFate,
    /// From the carrier's acceptance to the arrival, or to now while it is missing; where it was accepted.
    pub since_accepted: Option<Duration>,
    /// The cause's id, where it was refused or withheld.
    pub cause: Option<&'a str>,
}

impl CanaryFared<'_> {
    /// Counts and logs.
    pub fn emit(&self) {
        let Self { id, carrier, mailbox, campaign, fate, since_accepted, cause } = self;
        let (carrier, campaign) = (carrier.as_str(), campaign.as_str());
        let labels = [("carrier", carrier.to_owned()), ("result", fate.as_str().to_owned())];
        counter!(table::CANARIES, &labels).increment(1);
        let since_accepted_ms = since_accepted.map(millis);
        match fate {
            CanaryFate::Arrived | CanaryFate::Late => {
                if let Some(took) = since_accepted {
                    let duration = histogram!(table::CANARY_DURATION, "carrier" => carrier.to_owned());
                    duration.record(took.as_secs_f64());
                }
                let late = *fate == CanaryFate::Late;
                info!(
                    target: "todoke::canary",
                    %id, carrier, mailbox, campaign, late, since_accepted_ms,
                    "a mail arrived in a mailbox of ours"
                );
            }
            CanaryFate::Missing => warn!(
                target: "todoke::canary",
                %id, carrier, mailbox, campaign, since_accepted_ms,
                "a carrier accepted a mail to a mailbox of ours, and it has not arrived; families may miss theirs, too"
            ),
            CanaryFate::Refused | CanaryFate::Withheld => warn!(
                target: "todoke::canary",
                %id, carrier, mailbox, campaign, result = fate.as_str(), cause,
                "a mail to a mailbox of ours was not sent or not accepted"
            ),
        }
    }
}

/// Canaries join a campaign, or cannot.
pub struct CanariesJoined<'a> {
    /// The campaign.
    pub campaign: &'a CampaignName,
    /// How many.
    pub count: u32,
    /// Why there are none; empty when there are.
    pub trouble: &'a str,
}

impl CanariesJoined<'_> {
    /// Logs.
    pub fn emit(&self) {
        let Self { campaign, count, trouble } = self;
        let campaign = campaign.as_str();
        if trouble.is_empty() {
            debug!(target: "todoke::canary", campaign, count, "canaries go along with a campaign");
        } else {
            warn!(target: "todoke::canary", campaign, trouble, "a campaign goes without canaries");
        }
    }
}

/// Mailboxes of ours that a carrier leaves empty, looked at every second.
pub struct CanarySample<'a> {
    /// The carrier.
    pub carrier: &'a CarrierName,
    /// Mailboxes whose last canary was accepted and has not arrived in time.
    pub missing: u64,
}

impl CanarySample<'_> {
    /// Sets the gauge.
    pub fn emit(&self) {
        // A handful of mailboxes: exact.
        gauge!(table::CANARY_MISSING, "carrier" => self.carrier.to_string()).set(self.missing as f64);
    }
}
