//! An engine's inbox on a test stand: a real queue in a temporary directory, DNS on loopback, a manual clock.
#![allow(dead_code)] // each test file uses its part

#[path = "../../../dns/tests/fake_dns/mod.rs"]
pub mod fake_dns;
pub mod mails;

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bounce::AddressHistory;
use bytes::Bytes;
use canary::Canaries;
use carriers::Directory;
use clock::Clock;
use engine_config::EngineConfig;
use fake_dns::{FakeDns, txt};
use inbound::{Addresses, Doors, Inbound, InboxStore, Parts, Registrar, RegistrationAnswer, RegistrationEvent};
use ip_pools::{MemberConfig, PoolConfig, PoolKind, Pools, PoolsConfig, SourceConfig};
use mail_model::{Class, EmailAddress, Lane, NotificationId, Outcome, PoolName, Reply, SourceName, Stage, UnixMs};
use queue::{AttemptRecord, Begun, Claim, KeptMail, NewMessage, Next, Queue, QueueSettings, ReceivedMail, Write};
use scheduler::Scheduler;
use tokio::runtime::{Builder, Runtime};

/// 2026-11-23, noon in Japan.
pub const NOW: UnixMs = UnixMs(1_795_402_800_000);
/// Where docomo's own mail comes from, by its SPF.
pub const DOCOMO: &str = "192.0.2.1";
/// An address that no carrier's SPF names.
pub const FORGER: &str = "203.0.113.66";

pub struct World {
    pub dns: FakeDns,
    pub queue: Queue,
    pub scheduler: Scheduler,
    pub addresses: Arc<Addresses>,
    pub clock: Clock,
    pub heard: Heard,
    pub canaries: Canaries,
    config: Arc<EngineConfig>,
    directory: Arc<Directory>,
    inbound: Option<Inbound>,
    /// Of the inbox alone, so that it can crash.
    runtime: Option<Runtime>,
    dir: tempfile::TempDir,
}

/// A registrar that notes what it hears.
#[derive(Clone, Default)]
pub struct Heard(pub Arc<Mutex<Vec<RegistrationEvent>>>);

impl Registrar for Heard {
    fn register(&self, event: &RegistrationEvent) -> RegistrationAnswer {
        self.0.lock().unwrap().push(event.clone());
        RegistrationAnswer::Reply { subject: "登録".to_owned(), text: "受け付けました。\n".to_owned() }
    }
}

impl World {
    /// Everything but the handling of mail, see [`World::start`]. `more` is TOML.
    pub async fn new(more: &str) -> Self {
        let dns = FakeDns::start().await;
        dns.records("docomo.ne.jp", vec![txt(&format!("v=spf1 ip4:{DOCOMO} ~all"))]);
        dns.records("_dmarc.docomo.ne.jp", vec![txt("v=DMARC1; p=none")]);
        let dir = tempfile::tempdir().unwrap();
        let config = Arc::new(config(dir.path(), &dns, more));
        let clock = Clock::manual(NOW);
        let queue = open(dir.path(), &clock);
        let directory = Arc::new(Directory::new(config.carriers.clone()));
        let scheduler =
            Scheduler::new(queue.clone(), directory.clone(), Pools::new(&pools()).unwrap(), 100, clock.clone());
        let addresses = Arc::new(Addresses::new(&config.edges).unwrap());
        let canaries = Canaries::new(&config.edges, queue.clone(), directory.clone(), clock.clone()).unwrap();
        Self {
            dns,
            queue,
            scheduler,
            addresses,
            canaries,
            clock,
            heard: Heard::default(),
            config,
            directory,
            inbound: None,
            runtime: None,
            dir,
        }
    }

    /// Begins to work the inbox off.
    pub fn start(&mut self) {
        self.start_with(Some(Arc::new(self.heard.clone())));
    }

    /// The same with the configured text in place of a registrar.
    pub fn start_without_registrar(&mut self) {
        self.start_with(None);
    }

    fn start_with(&mut self, registrar: Option<Arc<dyn Registrar>>) {
        let parts = Parts {
            config: self.config.clone(),
            addresses: self.addresses.clone(),
            queue: self.queue.clone(),
            scheduler: self.scheduler.clone(),
            directory: self.directory.clone(),
            canaries: self.canaries.clone(),
            registrar,
            clock: self.clock.clone(),
        };
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        self.inbound = {
            let _inside = runtime.enter();
            Some(Inbound::start(parts).unwrap())
        };
        self.runtime = Some(runtime);
    }

