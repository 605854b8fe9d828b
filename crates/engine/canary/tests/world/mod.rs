//! A queue on a manual clock, the canaries of a configuration, and carriers that say what a test wants.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use canary::{Canaries, Joining, Sample, Seen};
use carriers::Directory;
use clock::Clock;
use compose::{Content, ContentSpec, Dialect, StoredContent};
use engine_config::EngineConfig;
use mail_model::{CampaignName, CarrierName, Class, Lane, MessageId, NotificationId, Outcome, PoolName, UnixMs};
use queue::{
    AtDeadline, AttemptRecord, Begun, Claim, Idempotency, Limits, NewMessage, Next, Queue, QueueSettings, Write,
};
use serde_json::{Map, json};
use tempfile::TempDir;

/// 2026-09-01T00:00:00Z, when the clock starts.
pub const NOW: UnixMs = UnixMs(1_788_220_800_000);

const MAILBOXES: &str = r#"
[[canary_mailboxes]]
name = "docomo-1"
carrier = "docomo"
address = "canary@docomo.ne.jp"
arrives_by = "webhook"
[[canary_mailboxes]]
name = "au-1"
carrier = "au"
address = "canary@au.com"
arrives_by = "webhook"
"#;

/// What a test has.
pub struct World {
    pub canaries: Canaries,
    pub queue: Queue,
    pub clock: Clock,
    config: EngineConfig,
    settings: QueueSettings,
    dir: TempDir,
}

/// A campaign.
pub struct Call<'a> {
    pub campaign: &'a str,
    pub to: &'a [&'a str],
    pub class: Class,
    pub key: Option<&'a str>,
    pub not_after: Option<UnixMs>,
    /// The engine ends between the commit of the canaries and that of the campaign.
    pub crashes: bool,
}

impl Call<'_> {
    pub fn to<'a>(campaign: &'a str, to: &'a [&'a str]) -> Call<'a> {
        Call { campaign, to, class: Class::Normal, key: None, not_after: None, crashes: false }
    }
}

fn open(dir: &TempDir, settings: &QueueSettings, clock: &Clock) -> Queue {
    Queue::open(&dir.path().join("queue"), settings.clone(), clock.clone()).unwrap()
}

