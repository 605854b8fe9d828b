//! The queue in memory gives mails in the order in which the durable one gives them.

use std::collections::HashMap;
use std::time::Duration;

use clock::Clock;
use mail_model::{
    CampaignName, Cause, Class, Lane, MessageId, Outcome, PoolName, SiteName, SourceName, TenantName, UnixMs,
};
use queue::{AttemptRecord, Begun, Claim, LaneId, Next, Peek, Queue, QueueSettings, Queued, Write};
use scheduler::Work;
use simulator::shelf::{Batch, Mail, Shelf};

#[derive(Clone, Copy, Debug)]
enum Step {
    /// So many new mails.
    HandIn(u32),
    /// The source asks for one.
    Take(&'static str),
    /// This one is given back.
    GiveBack(u32),
    /// This one is tried again after so many seconds, by that source if one is named.
    Retry(u32, u64, Option<&'static str>),
    /// This one has ended.
    End(u32),
    /// Seconds go by.
    Pass(u64),
    /// What would a claim find?
    Look,
}

use Step::*;

const START: UnixMs = UnixMs(1_800_000_000_000);

fn lane() -> Lane {
    Lane {
        carrier: "docomo".parse().unwrap(),
        site: SiteName::new("docomo.ne.jp").unwrap(),
        pool: PoolName::new("wide").unwrap(),
        class: Class::Normal,
    }
}

/// A queue that is put through its paces. Times are told as seconds since the start.
trait Subject {
    type Work: Work;
    fn work(&self) -> &Self::Work;
    fn hand_in(&mut self, first: u32, count: u32);
    fn number(&self, item: &<Self::Work as Work>::Item) -> u32;
    fn retry(&mut self, item: <Self::Work as Work>::Item, due: UnixMs, source: Option<SourceName>);
    fn end(&mut self, item: <Self::Work as Work>::Item);
}

fn seconds(at: UnixMs) -> u64 {
    at.since_ms(START) / 1_000
}

/// Plays the steps and writes down every answer.
fn answers<S: Subject>(mut subject: S, clock: &Clock, lane: LaneId, steps: &[Step]) -> Vec<String> {
    let mut held: HashMap<u32, Box<<S::Work as Work>::Item>> = HashMap::new();
    let (mut told, mut handed_in) = (Vec::new(), 0);
    for step in steps {
        match *step {
            HandIn(count) => {
                subject.hand_in(handed_in, count);
                handed_in += count;
            }
            Take(source) => loop {
                match subject.work().claim(lane, clock.unix(), &source.parse().unwrap()) {
                    Claim::Taken(item) => {
                        let number = subject.number(&item);
                        told.push(format!("{source} took {number}"));
                        held.insert(number, item);
                    }
                    Claim::Later(at) => told.push(format!("{source} waits until {}", seconds(at))),
                    Claim::Empty => told.push(format!("{source} finds nothing")),
                    Claim::Loading => {
                        std::thread::sleep(Duration::from_millis(1));
                        continue;
                    }
                }
                break;
            },
            GiveBack(number) => subject.work().put_back(held.remove(&number).unwrap()),
            Retry(number, after_s, source) => {
                let due = clock.unix() + Duration::from_secs(after_s);
                subject.retry(*held.remove(&number).unwrap(), due, source.map(|name| name.parse().unwrap()));
            }
            End(number) => subject.end(*held.remove(&number).unwrap()),
            Pass(seconds) => clock.advance(Duration::from_secs(seconds)),
            Look => loop {
                told.push(match subject.work().peek(lane, clock.unix()) {
                    Peek::Due => "due".to_owned(),
                    Peek::DueFor(sources) => format!("due for {sources:?}"),
                    Peek::Later(at) => format!("due at {}", seconds(at)),
                    Peek::Empty => "empty".to_owned(),
                    Peek::Loading => {
                        std::thread::sleep(Duration::from_millis(1));
                        continue;
                    }
                });
                break;
            },
        }
    }
    told.push(format!("{} not settled", subject.work().waiting(lane)));
    told
}

struct OnShelf {
    shelf: Shelf,
    lane: LaneId,
    clock: Clock,
}

impl Subject for OnShelf {
    type Work = Shelf;

    fn work(&self) -> &Shelf {
        &self.shelf
    }

    fn hand_in(&mut self, first: u32, count: u32) {
        self.shelf.hand_in(self.lane, Batch { first, count, wave: 0, at: self.clock.unix() });
    }

    fn number(&self, item: &Mail) -> u32 {
        item.number
    }

    fn retry(&mut self, item: Mail, due: UnixMs, source: Option<SourceName>) {
        self.shelf.retry_at(item, due, source);
    }

    fn end(&mut self, item: Mail) {
        self.shelf.ended(item.lane);
    }
}

struct OnDisk {
    queue: Queue,
    clock: Clock,
    runtime: tokio::runtime::Runtime,
    first_of: HashMap<MessageId, u32>,
    _dir: tempfile::TempDir,
}

impl OnDisk {
    fn settle(&self, item: Queued, next: Next) {
        let lane = self.queue.lane(item.lane).unwrap();
        let outcome = match next {
            Next::Done => Outcome::Accepted,
            _ => Outcome::Deferred(Cause::RateLimited),
        };
        let record = AttemptRecord::of(&item, &lane, outcome, self.clock.unix());
        self.queue.write(Write::new().settle(Box::new(item), record, next));
    }
}

impl Subject for OnDisk {
    type Work = Queue;

    fn work(&self) -> &Queue {
        &self.queue
    }

    fn hand_in(&mut self, first: u32, count: u32) {
        let new = queue::NewMessage {
            campaign: CampaignName::new("campaign").unwrap(),
            tenant: TenantName::new("school").unwrap(),
            class: Class::Normal,
            pool: PoolName::auto(),
            not_before: None,
            not_after: None,
            at_deadline: queue::AtDeadline::default(),
            sender: None,
            content: b"content".to_vec(),
            idempotency: None,
        };
        let Ok(Begun::New(mut intake)) = self.queue.begin(new) else { panic!("not begun") };
        for n in 0..count {
            intake.add(&lane(), format!("a{n}@docomo.ne.jp").parse().unwrap(), vec![]).unwrap();
        }
        let accepted = self.runtime.block_on(intake.commit()).unwrap();
        self.first_of.insert(accepted.message, first);
    }

    fn number(&self, item: &Queued) -> u32 {
        self.first_of[&item.id.message] + item.id.index
    }

    fn retry(&mut self, item: Queued, due: UnixMs, source_hint: Option<SourceName>) {
        self.settle(item, Next::RetryAt { due, source_hint });
    }

    fn end(&mut self, item: Queued) {
        self.settle(item, Next::Done);
    }
}

fn on_shelf(steps: &[Step]) -> Vec<String> {
    let (clock, shelf) = (Clock::manual(START), Shelf::default());
    let lane = shelf.make_lane(&lane());
    answers(OnShelf { shelf, lane, clock: clock.clone() }, &clock, lane, steps)
}

fn on_disk(steps: &[Step]) -> Vec<String> {
    let (clock, dir) = (Clock::manual(START), tempfile::tempdir().unwrap());
    let queue = Queue::open(&dir.path().join("queue"), QueueSettings::default(), clock.clone()).unwrap();
    let lane = queue.make_lane(&lane()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let subject = OnDisk { queue, clock: clock.clone(), runtime, first_of: HashMap::new(), _dir: dir };
    answers(subject, &clock, lane, steps)
}

/// What s1 is asked to send again is for s1 alone.
const FOR_ONE_SOURCE: &[Step] = &[
    HandIn(2),
    Take("s1"),
    Retry(0, 60, Some("s1")),
    Take("s1"),
    End(1),
    Pass(60),
    Look,
    Take("s2"),
    Take("s1"),
    GiveBack(0),
    Take("s2"),
    Look,
    Take("s1"),
    End(0),
    Look,
];

const IN_ORDER: &[Step] =
    &[HandIn(3), Take("s1"), Take("s1"), GiveBack(0), Take("s2"), End(0), Take("s2"), Take("s2"), End(1), End(2), Look];

const AGAIN: &[Step] = &[
    Look,
    HandIn(2),
    Look,
    Take("s1"),
    Retry(0, 60, None),
    Take("s1"),
    End(1),
    Look,
    Take("s1"),
    Pass(60),
    Take("s1"),
];

#[test]
fn both_queues_give_the_same_answers() {
    let lapsed =
        [HandIn(1), Take("s1"), Retry(0, 60, Some("s1")), Pass(659), Look, Take("s2"), Pass(1), Look, Take("s2")];
    let behind = [HandIn(3), Take("s1"), Retry(0, 10, None), Pass(10), Take("s1"), Take("s1"), Take("s1"), Take("s1")];
    let waves = [HandIn(2), HandIn(2), Take("s1"), GiveBack(0), Take("s1"), Take("s2"), Take("s1"), Take("s2"), Look];
    let by_time =
        [HandIn(2), Take("s1"), Take("s1"), Retry(1, 30, None), Retry(0, 40, None), Pass(40), Take("s1"), Take("s1")];
    for steps in [IN_ORDER, AGAIN, FOR_ONE_SOURCE, &lapsed, &behind, &waves, &by_time] {
        assert_eq!(on_shelf(steps), on_disk(steps), "{steps:?}");
    }
    let told = on_shelf(FOR_ONE_SOURCE);
    let expected = ["s1 took 0", "s1 took 1", "due for [\"s1\"]", "s2 waits until 660", "s1 took 0"];
    assert_eq!(told[..5], expected.map(str::to_owned));
}
