//! A scheduler on a test stand: real queue in a temporary directory, manual clock, eight sources.

use std::sync::Arc;
use std::time::Duration;

use carriers::Directory;
use clock::Clock;
use engine_config::EngineConfig;
use ip_pools::{MemberConfig, PoolConfig, PoolKind, Pools, PoolsConfig, SourceConfig};
use mail_model::{CampaignName, Class, Lane, MonoUs, PoolName, SourceName, TenantName, UnixMs};
use queue::{AttemptRecord, Begun, Queue, QueueSettings, Queued, Write};
use scheduler::{Assignment, Next, NextMail, Scheduler, Ticket};

pub struct Stand {
    pub queue: Queue,
    pub scheduler: Scheduler,
    pub clock: Clock,
    directory: Arc<Directory>,
    _dir: tempfile::TempDir,
}

impl Stand {
    /// `carriers` is TOML laid over the built-in profiles; rates are unlimited unless it says otherwise.
    pub fn new(sources: u32, sessions_max: u32, carriers: &str) -> Self {
        Self::made(sessions_max, carriers, |_| Pools::new(&pools(sources)).unwrap())
    }

    /// With sources of one's own, in the pool `wide`.
    pub fn with_pools(carriers: &str, pools: impl FnOnce(UnixMs) -> Pools) -> Self {
        Self::made(32, carriers, pools)
    }

    fn made(sessions_max: u32, carriers: &str, pools: impl FnOnce(UnixMs) -> Pools) -> Self {
        let text = format!("[engine]\nnode_name = \"node.example.jp\"\n{carriers}");
        let config = EngineConfig::from_toml(&text, "test").unwrap_or_else(|faults| panic!("{faults}"));
        let directory = Arc::new(Directory::new(config.carriers.clone()));
        let clock = Clock::manual(UnixMs(1_800_000_000_000));
        let dir = tempfile::tempdir().unwrap();
        let queue = Queue::open(&dir.path().join("queue"), QueueSettings::default(), clock.clone()).unwrap();
        let pools = pools(clock.unix());
        let scheduler = Scheduler::new(queue.clone(), directory.clone(), pools, sessions_max, clock.clone());
        Self { queue, scheduler, clock, directory, _dir: dir }
    }

    /// Hands in one message to `count` recipients of a domain.
    pub async fn accept(&self, count: usize, domain: &str, class: Class) {
        let new = queue::NewMessage {
            campaign: CampaignName::new("campaign").unwrap(),
            tenant: TenantName::new("school").unwrap(),
            class,
            pool: PoolName::auto(),
            not_before: None,
            at_deadline: queue::AtDeadline::default(),
            not_after: None,
            sender: None,
            content: b"content".to_vec(),
            idempotency: None,
        };
        let Ok(Begun::New(mut intake)) = self.queue.begin(new) else { panic!("not begun") };
        let (carrier, site) = self.directory.lane_site(domain);
        let lane = Lane { carrier, site, pool: PoolName::new("wide").unwrap(), class };
        for n in 0..count {
            let address = format!("a{n}@{domain}").parse().unwrap();
            intake.add(&lane, address, vec![]).unwrap();
        }
        intake.commit().await.unwrap();
    }

    /// Mails of one netblock keep a distance of microseconds at the rates of these tests. Lets it pass.
    fn is_a_moment(&self, until: MonoUs) -> bool {
        let wait = until.since(self.clock.mono());
        let short = wait <= Duration::from_millis(10);
        if short {
            self.clock.advance(wait);
        }
        short
    }

    /// The next session, or `None` when there is none to open now.
    pub fn open(&self) -> Option<Assignment> {
        for _ in 0..100 {
            match self.scheduler.next() {
                Next::Open(assignment) => return Some(*assignment),
                Next::Wait(at) if self.is_a_moment(at) => {}
                Next::Wait(_) | Next::Stopped => return None,
            }
        }
        None
    }

    /// Every session that can be opened now.
    pub fn open_all(&self) -> Vec<Assignment> {
        std::iter::from_fn(|| self.open()).collect()
    }

    /// The next mail of an open session, if it may send one now.
    pub fn mail(&self, ticket: &mut Ticket) -> Option<Box<Queued>> {
        for _ in 0..100 {
            match self.scheduler.next_mail(ticket, false) {
                NextMail::Send(queued) => return Some(queued),
                NextMail::Wait { at, .. } if self.is_a_moment(at) => {}
                NextMail::Wait { .. } | NextMail::Close(_) => return None,
            }
        }
        None
    }

    /// Settles a mail as accepted.
    pub fn accepted(&self, queued: impl Into<Box<Queued>>) {
        let queued = queued.into();
        let lane = self.queue.lane(queued.lane).unwrap();
        let record = AttemptRecord::of(&queued, &lane, mail_model::Outcome::Accepted, self.clock.unix());
        self.queue.write(Write::new().settle(queued, record, queue::Next::Done));
    }

    /// Settles a mail as deferred for `seconds`, wanting the same source again if given.
    pub fn deferred(&self, queued: impl Into<Box<Queued>>, source_hint: Option<SourceName>, seconds: u64) {
        let queued = queued.into();
        let lane = self.queue.lane(queued.lane).unwrap();
        let outcome = mail_model::Outcome::Deferred(mail_model::Cause::RateLimited);
        let record = AttemptRecord::of(&queued, &lane, outcome, self.clock.unix());
        let due = self.clock.unix() + Duration::from_secs(seconds);
        self.queue.write(Write::new().settle(queued, record, queue::Next::RetryAt { due, source_hint }));
    }

    /// The next session, once the queue has read what is due from disk.
    pub async fn open_when_loaded(&self) -> Assignment {
        loop {
            let mut told = std::pin::pin!(self.queue.activity().notified());
            told.as_mut().enable();
            if let Some(assignment) = self.open() {
                return assignment;
            }
            told.await;
        }
    }

    pub fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

fn pools(sources: u32) -> PoolsConfig {
    let name = |n: u32| SourceName::new(&format!("s{n}")).unwrap();
    let members = (1..=sources).map(|n| MemberConfig { source: name(n), weight: 1 }).collect();
    PoolsConfig {
        sources: (1..=sources).map(|n| SourceConfig { name: name(n), warmup_started: None }).collect(),
        pools: vec![PoolConfig { name: PoolName::new("wide").unwrap(), kind: PoolKind::Wide, members }],
        hourly_cap_by_day: vec![],
    }
}

/// A carrier section without limits that would be in the way.
pub fn fast(name: &str) -> String {
    format!(
        "[carriers.{name}]\nconnections_max = 2\nmessages_per_connection_max = 1000\nrate_start_per_min = 1000000\n\
         rate_max_per_min = 1000000\nconnection_lifetime_max_s = 3600\n"
    )
}
