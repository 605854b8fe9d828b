//! Takes the mails of the inbox in order, and keeps in mind those that must wait.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use mail_model::{MonoUs, UnixMs};
use queue::{InboxId, ReceivedMail, Write};
use telemetry::{InboundHandled, InboxSample};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::desk::{Desk, Parts};
use crate::error::InboundError;
use crate::handle::{Step, handle};
use crate::mend::mend;
use crate::registration::{self, Job};

/// Mails read at once.
const PAGE: usize = 64;
/// Registrations that wait for DNS beside each other.
const REGISTERING_MAX: usize = 16;
/// When a report that came before its mail was settled is looked at again.
const EARLY_PAUSE: Duration = Duration::from_secs(2);
/// Longest time without a look at the inbox.
const IDLE: Duration = Duration::from_secs(1);
/// How often kept mail and what is remembered are looked through for what is over.
const UPKEEP: Duration = Duration::from_secs(3_600);
const DAY_MS: u64 = 86_400_000;

/// The inbox being worked off.
#[derive(Debug)]
pub struct Inbound {
    stop: watch::Sender<bool>,
    worker: JoinHandle<()>,
    mender: JoinHandle<()>,
}

impl Inbound {
    /// Starts. Also useful without a listener: it takes back what a burst of "unknown" condemned.
    ///
    /// # Errors
    /// When the machine's DNS configuration cannot be read, or no mail can be made of the configured answer.
    pub fn start(parts: Parts) -> Result<Self, InboundError> {
        let desk = Arc::new(Desk::new(parts)?);
        let (stop, stopped) = watch::channel(false);
        let mender = tokio::spawn(mend(desk.clone()));
        let worker = tokio::spawn(Worker::new(desk, stopped).run());
        Ok(Self { stop, worker, mender })
    }

    /// Finishes the mails in hand, at most for `grace`. What is not finished stays in the inbox.
    pub async fn stop(self, grace: Duration) {
        self.mender.abort();
        self.stop.send(true).ok();
        let mut worker = self.worker;
        if tokio::time::timeout(grace, &mut worker).await.is_err() {
            worker.abort();
        }
    }
}

struct Worker {
    desk: Arc<Desk>,
    stopped: watch::Receiver<bool>,
    /// The last mail that was looked at for the first time.
    upto: Option<InboxId>,
    /// Mails that must wait, and until when.
    waiting: BTreeMap<InboxId, MonoUs>,
    registering: JoinSet<(InboxId, Result<(), Duration>)>,
    upkeep_at: MonoUs,
}

impl Worker {
    fn new(desk: Arc<Desk>, stopped: watch::Receiver<bool>) -> Self {
        let upkeep_at = desk.clock.mono();
        Self { desk, stopped, upto: None, waiting: BTreeMap::new(), registering: JoinSet::new(), upkeep_at }
    }

    async fn run(mut self) {
        let desk = self.desk.clone();
        loop {
            let arrived = desk.queue.received().notified();
            let found = self.look().await;
            if *self.stopped.borrow() {
                break;
            }
            self.upkeep().await;
            InboxSample { waiting: desk.queue.inbox_waiting() }.emit();
            let pause = if found { Duration::ZERO } else { self.pause() };
            tokio::select! {
                biased;
                Some(ended) = self.registering.join_next() => self.registered(ended.ok()),
                () = tokio::time::sleep(pause) => {}
                () = arrived => {}
                _ = self.stopped.changed() => break,
            }
        }
        while let Some(ended) = self.registering.join_next().await {
            self.registered(ended.ok());
        }
    }

