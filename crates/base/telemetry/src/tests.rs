//! Every event is emitted once into a recorder and a log; what they show is compared with the table.

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mail_model::*;

use crate::*;

const SECOND: Duration = Duration::from_secs(1);

fn name<T: std::str::FromStr>(text: &str) -> T {
    text.parse().ok().unwrap()
}

struct World {
    meters: PathMeters,
    carrier: CarrierName,
    source: SourceName,
    campaign: CampaignName,
    tenant: TenantName,
    to: EmailAddress,
    lane: Lane,
    reply: Reply,
}

impl World {
    fn new() -> Self {
        let (carrier, source, pool) = (name("docomo"), name("tokyo-1"), name::<PoolName>("main"));
        let lane =
            Lane { carrier: name("docomo"), site: SiteName::none(), pool: pool.clone(), class: Class::Emergency };
        Self {
            meters: PathMeters::new(&carrier, &source, &pool),
            carrier,
            source,
            campaign: name("notice-7"),
            tenant: name("school-13"),
            to: name("Taro.Yamada@docomo.ne.jp"),
            lane,
            reply: Reply::new(550, "5.1.1 <taro.yamada@docomo.ne.jp>: taro.yamada Unknown user"),
        }
    }

    fn attempt(&self, outcome: Outcome) -> AttemptFinished<'_> {
        AttemptFinished {
            meters: &self.meters,
            id: NotificationId { message: MessageId(1), index: 2 },
            campaign: &self.campaign,
            tenant: &self.tenant,
            to: &self.to,
            lane: &self.lane,
            source: &self.source,
            peer: Some("mx.docomo.example"),
            outcome,
            stage: Stage::Rcpt,
            reply: Some(&self.reply),
            rule: "docomo/unknown",
            attempt: 1,
            took: SECOND,
            since_accepted: SECOND,
        }
    }

    fn emit_everything(&self) {
        let (meters, carrier, source) = (&self.meters, &self.carrier, &self.source);
        self.attempt(Outcome::Accepted).emit();
        self.attempt(Outcome::Replaced).emit();
        self.attempt(Outcome::Deferred(Cause::RateLimited)).emit();
        self.attempt(Outcome::Failed(Cause::AddressUnknown)).emit();
        self.attempt(Outcome::Expired(Cause::MailboxFull)).emit();
        self.attempt(Outcome::Withheld(Withheld::Cancelled)).emit();
        meters.in_doubt();
        meters.delayed_by_rate();
        SessionOpened { meters, carrier, source, peer: "mx", tls: true, took: SECOND }.emit();
        SessionClosed { meters, carrier, source, mails: 3, lasted: SECOND, why: "idle" }.emit();
        SessionFailed { carrier, source, peer: "mx", stage: Stage::Connect, trouble: "refused" }.emit();
        PathThrottled { carrier, source, cause: Cause::RateLimited, rate_per_min: 30.0 }.emit();
        PathBlocked { carrier, source, reason: BlockReason::Blocked, pause: SECOND }.emit();
        PathReopened { carrier, source }.emit();
        StoreSynced { took: SECOND, writes: 9 }.emit();
        InDoubtRecovered { count: 2 }.emit();
        ExpiredWaiting { count: 1 }.emit();
        RecipientSuppressed { carrier, reason: "address_unknown" }.emit();
        MailUnsigned { carrier, message: MessageId(1), is_first: true }.emit();
        TlsSessionCounted { policy: "sts", result: "certificate-expired" }.emit();
        TlsPolicyUnmet { domain: "docomo.ne.jp", peer: "mx", why: "mx-not-in-policy", waits: true }.emit();
        StsPolicyFetched { domain: "docomo.ne.jp", result: "success", why: "" }.emit();
        StsPoliciesHeld { count: 3 }.emit();
        StsFileUnusable { what: "read", why: "no such file" }.emit();
        EngineStarted { version: "0.1.0", node: "n1", at: UnixMs(1_000), queued: 4, took: SECOND }.emit();
        StopSlow { part: "http" }.emit();
        EngineStopping { why: "SIGTERM" }.emit();
        EngineStopped { queued: 4, took: SECOND }.emit();
        LimitReached { limit: "queue.messages_max", value: 10 }.emit();
        let (campaign, tenant) = (&self.campaign, &self.tenant);
        let (message, class) = (MessageId(1), Class::Normal);
        MessageAccepted { message, campaign, tenant, class, recipients: 5, content_bytes: 100, took: SECOND }.emit();
        DeadlineNear { message, campaign, not_after: UnixMs(9_000), now: UnixMs(1_000), waiting: 3 }.emit();
        ForeseenLateSample { count: 3 }.emit();
        InjectionRefused { reason: "content", status: 422 }.emit();
        HttpRequest { route: "/api/inject/v1", code: 200 }.emit();
        ConnectionDenied { limit: "http.connections_max" }.emit();
        QueueSample { scheduled: 7, ready: 2, by_carrier: &[(carrier.clone(), 7)] }.emit();
        TimeLeftSample { carrier, seconds: 42.0 }.emit();
        PathSample { carrier, source, rate_per_min: 60.0, limit_per_min: Some(95.0) }.emit();
        NetblockSample { carrier, netblock: "192.0.2.0/24", limit_per_min: None }.emit();
        WarmUpSample { source, sent: 5, cap: Some(20) }.emit();
        LimitsRecalled { used: 3 }.emit();
        LimitsIgnored { count: 1, why: &"broken" }.emit();
        MemorySample { resident_bytes: process_memory_bytes().unwrap_or(1) }.emit();
        DiskSample { name: "queue", free_bytes: 25, total_bytes: 100 }.emit();
        self.emit_inbound();
        self.emit_what_came_back();
        share::publish_share();
    }

    fn emit_what_came_back(&self) {
        let (carrier, id) = (&self.carrier, NotificationId { message: MessageId(1), index: 2 });
        for kind in ["bounce", "delayed", "unreadable"] {
            InboundHandled { kind, id: Some(id) }.emit();
        }
        InboxSample { waiting: 3 }.emit();
        CertificateRead { until: UnixMs(1_900_000_000_000), now: UnixMs(1_800_000_000_000) }.emit();
        CertificateUnusable { why: &"a file cannot be read" }.emit();
        for outcome in [Outcome::Bounced(Cause::MailboxFull), Outcome::Complained] {
            LateOutcome { id, carrier, outcome, rule: "docomo/unknown" }.emit();
        }
        SuppressionNoted { carrier, reason: "complained" }.emit();
        self.emit_canaries(id);
        SuppressionsLifted { carrier, count: 2 }.emit();
        OperatorAlarm { carrier, reason: "complaint" }.emit();
        RegistrationEnded { result: "pass" }.emit();
    }

    fn emit_canaries(&self, id: NotificationId) {
        let (carrier, campaign, mailbox) = (&self.carrier, &self.campaign, "docomo-1");
        CanariesJoined { campaign, count: 2, trouble: "" }.emit();
        CanariesJoined { campaign, count: 0, trouble: "the queue takes no more messages" }.emit();
        for fate in
            [CanaryFate::Arrived, CanaryFate::Late, CanaryFate::Missing, CanaryFate::Refused, CanaryFate::Withheld]
        {
            let (since_accepted, cause) = (Some(SECOND), Some("mailbox_full"));
            CanaryFared { id, carrier, mailbox, campaign, fate, since_accepted, cause }.emit();
        }
        CanarySample { carrier, missing: 1 }.emit();
    }

    fn emit_inbound(&self) {
        let peer = std::net::IpAddr::from([192, 0, 2, 1]);
        InboundTurnedAway { peer, limit: "sessions" }.emit();
        InboundAcceptFailed { error: &std::io::ErrorKind::OutOfMemory, pause: SECOND }.emit();
        InboundSessionOpened { peer }.emit();
        InboundRecipientRefused { peer, code: 550 }.emit();
        InboundMailRefused { peer, why: "size" }.emit();
        InboundMailKept { peer, tls: true, bytes: 4_096, recipients: 1, took: SECOND }.emit();
        InboundTlsFailed { peer, why: "handshake" }.emit();
        InboundSessionClosed { peer, tls: true, mails: 1, lasted: SECOND, why: "quit" }.emit();
        InboundSessionPanicked.emit();
    }
}

