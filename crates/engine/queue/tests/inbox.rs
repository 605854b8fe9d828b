//! Mail that comes in: stored before it is acknowledged, shown in order, taken out with what follows from it.

mod common;

use std::collections::BTreeSet;
use std::time::Duration;

use clock::Clock;
use common::*;
use mail_model::UnixMs;
use queue::{InboxId, Queue, QueueSettings, Refusal, Write};

fn fresh() -> (tempfile::TempDir, Clock, Queue) {
    let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::manual(START));
    let queue = open(dir.path(), &clock);
    (dir, clock, queue)
}

fn name(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::Limit { name, .. } => name,
        _ => "",
    }
}

#[test]
fn a_received_mail_waits_as_it_came_until_it_is_taken_out() {
    let (dir, clock, mut queue) = fresh();
    let ids: Vec<InboxId> = ["a", "b", "c"].map(|content| receive(&queue, content)).into();
    assert!(ids.is_sorted_by(|a, b| a < b));
    for reopened in [false, true] {
        if reopened {
            drop(queue);
            queue = open(dir.path(), &clock);
        }
        assert_eq!(queue.inbox_waiting(), 3);
        assert_eq!(queue.inbox_next(None, 2), [(ids[0], mail("a")), (ids[1], mail("b"))]);
        assert_eq!(queue.inbox_next(Some(ids[1]), 9), [(ids[2], mail("c"))]);
        assert!(queue.inbox_next(None, 0).is_empty() && queue.inbox_next(Some(ids[2]), 9).is_empty());
    }
    queue.write_late(Write::new().inbox_done(ids[0]).inbox_done(ids[0])).unwrap();
    queue.write(Write::new().inbox_done(ids[0]).inbox_done(InboxId(7)).inbox_kept(ids[0], "reply", ""));
    assert_eq!((queue.inbox_waiting(), inbox_of(&queue)), (2, vec!["b".to_owned(), "c".to_owned()]));
    drop(queue);
    let queue = open(dir.path(), &clock);
    assert_eq!((queue.inbox_waiting(), inbox_of(&queue)), (2, vec!["b".to_owned(), "c".to_owned()]));
    queue.write_late(Write::new().inbox_done(ids[1]).inbox_done(ids[2])).unwrap();
    assert!(inbox_of(&queue).is_empty() && queue.kept(None, 9).is_empty());
    let later = receive(&queue, "d");
    assert!(later > ids[2]);
    assert_eq!(inbox_of(&queue), ["d"]);
}

#[test]
fn thousands_that_come_at_once_are_all_stored() {
    let (_dir, _clock, queue) = fresh();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let ids: BTreeSet<InboxId> = runtime.block_on(async {
        let one = |n: u32| {
            let queue = queue.clone();
            tokio::spawn(async move { queue.receive(mail(&n.to_string())).await.unwrap() })
        };
        let all: Vec<_> = (0..3_000).map(one).collect();
        let mut ids = BTreeSet::new();
        for task in all {
            ids.insert(task.await.unwrap());
        }
        ids
    });
    let shown: BTreeSet<InboxId> = queue.inbox_next(None, usize::MAX).into_iter().map(|(id, _)| id).collect();
    assert_eq!((ids.len(), &ids), (3_000, &shown));
    let numbers: BTreeSet<u32> = inbox_of(&queue).iter().map(|n| n.parse().unwrap()).collect();
    assert_eq!(numbers, (0..3_000).collect());
}

#[test]
fn each_limit_of_the_inbox_refuses_by_name_and_what_is_taken_out_makes_room() {
    type Case = (&'static str, fn(&mut QueueSettings));
    let table: [Case; 2] =
        [("inbox_mails_max", |s| s.limits.inbox_mails_max = 2), ("inbox_bytes_max", |s| s.limits.inbox_bytes_max = 10)];
    for (expected, set) in table {
        let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::manual(START));
        let mut settings = settings();
        set(&mut settings);
        let mut queue = Queue::open(dir.path(), settings.clone(), clock.clone()).unwrap();
        let first = receive(&queue, "12345");
        receive(&queue, "12345");
        for _ in 0..2 {
            assert_eq!(name(&wait(queue.receive(mail("1"))).unwrap_err()), expected);
            // What is counted anew at a start is the same.
            drop(queue);
            queue = Queue::open(dir.path(), settings.clone(), clock.clone()).unwrap();
        }
        queue.write_late(Write::new().inbox_done(first)).unwrap();
        receive(&queue, "67890");
        assert_eq!(inbox_of(&queue), ["12345", "67890"]);
    }
    let dir = tempfile::tempdir().unwrap();
    let mut settings = settings();
    settings.limits.disk_free_bytes_min = u64::MAX;
    let queue = Queue::open(dir.path(), settings, Clock::manual(START)).unwrap();
    assert_eq!(name(&wait(queue.receive(mail("1"))).unwrap_err()), "disk_free_bytes_min");
    assert_eq!(queue.inbox_waiting(), 0);
}

