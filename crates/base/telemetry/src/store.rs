//! What the queue does that an operator should see.

use std::time::Duration;

use mail_model::CarrierName;
use metrics::{counter, histogram};
use tracing::{info, warn};

use crate::attempt::millis;
use crate::metrics_table::{DUPLICATES_POSSIBLE, EXPIRED, SUPPRESSED, SYNC_DURATION, SYNC_SLOW};

/// A synced write beyond this is worth a line.
const SLOW: Duration = Duration::from_secs(1);

/// The queue synced a group of writes to disk.
pub struct StoreSynced {
    /// How long it took.
    pub took: Duration,
    /// How many writes it carried.
    pub writes: usize,
}

impl StoreSynced {
    /// Counts; logs when it was slow.
    pub fn emit(&self) {
        histogram!(SYNC_DURATION).record(self.took.as_secs_f64());
        if self.took >= SLOW {
            counter!(SYNC_SLOW).increment(1);
            warn!(
                target: "todoke::queue",
                took_ms = millis(self.took),
                writes = self.writes,
                "the disk took over a second to write; mail waits for it, look at what else uses this disk"
            );
        }
    }
}

/// After a start: mails that may have been handed over just before the last stop.
pub struct InDoubtRecovered {
    /// How many; `todoke queue in-doubt` lists them.
    pub count: u64,
}

impl InDoubtRecovered {
    /// Counts and logs, if there are any.
    pub fn emit(&self) {
        counter!(DUPLICATES_POSSIBLE).increment(self.count);
        if self.count > 0 {
            warn!(
                target: "todoke::queue",
                count = self.count,
                "mails were between their final dot and the reply when the engine stopped; their recipients may get them twice"
            );
        }
    }
}

/// Notifications left the queue because their time was over while they waited.
pub struct ExpiredWaiting {
    /// How many.
    pub count: u64,
}

impl ExpiredWaiting {
    /// Counts and logs, if there are any.
    pub fn emit(&self) {
        counter!(EXPIRED).increment(self.count);
        if self.count > 0 {
            warn!(target: "todoke::queue", count = self.count, "notifications passed their deadline while they waited");
        }
    }
}

/// A notification is withheld because its address bounced before, or its owner wants no mail.
pub struct RecipientSuppressed<'a> {
    /// Whose server it would have gone to.
    pub carrier: &'a CarrierName,
    /// Why: a cause's id, `complained` or `unsubscribed`.
    pub reason: &'static str,
}

impl RecipientSuppressed<'_> {
    /// Counts and logs.
    pub fn emit(&self) {
        let labels = [("carrier", self.carrier.to_string()), ("cause", self.reason.to_owned())];
        counter!(SUPPRESSED, &labels).increment(1);
        info!(
            target: "todoke::queue",
            carrier = self.carrier.as_str(),
            cause = self.reason,
            "a notification is withheld: its address bounced before, or its owner wants no mail"
        );
    }
}