fn rendered() -> String {
    let recorder = super::builder().unwrap().build_recorder();
    let handle = recorder.handle();
    metrics::with_local_recorder(&recorder, || {
        super::describe();
        World::new().emit_everything();
    });
    handle.render()
}

/// Name (without a histogram's suffix) and label names of one sample line.
fn sample(line: &str) -> (String, BTreeSet<String>) {
    let series = line.rsplit_once(' ').unwrap().0;
    let (full, labels) = series.split_once('{').unwrap_or((series, "}"));
    let labels = labels.trim_end_matches('}').split(',').filter_map(|l| l.split_once('=')).map(|(n, _)| n.to_owned());
    let labels: BTreeSet<_> = labels.filter(|l| l != "le").collect();
    let known = |n: &&str| METRICS.iter().any(|m| m.name == *n);
    let suffixes = ["_bucket", "_sum", "_count"];
    let base = suffixes.iter().filter_map(|s| full.strip_suffix(s)).find(known).unwrap_or(full);
    (base.to_owned(), labels)
}

#[test]
fn the_table_and_what_is_emitted_are_the_same() {
    let text = rendered();
    let mut seen = BTreeSet::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (name, labels) = sample(line);
        let metric = METRICS.iter().find(|m| m.name == name).unwrap_or_else(|| panic!("{name} is not in METRICS"));
        let expected: BTreeSet<String> = metric.labels.iter().map(|l| (*l).to_owned()).collect();
        assert_eq!(labels, expected, "{name}");
        seen.insert(name);
    }
    for metric in METRICS {
        assert!(seen.contains(metric.name), "{} is in METRICS but no event emits it", metric.name);
        assert!(text.contains(&format!("# HELP {} {}", metric.name, metric.help)), "{} is not described", metric.name);
        let kind = match metric.kind {
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
            MetricKind::Seconds(_) => "histogram",
        };
        assert!(text.contains(&format!("# TYPE {} {kind}\n", metric.name)), "{} is no {kind}", metric.name);
    }
}