#[test]
fn mails_of_megabytes_come_back_whole_and_a_few_at_a_time() {
    let (dir, clock, mut queue) = fresh();
    let large: Vec<String> = (0..6).map(|n| format!("{n}-日本語").repeat(900_000)).collect();
    let ids: Vec<InboxId> = large.iter().map(|content| receive(&queue, content)).collect();
    for reopened in [false, true] {
        if reopened {
            drop(queue);
            queue = open(dir.path(), &clock);
        }
        let (mut after, mut seen) = (None, vec![]);
        loop {
            let some = queue.inbox_next(after, usize::MAX);
            let Some((last, _)) = some.last() else { break };
            assert!(some.len() < 6, "{} mails of ten million bytes at once", some.len());
            after = Some(*last);
            seen.extend(some.into_iter().map(|(_, mail)| mail.content));
        }
        assert!(seen.iter().eq(large.iter().map(String::as_bytes)));
    }
    let all = ids.iter().fold(Write::new(), |write, id| write.inbox_done(*id));
    queue.write_late(all).unwrap();
    assert_eq!((queue.inbox_waiting(), queue.inbox_next(None, 9).len()), (0, 0));
}

#[test]
fn mail_for_people_is_kept_with_its_reason_until_it_is_old() {
    let (dir, clock, queue) = fresh();
    let ids: Vec<InboxId> = ["a", "b", "c"].map(|content| receive(&queue, content)).into();
    queue.write_late(Write::new().inbox_kept(ids[1], "reply", "返信").inbox_done(ids[0])).unwrap();
    clock.advance(Duration::from_secs(60));
    queue.write_late(Write::new().inbox_kept(ids[2], "postmaster", "")).unwrap();
    drop(queue);
    let queue = open(dir.path(), &clock);
    let kept = queue.kept(None, 9);
    let told: Vec<_> = kept.iter().map(|k| (k.id, k.kind.as_str(), k.note.as_str(), k.mail.clone())).collect();
    assert_eq!(told, [(ids[1], "reply", "返信", mail("b")), (ids[2], "postmaster", "", mail("c"))]);
    assert_eq!(queue.kept(Some(ids[1]), 9).len(), 1);
    assert_eq!(queue.inbox_waiting(), 0);
    assert_eq!(queue.forget_kept(START), 0);
    assert_eq!(queue.forget_kept(UnixMs(START.0 + 1)), 1);
    assert_eq!(queue.kept(None, 9)[0].id, ids[2]);
}

#[test]
fn beyond_the_limit_the_oldest_kept_mail_is_let_go() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::manual(START));
    let mut settings = settings();
    settings.limits.kept_bytes_max = 100;
    let mut queue = Queue::open(dir.path(), settings.clone(), clock.clone()).unwrap();
    for n in 0..30u32 {
        let id = receive(&queue, &format!("{n:010}"));
        queue.write_late(Write::new().inbox_kept(id, "reply", "")).unwrap();
        if n % 7 == 0 {
            drop(queue);
            queue = Queue::open(dir.path(), settings.clone(), clock.clone()).unwrap();
        }
        let kept = queue.kept(None, 99);
        assert!(kept.len() <= 10 && kept.last().unwrap().id == id, "{n}: {}", kept.len());
        assert!(kept.len() >= 8 || kept.len() == usize::try_from(n).unwrap() + 1, "{n}: {}", kept.len());
    }
}

#[test]
fn what_is_remembered_is_known_until_it_expires() {
    let (dir, clock, queue) = fresh();
    let at = |ms: u64| UnixMs(START.0 + ms);
    queue.write(Write::new().remember(b"m/1", b"one", at(1_000)).remember(b"m/2", b"", at(2_000)));
    queue.write_late(Write::new().remember(b"m/3", b"three", at(1_000))).unwrap();
    queue.write(Write::new().remember(b"m/3", b"anew", at(3_000)));
    drop(queue);
    let queue = open(dir.path(), &clock);
    let known = |queue: &Queue| [b"m/1", b"m/2", b"m/3", b"m/4"].map(|key| queue.remembered(key));
    assert_eq!(known(&queue), [Some(b"one".to_vec()), Some(vec![]), Some(b"anew".to_vec()), None]);
    assert_eq!(queue.forget_remembered(at(999)), 0);
    clock.advance(Duration::from_millis(1_000));
    assert_eq!(known(&queue), [None, Some(vec![]), Some(b"anew".to_vec()), None]);
    assert_eq!(queue.forget_remembered(clock.unix()), 1);
    assert_eq!(known(&queue), [None, Some(vec![]), Some(b"anew".to_vec()), None]);
    assert_eq!(queue.forget_remembered(at(3_000)), 2);
    assert_eq!(queue.forget_remembered(UnixMs::NEVER), 0);
}

