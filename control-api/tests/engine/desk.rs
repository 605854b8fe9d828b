//! One engine's face over a real queue, with a manual clock and a port that only remembers.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use bounce::AddressHistory;
use canary::Canaries;
use carriers::Directory;
use clock::Clock;
use control_api::{
    Answer, Defaults, EnginePort, EngineState, InjectLimits, Keys, Parts, PathState, Peer, Resolution, ResolvedHost,
    ResolvedPath, SuspendScope, Suspension, SuspensionId, router,
};
use engine_config::EngineConfig;
use http_body_util::BodyExt;
use mail_model::{
    CampaignName, CarrierName, Cause, Lane, Outcome, PoolName, Reply, SiteName, SourceName, Stage, UnixMs,
};
use parking_lot::Mutex;
use queue::{AttemptRecord, AuditEntry, Claim, Limits, Next, Queue, QueueSettings, Write};
use scheduler::{Audience, Estimate, Forecast, Reason, Sureness, Times};
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;

/// 2026-09-01T00:00:00Z, when the clock starts.
pub const NOW: UnixMs = UnixMs(1_788_220_800_000);
/// The key of [`Desk::with_key`].
pub const KEY: &str = "a-key-that-nobody-guesses-0123456789";

/// The headers of an injection.
pub fn inject_headers() -> Vec<(&'static str, &'static str)> {
    vec![("content-type", "application/json")]
}

/// What came back.
pub struct Answered {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answered {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub fn header(&self, name: &str) -> Option<String> {
        self.headers.get(name).map(|value| value.to_str().unwrap().to_owned())
    }
}

/// A sending part that sends nothing.
#[derive(Default)]
pub struct Port {
    held: Mutex<Vec<Suspension>>,
    trouble: Mutex<Option<String>>,
    /// What was to be forgotten: what was told, and what was to be put on record.
    pub forgotten: Mutex<Vec<(String, AuditEntry)>>,
    asked: Mutex<Audience>,
}

impl Port {
    /// What a forecast was last asked for.
    pub fn asked(&self) -> Audience {
        self.asked.lock().clone()
    }

    pub fn unready(&self, why: &str) {
        *self.trouble.lock() = Some(why.to_owned());
    }
}

impl EnginePort for Port {
    fn ready(&self) -> Result<(), String> {
        self.trouble.lock().clone().map_or(Ok(()), Err)
    }

    fn suspend(&self, scope: SuspendScope, reason: String, until: UnixMs) -> SuspensionId {
        let mut held = self.held.lock();
        let id = SuspensionId(held.len() as u64 + 1);
        held.push(Suspension { id, scope, reason, until });
        id
    }

    fn suspensions(&self) -> Vec<Suspension> {
        self.held.lock().clone()
    }

    fn resume(&self, id: SuspensionId) -> bool {
        let mut held = self.held.lock();
        let before = held.len();
        held.retain(|suspension| suspension.id != id);
        held.len() < before
    }

    fn paths(&self) -> Vec<PathState> {
        let path = |carrier: &str, site: &str| PathState {
            carrier: carrier.parse().unwrap(),
            site: site.parse().unwrap(),
            source: "s1".parse().unwrap(),
            connections: 2,
            connections_allowed: 8,
            rate_per_min: 600.0,
            breaker: "closed".to_owned(),
            resting_until: None,
        };
        vec![path("docomo", ""), path("other", "example.jp")]
    }

    fn limits(&self) -> control_api::Limits {
        crate::limits::known()
    }

    fn forget_limits(&self, carrier: &CarrierName, source: Option<&SourceName>, entry: AuditEntry) -> usize {
        let told = source.map_or_else(|| carrier.to_string(), |source| format!("{carrier} {source}"));
        self.forgotten.lock().push((told, entry));
        2
    }