#[test]
fn names_are_unique_and_ours_have_our_prefix() {
    let names: BTreeSet<_> = METRICS.iter().map(|m| m.name).collect();
    assert_eq!(names.len(), METRICS.len());
    for metric in METRICS {
        assert!(!metric.help.is_empty() && !metric.help.ends_with('.'), "{}", metric.name);
        assert!(metric.labels.iter().all(|l| !["recipient", "sender", "subject", "email"].contains(l)));
    }
}

#[test]
fn an_outcome_is_counted_where_it_belongs() {
    let text = rendered();
    for line in [
        "total_messages_delivered{service=\"smtp_client\"} 2",
        "total_messages_transfail{service=\"smtp_client\"} 1",
        "total_messages_fail{service=\"smtp_client\"} 2",
        "total_messages_fail_by_provider_and_source{provider=\"docomo\",source=\"tokyo-1\",pool=\"main\"} 2",
        "todoke_bounces_total{carrier=\"docomo\",cause=\"address_unknown\"} 1",
        "todoke_bounces_total{carrier=\"docomo\",cause=\"mailbox_full\"} 1",
        "todoke_deferrals_total{carrier=\"docomo\",cause=\"rate_limited\"} 1",
        "todoke_expired_before_delivery_total 2",
        "todoke_replaced_total 1",
        "todoke_canaries_total{carrier=\"docomo\",result=\"missing\"} 1",
        "todoke_canary_arrive_duration_seconds_count{carrier=\"docomo\"} 2",
        "todoke_foreseen_late 3",
        "todoke_duplicates_possible_total 3",
        "todoke_notification_send_duration_seconds_bucket{le=\"1\"} 1",
        "connection_count{service=\"smtp_client\"} 0",
        "egress_source_health_suspended{source=\"tokyo-1\",reason=\"docomo:blocked\"} 0",
        "disk_free_percent{name=\"queue\"} 25",
        "total_messages_received{service=\"http_listener\"} 5",
    ] {
        assert!(text.lines().any(|l| l == line), "{line} is missing in\n{text}");
    }
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn logged(level: tracing::Level) -> String {
    let lines = Lines::default();
    let writer = lines.clone();
    let log = tracing_subscriber::fmt().json().flatten_event(true).with_max_level(level);
    let log = log.with_writer(move || writer.clone()).finish();
    tracing::subscriber::with_default(log, || World::new().emit_everything());
    let bytes = lines.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn a_record_has_kumomtas_keys_and_gives_nobody_away() {
    let text = logged(tracing::Level::TRACE);
    let lower = text.to_ascii_lowercase();
    assert!(!lower.contains("taro") && !lower.contains("yamada"), "{text}");
    let records: Vec<serde_json::Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    for kind in ["Delivery", "TransientFailure", "Bounce", "Expiration", "AdminBounce", "Reception", "Rejection"] {
        assert!(records.iter().any(|r| r["type"] == kind), "{kind} is not logged");
    }
    let bounce = records.iter().find(|r| r["type"] == "Bounce").unwrap();
    let table = [
        ("id", "0000000000000001-00000002"),
        ("queue", "notice-7:school-13@docomo.ne.jp"),
        ("egress_source", "tokyo-1"),
        ("egress_pool", "main"),
        ("carrier", "docomo"),
        ("cause", "address_unknown"),
        ("response.enhanced_code", "5.1.1"),
        ("response.content", "<…@docomo.ne.jp>: … Unknown user"),
        ("response.command", "RCPT"),
    ];
    for (key, value) in table {
        assert_eq!(bounce[key], value, "{key} in {bounce}");
    }
    assert_eq!(bounce["response.code"], 550);
    assert_eq!(bounce["num_attempts"], 1);
}

#[test]
fn accepted_mails_are_logged_only_at_debug() {
    assert!(!logged(tracing::Level::INFO).contains("Delivery"));
    assert!(logged(tracing::Level::INFO).contains("Bounce"));
    assert!(!logged(tracing::Level::WARN).contains("Bounce"));
}

#[test]
fn a_bad_level_is_answered_with_the_good_ones() {
    let error = init_logging("loud=very", true).unwrap_err().to_string();
    assert!(error.contains("error, warn, info, debug or trace"), "{error}");
}
