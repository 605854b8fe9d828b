//! What mail that came back led to: outcomes, suppressions, registrations, alarms.

use mail_model::{CarrierName, NotificationId, Outcome};
use metrics::{counter, gauge};
use tracing::{debug, error, info, warn};

use crate::metrics_table as table;

/// A mail that came in was dealt with, once for each of its recipients.
pub struct InboundHandled {
    /// A fixed word: `bounce`, `complaint`, `unsubscribe`, `registration`, `reply`, `auto_reply`, `unreadable` …
    pub kind: &'static str,
    /// The notification it is about, where its address tells.
    pub id: Option<NotificationId>,
}

impl InboundHandled {
    /// Counts and logs: a mail that our own fault kept from being read as an error, a carrier's word that it goes on
    /// trying at `info`, the others at `debug`.
    pub fn emit(&self) {
        counter!(table::INBOUND_HANDLED, "kind" => self.kind).increment(1);
        let id = self.id.map(|id| id.to_string());
        match self.kind {
            "unreadable" => error!(
                target: "todoke::inbound",
                "a mail could not be read because of a fault in this program; it is kept for people to look at"
            ),
            "delayed" => {
                info!(target: "todoke::inbound", id, "a carrier that accepted a mail still tries to deliver it");
            }
            kind => debug!(target: "todoke::inbound", id, kind, "a mail that came in was dealt with"),
        }
    }
}

/// A notification came back, or its recipient complained. `type` is KumoMTA's `OOB` or `Feedback`.
pub struct LateOutcome<'a> {
    /// The notification.
    pub id: NotificationId,
    /// Whose server took it.
    pub carrier: &'a CarrierName,
    /// `Bounced` or `Complained`.
    pub outcome: Outcome,
    /// The rule that named the cause.
    pub rule: &'a str,
}

impl LateOutcome<'_> {
    /// Counts and logs.
    pub fn emit(&self) {
        let cause = self.outcome.cause().map_or("complaint", mail_model::Cause::id);
        let labels = [("carrier", self.carrier.to_string()), ("cause", cause.to_owned())];
        counter!(table::LATE_OUTCOMES, &labels).increment(1);
        info!(
            target: "todoke::inbound",
            id = %self.id,
            "type" = if self.outcome == Outcome::Complained { "Feedback" } else { "OOB" },
            carrier = self.carrier.as_str(),
            cause,
            rule = self.rule,
            "something came back of a mail that had been accepted"
        );
    }
}

/// An address gets no more mail, or is noted to get none for a further reason.
pub struct SuppressionNoted<'a> {
    /// Whose server it is at.
    pub carrier: &'a CarrierName,
    /// A cause's id, `complained` or `unsubscribed`.
    pub reason: &'a str,
}

impl SuppressionNoted<'_> {
    /// Counts and logs.
    pub fn emit(&self) {
        let labels = [("carrier", self.carrier.to_string()), ("reason", self.reason.to_owned())];
        counter!(table::SUPPRESSIONS_NOTED, &labels).increment(1);
        info!(
            target: "todoke::inbound",
            carrier = self.carrier.as_str(),
            reason = self.reason,
            "an address is suppressed by what came back"
        );
    }
}

/// A path said "unknown" of so many that it was not believed.
pub struct SuppressionsLifted<'a> {
    /// Whose mail system said it.
    pub carrier: &'a CarrierName,
    /// How many addresses get mail again.
    pub count: u64,
}

impl SuppressionsLifted<'_> {
    /// Counts and logs, if there are any.
    pub fn emit(&self) {
        counter!(table::SUPPRESSIONS_LIFTED, "carrier" => self.carrier.to_string()).increment(self.count);
        if self.count > 0 {
            warn!(
                target: "todoke::inbound",
                carrier = self.carrier.as_str(),
                count = self.count,
                "a path called so many addresses unknown that it is not believed; they get mail again"
            );
        }
    }
}

/// Something came back that an operator should look at.
pub struct OperatorAlarm<'a> {
    /// Whose mail system it is about.
    pub carrier: &'a CarrierName,
    /// A fixed word: `content`, `delist`, `authentication`, `carrier_fault`, `review`, `complaint`, `unknown_burst`.
    pub reason: &'static str,
}

impl OperatorAlarm<'_> {
    /// Counts and logs.
    pub fn emit(&self) {
        let labels = [("carrier", self.carrier.to_string()), ("reason", self.reason.to_owned())];
        counter!(table::OPERATOR_ALARMS, &labels).increment(1);
        warn!(
            target: "todoke::inbound",
            carrier = self.carrier.as_str(),
            reason = self.reason,
            "mail that came back asks for an operator"
        );
    }
}

/// A mail to a registration address was dealt with.
pub struct RegistrationEnded {
    /// A fixed word: how its sender was authenticated (`pass`, `none`) when it was taken, else why it was not.
    pub result: &'static str,
}

impl RegistrationEnded {
    /// Counts and logs.
    pub fn emit(&self) {
        counter!(table::REGISTRATIONS, "result" => self.result).increment(1);
        info!(target: "todoke::inbound", result = self.result, "a registration mail was dealt with");
    }
}

/// What waits in the inbox, read now and then.
pub struct InboxSample {
    /// Mails received and not yet dealt with.
    pub waiting: u64,
}

impl InboxSample {
    /// Sets the gauge.
    pub fn emit(&self) {
        // Exact up to 2^53, which no inbox reaches.
        gauge!(table::INBOX_WAITING).set(self.waiting as f64);
    }
}
