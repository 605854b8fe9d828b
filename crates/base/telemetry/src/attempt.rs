//! One attempt to hand over one notification has an outcome.

use std::time::Duration;

use mail_model::{CampaignName, EmailAddress, Lane, NotificationId, Outcome, Reply, SourceName, Stage, TenantName};
use tracing::{Level, debug, enabled, info};

use crate::meters::PathMeters;
use crate::redact::without_addresses;

/// The longest reply that is logged, in characters; the whole one is in the queue's record.
const REPLY_CHARS_MAX: usize = 300;

/// An attempt and what became of it. Accepted mails are logged at `debug`, the others at `info`.
///
/// The record has KumoMTA's keys (`type`, `id`, `queue`, `response.*` …) but neither recipient, sender nor subject.
pub struct AttemptFinished<'a> {
    /// The path's handles.
    pub meters: &'a PathMeters,
    /// The notification.
    pub id: NotificationId,
    /// Whose notice.
    pub campaign: &'a CampaignName,
    /// Which school.
    pub tenant: &'a TenantName,
    /// The recipient; only its domain is logged.
    pub to: &'a EmailAddress,
    /// Where it waited.
    pub lane: &'a Lane,
    /// Where it left from.
    pub source: &'a SourceName,
    /// The host it spoke to, where there was one.
    pub peer: Option<&'a str>,
    /// What became of it.
    pub outcome: Outcome,
    /// The step that decided.
    pub stage: Stage,
    /// What the carrier said, where it said something.
    pub reply: Option<&'a Reply>,
    /// The rule that named the cause, empty for an accepted mail.
    pub rule: &'a str,
    /// This attempt's number, from 1.
    pub attempt: u16,
    /// How long this attempt took.
    pub took: Duration,
    /// From the message's acceptance until now.
    pub since_accepted: Duration,
}

impl AttemptFinished<'_> {
    /// Counts and, if the level asks for it, logs.
    pub fn emit(&self) {
        match self.outcome {
            Outcome::Accepted => self.meters.accepted(self.took, self.since_accepted),
            Outcome::Replaced => self.meters.replaced(self.took),
            Outcome::Deferred(cause) => self.meters.deferred(cause),
            Outcome::Failed(cause) => self.meters.failed(cause),
            Outcome::Expired(cause) => self.meters.expired(cause),
            // Late outcomes belong to no attempt: what came back has events of its own.
            Outcome::Withheld(_) | Outcome::Bounced(_) | Outcome::Complained => {}
        }
        if self.outcome.is_handed_over() {
            if enabled!(target: "todoke::attempt", Level::DEBUG) {
                self.log_accepted();
            }
        } else if enabled!(target: "todoke::attempt", Level::INFO) {
            self.log_other();
        }
    }

    fn queue(&self) -> String {
        format!("{}:{}@{}", self.campaign, self.tenant, self.to.domain())
    }

    fn log_accepted(&self) {
        debug!(
            target: "todoke::attempt",
            id = %self.id,
            "type" = record_type(self.outcome),
            queue = self.queue(),
            site = self.lane.site.as_str(),
            carrier = self.lane.carrier.as_str(),
            class = self.lane.class.as_str(),
            egress_pool = self.lane.pool.as_str(),
            egress_source = self.source.as_str(),
            peer_address = self.peer,
            response.code = self.reply.map(|reply| reply.code),
            num_attempts = self.attempt,
            took_ms = millis(self.took),
            since_accepted_ms = millis(self.since_accepted),
            "the carrier accepted a mail"
        );
    }

    fn log_other(&self) {
        let words = self.reply.map(|reply| {
            let words: String = reply.text.chars().take(REPLY_CHARS_MAX).collect();
            without_addresses(&words, self.to.local())
        });
        info!(
            target: "todoke::attempt",
            id = %self.id,
            "type" = record_type(self.outcome),
            queue = self.queue(),
            site = self.lane.site.as_str(),
            carrier = self.lane.carrier.as_str(),
            class = self.lane.class.as_str(),
            egress_pool = self.lane.pool.as_str(),
            egress_source = self.source.as_str(),
            peer_address = self.peer,
            response.code = self.reply.map(|reply| reply.code),
            response.enhanced_code = self.reply.and_then(|reply| reply.enhanced).map(|status| status.to_string()),
            response.content = words,
            response.command = self.stage.as_str(),
            cause = self.outcome.cause().map(mail_model::Cause::id),
            rule = self.rule,
            num_attempts = self.attempt,
            took_ms = millis(self.took),
            "an attempt did not succeed"
        );
    }
}

/// KumoMTA's word for an outcome.
fn record_type(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Accepted | Outcome::Replaced => "Delivery",
        Outcome::Deferred(_) => "TransientFailure",
        Outcome::Failed(_) => "Bounce",
        Outcome::Expired(_) => "Expiration",
        Outcome::Withheld(_) => "AdminBounce",
        Outcome::Bounced(_) => "OOB",
        Outcome::Complained => "Feedback",
    }
}

/// Whole milliseconds, for a record.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
