//! Deadlines come near while recipients wait.

use std::time::Duration;

use mail_model::{CampaignName, MessageId, UnixMs};
use metrics::{counter, gauge};
use tracing::warn;

use crate::metrics_table::{DEADLINE_WARNINGS, FORESEEN_LATE};

/// A message's deadline is near and somebody was not reached yet. Once per message.
pub struct DeadlineNear<'a> {
    /// The message.
    pub message: MessageId,
    /// What it is counted under.
    pub campaign: &'a CampaignName,
    /// Its deadline.
    pub not_after: UnixMs,
    /// Now.
    pub now: UnixMs,
    /// How many wait; their list is `unreached.csv` of the campaign.
    pub waiting: u64,
}

impl DeadlineNear<'_> {
    /// Counts and logs.
    pub fn emit(&self) {
        counter!(DEADLINE_WARNINGS).increment(1);
        warn!(
            target: "todoke::queue",
            message = %self.message,
            campaign = self.campaign.as_str(),
            waiting = self.waiting,
            left_s = Duration::from_millis(self.not_after.since_ms(self.now)).as_secs(),
            "a deadline is near and recipients wait; unreached.csv of the campaign lists them"
        );
    }
}

/// Notifications that wait although the deadline of their message is near.
pub struct ForeseenLateSample {
    /// How many, of all messages together.
    pub count: u64,
}

impl ForeseenLateSample {
    /// Sets the gauge.
    pub fn emit(&self) {
        // A count is far below 2^53.
        gauge!(FORESEEN_LATE).set(self.count as f64);
    }
}