    fn resolve<'a>(&'a self, domain: &'a SiteName, _: &'a PoolName) -> Answer<'a, Resolution> {
        Box::pin(async move {
            Resolution {
                carrier: "docomo".parse().unwrap(),
                by: "domain".to_owned(),
                hosts: vec![ResolvedHost {
                    name: format!("mx.{domain}"),
                    addresses: vec!["127.0.0.1:2525".to_owned()],
                }],
                trouble: None,
                paths: vec![ResolvedPath { source: "s1".parse().unwrap(), name: "s1->docomo".to_owned() }],
            }
        })
    }

    fn unsubscribe<'a>(&'a self, token: &'a str) -> Answer<'a, bool> {
        Box::pin(async move { token == "abc" })
    }

    fn forecast(&self, audience: &Audience) -> Option<Estimate> {
        *self.asked.lock() = audience.clone();
        let likely = Times { p50_s: Some(300.0), p95_s: Some(570.0), p99_s: Some(594.0), all_s: Some(600.0) };
        let done: u64 = audience.past.iter().filter_map(|past| past.curve.last()).map(|(_, mails)| mails).sum();
        let mails = done + audience.crowds.iter().map(|crowd| crowd.mails).sum::<u64>();
        let all = Forecast {
            mails,
            done,
            likely,
            earliest: likely,
            latest: likely,
            late: audience.not_after.map_or(0, |_| mails / 2),
            sureness: Sureness::Learned,
            reason: Reason::Learned { sources: 8, rate_per_min: 10.0, age_s: 3 * 86_400 },
        };
        let carriers = audience.crowds.iter().map(|crowd| crowd.lane.carrier.clone()).min().map(|c| (c, all.clone()));
        let at = UnixMs(NOW.0 + (audience.elapsed_s * 1_000.0) as u64);
        let (carriers, curve) = (carriers.into_iter().collect(), vec![(0.0, 0.0), (600.0, 1.0)]);
        Some(Estimate { at, elapsed_s: audience.elapsed_s, all, carriers, curve })
    }

    fn metrics(&self) -> String {
        "# nothing counted\n".to_owned()
    }
}

/// The face and what stands behind it.
pub struct Desk {
    pub state: EngineState,
    pub port: Arc<Port>,
    pub clock: Clock,
    pub queue: Queue,
    _dir: TempDir,
}

impl Desk {
    pub fn new() -> Self {
        Self::build(Keys::default(), Limits { recipients_per_message_max: 1_000, notifications_max: 2_500, ..limits() })
    }

    pub fn large() -> Self {
        Self::build(Keys::default(), limits())
    }

    pub fn with_key() -> Self {
        Self::build(Keys::new([("desk".to_owned(), KEY.to_owned())]).unwrap(), limits())
    }

    /// A desk with two mailboxes at docomo and one at au; every campaign takes them along.
    pub fn with_canaries() -> Self {
        let mailbox = |name: &str, carrier: &str, address: &str| {
            format!(
                "[[canary_mailboxes]]\nname = \"{name}\"\ncarrier = \"{carrier}\"\naddress = \"{address}\"\n\
                 arrives_by = \"webhook\"\n"
            )
        };
        let mailboxes = [
            mailbox("docomo-1", "docomo", "canary-1@docomo.ne.jp"),
            mailbox("docomo-2", "docomo", "canary-2@docomo.ne.jp"),
            mailbox("au-1", "au", "canary@au.com"),
        ];
        Self::build_with(Keys::default(), limits(), &format!("[canaries]\nrecipients_min = 2\n{}", mailboxes.concat()))
    }

    fn build(keys: Keys, limits: Limits) -> Self {
        Self::build_with(keys, limits, "")
    }

    fn build_with(keys: Keys, limits: Limits, more: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let spool_dir = dir.path().join("spool");
        std::fs::create_dir(&spool_dir).unwrap();
        let clock = Clock::manual(NOW);
        let settings = QueueSettings { limits, ..QueueSettings::default() };
        let queue = Queue::open(&dir.path().join("queue"), settings, clock.clone()).unwrap();
        let port = Arc::new(Port::default());
        let config = format!("{}\n{more}", EngineConfig::example());
        let config = EngineConfig::from_toml(&config, "example.toml").unwrap_or_else(|faults| panic!("{faults}"));
        let directory = Arc::new(Directory::new(config.carriers));
        let canaries = Canaries::new(&config.edges, queue.clone(), directory.clone(), clock.clone()).unwrap();
        let state = EngineState::new(Parts {
            queue: queue.clone(),
            directory,
            port: port.clone(),
            canaries,
            clock: clock.clone(),
            keys,
            defaults: Defaults {
                campaign: "none".parse().unwrap(),
                tenant: "none".parse().unwrap(),
                pool: "wide".parse().unwrap(),
                deadline_warn_s: 600,
            },
            pools: vec!["wide".parse().unwrap(), "narrow".parse().unwrap()],
            limits: InjectLimits::default(),
            spool_dir,
            host: "node.school.example".to_owned(),
        });
        Self { state, port, clock, queue, _dir: dir }
    }

