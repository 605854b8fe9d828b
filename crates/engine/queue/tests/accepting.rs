//! Handing in: all or nothing, once per key, and refused at each limit with words.

mod common;

use clock::Clock;
use common::*;
use mail_model::UnixMs;
use queue::{Begun, IDEMPOTENCY_KEPT, Queue, QueueSettings, Refusal};

#[test]
fn an_accepted_message_is_claimed_completely_whatever_its_size() {
    for count in [0, 1, 3, 4, 5, 8, 9, 100] {
        let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::manual(START));
        let queue = open(dir.path(), &clock);
        let accepted = accept(&queue, message("c"), &lane("docomo"), count);
        assert_eq!(accepted.count, count);
        assert_eq!(indices_due(&queue, &clock, accepted.message), (0..count).collect::<Vec<_>>(), "{count}");
        let stored = queue.message(accepted.message).unwrap();
        assert_eq!((stored.count, stored.content.as_slice()), (count, &b"content of c"[..]));
        drop(queue);
        let queue = open(dir.path(), &clock);
        assert_eq!(indices_due(&queue, &clock, accepted.message), (0..count).collect::<Vec<_>>(), "{count} again");
        assert_eq!(queue.tally(&"c".parse().unwrap()).queued(), u64::from(count));
    }
}

#[test]
fn what_is_dropped_before_its_commit_leaves_nothing() {
    for count in [1, 4, 5, 50] {
        let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::manual(START));
        let queue = open(dir.path(), &clock);
        let mut intake = begin(&queue, with_key(message("c"), "k", 1));
        let id = intake.message();
        for n in 0..count {
            intake.add(&lane("docomo"), address(n, "docomo.ne.jp"), vec![]).unwrap();
        }
        drop(intake);
        let kept = accept(&queue, with_key(message("c"), "k", 1), &lane("docomo"), 2);
        assert_eq!(claim_all(&queue, &clock).len(), 2, "{count}");
        assert!(queue.message(id).is_none() && kept.message > id);
        drop(queue);
        let queue = open(dir.path(), &clock);
        assert_eq!(claim_all(&queue, &clock).len(), 2, "{count} again");
    }
}

#[test]
fn pages_on_disk_are_not_claimed_before_the_commit() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::manual(START));
    let queue = open(dir.path(), &clock);
    let first = accept(&queue, message("a"), &lane("docomo"), 1);
    let mut intake = begin(&queue, message("b"));
    for n in 0..50 {
        intake.add(&lane("docomo"), address(n, "docomo.ne.jp"), vec![]).unwrap();
    }
    let claimed = claim_all(&queue, &clock);
    assert!(claimed.iter().all(|q| q.id.message == first.message) && claimed.len() == 1);
    wait(intake.commit()).unwrap();
    assert_eq!(claim_all(&queue, &clock).len(), 50);
}

#[test]
fn a_repeated_call_is_answered_with_the_first_answer() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::manual(START));
    let mut queue = open(dir.path(), &clock);
    let first = accept(&queue, with_key(message("c"), "k", 1), &lane("docomo"), 3);
    for reopened in [false, true] {
        if reopened {
            drop(queue);
            queue = open(dir.path(), &clock);
        }
        match queue.begin(with_key(message("c"), "k", 1)).unwrap() {
            Begun::Known { message, count } => assert_eq!((message, count), (first.message, 3)),
            Begun::New(_) => panic!("taken twice"),
        }
        let conflict = refusal(&queue, with_key(message("c"), "k", 2));
        assert_eq!(conflict, Refusal::IdempotencyConflict { message: first.message });
    }
    let under_way = begin(&queue, with_key(message("c"), "other", 1));
    assert_eq!(refusal(&queue, with_key(message("c"), "other", 1)), Refusal::IdempotencyBusy);
    drop(under_way);
    drop(begin(&queue, with_key(message("c"), "other", 1)));
    clock.advance(IDEMPOTENCY_KEPT);
    assert_ne!(accept(&queue, with_key(message("c"), "k", 2), &lane("docomo"), 1).message, first.message);
}

#[test]
fn each_limit_refuses_by_name() {
    type Case = (&'static str, fn(&mut QueueSettings), fn(&Queue) -> Refusal);
    let one_more = |queue: &Queue| {
        let mut intake = begin(queue, message("c"));
        let added = (0..).find_map(|n| intake.add(&lane(&format!("c{n}")), address(n, "a.jp"), vec![0; 9]).err());
        added.unwrap()
    };
    let table: [Case; 8] = [
        ("content_bytes_max", |s| s.limits.content_bytes_max = 3, |q| refusal(q, message("c"))),
        ("payload_bytes_max", |s| s.limits.payload_bytes_max = 8, one_more),
        ("recipients_per_message_max", |s| s.limits.recipients_per_message_max = 5, one_more),
        ("lanes_max", |s| s.limits.lanes_max = 2, one_more),
        ("notifications_max", |s| s.limits.notifications_max = 6, one_more),
        ("disk_free_bytes_min", |s| s.limits.disk_free_bytes_min = u64::MAX, |q| refusal(q, message("c"))),
        (
            "messages_max",
            |s| s.limits.messages_max = 1,
            |q| {
                accept(q, message("c"), &lane("docomo"), 1);
                refusal(q, message("c"))
            },
        ),
        ("idempotency_key_bytes_max", |_| {}, |q| refusal(q, with_key(message("c"), &"k".repeat(256), 1))),
    ];
    for (expected, set, act) in table {
        let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::manual(START));
        let mut settings = settings();
        set(&mut settings);
        let queue = Queue::open(dir.path(), settings, clock).unwrap();
        match act(&queue) {
            Refusal::Limit { name, remedy, .. } => assert!(name == expected && !remedy.is_empty(), "{name}"),
            other => panic!("{expected}: {other:?}"),
        }
    }
}

