//! iCloud Mail (`icloud.com`, `me.com`, `mac.com`), by support.apple.com/102322 and replies seen.

use crate::rule::{Rule, says};
use mail_model::Cause::{ContentRejected, RateLimited};

/// Words that mean something particular here.
pub(crate) const RULES: &[Rule] = &[
    // "[CS01] Message rejected due to local policy" at the final dot.
    says("local-policy", &["cs\\d\\d message rejected"]).means(ContentRejected),
    // KumoMTA's community settings slow down on these.
    says("held-back", &["hcm\\d", "bs\\d\\d", "service unavailable try again later"]).transient().means(RateLimited),
];
