//! What an operator holds: postponed without an attempt, brought back, and what a look at a lane says meanwhile.

mod common;

use std::time::Duration;

use clock::Clock;
use common::*;
use mail_model::{Cause, Outcome, UnixMs};
use queue::{Claim, Filter, Peek, Queue, Write};

const HELD_MS: u64 = 3_600_000;

fn fresh() -> (tempfile::TempDir, Clock, Queue) {
    let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::manual(START));
    let queue = open(dir.path(), &clock);
    (dir, clock, queue)
}

/// The end of the hold.
fn end() -> UnixMs {
    UnixMs(START.0 + HELD_MS)
}

#[test]
fn a_postponed_mail_waits_without_an_attempt_and_comes_back_by_itself_or_by_recall() {
    for recalled in [false, true] {
        let (_dir, clock, queue) = fresh();
        accept(&queue, message("c"), &lane("au"), 2);
        let id = queue.lane_id(&lane("au")).unwrap();
        for _ in 0..2 {
            let queued = claim(&queue, id, &clock, &source("a")).unwrap();
            queue.write(Write::new().postpone(queued, end()));
        }
        assert!(matches!(queue.claim(id, START, &source("a")), Claim::Later(at) if at == end()));
        assert_eq!(queue.peek(id, START), Peek::Later(end()));
        if recalled {
            assert_eq!(queue.recall(end()), 2);
        } else {
            clock.advance(Duration::from_millis(HELD_MS));
        }
        let back = claim_all(&queue, &clock);
        assert_eq!(back.len(), 2, "recalled: {recalled}");
        assert!(back.iter().all(|queued| queued.attempts == 0 && !queued.in_doubt));
        drop(back);
        assert_eq!(queue.tally_of(queue.messages_of(&message("c").campaign)[0]).unwrap().queued(), 2);
    }
}

#[test]
fn a_mail_that_was_marked_before_it_was_postponed_comes_back_in_doubt() {
    let (_dir, clock, queue) = fresh();
    accept(&queue, message("c"), &lane("au"), 1);
    let id = queue.lane_id(&lane("au")).unwrap();
    let queued = claim(&queue, id, &clock, &source("a")).unwrap();
    queue.write(Write::new().mark_in_doubt(&queued));
    queue.write(Write::new().postpone(queued, end()));
    assert_eq!(queue.in_doubt().len(), 1);
    clock.advance(Duration::from_millis(HELD_MS));
    assert!(claim(&queue, id, &clock, &source("a")).unwrap().in_doubt);
}

#[test]
fn a_mail_cancelled_while_it_was_held_is_not_sent_after_the_recall() {
    let (_dir, clock, queue) = fresh();
    let accepted = accept(&queue, message("c"), &lane("au"), 1);
    let id = queue.lane_id(&lane("au")).unwrap();
    let queued = claim(&queue, id, &clock, &source("a")).unwrap();
    let filter = Filter { message: Some(accepted.message), ..Filter::default() };
    assert_eq!(queue.sweep(&filter), 0, "it is in a session's hands");
    queue.write(Write::new().postpone(queued, end()));
    queue.recall(end());
    clock.advance(Duration::from_secs(1));
    assert!(claim_all(&queue, &clock).is_empty());
    assert_eq!(queue.tally_of(accepted.message).unwrap().queued(), 0);
}

#[test]
fn a_look_at_a_lane_names_the_sources_that_greylisted_mail_wants() {
    let (_dir, clock, queue) = fresh();
    accept(&queue, message("c"), &lane("au"), 1);
    let id = queue.lane_id(&lane("au")).unwrap();
    assert_eq!(queue.peek(id, START), Peek::Due);
    let queued = claim(&queue, id, &clock, &source("b")).unwrap();
    assert_eq!(queue.peek(id, START), Peek::Empty);
    let due = UnixMs(START.0 + 1_000);
    retry(&queue, queued, Outcome::Deferred(Cause::RateLimited), START, due, Some("b"));
    clock.advance(Duration::from_secs(1));
    drop(claim_all(&queue, &clock));
    queue.unclaim(claim(&queue, id, &clock, &source("b")).unwrap());
    assert_eq!(queue.peek(id, clock.unix()), Peek::DueFor(vec![source("b")]));
}
