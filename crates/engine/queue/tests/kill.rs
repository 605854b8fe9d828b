//! `kill -9` at random moments: this test starts itself as a child, kills it, opens what it left, and compares with what
//! the child had said. Again and again in one directory.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use clock::{Chance, Clock};
use common::*;
use mail_model::{Cause, MessageId, NotificationId, Outcome};
use queue::{Next, Queue, QueueSettings, Write};

const DIR: &str = "TODOKE_KILL_DIR";
const SEED: &str = "TODOKE_KILL_SEED";

/// One line at a time, in one write, so that a kill cuts no line and each line is true when it is out.
fn say(words: &str) {
    std::io::stdout().lock().write_all(format!("\n@{words}\n").as_bytes()).unwrap();
    std::io::stdout().flush().unwrap();
}

fn sized() -> QueueSettings {
    QueueSettings { page_records: 8, tally_every: 50, ..settings() }
}

/// What the child does until it is killed: hands in on one thread, sends on another.
fn child(dir: &Path, seed: u64) {
    let clock = Clock::system();
    let queue = Queue::open(dir, sized(), clock.clone()).unwrap();
    say("open");
    std::thread::scope(|scope| {
        scope.spawn(|| hand_in_for_ever(&queue, Chance::seeded(seed)));
        scope.spawn(|| send_for_ever(&queue, &clock, Chance::seeded(seed + 1)));
    });
}

fn hand_in_for_ever(queue: &Queue, mut chance: Chance) {
    loop {
        let mut intake = begin(queue, message("c"));
        let count = u32::try_from(chance.below(40)).unwrap();
        for n in 0..count {
            let carrier = ["au", "docomo"][usize::try_from(chance.below(2)).unwrap()];
            intake.add(&lane(carrier), address(n, "a.jp"), n.to_be_bytes().to_vec()).unwrap();
        }
        if chance.one_of(1, 5) {
            continue;
        }
        say(&format!("begin {} {count}", intake.message().0));
        let accepted = wait(intake.commit()).unwrap();
        say(&format!("accepted {}", accepted.message.0));
    }
}

fn send_for_ever(queue: &Queue, clock: &Clock, mut chance: Chance) {
    let from = source("s1");
    loop {
        for (lane, _) in queue.lanes() {
            let Some(queued) = claim(queue, lane, clock, &from) else { continue };
            let id = format!("{} {}", queued.id.message.0, queued.id.index);
            queue.write(Write::new().mark_in_doubt(&queued));
            say(&format!("marked {id}"));
            let now = clock.unix();
            let outcome = if chance.one_of(1, 4) { Outcome::Deferred(Cause::MailboxFull) } else { Outcome::Accepted };
            let record = record(queue, &queued, outcome, now);
            let next = if outcome.is_final() { Next::Done } else { Next::RetryAt { due: now, source_hint: None } };
            queue.write(Write::new().settle(queued, record, next));
            say(&format!("{} {id}", if outcome.is_final() { "ended" } else { "deferred" }));
        }
    }
}

#[derive(Default)]
struct Said {
    begun: BTreeMap<u64, u32>,
    accepted: BTreeSet<u64>,
    marked: BTreeSet<NotificationId>,
    deferred: BTreeMap<NotificationId, usize>,
    ended: BTreeSet<NotificationId>,
}

impl Said {
    fn hear(&mut self, line: &str) {
        let Some(words) = line.strip_prefix('@') else { return };
        let words: Vec<&str> = words.split(' ').collect();
        let number = |at: usize| words[at].parse::<u64>().unwrap();
        let id = || NotificationId { message: MessageId(number(1)), index: u32::try_from(number(2)).unwrap() };
        match words[0] {
            "open" => self.marked.clear(),
            "begin" => drop(self.begun.insert(number(1), u32::try_from(number(2)).unwrap())),
            "accepted" => drop(self.accepted.insert(number(1))),
            "marked" => drop(self.marked.insert(id())),
            "deferred" => {
                self.marked.remove(&id());
                *self.deferred.entry(id()).or_default() += 1;
            }
            "ended" => {
                self.marked.remove(&id());
                self.ended.insert(id());
            }
            other => panic!("{other}"),
        }
    }
}

