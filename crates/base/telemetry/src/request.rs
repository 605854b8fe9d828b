//! What comes in: messages accepted and refused, HTTP requests.

use std::time::Duration;

use mail_model::{CampaignName, Class, MessageId, TenantName};
use metrics::{counter, histogram};
use tracing::{info, warn};

use crate::attempt::millis;
use crate::metrics_table::{CONNECTIONS_DENIED, HTTP_REQUESTS, RECEIVED, REFUSED, SAVE_LATENCY};

/// The service label of everything that comes in by HTTP.
const HTTP_LISTENER: &str = "http_listener";

/// A message with its recipients is durable and will be sent.
pub struct MessageAccepted<'a> {
    /// Its id.
    pub message: MessageId,
    /// Whose notice.
    pub campaign: &'a CampaignName,
    /// Which school.
    pub tenant: &'a TenantName,
    /// How urgent.
    pub class: Class,
    /// How many recipients.
    pub recipients: u32,
    /// Size of the content as handed in.
    pub content_bytes: usize,
    /// From the last byte of the request to its being durable.
    pub took: Duration,
}

impl MessageAccepted<'_> {
    /// Counts and logs.
    pub fn emit(&self) {
        counter!(RECEIVED, "service" => HTTP_LISTENER).increment(u64::from(self.recipients));
        histogram!(SAVE_LATENCY).record(self.took.as_secs_f64());
        info!(
            target: "todoke::request",
            message = %self.message,
            "type" = "Reception",
            campaign = self.campaign.as_str(),
            tenant = self.tenant.as_str(),
            class = self.class.as_str(),
            recipients = self.recipients,
            content_bytes = self.content_bytes,
            took_ms = millis(self.took),
            "a message was accepted"
        );
    }
}

/// A request to send was refused; nothing of it was kept.
pub struct InjectionRefused {
    /// A fixed word: `content`, `recipient`, `limit`, `idempotency`, `auth` …
    pub reason: &'static str,
    /// The HTTP status.
    pub status: u16,
}

impl InjectionRefused {
    /// Counts and logs.
    pub fn emit(&self) {
        counter!(REFUSED, "reason" => self.reason).increment(1);
        warn!(
            target: "todoke::request",
            reason = self.reason,
            "type" = "Rejection",
            status = self.status,
            "a request to send was refused; the answer told the caller why"
        );
    }
}

/// An HTTP request was answered.
pub struct HttpRequest<'a> {
    /// The route's pattern (`/api/admin/bounce/v1/{id}`), never the path: paths hold ids.
    pub route: &'a str,
    /// The status.
    pub code: u16,
}

impl HttpRequest<'_> {
    /// Counts.
    pub fn emit(&self) {
        counter!(HTTP_REQUESTS, "route" => self.route.to_owned(), "code" => self.code.to_string()).increment(1);
    }
}

/// A connection to us was turned away by a limit.
pub struct ConnectionDenied {
    /// The limit's name.
    pub limit: &'static str,
}

impl ConnectionDenied {
    /// Counts and logs.
    pub fn emit(&self) {
        counter!(CONNECTIONS_DENIED, "service" => HTTP_LISTENER).increment(1);
        warn!(target: "todoke::request", limit = self.limit, "a connection was turned away");
    }
}
