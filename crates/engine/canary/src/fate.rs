//! One canary: three facts, and what they come to. Pure: time is an argument.

use std::time::Duration;

use mail_model::{CarrierName, Cause, Outcome, UnixMs};
use queue::AttemptRecord;
use telemetry::CanaryFate;

/// What the ledger says of a canary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Handed {
    /// It waits, the last attempt having failed for this cause if there was one.
    Waiting(Option<Cause>),
    /// The carrier said 2xx.
    Accepted(UnixMs),
    /// The carrier refused it, at once or by a bounce afterwards; or it was given up.
    Refused {
        /// When that was known.
        at: UnixMs,
        /// Why.
        cause: Cause,
        /// `failed`, `expired` or `bounced`.
        outcome: &'static str,
    },
    /// We did not send it: `suppressed` or `cancelled`.
    Withheld(&'static str),
    /// The queue has forgotten it.
    Forgotten,
}

/// Where a canary stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Not handed over yet.
    Queued,
    /// Handed over, and it may still arrive in time.
    Accepted,
    /// Handed over and not arrived in time.
    Missing,
    /// Arrived in time.
    Arrived,
    /// Arrived after it was missed.
    Late,
    /// Refused by the carrier.
    Refused,
    /// Not sent.
    Withheld,
    /// Nobody knows any more.
    Forgotten,
}

impl Standing {
    /// As written in JSON.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Accepted => "accepted",
            Self::Missing => "missing",
            Self::Arrived => "arrived",
            Self::Late => "late",
            Self::Refused => "refused",
            Self::Withheld => "withheld",
            Self::Forgotten => "forgotten",
        }
    }
}

/// A mail to a mailbox of our own.
#[derive(Clone, Debug)]
pub(crate) struct Canary {
    /// The mailbox's name.
    pub(crate) mailbox: String,
    /// Whose mailbox it is.
    pub(crate) carrier: CarrierName,
    /// What the ledger says.
    pub(crate) handed: Handed,
    /// When it was seen in its mailbox.
    pub(crate) arrived_at: Option<UnixMs>,
    /// What was counted and logged last.
    pub(crate) told: Option<CanaryFate>,
}

impl Canary {
    /// One that has just joined.
    pub(crate) fn new(mailbox: &str, carrier: &CarrierName) -> Self {
        let (mailbox, carrier) = (mailbox.to_owned(), carrier.clone());
        Self { mailbox, carrier, handed: Handed::Waiting(None), arrived_at: None, told: None }
    }

    /// When the carrier accepted it.
    pub(crate) fn accepted_at(&self) -> Option<UnixMs> {
        match self.handed {
            Handed::Accepted(at) => Some(at),
            _ => None,
        }
    }

    /// Since when it is missed, if it is.
    pub(crate) fn missing_since(&self, now: UnixMs, within: Duration) -> Option<UnixMs> {
        let end = self.accepted_at()? + within;
        (self.arrived_at.is_none() && now >= end).then_some(end)
    }

    /// Where it stands at `now`, when it should arrive `within` that time after its acceptance.
    pub(crate) fn standing(&self, now: UnixMs, within: Duration) -> Standing {
        match (self.arrived_at, self.handed) {
            (Some(at), Handed::Accepted(accepted)) if at >= accepted + within => Standing::Late,
            // Whatever the carrier says: we have it.
            (Some(_), _) => Standing::Arrived,
            (None, Handed::Accepted(_)) if self.missing_since(now, within).is_some() => Standing::Missing,
            (None, Handed::Accepted(_)) => Standing::Accepted,
            (None, Handed::Waiting(_)) => Standing::Queued,
            (None, Handed::Refused { .. }) => Standing::Refused,
            (None, Handed::Withheld(_)) => Standing::Withheld,
            (None, Handed::Forgotten) => Standing::Forgotten,
        }
    }

    /// What there is to count and log at `now` that was not yet; noted as told.
    pub(crate) fn news(&mut self, now: UnixMs, within: Duration) -> Option<CanaryFate> {
        // A mail can be in its mailbox before we have noted that it was accepted; how long it took is known then.
        if matches!(self.handed, Handed::Waiting(_)) {
            return None;
        }
        let fate = match self.standing(now, within) {
            Standing::Arrived => CanaryFate::Arrived,
            Standing::Late => CanaryFate::Late,
            Standing::Missing => CanaryFate::Missing,
            Standing::Refused => CanaryFate::Refused,
            Standing::Withheld => CanaryFate::Withheld,
            Standing::Queued | Standing::Accepted | Standing::Forgotten => return None,
        };
        let is_news = self.told != Some(fate);
        self.told = Some(fate);
        is_news.then_some(fate)
    }

