//! Opening: one process, a known format, and files that are all there.

mod common;

use std::fs;

use clock::Clock;
use common::*;
use queue::{FORMAT_VERSION, OpenError, Queue};

fn refused(dir: &std::path::Path) -> OpenError {
    Queue::open(dir, settings(), Clock::manual(START)).map(|_| ()).unwrap_err()
}

#[test]
fn a_second_open_of_the_same_directory_is_refused() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::manual(START));
    let queue = open(dir.path(), &clock);
    let error = refused(dir.path());
    assert!(matches!(error, OpenError::Locked { .. }), "{error}");
    let copy = queue.clone();
    drop(queue);
    assert!(matches!(refused(dir.path()), OpenError::Locked { .. }));
    drop(copy);
    open(dir.path(), &clock);
}

#[test]
fn a_newer_format_is_refused_with_words() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::manual(START));
    drop(open(dir.path(), &clock));
    let newer = FORMAT_VERSION + 1;
    fs::write(dir.path().join("FORMAT"), format!("todoke queue format {newer}\n")).unwrap();
    let error = refused(dir.path());
    assert!(matches!(error, OpenError::Newer { found, .. } if found == newer), "{error}");
    assert!(error.to_string().contains("Start the newer program"), "{error}");
}

#[test]
fn a_missing_file_is_named_and_nothing_new_is_made_in_its_place() {
    for name in ["CURRENT", "FORMAT"] {
        let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::manual(START));
        accept(&open(dir.path(), &clock), message("c"), &lane("au"), 3);
        let kept = fs::read(dir.path().join(name)).unwrap();
        fs::remove_file(dir.path().join(name)).unwrap();
        let error = refused(dir.path());
        assert!(matches!(&error, OpenError::Damaged { part, .. } if part == name), "{error}");
        fs::write(dir.path().join(name), kept).unwrap();
        assert_eq!(claim_all(&open(dir.path(), &clock), &clock).len(), 3, "{name}");
    }
}

#[test]
fn a_place_that_cannot_be_used_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, b"").unwrap();
    let error = refused(&file);
    assert!(matches!(error, OpenError::Io { .. }) && error.to_string().contains("file"), "{error}");
}

#[test]
fn a_checkpoint_is_the_queue_as_it_was_then() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::manual(START));
    let queue = open(dir.path(), &clock);
    accept(&queue, message("a"), &lane("au"), 30);
    let copy = dir.path().join("copy");
    queue.checkpoint(&copy);
    accept(&queue, message("b"), &lane("au"), 30);
    let restored = open(&copy, &clock);
    assert_eq!(claim_all(&restored, &clock).len(), 30);
    drop(restored);
    assert_eq!(claim_all(&open(&copy, &clock), &clock).len(), 30);
}

#[test]
fn lanes_keep_their_numbers_and_counts_are_exact_again_after_a_start() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::manual(START));
    let queue = open(dir.path(), &clock);
    let names = ["docomo", "au", "softbank"];
    for (n, name) in names.iter().enumerate() {
        accept(&queue, message("c"), &lane(name), u32::try_from(n).unwrap() * 10 + 1);
    }
    let before = (queue.lanes(), queue.shape());
    drop(queue);
    let queue = open(dir.path(), &clock);
    accept(&queue, message("d"), &lane("au"), 5);
    let after = loop {
        let shape = queue.shape();
        if shape.counted {
            break shape;
        }
        std::thread::yield_now();
    };
    assert_eq!(queue.lanes(), before.0);
    assert_eq!((after.queued, after.messages), (before.1.queued + 5, before.1.messages + 1));
    assert_eq!(after.lanes.iter().map(|l| l.queued).collect::<Vec<_>>(), [1, 16, 21]);
}
