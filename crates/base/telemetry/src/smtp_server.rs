//! The listener for mail that comes back: connections turned away, sessions, recipients and mails refused, mails kept.
//! Peers' addresses stand in the log; addresses of people stand nowhere.

use std::net::IpAddr;
use std::time::Duration;

use metrics::{counter, gauge, histogram};
use tracing::{debug, error, info, warn};

use crate::attempt::millis;
use crate::metrics_table as table;

/// A connection was turned away before it was greeted. Logged at `debug`: floods must not fill the log.
pub struct InboundTurnedAway {
    /// Who.
    pub peer: IpAddr,
    /// Which limit: `sessions`, `address`, `network`, `network_rate`, `rate`, `doorkeeper`.
    pub limit: &'static str,
}

impl InboundTurnedAway {
    /// Counts and logs.
    pub fn emit(&self) {
        counter!(table::INBOUND_TURNED_AWAY, "limit" => self.limit).increment(1);
        let limit = self.limit;
        debug!(target: "todoke::inbound", peer_address = %self.peer, limit, "a connection was turned away");
    }
}

/// Connections cannot be accepted: file descriptors or memory are short.
pub struct InboundAcceptFailed<'a> {
    /// The kind of error, in the system's words.
    pub error: &'a dyn std::fmt::Display,
    /// Until the next try.
    pub pause: Duration,
}

impl InboundAcceptFailed<'_> {
    /// Counts and logs.
    pub fn emit(&self) {
        counter!(table::INBOUND_ACCEPT_FAILURES).increment(1);
        warn!(
            target: "todoke::inbound",
            error = %self.error,
            pause_ms = millis(self.pause),
            "mail that comes back cannot be accepted; trying again"
        );
    }
}

/// A session has a seat and is about to be greeted.
pub struct InboundSessionOpened {
    /// Who.
    pub peer: IpAddr,
}

impl InboundSessionOpened {
    /// Counts and logs.
    pub fn emit(&self) {
        counter!(table::INBOUND_SESSIONS_TOTAL).increment(1);
        gauge!(table::INBOUND_SESSIONS).increment(1);
        debug!(target: "todoke::inbound", peer_address = %self.peer, "an inbound session has begun");
    }
}

/// A session has ended, for whatever reason. Exactly one for each [`InboundSessionOpened`].
pub struct InboundSessionClosed {
    /// Who.
    pub peer: IpAddr,
    /// Whether it was encrypted.
    pub tls: bool,
    /// How many mails of it were kept.
    pub mails: u32,
    /// How long it was open.
    pub lasted: Duration,
    /// A fixed word: `quit`, `peer_left`, `idle`, `slow`, `early_talk` …
    pub why: &'static str,
}

impl InboundSessionClosed {
    /// Counts and logs.
    pub fn emit(&self) {
        gauge!(table::INBOUND_SESSIONS).decrement(1);
        counter!(table::INBOUND_SESSION_ENDS, "why" => self.why).increment(1);
        debug!(
            target: "todoke::inbound",
            peer_address = %self.peer,
            tls = self.tls,
            mails = self.mails,
            lasted_ms = millis(self.lasted),
            why = self.why,
            "an inbound session has ended"
        );
    }
}

/// A session's task panicked; the listener goes on. The panic's text is not logged: it may hold what the peer sent.
pub struct InboundSessionPanicked;

impl InboundSessionPanicked {
    /// Counts and logs.
    pub fn emit(&self) {
        counter!(table::INBOUND_PANICS).increment(1);
        error!(target: "todoke::inbound", "an inbound session panicked; its peer will come again");
    }
}

/// A TLS handshake did not come about.
pub struct InboundTlsFailed {
    /// Who.
    pub peer: IpAddr,
    /// A fixed word: `busy`, `slow`, `handshake`.
    pub why: &'static str,
}

impl InboundTlsFailed {
    /// Counts and logs.
    pub fn emit(&self) {
        counter!(table::INBOUND_TLS_FAILURES, "why" => self.why).increment(1);
        debug!(target: "todoke::inbound", peer_address = %self.peer, why = self.why, "a TLS handshake failed");
    }
}

/// A recipient was refused or put off.
pub struct InboundRecipientRefused {
    /// Who named it.
    pub peer: IpAddr,
    /// The reply's code.
    pub code: u16,
}

impl InboundRecipientRefused {
    /// Counts and logs.
    pub fn emit(&self) {
        counter!(table::INBOUND_RECIPIENTS_REFUSED, "code" => self.code.to_string()).increment(1);
        debug!(target: "todoke::inbound", peer_address = %self.peer, code = self.code, "a recipient was refused");
    }
}

/// A mail was refused after it arrived, or at DATA; its peer keeps it or reports it to its sender.
pub struct InboundMailRefused {
    /// Who brought it.
    pub peer: IpAddr,
    /// A fixed word: `bare_line_end`, `size`, `memory`, `loop`, `store_full`, `store_failed`.
    pub why: &'static str,
}

impl InboundMailRefused {
    /// Counts and logs.
    pub fn emit(&self) {
        counter!(table::INBOUND_MAILS_REFUSED, "why" => self.why).increment(1);
        info!(target: "todoke::inbound", peer_address = %self.peer, why = self.why, "a mail that came in was refused");
    }
}

/// A mail is durable and acknowledged.
pub struct InboundMailKept {
    /// Who brought it.
    pub peer: IpAddr,
    /// Whether it came encrypted.
    pub tls: bool,
    /// Size of its content.
    pub bytes: usize,
    /// How many of our addresses it names.
    pub recipients: usize,
    /// From its last byte to its being durable.
    pub took: Duration,
}

impl InboundMailKept {
    /// Counts and logs.
    pub fn emit(&self) {
        counter!(table::INBOUND_MAILS, "tls" => if self.tls { "yes" } else { "no" }).increment(1);
        histogram!(table::INBOUND_STORE_DURATION).record(self.took.as_secs_f64());
        info!(
            target: "todoke::inbound",
            peer_address = %self.peer,
            tls = self.tls,
            bytes = self.bytes,
            recipients = self.recipients,
            took_ms = millis(self.took),
            "a mail came in"
        );
    }
}
