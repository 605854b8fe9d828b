//! Encryption towards carriers: what sessions came to under a domain's policy, and how policies are fetched and kept.

use metrics::{counter, gauge};
use tracing::{debug, warn};

use crate::metrics_table::{STS_FETCHES, STS_HELD, TLS_SESSIONS};

/// A session had its chance to be encrypted; counted as TLS-RPT (RFC 8460) counts.
pub struct TlsSessionCounted {
    /// `none`, `sts` or `dane`.
    pub policy: &'static str,
    /// `success`, or a result type of RFC 8460 4.3.
    pub result: &'static str,
}

impl TlsSessionCounted {
    /// Counts.
    pub fn emit(&self) {
        counter!(TLS_SESSIONS, "policy" => self.policy, "result" => self.result).increment(1);
    }
}

/// A host does not meet the policy of a recipient's domain.
pub struct TlsPolicyUnmet<'a> {
    /// The recipient's domain.
    pub domain: &'a str,
    /// The host.
    pub peer: &'a str,
    /// `mx-not-in-policy`, `certificate-expired` …
    pub why: &'a str,
    /// Whether the mail waits for it; a policy that is only being tested lets it go.
    pub waits: bool,
}

impl TlsPolicyUnmet<'_> {
    /// Logs.
    pub fn emit(&self) {
        warn!(
            target: "todoke::tls",
            domain = self.domain,
            peer_address = self.peer,
            why = self.why,
            waits = self.waits,
            "a host does not meet its domain's policy for encryption"
        );
    }
}

/// A domain's MTA-STS policy was asked for over HTTPS.
pub struct StsPolicyFetched<'a> {
    /// The domain.
    pub domain: &'a str,
    /// `success`, or a result type of RFC 8460 4.3.
    pub result: &'static str,
    /// Our own words on what went wrong; empty when nothing did.
    pub why: &'a str,
}

impl StsPolicyFetched<'_> {
    /// Counts and logs.
    pub fn emit(&self) {
        counter!(STS_FETCHES, "result" => self.result).increment(1);
        debug!(
            target: "todoke::tls",
            domain = self.domain,
            result = self.result,
            why = self.why,
            "a policy for encryption was fetched"
        );
    }
}

/// How many MTA-STS policies are in force.
pub struct StsPoliciesHeld {
    /// Their number.
    pub count: usize,
}

impl StsPoliciesHeld {
    /// Sets the gauge.
    pub fn emit(&self) {
        gauge!(STS_HELD).set(self.count as f64);
    }
}

/// The file that keeps MTA-STS policies over a restart cannot be read or written.
pub struct StsFileUnusable<'a> {
    /// `read` or `written`.
    pub what: &'static str,
    /// The system's words.
    pub why: &'a str,
}

impl StsFileUnusable<'_> {
    /// Logs.
    pub fn emit(&self) {
        warn!(
            target: "todoke::tls",
            why = self.why,
            "the file of MTA-STS policies cannot be {}; after a start they must be fetched anew", self.what
        );
    }
}