    /// Works off what is there now. Whether there may be more.
    async fn look(&mut self) -> bool {
        let (desk, upto, due) = (self.desk.clone(), self.upto, self.due());
        let read = move || {
            let mut page = again(&desk, &due);
            let new = desk.queue.inbox_next(upto, PAGE);
            let last = new.last().map(|(id, _)| *id);
            page.extend(new);
            (page, due, last)
        };
        let Ok((page, due, last)) = tokio::task::spawn_blocking(read).await else { return false };
        for id in due {
            // What is not there any more has nothing to wait for.
            self.waiting.remove(&id);
        }
        self.upto = last.or(self.upto);
        let found = !page.is_empty();
        for (id, mail) in page {
            let desk = self.desk.clone();
            match tokio::task::spawn_blocking(move || guarded(&desk, id, mail)).await {
                Ok(Step::Done) => {}
                Ok(Step::Early) | Err(_) => self.wait(id, EARLY_PAUSE),
                Ok(Step::Register(job)) => self.register(*job).await,
            }
            if *self.stopped.borrow() {
                return false;
            }
        }
        found
    }

    async fn register(&mut self, job: Job) {
        if self.registering.len() >= REGISTERING_MAX
            && let Some(ended) = self.registering.join_next().await
        {
            self.registered(ended.ok());
        }
        let (desk, id) = (self.desk.clone(), job.id);
        self.registering.spawn(async move {
            let inner = desk.clone();
            match tokio::spawn(async move { registration::register(&inner, job).await }).await {
                Ok(ended) => (id, ended),
                Err(_) => {
                    let kept = tokio::task::spawn_blocking(move || keep_unreadable(&desk, id)).await;
                    (id, kept.map_err(|_| EARLY_PAUSE))
                }
            }
        });
    }

    fn registered(&mut self, ended: Option<(InboxId, Result<(), Duration>)>) {
        if let Some((id, Err(pause))) = ended {
            self.wait(id, pause);
        }
    }

    fn wait(&mut self, id: InboxId, pause: Duration) {
        let until = self.desk.clock.mono() + pause;
        self.waiting.insert(id, until);
    }

    /// Waiting mails whose time has come, oldest first, few enough to be held in memory.
    fn due(&self) -> Vec<InboxId> {
        let now = self.desk.clock.mono();
        self.waiting.iter().filter(|(_, until)| **until <= now).map(|(id, _)| *id).take(PAGE / 4).collect()
    }

    fn pause(&self) -> Duration {
        let now = self.desk.clock.mono();
        let next = self.waiting.values().min().map_or(IDLE, |until| until.since(now));
        next.clamp(Duration::from_millis(5), IDLE)
    }

    async fn upkeep(&mut self) {
        let now = self.desk.clock.mono();
        if now < self.upkeep_at {
            return;
        }
        self.upkeep_at = now + UPKEEP;
        let desk = self.desk.clone();
        let work = move || {
            let now = desk.clock.unix();
            desk.queue.forget_kept(UnixMs(now.0.saturating_sub(u64::from(desk.kept_days) * DAY_MS)));
            desk.queue.forget_remembered(now);
        };
        tokio::task::spawn_blocking(work).await.ok();
    }
}

/// The mails that waited, read anew.
fn again(desk: &Desk, due: &[InboxId]) -> Vec<(InboxId, ReceivedMail)> {
    let read = |id: &InboxId| {
        let before = id.0.checked_sub(1).map(InboxId);
        desk.queue.inbox_next(before, 1).into_iter().find(|(found, _)| found == id)
    };
    due.iter().filter_map(read).collect()
}

/// A parser that panics costs us one mail's meaning and nothing else.
fn guarded(desk: &Desk, id: InboxId, mail: ReceivedMail) -> Step {
    catch_unwind(AssertUnwindSafe(|| handle(desk, id, mail))).unwrap_or_else(|_| {
        keep_unreadable(desk, id);
        Step::Done
    })
}

fn keep_unreadable(desk: &Desk, id: InboxId) {
    desk.queue.write(Write::new().inbox_kept(id, "unreadable", "a fault of ours while reading it"));
    InboundHandled { kind: "unreadable", id: None }.emit();
}
