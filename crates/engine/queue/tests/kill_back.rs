//! `kill -9` while mail comes in, is dealt with and has consequences: each received mail is in the inbox or was dealt with
//! once, and sums are what the outbox says.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use clock::{Chance, Clock};
use common::*;
use mail_model::{Cause, NotificationId, Outcome};
use queue::{AttemptRecord, Late, Queue, QueueSettings, Revived, Write};

const DIR: &str = "TODOKE_KILL_BACK_DIR";
const SEED: &str = "TODOKE_KILL_BACK_SEED";
const BOUNCED: Outcome = Outcome::Bounced(Cause::MailboxFull);

/// One line at a time, in one write, so that a kill cuts no line and each line is true when it is out.
fn say(words: &str) {
    std::io::stdout().lock().write_all(format!("\n@{words}\n").as_bytes()).unwrap();
    std::io::stdout().flush().unwrap();
}

fn sized() -> QueueSettings {
    QueueSettings { tally_every: 20, ..settings() }
}

fn child(dir: &Path, seed: u64) {
    let clock = Clock::system();
    let queue = Queue::open(dir, sized(), clock.clone()).unwrap();
    say("open");
    std::thread::scope(|scope| {
        for thread in 0..3 {
            let queue = &queue;
            scope.spawn(move || receive_for_ever(queue, Chance::seeded(seed + thread)));
        }
        scope.spawn(|| deal_for_ever(&queue, Chance::seeded(seed + 3)));
        scope.spawn(|| send_for_ever(&queue, &clock));
    });
}

fn receive_for_ever(queue: &Queue, mut chance: Chance) {
    loop {
        let content = chance.next_u64().to_string();
        say(&format!("sent {content}"));
        receive(queue, &content);
        say(&format!("received {content}"));
    }
}

/// Messages of a few notifications, all of them accepted by the carrier.
fn send_for_ever(queue: &Queue, clock: &Clock) {
    loop {
        accept(queue, message("c"), &lane("au"), 3);
        for queued in claim_all(queue, clock) {
            done(queue, queued, Outcome::Accepted, clock.unix());
        }
    }
}

/// Each received mail becomes an entry of the audit list, which would show it if it were dealt with twice, and the
/// bounce of some mail.
fn deal_for_ever(queue: &Queue, mut chance: Chance) {
    loop {
        let records = queue.outbox(0, usize::MAX);
        for (id, mail) in queue.inbox_next(None, 5) {
            let content = String::from_utf8(mail.content.to_vec()).unwrap();
            let mut write = Write::new().audit(audit_entry(&content)).remember(content.as_bytes(), b"", START);
            let about = usize::try_from(chance.below(records.len().max(1) as u64)).unwrap();
            if let Some(record) = records.get(about) {
                let outcome = if chance.one_of(1, 3) { Outcome::Complained } else { BOUNCED };
                write = write.late(&report(record.id, outcome));
                if chance.one_of(1, 3) {
                    write = write.revive(record.id, START);
                }
            }
            let write = if chance.one_of(1, 4) { write.inbox_kept(id, "reply", "") } else { write.inbox_done(id) };
            let Ok(told) = queue.write_late(write) else { continue };
            say(&format!("dealt {content}"));
            for (id, late) in told.late {
                let revived = told.revived.contains(&(id, Revived::Waiting));
                let recorded = late == Late::Recorded && !revived;
                say(&format!("{} {} {}", if recorded { "late" } else { "idle" }, id.message.0, id.index));
            }
        }
    }
}

#[derive(Default)]
struct Said {
    sent: BTreeSet<String>,
    received: BTreeSet<String>,
    dealt: BTreeSet<String>,
    late: usize,
}

impl Said {
    fn hear(&mut self, line: &str) {
        let Some(words) = line.strip_prefix('@') else { return };
        let (word, rest) = words.split_once(' ').unwrap_or((words, ""));
        match word {
            "sent" => drop(self.sent.insert(rest.to_owned())),
            "received" => drop(self.received.insert(rest.to_owned())),
            "dealt" => drop(self.dealt.insert(rest.to_owned())),
            "late" => self.late += 1,
            "open" | "idle" => {}
            other => panic!("{other}"),
        }
    }
}

/// Runs a child in `dir` and kills it once it has said `lines` lines; hears out what is in the pipe.
fn run_and_kill(dir: &Path, seed: u64, lines: u64, said: &mut Said) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "whatever_moment_a_kill_comes_at_received_mail_is_dealt_with_once", "--nocapture"])
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
    let queue = Queue::open(dir, sized(), Clock::system()).unwrap();
    let waiting: Vec<String> = inbox_of(&queue);
    let audited: Vec<String> = queue.audit(0, usize::MAX).into_iter().map(|(_, entry)| entry.subject).collect();
    let places: BTreeSet<&String> = waiting.iter().chain(&audited).collect();
    assert_eq!(places.len(), waiting.len() + audited.len(), "a mail was dealt with twice, or waits after its end");
    assert_eq!(queue.inbox_waiting(), waiting.len() as u64);
    for content in &said.received {
        assert!(places.contains(content), "an acknowledged mail is lost");
    }
    let audited: BTreeSet<&String> = audited.iter().collect();
    assert!(said.dealt.iter().all(|content| audited.contains(content)), "a consequence is lost");
    assert!(places.iter().all(|content| said.sent.contains(*content)));
    for kept in queue.kept(None, usize::MAX) {
        let content = String::from_utf8(kept.mail.content.to_vec()).unwrap();
        assert!(audited.contains(&content) && !waiting.contains(&content));
    }
    check_sums(&queue, said);
}

/// What the sums must be, told by the outbox alone.
fn check_sums(queue: &Queue, said: &Said) {
    let mut histories: BTreeMap<NotificationId, Vec<AttemptRecord>> = BTreeMap::new();
    for record in queue.outbox(0, usize::MAX) {
        histories.entry(record.id).or_default().push(record);
    }
    let last = |outcome| histories.values().filter(|history| history.last().unwrap().outcome == outcome).count();
    let tally = queue.tally(&"c".parse().unwrap());
    for outcome in [Outcome::Accepted, BOUNCED, Outcome::Complained] {
        assert_eq!(tally.of(outcome), last(outcome) as u64, "{outcome}");
    }
    let open = last(Outcome::Deferred(Cause::MailboxFull));
    assert_eq!(tally.ended, (histories.len() - open) as u64);
    let late = histories.values().flatten().filter(|record| record.outcome.is_late()).count();
    assert!(late >= said.late, "a late outcome is lost");
    for (id, history) in histories {
        assert!(history.windows(2).all(|pair| pair[0].attempt < pair[1].attempt), "{history:?}");
        assert_eq!(queue.last_attempt(id).as_ref(), history.last());
    }
}

#[test]
fn whatever_moment_a_kill_comes_at_received_mail_is_dealt_with_once() {
    if let Ok(dir) = std::env::var(DIR) {
        return child(Path::new(&dir), std::env::var(SEED).unwrap().parse().unwrap());
    }
    let mut chance = Chance::seeded(12);
    for run in 0..3 {
        let (dir, mut said) = (tempfile::tempdir().unwrap(), Said::default());
        for round in 0..8 {
            let lines = 1 + chance.below(400);
            run_and_kill(dir.path(), chance.next_u64() >> 1, lines, &mut said);
            check(dir.path(), &said);
            assert!(round < 4 || (!said.dealt.is_empty() && said.late > 0), "run {run}");
        }
    }
}