/// Runs a child in `dir` and kills it once it has said `lines` lines; hears out what is in the pipe.
fn run_and_kill(dir: &Path, seed: u64, lines: u64, said: &mut Said) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "whatever_moment_a_kill_comes_at_nothing_said_is_lost", "--nocapture"])
        .env(DIR, dir)
        .env(SEED, seed.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut heard = 0;
    let mut pipe = BufReader::new(child.stdout.take().unwrap()).lines();
    while let Some(Ok(line)) = pipe.next() {
        said.hear(&line);
        heard += u64::from(line.starts_with('@'));
        if heard == lines {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    assert!(heard >= lines, "the child ended by itself after {heard} lines");
}

fn check(dir: &Path, said: &Said) {
    let clock = Clock::system();
    let queue = Queue::open(dir, sized(), clock.clone()).unwrap();
    let doubtful: BTreeSet<_> = queue.in_doubt().iter().map(|mark| mark.id).collect();
    let waiting = claim_all(&queue, &clock);
    let mut places: BTreeMap<u64, BTreeSet<u32>> = BTreeMap::new();
    for queued in &waiting {
        assert!(!said.ended.contains(&queued.id), "{} came back from its end", queued.id);
        assert_eq!(queued.in_doubt, doubtful.contains(&queued.id) || queued_was_in_doubt(&queue, queued.id));
        assert_eq!(queued.payload, queued.id.index.to_be_bytes());
        assert_eq!(queued.address, address(queued.id.index, "a.jp"));
        assert!(places.entry(queued.id.message.0).or_default().insert(queued.id.index), "claimed twice");
    }
    let mut ended = 0;
    for record in queue.outbox(0, usize::MAX).iter().filter(|record| record.outcome.is_final()) {
        let new = places.entry(record.id.message.0).or_default().insert(record.id.index);
        assert!(new, "{} ended and waits", record.id);
        ended += 1;
    }
    // Complete, whether it was acknowledged or not; and none that was acknowledged is missing.
    for (message, indices) in &places {
        let count = said.begun[message];
        assert_eq!(*indices, (0..count).collect(), "message {message}");
        assert!(queue.message(MessageId(*message)).is_some());
    }
    for message in &said.accepted {
        assert_eq!(queue.message(MessageId(*message)).map(|m| m.count), Some(said.begun[message]));
        assert!(said.begun[message] == 0 || places.contains_key(message), "message {message} is lost");
    }
    let tally = queue.tally(&"c".parse().unwrap());
    assert_eq!((tally.ended, tally.queued()), (ended, waiting.len() as u64));
    let unended: Vec<_> = said.marked.iter().filter(|id| waiting.iter().any(|q| q.id == **id)).collect();
    assert!(unended.iter().all(|id| doubtful.contains(id) || settled_unheard(&queue, said, **id)), "a mark is missing");
}

/// Doubt stays with a notification that was tried again after it.
fn queued_was_in_doubt(queue: &Queue, id: NotificationId) -> bool {
    queue.outbox(0, usize::MAX).iter().any(|record| record.id == id && record.in_doubt)
}

/// The last thing said was the mark, but the settling was already in the log when the kill came.
fn settled_unheard(queue: &Queue, said: &Said, id: NotificationId) -> bool {
    let records = queue.outbox(0, usize::MAX).iter().filter(|record| record.id == id).count();
    records > said.deferred.get(&id).copied().unwrap_or(0)
}

#[test]
fn whatever_moment_a_kill_comes_at_nothing_said_is_lost() {
    if let Ok(dir) = std::env::var(DIR) {
        return child(Path::new(&dir), std::env::var(SEED).unwrap().parse().unwrap());
    }
    let mut chance = Chance::seeded(11);
    for run in 0..4 {
        let (dir, mut said) = (tempfile::tempdir().unwrap(), Said::default());
        for round in 0..10 {
            let lines = 1 + chance.below(400);
            run_and_kill(dir.path(), chance.next_u64() >> 1, lines, &mut said);
            check(dir.path(), &said);
            assert!(round < 3 || !said.accepted.is_empty(), "run {run}");
        }
    }
}