    /// Whether nothing that the ledger says can change it any more.
    pub(crate) fn is_settled(&self) -> bool {
        match self.handed {
            Handed::Waiting(_) => false,
            // A bounce may still come of what has not arrived.
            Handed::Accepted(_) => self.arrived_at.is_some(),
            Handed::Refused { .. } | Handed::Withheld(_) | Handed::Forgotten => true,
        }
    }

    /// Takes the ledger's last word.
    pub(crate) fn hear(&mut self, record: Option<&AttemptRecord>) {
        let Some(record) = record else { return };
        let at = record.at;
        let refused = |cause| Handed::Refused { at, cause, outcome: record.outcome.kind() };
        self.handed = match record.outcome {
            Outcome::Accepted | Outcome::Replaced => Handed::Accepted(at),
            Outcome::Deferred(cause) => Handed::Waiting(Some(cause)),
            Outcome::Failed(cause) | Outcome::Expired(cause) | Outcome::Bounced(cause) => refused(cause),
            Outcome::Withheld(why) => Handed::Withheld(why.as_str()),
            // Somebody complained of a mail in our own mailbox: it was accepted, and whoever complained has it.
            Outcome::Complained => Handed::Accepted(self.accepted_at().unwrap_or(at)),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WITHIN: Duration = Duration::from_secs(45);

    fn canary(handed: Handed, arrived_at: Option<u64>) -> Canary {
        let new = Canary::new("docomo-1", &"docomo".parse().unwrap());
        Canary { handed, arrived_at: arrived_at.map(UnixMs), ..new }
    }

    #[test]
    fn three_facts_and_the_time_say_where_a_canary_stands() {
        let accepted = Handed::Accepted(UnixMs(100_000));
        let refused = Handed::Refused { at: UnixMs(100_000), cause: Cause::MailboxFull, outcome: "failed" };
        // (ledger, arrival, now, standing)
        let table = [
            (Handed::Waiting(None), None, 999_999, Standing::Queued),
            (Handed::Waiting(Some(Cause::RateLimited)), None, 999_999, Standing::Queued),
            (Handed::Waiting(None), Some(5), 5, Standing::Arrived),
            (accepted, None, 144_999, Standing::Accepted),
            (accepted, None, 145_000, Standing::Missing),
            (accepted, Some(100_000), 999_999, Standing::Arrived),
            (accepted, Some(99_000), 999_999, Standing::Arrived),
            (accepted, Some(144_999), 999_999, Standing::Arrived),
            (accepted, Some(145_000), 999_999, Standing::Late),
            (refused, None, 0, Standing::Refused),
            (refused, Some(1), 0, Standing::Arrived),
            (Handed::Withheld("suppressed"), None, 0, Standing::Withheld),
            (Handed::Forgotten, None, 999_999, Standing::Forgotten),
        ];
        for (handed, arrived_at, now, standing) in table {
            let canary = canary(handed, arrived_at);
            assert_eq!(canary.standing(UnixMs(now), WITHIN), standing, "{handed:?} {arrived_at:?} {now}");
        }
    }

    #[test]
    fn each_turn_of_its_story_is_told_once() {
        let mut canary = canary(Handed::Waiting(None), None);
        assert_eq!(canary.news(UnixMs(0), WITHIN), None);
        canary.handed = Handed::Accepted(UnixMs(0));
        // (now, what is told)
        let told = [(44_000, None), (45_000, Some(CanaryFate::Missing)), (46_000, None)];
        for (now, fate) in told {
            assert_eq!(canary.news(UnixMs(now), WITHIN), fate, "{now}");
        }
        canary.arrived_at = Some(UnixMs(50_000));
        assert_eq!(canary.news(UnixMs(50_000), WITHIN), Some(CanaryFate::Late));
        assert_eq!(canary.news(UnixMs(51_000), WITHIN), None);
    }

    #[test]
    fn an_arrival_that_outruns_the_ledger_is_told_when_the_ledger_has_spoken() {
        let mut canary = canary(Handed::Waiting(None), Some(1_000));
        assert_eq!(canary.news(UnixMs(1_000), WITHIN), None);
        canary.handed = Handed::Accepted(UnixMs(900));
        assert_eq!(canary.news(UnixMs(1_100), WITHIN), Some(CanaryFate::Arrived));
    }
}