    /// A good injection for `count` recipients.
    pub fn order(&self, count: usize) -> Value {
        let recipients: Vec<Value> = (0..count)
            .map(|n| json!({"email": format!("p{n}@docomo.ne.jp"), "substitutions": {"room": "1-2"}}))
            .collect();
        json!({
            "envelope_sender": "bounce@school.example",
            "content": {"from": "school@school.example", "subject": "下校", "text_body": "本日の下校は15時です。"},
            "recipients": recipients,
        })
    }

    pub async fn inject(&self, body: &str) -> Answered {
        self.send("POST", "/engine/api/inject/v1", &inject_headers(), Body::from(body.to_owned())).await
    }

    /// A call from this machine.
    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Body) -> Answered {
        self.send_from([127, 0, 0, 1], method, path, headers, body).await
    }

    /// A call of an operator, with a JSON body.
    pub async fn ask(&self, method: &str, path: &str, body: Value) -> Answered {
        let headers = [("content-type", "application/json")];
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        self.send(method, path, &headers, body).await
    }

    pub async fn send_from(
        &self,
        ip: [u8; 4],
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Body,
    ) -> Answered {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.extension(Peer(ip.into())).body(body).unwrap();
        let response = router(self.state.clone()).oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        Answered { status: parts.status, headers: parts.headers, text }
    }

    pub fn lanes(&self) -> Vec<Lane> {
        self.queue.lanes().into_iter().map(|(_, lane)| lane).collect()
    }

    pub fn queued(&self, campaign: &CampaignName) -> u64 {
        self.queue.tally(campaign).queued()
    }

    /// Whether no message was accepted, under whatever campaign.
    pub fn is_empty(&self) -> bool {
        let shape = self.queue.shape();
        shape.queued == 0 && shape.messages == 0
    }

    /// Notes a bounce that suffices to suppress.
    pub fn suppress(&self, email: &str, cause: Cause) {
        let mut history = AddressHistory::default();
        history.record(cause, self.clock.unix());
        self.queue.write(Write::new().suppress(&email.parse().unwrap(), serde_json::to_vec(&history).unwrap()));
    }

    /// Claims every notification that is due and settles each as `outcome` says for its index.
    pub async fn settle(&self, outcome: impl Fn(u32) -> (Outcome, Option<Reply>)) {
        for (id, lane) in self.queue.lanes() {
            loop {
                let loaded = self.queue.activity().notified();
                let queued = match self.queue.claim(id, self.clock.unix(), &"s1".parse().unwrap()) {
                    Claim::Taken(queued) => queued,
                    Claim::Loading => {
                        loaded.await;
                        continue;
                    }
                    Claim::Later(_) | Claim::Empty => break,
                };
                let (outcome, reply) = outcome(queued.id.index);
                let mut record = AttemptRecord::of(&queued, &lane, outcome, self.clock.unix());
                record.stage = reply.is_some().then_some(Stage::Rcpt);
                record.reply = reply;
                let retry = UnixMs(self.clock.unix().0 + 60_000);
                let next =
                    if outcome.is_final() { Next::Done } else { Next::RetryAt { due: retry, source_hint: None } };
                self.queue.write(Write::new().settle(queued, record, next));
            }
        }
    }
}

fn limits() -> Limits {
    // A test must not depend on how full the disk of its machine is.
    Limits { disk_free_bytes_min: 0, ..Limits::default() }
}
