//! Queues written by earlier programs, kept as files: each is read, and each format has one.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clock::Clock;
use common::*;
use mail_model::{Cause, Class, Lane, NotificationId, Outcome, UnixMs, Withheld};
use queue::{AtDeadline, FORMAT_VERSION, Filter, Late, Queue, Revived, Write};

/// Each format with the test of what its queue holds.
const CHECKED: [(u32, fn(&Queue, &Clock)); 3] = [(1, check_v1), (2, check_v2), (3, check_v3)];

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

fn format_of(dir: &Path) -> String {
    fs::read_to_string(dir.join("FORMAT")).unwrap()
}

#[test]
fn a_queue_of_an_earlier_format_is_of_the_present_one_once_it_was_opened() {
    let dir = copied(&folder(1));
    let clock = Clock::manual(START);
    assert_eq!(format_of(dir.path()), "todoke queue format 1\n");
    drop(open(dir.path(), &clock));
    assert_eq!(format_of(dir.path()), format!("todoke queue format {FORMAT_VERSION}\n"));
    let queue = open(dir.path(), &clock);
    receive(&queue, "x");
    check_v1(&queue, &clock);
    assert_eq!(inbox_of(&queue), ["x"]);
}

#[test]
fn a_conversion_that_was_cut_off_is_done_at_the_next_start() {
    let dir = copied(&folder(1));
    let clock = Clock::manual(START);
    drop(open(dir.path(), &clock));
    // The families are there, and the file still says what it said.
    fs::write(dir.path().join("FORMAT"), "todoke queue format 1\n").unwrap();
    let queue = open(dir.path(), &clock);
    receive(&queue, "x");
    drop(queue);
    let queue = open(dir.path(), &clock);
    let format = format!("todoke queue format {FORMAT_VERSION}\n");
    assert_eq!((inbox_of(&queue), format_of(dir.path())), (vec!["x".to_owned()], format));
}

#[test]
fn a_queue_of_an_earlier_format_opens_with_a_torn_log_and_not_without_what_was_synced() {
    for rubbish in [true, false] {
        let dir = copied(&folder(1));
        let path = dir.path().join("000004.log");
        let mut log = fs::read(&path).unwrap();
        if rubbish {
            // The beginning of a record that a kill cut off: checksum, length 100, kind "whole".
            log.extend([0, 0, 0, 0, 100, 0, 1]);
            log.extend([9; 20]);
        } else {
            log.truncate(log.len() / 2);
        }
        fs::write(&path, log).unwrap();
        let clock = Clock::manual(START);
        match Queue::open(dir.path(), settings(), clock.clone()) {
            Ok(queue) => check_v1(&queue, &clock),
            Err(error) => assert!(!rubbish && error.to_string().contains("synced"), "{error}"),
        }
        let format = if rubbish { FORMAT_VERSION } else { 1 };
        assert_eq!(format_of(dir.path()), format!("todoke queue format {format}\n"));
    }
}

/// One of everything that can stand in a queue.
fn write_present(queue: &Queue, clock: &Clock) {
    write_v1(queue, clock);
    write_v2(queue, clock);
    write_v3(queue, clock);
}

/// What a queue of format 1 could hold.
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
    // Payloads were not kept by the program of that time.
    check_first(queue, clock, 6, Revived::NotKept);
}

/// `stored`: how many outcomes were stored.
fn check_first(queue: &Queue, clock: &Clock, stored: usize, revived: Revived) {
    let finished = queue.tally(&"finished".parse().unwrap());
    assert_eq!((finished.count, finished.queued(), finished.of(Outcome::Accepted)), (4, 0, 1));
    assert_eq!(queue.failures(&"finished".parse().unwrap(), None, 9).len(), 3);
    assert_eq!(queue.suppression(&address(1, "docomo.ne.jp")).as_deref(), Some(&[1, 2][..]));
    assert!(matches!(queue.begin(with_key(message("x"), "key-1", 7)), Ok(queue::Begun::Known { count: 4, .. })));
    // The refill ends five more.
    let records = outbox_of(queue, stored + 5);
    // The one that was marked is still known to be in doubt.
    let doubtful: Vec<_> = records.iter().filter(|record| record.in_doubt).collect();
    assert_eq!((doubtful.len(), doubtful[0].id.index), (1, 1));
    assert_eq!(doubtful[0].outcome, Outcome::Withheld(Withheld::Cancelled));
    // Five were claimed when they were cancelled, one had been deferred: none of them is sent.
    assert!(claim_all(queue, clock).is_empty());
    let waiting = queue.messages_of(&"waiting".parse().unwrap())[0];
    let stored = queue.message(waiting).unwrap();
    assert_eq!(stored.not_after, Some(START + Duration::from_secs(3_600)));
    assert_eq!((stored.count, stored.content.as_slice()), (6, &b"content of waiting"[..]));
    assert_eq!(queue.tally_of(waiting).unwrap().of(Outcome::Withheld(Withheld::Cancelled)), 6);
    assert!(queue.messages_of(&"staged".parse().unwrap()).is_empty());
    assert_eq!(queue.outbox(0, 2)[1].outcome, Outcome::Failed(Cause::AddressUnknown));
    let accepted = queue.outbox(0, 1).remove(0);
    assert_eq!(queue.last_attempt(accepted.id), Some(accepted.clone()));
    let told = queue.write_late(Write::new().late(&report(accepted.id, BOUNCED)).revive(accepted.id, START)).unwrap();
    assert_eq!((told.late[0].1, told.revived[0].1), (Late::Recorded, revived));
}

