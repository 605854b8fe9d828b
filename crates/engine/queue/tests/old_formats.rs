//! Queues written by earlier programs, kept as files: each is read, and each format has one.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clock::Clock;
use common::*;
use mail_model::{Cause, Outcome, Withheld};
use queue::{FORMAT_VERSION, Filter, Queue, Write};

/// Each format with the test of what its queue holds.
const CHECKED: [(u32, fn(&Queue, &Clock)); 1] = [(1, check_v1)];

fn folder(version: u32) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/old/v{version}"))
}

fn copied(from: &Path) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), dir.path().join(entry.file_name())).unwrap();
    }
    dir
}

#[test]
fn a_queue_of_every_format_is_read() {
    for (version, check) in CHECKED {
        let dir = copied(&folder(version));
        let clock = Clock::manual(START);
        check(&open(dir.path(), &clock), &clock);
    }
}

#[test]
fn every_stored_format_is_tested_and_the_present_one_is_stored() {
    let stored = fs::read_dir(folder(1).parent().unwrap()).unwrap();
    let mut names: Vec<_> = stored.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, CHECKED.map(|(version, _)| format!("v{version}")));
    assert!(CHECKED.iter().any(|(version, _)| *version == FORMAT_VERSION));
}

/// One of everything that can stand in a queue.
fn write_v1(queue: &Queue, clock: &Clock) {
    accept(queue, with_key(message("finished"), "key-1", 7), &lane("au"), 4);
    let outcomes = [
        Outcome::Accepted,
        Outcome::Failed(Cause::AddressUnknown),
        Outcome::Withheld(Withheld::Suppressed),
        Outcome::Expired(Cause::MailboxFull),
    ];
    for (queued, outcome) in claim_all(queue, clock).into_iter().zip(outcomes) {
        queue.write(Write::new().suppress(&queued.address, vec![1, 2]));
        done(queue, queued, outcome, START);
    }
    let not_after = Some(START + Duration::from_secs(3_600));
    accept(queue, queue::NewMessage { not_after, ..message("waiting") }, &lane("docomo"), 6);
    let mut claimed = claim_all(queue, clock);
    let later = START + Duration::from_secs(60);
    retry(queue, claimed.remove(0), Outcome::Deferred(Cause::RateLimited), START, later, Some("s1"));
    queue.write(Write::new().mark_in_doubt(&claimed[0]));
    queue.sweep(&Filter { domain: Some("docomo.ne.jp".to_owned()), ..Filter::default() });
    std::mem::forget(claimed);
    let mut staged = begin(queue, message("staged"));
    for n in 0..9 {
        staged.add(&lane("docomo"), address(n, "a.jp"), vec![]).unwrap();
    }
    std::mem::forget(staged);
    outbox_of(queue, 6);
}

fn check_v1(queue: &Queue, clock: &Clock) {
    let finished = queue.tally(&"finished".parse().unwrap());
    assert_eq!((finished.count, finished.queued(), finished.of(Outcome::Accepted)), (4, 0, 1));
    assert_eq!(queue.failures(&"finished".parse().unwrap(), None, 9).len(), 3);
    assert_eq!(queue.suppression(&address(1, "docomo.ne.jp")).as_deref(), Some(&[1, 2][..]));
    assert!(matches!(queue.begin(with_key(message("x"), "key-1", 7)), Ok(queue::Begun::Known { count: 4, .. })));
    let doubts = queue.in_doubt();
    assert_eq!((doubts.len(), doubts[0].id.index, doubts[0].source.as_str()), (1, 1, "s1"));
    // Six outcomes were stored; the refill ends five more.
    outbox_of(queue, 11);
    // Five were claimed when they were cancelled, one had been deferred: none of them is sent.
    assert!(claim_all(queue, clock).is_empty());
    let waiting = queue.messages_of(&"waiting".parse().unwrap())[0];
    let stored = queue.message(waiting).unwrap();
    assert_eq!(stored.not_after, Some(START + Duration::from_secs(3_600)));
    assert_eq!((stored.count, stored.content.as_slice()), (6, &b"content of waiting"[..]));
    assert_eq!(queue.tally_of(waiting).unwrap().of(Outcome::Withheld(Withheld::Cancelled)), 6);
    assert!(queue.messages_of(&"staged".parse().unwrap()).is_empty());
    assert_eq!(queue.outbox(0, 2)[1].outcome, Outcome::Failed(Cause::AddressUnknown));
}

/// Writes the queue of the present format anew: only when a format is introduced, never over one that was released.
#[test]
#[ignore = "writes into the source tree"]
fn write_the_queue_of_the_present_format() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::manual(START));
    let queue = open(dir.path(), &clock);
    write_v1(&queue, &clock);
    let to = folder(FORMAT_VERSION);
    fs::create_dir_all(&to).unwrap();
    // As a kill would leave it: copied while it is open. RocksDB's own diary and options are not needed.
    for entry in fs::read_dir(dir.path()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if !name.starts_with("LO") && !name.starts_with("OPTIONS") {
            fs::copy(dir.path().join(&name), to.join(&name)).unwrap();
        }
    }
}