#[test]
fn an_intake_goes_on_after_a_refused_recipient() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::manual(START));
    let mut settings = settings();
    settings.limits.payload_bytes_max = 8;
    let queue = Queue::open(dir.path(), settings, clock.clone()).unwrap();
    let mut intake = begin(&queue, message("c"));
    assert_eq!(intake.add(&lane("au"), address(0, "au.com"), vec![]), Ok(0));
    assert!(intake.add(&lane("au"), address(1, "au.com"), vec![0; 9]).is_err());
    assert_eq!(intake.add(&lane("au"), address(2, "au.com"), vec![]), Ok(1));
    assert_eq!(wait(intake.commit()).unwrap().count, 2);
}

#[test]
fn a_reserved_message_waits_for_its_time_also_over_a_restart() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::manual(START));
    let queue = open(dir.path(), &clock);
    let not_before = Some(UnixMs(START.0 + 60_000));
    accept(&queue, queue::NewMessage { not_before, ..message("c") }, &lane("au"), 30);
    assert_eq!(claim_all(&queue, &clock).len(), 0);
    drop(queue);
    let queue = open(dir.path(), &clock);
    assert_eq!(claim_all(&queue, &clock).len(), 0);
    clock.advance(std::time::Duration::from_secs(60));
    assert_eq!(claim_all(&queue, &clock).len(), 30);
}

#[test]
fn an_id_given_away_earlier_stands_earlier_and_serves_one_message() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::manual(START));
    let queue = open(dir.path(), &clock);
    let ids = queue.reserve_ids(3);
    assert!(ids.is_sorted() && ids.len() == 3);
    let later = accept(&queue, message("a"), &lane("docomo"), 40);
    let Ok(Begun::New(mut intake)) = queue.begin_as(ids[1], message("b")) else { panic!("not begun") };
    assert_eq!(queue.begin_as(ids[1], message("b")).unwrap_err(), Refusal::IdempotencyBusy);
    intake.add(&lane("docomo"), address(7, "docomo.ne.jp"), vec![]).unwrap();
    assert_eq!(intake.lanes(), [lane("docomo")]);
    wait(intake.commit()).unwrap();
    let order: Vec<_> = claim_all(&queue, &clock).iter().map(|queued| queued.id.message).collect();
    let place = order.iter().position(|message| *message == ids[1]).unwrap();
    assert!(order.len() == 41 && place < 20, "behind what was in memory, before the rest: {place}");
    let known = queue.begin_as(ids[1], message("c"));
    assert!(matches!(known, Ok(Begun::Known { message, count: 1 }) if message == ids[1]), "{known:?}");
    drop((known, queue));
    let queue = open(dir.path(), &clock);
    assert!(queue.reserve_ids(1)[0] > later.message, "no id is given away twice");
    assert!(matches!(queue.begin_as(ids[2], message("d")), Ok(Begun::New(_))));
}

#[test]
fn setting_the_clock_back_holds_up_no_fresh_mail_and_repeats_no_id() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::manual(START));
    let queue = open(dir.path(), &clock);
    let first = accept(&queue, message("a"), &lane("au"), 100);
    clock.set_unix(UnixMs(START.0 - 3_600_000));
    let second = accept(&queue, message("b"), &lane("au"), 100);
    assert!(second.message > first.message);
    assert_eq!(claim_all(&queue, &clock).len(), 200);
    drop(queue);
    clock.set_unix(UnixMs(START.0 - 86_400_000));
    let queue = open(dir.path(), &clock);
    let third = accept(&queue, message("c"), &lane("au"), 100);
    assert!(third.message > second.message);
    assert_eq!(claim_all(&queue, &clock).len(), 300);
}

#[test]
fn many_calls_at_once_are_all_accepted() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::manual(START));
    let queue = open(dir.path(), &clock);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let queue = &queue;
            scope.spawn(move || {
                for n in 0..40 {
                    accept(queue, message(&format!("c{thread}-{n}")), &lane("au"), 3);
                }
            });
        }
    });
    assert_eq!(claim_all(&queue, &clock).len(), 8 * 40 * 3);
    assert_eq!(queue.shape().messages, 320);
}
