//! The certificate that our own listener shows: how long it is good for.

use mail_model::UnixMs;
use metrics::gauge;
use tracing::{error, info};

use crate::metrics_table as table;

/// A certificate was read, at the start or after it was renewed.
pub struct CertificateRead {
    /// When it ends.
    pub until: UnixMs,
    /// The time.
    pub now: UnixMs,
}

impl CertificateRead {
    /// Sets the gauge and logs.
    pub fn emit(&self) {
        let until_s = self.until.0 / 1_000;
        // Seconds since 1970 are far below 2^53.
        gauge!(table::INBOUND_CERTIFICATE_ENDS).set(until_s as f64);
        let days_left = self.until.since_ms(self.now) / 86_400_000;
        info!(target: "todoke::inbound", days_left, "the certificate of the inbound listener was read");
    }
}

/// Renewed files were found that cannot be used; the certificate in use stays.
pub struct CertificateUnusable<'a> {
    /// Why, without anything of the key.
    pub why: &'a dyn std::fmt::Display,
}

impl CertificateUnusable<'_> {
    /// Logs.
    pub fn emit(&self) {
        error!(target: "todoke::inbound", why = %self.why, "the renewed certificate cannot be used; the old one stays");
    }
}
