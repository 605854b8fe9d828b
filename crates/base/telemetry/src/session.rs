//! Sessions with carriers: opened, closed, failed.

use std::time::Duration;

use mail_model::{CarrierName, SourceName, Stage};
use metrics::counter;
use tracing::{debug, warn};

use crate::attempt::millis;
use crate::meters::PathMeters;
use crate::metrics_table::SOURCE_FAILURES;

/// A session greeted us and is ready for mail.
pub struct SessionOpened<'a> {
    /// The path's handles.
    pub meters: &'a PathMeters,
    /// Whose server.
    pub carrier: &'a CarrierName,
    /// From which address.
    pub source: &'a SourceName,
    /// Which host.
    pub peer: &'a str,
    /// Whether it is encrypted.
    pub tls: bool,
    /// From the first packet to the answer to EHLO.
    pub took: Duration,
}

impl SessionOpened<'_> {
    /// Counts and logs.
    pub fn emit(&self) {
        self.meters.sessions.increment(1);
        self.meters.sessions_by_provider.increment(1);
        self.meters.sessions_total.increment(1);
        debug!(
            target: "todoke::session",
            carrier = self.carrier.as_str(),
            egress_source = self.source.as_str(),
            peer_address = self.peer,
            tls = self.tls,
            took_ms = millis(self.took),
            "a session is open"
        );
    }
}

/// A session that was open has ended, for whatever reason. Exactly one for each [`SessionOpened`].
pub struct SessionClosed<'a> {
    /// The path's handles.
    pub meters: &'a PathMeters,
    /// Whose server.
    pub carrier: &'a CarrierName,
    /// From which address.
    pub source: &'a SourceName,
    /// How many mails it carried.
    pub mails: u32,
    /// How long it was open.
    pub lasted: Duration,
    /// `idle`, `limit`, `421`, `reset` …
    pub why: &'static str,
}

impl SessionClosed<'_> {
    /// Counts and logs.
    pub fn emit(&self) {
        self.meters.sessions.decrement(1);
        self.meters.sessions_by_provider.decrement(1);
        debug!(
            target: "todoke::session",
            carrier = self.carrier.as_str(),
            egress_source = self.source.as_str(),
            mails = self.mails,
            lasted_ms = millis(self.lasted),
            why = self.why,
            "a session has ended"
        );
    }
}

/// A session could not be opened.
pub struct SessionFailed<'a> {
    /// Whose server.
    pub carrier: &'a CarrierName,
    /// From which address.
    pub source: &'a SourceName,
    /// Which host.
    pub peer: &'a str,
    /// The step that failed.
    pub stage: Stage,
    /// `timed out`, `refused`, `tls`, `554` …; no text of the remote.
    pub trouble: &'a str,
}

impl SessionFailed<'_> {
    /// Counts and logs.
    pub fn emit(&self) {
        counter!(SOURCE_FAILURES, "source" => self.source.to_string(), "kind" => self.stage.as_str()).increment(1);
        warn!(
            target: "todoke::session",
            carrier = self.carrier.as_str(),
            egress_source = self.source.as_str(),
            peer_address = self.peer,
            stage = self.stage.as_str(),
            trouble = self.trouble,
            "a session could not be opened; other hosts and sources of this carrier are tried"
        );
    }
}

/// A session's task panicked; the mail it had in hand went back to the queue. The panic's text is not logged: it may
/// hold what the session worked on.
pub struct SessionPanicked;

impl SessionPanicked {
    /// Logs.
    pub fn emit(&self) {
        tracing::error!(target: "todoke::session", "a session panicked; its mail is tried again");
    }
}