    pub async fn stop(&mut self) {
        if let Some(inbound) = self.inbound.take() {
            inbound.stop(Duration::from_secs(10)).await;
        }
    }

    /// Ends the handling of mail wherever it is: between two writes, since each of them is one.
    pub async fn crash(&mut self) {
        self.inbound.take();
        if let Some(runtime) = self.runtime.take() {
            tokio::task::spawn_blocking(move || runtime.shutdown_timeout(Duration::from_secs(30))).await.unwrap();
        }
    }

    pub fn doors(&self) -> Doors {
        Doors::new(self.addresses.clone(), self.clock.clone())
    }

    pub fn store(&self) -> InboxStore {
        InboxStore::new(self.queue.clone())
    }

    /// A notification that its carrier accepted a moment ago.
    pub async fn sent(&self, to: &str) -> NotificationId {
        self.sent_by(to, "tokyo-1", None).await
    }

    pub async fn sent_by(&self, to: &str, source: &str, not_after: Option<UnixMs>) -> NotificationId {
        let (id, queued) = self.claimed(to, source, not_after).await;
        self.settle(queued, source, Outcome::Accepted);
        id
    }

    /// A notification whose session has it in hand.
    pub async fn claimed(
        &self,
        to: &str,
        source: &str,
        not_after: Option<UnixMs>,
    ) -> (NotificationId, Box<queue::Queued>) {
        let new = NewMessage {
            campaign: "notice".parse().unwrap(),
            tenant: "school-1".parse().unwrap(),
            class: Class::Normal,
            pool: PoolName::auto(),
            not_before: None,
            at_deadline: queue::AtDeadline::default(),
            not_after,
            sender: None,
            content: b"content".to_vec(),
            idempotency: None,
        };
        let Ok(Begun::New(mut intake)) = self.queue.begin(new) else { panic!("not begun") };
        let address: EmailAddress = to.parse().unwrap();
        let (carrier, site) = self.directory.lane_site(address.domain());
        let lane = Lane { carrier, site, pool: "wide".parse().unwrap(), class: Class::Normal };
        let index = intake.add(&lane, address, vec![]).unwrap();
        let message = intake.commit().await.unwrap().message;
        let lane = self.queue.lane_id(&lane).unwrap();
        let source: SourceName = source.parse().unwrap();
        loop {
            let told = self.queue.activity().notified();
            match self.queue.claim(lane, self.clock.unix(), &source) {
                Claim::Taken(queued) => return (NotificationId { message, index }, queued.into()),
                _ => told.await,
            }
        }
    }

    pub fn settle(&self, queued: Box<queue::Queued>, source: &str, outcome: Outcome) {
        let lane = self.queue.lane(queued.lane).unwrap();
        let record = AttemptRecord {
            source: Some(source.parse().unwrap()),
            mx_host: "mx.carrier.example".to_owned(),
            stage: Some(Stage::DataEnd),
            reply: Some(Reply::new(250, "2.0.0 ok")),
            ..AttemptRecord::of(&queued, &lane, outcome, self.clock.unix())
        };
        self.queue.write(Write::new().settle(queued, record, Next::Done));
    }

    /// A mail comes in from `peer`.
    pub async fn comes_from(&self, peer: &str, sender: &str, to: &[&str], content: &[u8]) {
        let mail = ReceivedMail {
            received_at: self.clock.unix(),
            peer: peer.parse().unwrap(),
            helo: "mta.carrier.example".to_owned(),
            tls: false,
            sender: (!sender.is_empty()).then(|| sender.parse().unwrap()),
            recipients: to.iter().map(|to| to.parse().unwrap()).collect(),
            content: Bytes::copy_from_slice(content),
        };
        self.queue.receive(mail).await.unwrap();
    }

    /// A report comes in for a notification's return path.
    pub async fn comes_back(&self, id: NotificationId, content: &str) {
        let path = self.addresses.return_paths().unwrap().mint(id);
        self.comes_from("198.51.100.7", "", &[path.as_str()], content.as_bytes()).await;
    }

