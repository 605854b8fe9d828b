//! The share of mails handed over within ten seconds, the figure of GOV.UK Notify's performance page.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use metrics::gauge;

use crate::metrics_table::SHARE_UNDER_10;

// One recorder per process, one pair of counters per process; reading them is the only way to set a share.
static SENT: AtomicU64 = AtomicU64::new(0);
static WITHIN: AtomicU64 = AtomicU64::new(0);

pub(crate) fn count(since_accepted: Duration) {
    SENT.fetch_add(1, Ordering::Relaxed);
    if since_accepted <= Duration::from_secs(10) {
        WITHIN.fetch_add(1, Ordering::Relaxed);
    }
}

/// Sets the gauge; done when somebody looks, not for every mail.
pub(crate) fn publish_share() {
    let (sent, within) = (SENT.load(Ordering::Relaxed), WITHIN.load(Ordering::Relaxed));
    if sent > 0 {
        // Both fit a float's 53 bits for the next thousand years.
        gauge!(SHARE_UNDER_10).set(within as f64 / sent as f64);
    }
}
