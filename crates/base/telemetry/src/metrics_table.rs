//! Every metric there is: the operator's manual, and the only place where a metric's name is written.

/// How a metric's values behave.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MetricKind {
    /// Only goes up; look at its rate.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Seconds, counted into the buckets given.
    Seconds(&'static [f64]),
}

/// One metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Metric {
    /// As on `/metrics`.
    pub name: &'static str,
    /// How its values behave.
    pub kind: MetricKind,
    /// Its labels. None ever holds a mail address, a name or a subject.
    pub labels: &'static [&'static str],
    /// What it counts.
    pub help: &'static str,
    /// When to wake somebody; empty when it is only for looking.
    pub alert_on: &'static str,
}

/// From one mail's acceptance to the carrier's 250: the steps of GOV.UK Notify's `notification.send.duration`.
const NOTIFY: &[f64] = &[0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0];
/// One attempt, from the assignment to the last reply.
const ATTEMPT: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];
/// One write to disk.
const DISK: &[f64] = &[0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

// A name is a constant made here together with its row, so an event cannot use a name that the table lacks.
macro_rules! metrics {
    ($($name:ident = $kind:expr, $text:literal [$($label:literal),*] $help:literal, alert $alert:literal;)*) => {
        $(pub(crate) const $name: &str = $text;)*
        /// Every metric this program has, in the order of the manual.
        pub const METRICS: &[Metric] = &[
            $(Metric { name: $text, kind: $kind, labels: &[$($label),*], help: $help, alert_on: $alert }),*
        ];
    };
}

use MetricKind::{Counter, Gauge, Seconds};

metrics! {
    // KumoMTA's names, with KumoMTA's meaning: dashboards made for it work.
    RECEIVED = Counter, "total_messages_received" ["service"]
        "Recipients accepted and durable on disk", alert "";
    DELIVERED = Counter, "total_messages_delivered" ["service"]
        "Mails a carrier accepted (2xx at the final dot); carriers filter silently after that", alert "";
    TRANSFAIL = Counter, "total_messages_transfail" ["service"]
        "Attempts that will be tried again", alert "";
    FAIL = Counter, "total_messages_fail" ["service"]
        "Mails given up: refused for good or expired", alert "rate over 5 % of total_messages_delivered for 10 minutes";
    DELIVERED_BY_PROVIDER = Counter, "total_messages_delivered_by_provider" ["provider"]
        "The same as total_messages_delivered, by carrier", alert "";
    TRANSFAIL_BY_PROVIDER = Counter, "total_messages_transfail_by_provider" ["provider"]
        "The same as total_messages_transfail, by carrier", alert "";
    FAIL_BY_PROVIDER = Counter, "total_messages_fail_by_provider" ["provider"]
        "The same as total_messages_fail, by carrier", alert "";
    DELIVERED_BY_SOURCE = Counter, "total_messages_delivered_by_provider_and_source" ["provider", "source", "pool"]
        "The same as total_messages_delivered, by carrier, source address and pool", alert "";
    TRANSFAIL_BY_SOURCE = Counter, "total_messages_transfail_by_provider_and_source" ["provider", "source", "pool"]
        "The same as total_messages_transfail, by carrier, source address and pool", alert "";
    FAIL_BY_SOURCE = Counter, "total_messages_fail_by_provider_and_source" ["provider", "source", "pool"]
        "The same as total_messages_fail, by carrier, source address and pool", alert "";
    SCHEDULED = Gauge, "scheduled_count_total" []
        "Notifications waiting, due or not", alert "rising for 30 minutes";
    READY = Gauge, "ready_count" ["service"]
        "Notifications due and in memory", alert "";
    QUEUED_BY_PROVIDER = Gauge, "queued_count_by_provider" ["provider"]
        "Notifications waiting, by carrier", alert "rising for 30 minutes";
    TIME_LEFT = Gauge, "todoke_estimate_left_seconds" ["provider"]
        "Seconds until what waits is handed over, most likely, by carrier; infinite when nobody can say", alert "";
    CONNECTIONS = Gauge, "connection_count" ["service"]
        "Sessions open now", alert "";
    CONNECTIONS_BY_PROVIDER = Gauge, "connection_count_by_provider" ["provider"]
        "Sessions open now, by carrier", alert "";
    CONNECTIONS_TOTAL = Counter, "total_connection_count" ["service"]
        "Sessions opened", alert "";
    CONNECTIONS_DENIED = Counter, "total_connections_denied" ["service"]
        "Connections to us that were turned away by a limit", alert "any for 5 minutes";
    SOURCE_FAILURES = Counter, "egress_source_connection_failures_total" ["source", "kind"]
        "Sessions that could not be opened, by source address and stage", alert "rate over 1 a second for 5 minutes";
    DELAYED_BY_RATE = Counter, "delayed_due_to_message_rate_throttle" ["queue"]
        "Times a carrier's line waited for its rate", alert "";
    SUSPENDED = Gauge, "egress_source_health_suspended" ["source", "reason"]
        "1 while a source address rests at a carrier (reason is carrier:why)", alert "1 for 10 minutes";
    DELIVER_LATENCY = Seconds(ATTEMPT), "deliver_message_latency_rollup" ["service"]
        "One attempt, from assignment to the last reply", alert "p99 over 30 s";
    SAVE_LATENCY = Seconds(DISK), "message_save_latency" []
        "From the last byte of a request to its message being durable", alert "p99 over 1 s";
    DISK_FREE = Gauge, "disk_free_bytes" ["name"]
        "Free space for ordinary users on a disk we write to", alert "below 5 GiB";
    DISK_FREE_PERCENT = Gauge, "disk_free_percent" ["name"]
        "The same in per cent", alert "below 10";
    MEMORY = Gauge, "memory_usage" []
        "Resident bytes of this process", alert "over 80 % of the machine";

    // Ours.
    BOUNCES = Counter, "todoke_bounces_total" ["carrier", "cause"]
        "Mails given up, by carrier and cause", alert "cause sender_blocked or auth_failed: any";
    DEFERRALS = Counter, "todoke_deferrals_total" ["carrier", "cause"]
        "Attempts that will be tried again, by carrier and cause", alert "cause rate_limited: rising";
    SEND_DURATION = Seconds(NOTIFY), "todoke_notification_send_duration_seconds" []
        "From a notification's acceptance to the carrier's 2xx", alert "p99 over 60 s outside a large campaign";
    SHARE_UNDER_10 = Gauge, "todoke_share_under_10_seconds" []
        "Share (0 to 1) of accepted mails handed over within 10 s, since the start", alert "";
    EXPIRED = Counter, "todoke_expired_before_delivery_total" []
        "Notifications whose deadline or last retry passed", alert "any";
    REPLACED = Counter, "todoke_replaced_total" []
        "Notifications whose deadline passed and whose replacement a carrier accepted", alert "";
    FORESEEN_LATE = Gauge, "todoke_foreseen_late" []
        "Notifications that wait although the deadline of their message is near", alert "over 0";
    DEADLINE_WARNINGS = Counter, "todoke_deadline_warnings_total" []
        "Messages whose deadline came near while recipients waited", alert "";
    DUPLICATES_POSSIBLE = Counter, "todoke_duplicates_possible_total" []
        "Mails whose final reply was lost: the next attempt may be a second copy", alert "any";
    SUPPRESSED = Counter, "todoke_suppressed_total" ["carrier", "cause"]
        "Notifications withheld because the address bounced before or its owner wants no mail", alert "";
    UNSIGNED = Counter, "todoke_mails_unsigned_total" ["carrier"]
        "Mails that left without a DKIM signature because no key in force is for the domain of their From", alert "any";
    REFUSED = Counter, "todoke_injections_refused_total" ["reason"]
        "Requests to send that were refused, by reason", alert "reason limit: any";
    LIMITS = Counter, "todoke_limit_reached_total" ["limit"]
        "Times a configured limit was reached, by its name", alert "any";
    HTTP_REQUESTS = Counter, "todoke_http_requests_total" ["route", "code"]
        "HTTP requests answered, by route pattern and status", alert "code 5xx: any for 5 minutes";
    SYNC_DURATION = Seconds(DISK), "todoke_store_sync_duration_seconds" []
        "One synced write of the queue", alert "p99 over 0.1 s";
    SYNC_SLOW = Counter, "todoke_store_sync_slow_total" []
        "Synced writes that took over a second", alert "any";
    PATH_RATE = Gauge, "todoke_path_rate_per_minute" ["provider", "source"]
        "What the controller lets a source address send to a carrier, in mails per minute", alert "";
    PATH_LIMIT = Gauge, "todoke_path_limit_per_minute" ["provider", "source"]
        "The rate at which a carrier was found to take no more from a source address, in mails per minute; 0 while unknown", alert "";
    NETBLOCK_LIMIT = Gauge, "todoke_netblock_limit_per_minute" ["provider", "netblock"]
        "The same for all source addresses of one netblock together", alert "";
    WARMUP_USED = Gauge, "todoke_warmup_hour_used" ["source"]
        "Share (0 to 1) of its cap that a young source address has used in the last hour; 0 when it is warm", alert "";
    THROTTLED = Counter, "todoke_path_throttled_total" ["provider", "source"]
        "Times a carrier asked us to slow down", alert "";
    INBOUND_SESSIONS = Gauge, "todoke_inbound_sessions" []
        "Sessions open now that bring mail to us", alert "";
    INBOUND_SESSIONS_TOTAL = Counter, "todoke_inbound_sessions_total" []
        "Sessions that brought or wanted to bring mail to us", alert "";
    INBOUND_SESSION_ENDS = Counter, "todoke_inbound_session_ends_total" ["why"]
        "Sessions that ended, by the reason", alert "why panic: any";
    INBOUND_TURNED_AWAY = Counter, "todoke_inbound_turned_away_total" ["limit"]
        "Connections turned away before they were greeted, by the limit", alert "limit sessions: any for 5 min";
    INBOUND_ACCEPT_FAILURES = Counter, "todoke_inbound_accept_failures_total" []
        "Times the inbound listener could not accept, for want of file descriptors or memory", alert "any";
    INBOUND_PANICS = Counter, "todoke_inbound_panics_total" []
        "Inbound sessions that panicked", alert "any";
    INBOUND_TLS_FAILURES = Counter, "todoke_inbound_tls_failures_total" ["why"]
        "TLS handshakes of inbound sessions that did not come about", alert "why handshake: most of all for 10 minutes";
    INBOUND_RECIPIENTS_REFUSED = Counter, "todoke_inbound_recipients_refused_total" ["code"]
        "Recipients of mail to us that were refused or put off, by reply code", alert "";
    INBOUND_MAILS = Counter, "todoke_inbound_mails_total" ["tls"]
        "Mails that came in and are durable", alert "";
    INBOUND_MAILS_REFUSED = Counter, "todoke_inbound_mails_refused_total" ["why"]
        "Mails that were refused after they arrived, or at DATA", alert "why memory, store_full or store_failed: any";
    INBOUND_STORE_DURATION = Seconds(DISK), "todoke_inbound_store_duration_seconds" []
        "From the last byte of a mail that came in to its being durable", alert "p99 over 1 s";
    TLS_SESSIONS = Counter, "todoke_tls_sessions_total" ["policy", "result"]
        "Sessions that could be encrypted, by the domain's policy (none, sts, dane) and RFC 8460's result",
        alert "policy sts or dane, result other than success: rising";
    STS_FETCHES = Counter, "todoke_tls_policy_fetches_total" ["result"]
        "MTA-STS policies asked for over HTTPS, by RFC 8460's result", alert "";
    STS_HELD = Gauge, "todoke_tls_policies_held" []
        "MTA-STS policies in force", alert "";
    INBOUND_CERTIFICATE_ENDS = Gauge, "todoke_inbound_certificate_ends_seconds" []
        "When the certificate of the inbound listener ends, in seconds since 1970", alert "less than 14 days ahead";
    INBOUND_HANDLED = Counter, "todoke_inbound_handled_total" ["kind"]
        "Mails that came in and were dealt with, by what they were", alert "kind unreadable: any";
    INBOX_WAITING = Gauge, "todoke_inbound_waiting" []
        "Mails that came in and were not yet dealt with", alert "over 1,000 for 10 minutes";
    LATE_OUTCOMES = Counter, "todoke_late_outcomes_total" ["carrier", "cause"]
        "Accepted mails that came back by mail, by carrier and cause, complaints included", alert "";
    SUPPRESSIONS_NOTED = Counter, "todoke_suppressions_noted_total" ["carrier", "reason"]
        "Addresses that get no more mail by what came back, by reason", alert "";
    SUPPRESSIONS_LIFTED = Counter, "todoke_suppressions_lifted_total" ["carrier"]
        "Addresses that get mail again because the path that called them unknown is not believed", alert "any";
    OPERATOR_ALARMS = Counter, "todoke_operator_alarms_total" ["carrier", "reason"]
        "Things that came back by mail and ask for an operator, by carrier and reason", alert "reason delist, authentication, complaint or unknown_burst: any";
    REGISTRATIONS = Counter, "todoke_registrations_total" ["result"]
        "Mails to registration addresses, by how they ended", alert "result not_authentic: most of all for 30 minutes";
    CANARIES = Counter, "todoke_canaries_total" ["carrier", "result"]
        "Mails to our own mailboxes, by what became of them: arrived, late, missing, refused, withheld", alert "";
    CANARY_MISSING = Gauge, "todoke_canary_missing" ["carrier"]
        "Our own mailboxes whose last mail the carrier accepted and which has not arrived in time", alert "over 0";
    CANARY_DURATION = Seconds(NOTIFY), "todoke_canary_arrive_duration_seconds" ["carrier"]
        "From the carrier's 2xx to the arrival in a mailbox of ours, as far as we see it", alert "";
    START_TIME = Gauge, "process_start_time_seconds" []
        "When this process started, in seconds since 1970", alert "changed";
    BUILD = Gauge, "todoke_build_info" ["version"]
        "Always 1; the version is the label", alert "";
}