#[test]
fn what_is_remembered_is_listed_by_the_start_of_its_key() {
    let (_dir, clock, queue) = fresh();
    let at = |ms: u64| UnixMs(START.0 + ms);
    let keys: [&[u8]; 5] = [b"limit/b", b"limit/a", b"limitless", b"limit", b"m/1"];
    let write = keys.iter().fold(Write::new(), |write, key| write.remember(key, key, at(2_000)));
    queue.write(write.remember(b"limit/c", b"gone soon", at(1_000)));
    clock.advance(Duration::from_millis(1_000));
    let under = |start: &[u8]| {
        queue
            .remembered_under(start)
            .into_iter()
            .map(|(key, value)| {
                assert_eq!(key, value);
                String::from_utf8(key).unwrap()
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(under(b"limit/"), ["limit/a", "limit/b"]);
    assert_eq!(under(b"limit").len(), 4);
    assert_eq!(under(b"").len(), 5);
    assert!(under(b"n").is_empty());
}

#[test]
fn the_audit_list_goes_on_where_it_was() {
    let (dir, clock, mut queue) = fresh();
    for n in 1..=5u64 {
        queue.write(Write::new().audit(audit_entry(&n.to_string())).lift_suppression(&address(1, "au.com")));
        drop(queue);
        queue = open(dir.path(), &clock);
    }
    let numbered: Vec<(u64, String)> = queue.audit(0, 99).into_iter().map(|(seq, e)| (seq, e.subject)).collect();
    assert_eq!(numbered, (1..=5).map(|n| (n, n.to_string())).collect::<Vec<_>>());
    assert_eq!(queue.audit(3, 1), [(4, audit_entry("4"))]);
    assert!(queue.audit(5, 9).is_empty());
}

#[test]
fn suppressions_are_listed_page_by_page() {
    let (_dir, _clock, queue) = fresh();
    assert!(queue.suppressions(None, 9).is_empty());
    let all: Vec<_> = (0..7).map(|n| address(n, "au.com")).collect();
    for who in &all {
        queue.write(Write::new().suppress(who, who.local().as_bytes().to_vec()));
    }
    let (mut seen, mut after) = (vec![], None);
    loop {
        let page = queue.suppressions(after.as_ref(), 3);
        let Some((last, _)) = page.last() else { break };
        after = Some(last.clone());
        seen.extend(page);
    }
    assert!(seen.iter().all(|(who, value)| who.local().as_bytes() == value));
    assert_eq!(seen.into_iter().map(|(who, _)| who).collect::<Vec<_>>(), all);
}

#[test]
fn of_two_who_note_something_at_once_neither_is_forgotten() {
    let (dir, clock, queue) = fresh();
    let who = address(1, "au.com");
    let longer = |more: u8| move |stored: Option<&[u8]>| Some([stored.unwrap_or_default(), &[more]].concat());
    std::thread::scope(|scope| {
        for thread in 0..4u8 {
            let (queue, who) = (queue.clone(), &who);
            scope.spawn(move || {
                for _ in 0..50 {
                    // Two in one write, as of two recipients of one mail, and with parts that look first.
                    let write = Write::new().change_suppression(who, longer(thread)).change_suppression(who, longer(9));
                    queue.write(if thread == 0 { write.audit(audit_entry("x")) } else { write });
                }
            });
        }
    });
    drop(queue);
    let queue = open(dir.path(), &clock);
    let noted = queue.suppression(&who).unwrap();
    assert_eq!(noted.len(), 400);
    assert_eq!((0..4).map(|n| noted.iter().filter(|byte| **byte == n).count()).collect::<Vec<_>>(), [50; 4]);
    let write = Write::new().suppress(&who, vec![1]).change_suppression(&who, |stored| {
        assert_eq!(stored, Some(&[1][..]), "earlier parts count");
        None
    });
    queue.write(write);
    assert_eq!(queue.suppression(&who), None);
}

#[test]
fn waiting_for_the_sync_ends_although_nothing_or_much_was_written() {
    let (_dir, _clock, queue) = fresh();
    wait(queue.synced());
    queue.write(Write::new().suppress(&address(1, "au.com"), vec![]));
    wait(async {
        let (one, two) = (queue.clone(), queue.clone());
        tokio::join!(one.synced(), two.synced());
    });
}