impl World {
    /// `canaries`: keys of `[canaries]`; every campaign is large enough.
    pub fn new(canaries: &str) -> Self {
        let text =
            format!("[engine]\nnode_name = \"a.example.jp\"\n[canaries]\nrecipients_min = 1\n{canaries}\n{MAILBOXES}");
        let config = EngineConfig::from_toml(&text, "a.toml").unwrap_or_else(|faults| panic!("{faults}"));
        let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::manual(NOW));
        // A test must not depend on how full the disk of its machine is. A window this small leaves work on disk.
        let limits = Limits { disk_free_bytes_min: 0, ..Limits::default() };
        let settings = QueueSettings { limits, window_per_lane: 4, ..QueueSettings::default() };
        let queue = open(&dir, &settings, &clock);
        let canaries = Self::made(&config, &queue, &clock);
        Self { canaries, queue, clock, config, settings, dir }
    }

    fn made(config: &EngineConfig, queue: &Queue, clock: &Clock) -> Canaries {
        let directory = Arc::new(Directory::new(config.carriers.clone()));
        Canaries::new(&config.edges, queue.clone(), directory, clock.clone()).unwrap()
    }

    /// Closes everything and opens it again.
    pub fn restart(self) -> Self {
        let Self { canaries, queue, clock, config, settings, dir } = self;
        drop((canaries, queue));
        let queue = open(&dir, &settings, &clock);
        let canaries = Self::made(&config, &queue, &clock);
        Self { canaries, queue, clock, config, settings, dir }
    }

    fn lane(&self, address: &str, class: Class) -> Lane {
        let directory = Directory::new(self.config.carriers.clone());
        let (carrier, site) = directory.lane_site(address.split('@').nth(1).unwrap());
        Lane { carrier, site, pool: "wide".parse().unwrap(), class }
    }

    /// Hands a campaign in, as the API does. `None`: it was known, or it crashed.
    pub async fn inject(&self, call: &Call<'_>) -> Option<MessageId> {
        let reserved = self.canaries.reserve(u64::try_from(call.to.len()).unwrap());
        let spec: ContentSpec = serde_json::from_value(json!({
            "from": "a@school.example", "subject": "x", "text_body": "{{ room }}"
        }))
        .unwrap();
        let (campaign, pool): (CampaignName, PoolName) = (call.campaign.parse().unwrap(), "wide".parse().unwrap());
        let values = Map::from_iter([("room".to_owned(), json!("1-2"))]);
        let stored: StoredContent = serde_json::from_value(json!({ "content": spec })).unwrap();
        let idempotency = call.key.map(|key| Idempotency { key: key.to_owned(), digest: [1; 32] });
        let begun = self.queue.begin(NewMessage {
            campaign: campaign.clone(),
            tenant: "school".parse().unwrap(),
            class: call.class,
            pool: pool.clone(),
            not_before: None,
            not_after: call.not_after,
            at_deadline: AtDeadline::default(),
            sender: None,
            content: stored.encode(),
            idempotency: idempotency.clone(),
        });
        let Begun::New(mut main) = begun.unwrap() else { return None };
        for address in call.to {
            main.add(&self.lane(address, call.class), address.parse().unwrap(), Vec::new()).unwrap();
        }
        let joined = self.canaries.join(
            reserved,
            &Joining {
                main: &main,
                campaign: &campaign,
                tenant: &"school".parse().unwrap(),
                class: call.class,
                pool: &pool,
                not_before: None,
                not_after: call.not_after,
                sender: None,
                content: &Content::parse(&spec, Dialect::default(), main.message()).unwrap(),
                stored: &stored,
                sample: &Sample::of(None, &values),
                idempotency,
            },
        );
        if let Some(joined) = joined {
            joined.commit().await;
        }
        if call.crashes {
            return None;
        }
        Some(main.commit().await.unwrap().message)
    }

    /// The next notification of a carrier's lane, whatever it takes to be loaded.
    async fn next(&self, carrier: &str) -> Option<(Lane, Box<queue::Queued>)> {
        for (id, lane) in self.queue.lanes().into_iter().filter(|(_, lane)| lane.carrier.as_str() == carrier) {
            loop {
                let loaded = self.queue.activity().notified();
                match self.queue.claim(id, self.clock.unix(), &"s1".parse().unwrap()) {
                    Claim::Taken(queued) => return Some((lane, queued)),
                    Claim::Loading => loaded.await,
                    Claim::Later(_) | Claim::Empty => break,
                }
            }
        }
        None
    }

    /// A carrier answers at most `count` mails; gives their addresses in order.
    pub async fn answer(&self, carrier: &str, count: usize, outcome: Outcome) -> Vec<String> {
        let mut answered = Vec::new();
        while answered.len() < count
            && let Some((lane, queued)) = self.next(carrier).await
        {
            answered.push(queued.address.as_str().to_owned());
            let record = AttemptRecord::of(&queued, &lane, outcome, self.clock.unix());
            self.queue.write(Write::new().settle(queued, record, Next::Done));
        }
        answered
    }

    /// Notes the arrival of a canary.
    pub fn arrive(&self, id: NotificationId) {
        let arrival = self.canaries.arrival(id, None, self.clock.unix()).unwrap();
        self.queue.write(arrival.amend(Write::new()));
    }

    pub fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// All canaries, first ones first: mailbox and state.
    pub async fn states(&self) -> Vec<(String, &'static str)> {
        self.canaries.look().await;
        let seen = self.canaries.report(None, 1_000).canaries;
        let mut all: Vec<Seen> = seen;
        all.sort_by_key(|seen| seen.id);
        all.into_iter().map(|seen| (seen.mailbox, seen.standing)).collect()
    }

    /// The canary in this mailbox that joined last.
    pub fn last(&self, mailbox: &str) -> NotificationId {
        let seen = self.canaries.report(None, 1_000).canaries;
        seen.into_iter().filter(|seen| seen.mailbox == mailbox).map(|seen| seen.id).max().unwrap()
    }

    /// Carriers with an alarm.
    pub fn alarms(&self) -> Vec<CarrierName> {
        self.canaries.alarms().into_iter().map(|alarm| alarm.carrier).collect()
    }

    /// Sums of a campaign by outcome.
    pub fn sums(&self, campaign: &str) -> BTreeMap<&'static str, u64> {
        let tally = self.queue.tally(&campaign.parse().unwrap());
        let mut sums = BTreeMap::from([("count", tally.count), ("queued", tally.queued())]);
        for (_, outcome, count) in tally.outcomes() {
            *sums.entry(outcome.kind()).or_default() += count;
        }
        sums
    }
}