const BOUNCED: Outcome = Outcome::Bounced(Cause::MailboxFull);

fn urgent() -> Lane {
    Lane { class: Class::Transactional, ..lane("au") }
}

/// What came with format 2.
fn write_v2(queue: &Queue, clock: &Clock) {
    let class = Class::Transactional;
    accept(queue, queue::NewMessage { class, ..message("returned") }, &urgent(), 4);
    for queued in claim_all(queue, clock) {
        let (id, index) = (queued.id, queued.id.index);
        done(queue, queued, Outcome::Accepted, START);
        let later = START + Duration::from_secs(60);
        let write = match index {
            0 => Write::new().late(&report(id, BOUNCED)),
            1 => Write::new().late(&report(id, BOUNCED)).late(&report(id, Outcome::Complained)),
            2 => Write::new().late(&report(id, BOUNCED)).revive(id, later),
            _ => Write::new(),
        };
        queue.write_late(write).unwrap();
    }
    let ids: Vec<_> = ["waiting", "dealt with", "kept"].map(|content| receive(queue, content)).into();
    let write = Write::new().inbox_done(ids[1]).inbox_kept(ids[2], "reply", "a person wrote it");
    queue.write_late(write.audit(audit_entry("one")).remember(b"m/1", b"known", UnixMs::NEVER)).unwrap();
    wait(queue.synced());
}

fn check_v2(queue: &Queue, clock: &Clock) {
    check_back(queue, clock, 14);
}

/// `stored`: how many outcomes were stored.
fn check_back(queue: &Queue, clock: &Clock, stored: usize) {
    let message = queue.messages_of(&"returned".parse().unwrap())[0];
    let tally = queue.tally_of(message).unwrap();
    assert_eq!((tally.count, tally.ended, tally.of(Outcome::Accepted)), (4, 3, 1));
    assert_eq!((tally.of(BOUNCED), tally.of(Outcome::Complained)), (1, 1));
    let last = |index| queue.last_attempt(NotificationId { message, index }).map(|record| record.outcome);
    let deferred = Outcome::Deferred(Cause::MailboxFull);
    let expected = [BOUNCED, Outcome::Complained, deferred, Outcome::Accepted].map(Some);
    assert_eq!([0, 1, 2, 3].map(last), expected);
    assert_eq!(queue.message(message).unwrap().class, Class::Transactional);
    assert_eq!((inbox_of(queue), queue.inbox_waiting()), (vec!["waiting".to_owned()], 1));
    let kept = queue.kept(None, 9).remove(0);
    assert_eq!((kept.kind.as_str(), kept.note.as_str(), kept.mail), ("reply", "a person wrote it", mail("kept")));
    assert_eq!(queue.audit(0, 9), [(1, audit_entry("one"))]);
    assert_eq!(queue.remembered(b"m/1").as_deref(), Some(&b"known"[..]));
    check_first(queue, clock, stored, Revived::Waiting);
    clock.advance(Duration::from_secs(60));
    let back: Vec<_> = claim_all(queue, clock).into_iter().filter(|queued| queued.id.message == message).collect();
    assert_eq!(
        (back.len(), back[0].id.index, back[0].attempts, back[0].lane),
        (1, 2, 2, queue.lane_id(&urgent()).unwrap())
    );
}

fn in_minutes(minutes: u64) -> UnixMs {
    START + Duration::from_secs(60 * minutes)
}

/// What came with format 3.
fn write_v3(queue: &Queue, clock: &Clock) {
    let at_deadline = AtDeadline { replace_until: Some(in_minutes(90)), warn_at: Some(in_minutes(20)) };
    let new = queue::NewMessage { not_after: Some(in_minutes(30)), at_deadline, ..message("replaced") };
    let accepted = accept(queue, new, &lane("softbank"), 3);
    for queued in claim_all(queue, clock).into_iter().filter(|queued| queued.id.message == accepted.message) {
        if queued.id.index == 0 {
            done(queue, queued, Outcome::Replaced, START);
        }
    }
    wait(queue.synced());
}

fn check_v3(queue: &Queue, clock: &Clock) {
    let message = queue.messages_of(&"replaced".parse().unwrap())[0];
    let stored = queue.message(message).unwrap();
    let at_deadline = AtDeadline { replace_until: Some(in_minutes(90)), warn_at: Some(in_minutes(20)) };
    assert_eq!((stored.not_after, stored.at_deadline), (Some(in_minutes(30)), at_deadline));
    let tally = queue.tally_of(message).unwrap();
    assert_eq!((tally.of(Outcome::Replaced), tally.of(Outcome::Accepted), tally.queued()), (1, 0, 2));
    let near: Vec<_> = queue.near_deadlines(in_minutes(25)).into_iter().map(|near| near.message).collect();
    assert_eq!(near, [message]);
    assert_eq!(queue.sweep(&Filter { message: Some(message), ..Filter::default() }), 2);
    check_back(queue, clock, 17);
}

/// Writes the queue of the present format anew: only when a format is introduced, never over one that was released.
#[test]
#[ignore = "writes into the source tree"]
fn write_the_queue_of_the_present_format() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::manual(START));
    let queue = open(dir.path(), &clock);
    write_present(&queue, &clock);
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