    /// Returns when `waiting` mails are left in the inbox.
    pub async fn settled_but(&self, waiting: u64) {
        for _ in 0..4_000 {
            if self.queue.inbox_waiting() == waiting {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("{} mails wait in the inbox", self.queue.inbox_waiting());
    }

    pub async fn settled(&self) {
        self.settled_but(0).await;
    }

    pub fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    pub fn history(&self, address: &str) -> AddressHistory {
        AddressHistory::decode(self.queue.suppression(&address.parse().unwrap()).as_deref())
    }

    /// Why an address is suppressed, in a word.
    pub fn reason(&self, address: &str) -> Option<&'static str> {
        self.history(address).reason().map(bounce::Reason::as_str)
    }

    pub fn outcome(&self, id: NotificationId) -> Outcome {
        self.queue.last_attempt(id).unwrap().outcome
    }

    pub fn kept(&self) -> Vec<KeptMail> {
        self.queue.kept(None, 1_000)
    }

    pub fn registration_address(&self) -> String {
        self.addresses.registration_addresses().unwrap().mint(1, 1).to_string()
    }

    /// The answers that wait to be sent: recipient and content.
    pub fn answers(&self) -> Vec<(EmailAddress, Lane, String)> {
        let source: SourceName = "tokyo-1".parse().unwrap();
        let mut found = Vec::new();
        for (id, lane) in self.queue.lanes() {
            if lane.class != Class::Transactional {
                continue;
            }
            while let Claim::Taken(queued) = self.queue.claim(id, self.clock.unix(), &source) {
                let message = self.queue.message(queued.id.message).unwrap();
                assert_eq!(message.sender, None, "answers leave from the null sender");
                let content = String::from_utf8(message.content.clone()).unwrap();
                found.push((queued.address.clone(), lane.clone(), content));
                self.settle(queued.into(), "tokyo-1", Outcome::Accepted);
            }
        }
        found
    }

    /// The canaries as a start of the engine finds them.
    pub fn canaries_anew(&self) -> Canaries {
        let (queue, directory) = (self.queue.clone(), self.directory.clone());
        Canaries::new(&self.config.edges, queue, directory, self.clock.clone()).unwrap()
    }

    /// The lane of an address in the pool `wide`.
    pub fn lane(&self, address: &str) -> Lane {
        let (carrier, site) = self.directory.lane_site(address.split('@').nth(1).unwrap());
        Lane { carrier, site, pool: "wide".parse().unwrap(), class: Class::Normal }
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn open(dir: &Path, clock: &Clock) -> Queue {
    let mut settings = QueueSettings::default();
    settings.limits.disk_free_bytes_min = 1 << 20;
    Queue::open(&dir.join("queue"), settings, clock.clone()).unwrap()
}

fn config(dir: &Path, dns: &FakeDns, more: &str) -> EngineConfig {
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o400).open(dir.join("returns.key")).unwrap();
    file.write_all(&[7; 32]).unwrap();
    let text = format!(
        "[engine]\nnode_name = \"mx.example.jp\"\n\
         [dns]\nservers = [\"{}\"]\ntimeout_ms = 100\nretries = 0\n\
         [returns]\ndomain = \"bounce.example.jp\"\nkey_file = \"returns.key\"\n\
         [unsubscribe]\nurl = \"https://renraku.example.jp/u/\"\n\
         [inbound]\nlisten = [\"127.0.0.1:2525\"]\n\
         [registration]\ndomain = \"entry.example.jp\"\nreply_from = \"さくら小学校 <entry@example.jp>\"\n\
         [[registration_schools]]\nnumber = 1\nname = \"さくら小学校\"\n\
         [[registration_schools]]\nnumber = 2\nname = \"うめ小学校\"\ngeneration = 5\naccept_previous = true\n{more}",
        dns.address
    );
    std::fs::write(dir.join("todoke.toml"), text).unwrap();
    EngineConfig::load(&dir.join("todoke.toml")).unwrap_or_else(|faults| panic!("{faults}"))
}

fn pools() -> PoolsConfig {
    let name = |n: u32| SourceName::new(&format!("tokyo-{n}")).unwrap();
    PoolsConfig {
        sources: (1..=2).map(|n| SourceConfig { name: name(n), warmup_started: None }).collect(),
        pools: vec![PoolConfig {
            name: "wide".parse().unwrap(),
            kind: PoolKind::Wide,
            members: (1..=2).map(|n| MemberConfig { source: name(n), weight: 1 }).collect(),
        }],
        hourly_cap_by_day: vec![],
    }
}
