//! What comes back by mail after the end: who has the last word, what is counted, and what is tried once more.

mod common;

use std::time::Duration;

use clock::Clock;
use common::*;
use mail_model::{Cause, NotificationId, Outcome, UnixMs, Withheld};
use queue::{BeingSent, Late, Place, Queue, Revived, Told, Write};

use Outcome::{Accepted, Bounced, Complained, Deferred, Failed};

fn fresh() -> (tempfile::TempDir, Clock, Queue) {
    let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::manual(START));
    let queue = open(dir.path(), &clock);
    (dir, clock, queue)
}

/// Hands in one mail of lane `au` and ends it.
fn ended(queue: &Queue, clock: &Clock, campaign: &str, outcome: Outcome) -> NotificationId {
    let accepted = accept(queue, message(campaign), &lane("au"), 1);
    done(queue, claim_all(queue, clock).remove(0), outcome, START);
    NotificationId { message: accepted.message, index: 0 }
}

fn late(queue: &Queue, id: NotificationId, outcome: Outcome) -> Late {
    queue.write_late(Write::new().late(&report(id, outcome))).unwrap().late[0].1
}

fn revive(queue: &Queue, id: NotificationId, due: UnixMs) -> Revived {
    queue.write_late(Write::new().revive(id, due)).unwrap().revived[0].1
}

/// Outcomes with their counts, those that are not final left out.
fn counts(queue: &Queue, id: NotificationId) -> Vec<(Outcome, u64)> {
    let tally = queue.tally_of(id.message).unwrap();
    tally.outcomes().filter(|(_, outcome, _)| outcome.is_final()).map(|(_, outcome, n)| (outcome, n)).collect()
}

const FULL: Cause = Cause::MailboxFull;
const UNKNOWN: Cause = Cause::AddressUnknown;

#[test]
fn only_what_was_accepted_has_a_later_word_and_each_kind_of_it_once() {
    let failed = Failed(UNKNOWN);
    let expired = Outcome::Expired(FULL);
    let withheld = Outcome::Withheld(Withheld::Suppressed);
    let table: [(Outcome, &[(Outcome, Late)], Outcome); 9] = [
        (Accepted, &[(Bounced(FULL), Late::Recorded), (Bounced(FULL), Late::Repeated)], Bounced(FULL)),
        (Accepted, &[(Bounced(FULL), Late::Recorded), (Bounced(UNKNOWN), Late::Repeated)], Bounced(FULL)),
        (Accepted, &[(Complained, Late::Recorded), (Complained, Late::Repeated)], Complained),
        (
            Accepted,
            &[
                (Bounced(FULL), Late::Recorded),
                (Complained, Late::Recorded),
                (Bounced(FULL), Late::Repeated),
                (Complained, Late::Repeated),
            ],
            Complained,
        ),
        (
            Accepted,
            &[(Complained, Late::Recorded), (Bounced(FULL), Late::Recorded), (Complained, Late::Repeated)],
            Bounced(FULL),
        ),
        (failed, &[(Bounced(FULL), Late::Failed), (Complained, Late::Failed)], failed),
        (expired, &[(Bounced(FULL), Late::Failed)], expired),
        (withheld, &[(Bounced(FULL), Late::Failed)], withheld),
        (Accepted, &[(Accepted, Late::Repeated), (Failed(FULL), Late::Recorded)], Bounced(FULL)),
    ];
    let (dir, clock, mut queue) = fresh();
    for (n, (end, reports, expected)) in table.into_iter().enumerate() {
        let campaign = format!("c{n}");
        let id = ended(&queue, &clock, &campaign, end);
        for (outcome, right) in reports {
            assert_eq!(late(&queue, id, *outcome), *right, "{n}: {outcome}");
        }
        for _ in 0..2 {
            assert_eq!(counts(&queue, id), [(expected, 1)], "{n}");
            let tally = queue.tally_of(id.message).unwrap();
            assert_eq!((tally.ended, tally.queued()), (1, 0), "{n}");
            let failures: Vec<_> = queue.failures(&campaign.parse().unwrap(), None, 9);
            assert_eq!(failures.iter().map(|r| r.outcome).collect::<Vec<_>>(), [expected], "{n}");
            assert_eq!(queue.last_attempt(id).unwrap().outcome, expected, "{n}");
            drop(queue);
            queue = open(dir.path(), &clock);
        }
    }
    let all = queue.outbox(0, usize::MAX);
    let mut numbered: Vec<_> = all.iter().map(|r| (r.id, r.attempt)).collect();
    numbered.sort_unstable();
    numbered.dedup();
    assert_eq!(numbered.len(), all.len(), "no two records of a notification have the same number");
}

#[test]
fn the_same_report_twice_in_one_write_counts_once() {
    let (_dir, clock, queue) = fresh();
    let id = ended(&queue, &clock, "c", Accepted);
    let twice = Write::new().late(&report(id, Bounced(FULL))).late(&report(id, Bounced(FULL)));
    let told = queue.write_late(twice).unwrap();
    assert_eq!(told.late, [(id, Late::Recorded), (id, Late::Repeated)]);
    assert_eq!(outbox_of(&queue, 2).len(), 2);
}

#[test]
fn a_bounce_is_counted_under_the_carrier_that_said_it_and_taken_from_the_one_that_accepted() {
    let (_dir, clock, queue) = fresh();
    let id = ended(&queue, &clock, "c", Accepted);
    late(&queue, id, Bounced(FULL));
    let tally = queue.tally_of(id.message).unwrap();
    let told: Vec<_> = tally.outcomes().map(|(carrier, outcome, n)| (carrier.as_str(), outcome, n)).collect();
    assert_eq!(told, [("docomo", Bounced(FULL), 1)]);
    // It was handed over all the same.
    assert_eq!((tally.latency_of_all().count(), tally.first_accepted), (1, Some(START)));
}

#[test]
fn nothing_is_recorded_of_what_waits_or_is_not_known() {
    let (_dir, clock, queue) = fresh();
    let accepted = accept(&queue, message("c"), &lane("au"), 2);
    let id = |index| NotificationId { message: accepted.message, index };
    assert_eq!(late(&queue, id(0), Bounced(FULL)), Late::Waiting);
    let mut claimed = claim_all(&queue, &clock);
    assert_eq!(late(&queue, id(0), Bounced(FULL)), Late::Waiting, "claimed, and nothing of it has left");
    retry(&queue, claimed.remove(0), Deferred(FULL), START, UnixMs(START.0 + 1), None);
    assert_eq!(late(&queue, id(0), Bounced(FULL)), Late::Waiting);
    assert_eq!(late(&queue, id(2), Bounced(FULL)), Late::Unknown);
    let nobody = NotificationId { message: mail_model::MessageId(3), index: 0 };
    assert_eq!(late(&queue, nobody, Complained), Late::Unknown);
    assert_eq!(revive(&queue, nobody, START), Revived::NotKept);
    assert_eq!(revive(&queue, id(0), START), Revived::NotReturned);
    assert_eq!((queue.last_attempt(id(1)), queue.last_attempt(nobody)), (None, None));
    assert_eq!(outbox_of(&queue, 1).len(), 1);
}

#[test]
fn a_report_that_comes_before_our_own_note_of_the_acceptance_waits_for_it() {
    let (dir, clock, queue) = fresh();
    let accepted = accept(&queue, message("c"), &lane("au"), 2);
    let mut claimed = claim_all(&queue, &clock);
    let queued = claimed.remove(0);
    let id = queued.id;
    queue.write(Write::new().mark_in_doubt(&queued));
    let mail = receive(&queue, "its bounce");
    let write = || Write::new().late(&report(id, Bounced(FULL))).inbox_done(mail).audit(audit_entry("x"));
    assert_eq!(queue.write_late(write()), Err(BeingSent(id)));
    assert_eq!((inbox_of(&queue).len(), queue.audit(0, 9).len()), (1, 0), "nothing was written");
    done(&queue, queued, Accepted, START);
    assert_eq!(queue.write_late(write()).unwrap().late, [(id, Late::Recorded)]);
    assert_eq!((inbox_of(&queue).len(), queue.audit(0, 9).len()), (0, 1));
    // A mark that a crash left belongs to no attempt under way.
    let other = claimed.remove(0);
    let marked = other.id;
    queue.write(Write::new().mark_in_doubt(&other));
    drop(queue);
    drop(other);
    let queue = open(dir.path(), &clock);
    assert_eq!(late(&queue, marked, Bounced(FULL)), Late::Waiting);
    let again = claim_all(&queue, &clock).remove(0);
    queue.write(Write::new().mark_in_doubt(&again));
    assert_eq!(queue.write_late(Write::new().late(&report(marked, Complained))), Err(BeingSent(marked)));
    done(&queue, again, Accepted, START);
    assert_eq!(late(&queue, marked, Complained), Late::Recorded);
    assert_eq!(accepted.message, marked.message);
}

#[test]
fn what_came_back_and_is_tried_again_waits_in_its_lane_with_what_is_known() {
    for at_once in [true, false] {
        let (dir, clock, queue) = fresh();
        accept(&queue, message("c"), &lane("softbank"), 3);
        // The newest message is never forgotten; this one is it.
        accept(&queue, message("z"), &lane("softbank"), 0);
        let mut claimed = claim_all(&queue, &clock);
        let (id, payload, to) = (claimed[1].id, claimed[1].payload.clone(), claimed[1].address.clone());
        done(&queue, claimed.remove(1), Accepted, START);
        done(&queue, claimed.remove(0), Failed(UNKNOWN), START);
        done(&queue, claimed.remove(0), Accepted, START);
        let due = UnixMs(START.0 + 60_000);
        if at_once {
            let told = queue.write_late(Write::new().late(&report(id, Bounced(FULL))).revive(id, due)).unwrap();
            assert_eq!(told, Told { late: vec![(id, Late::Recorded)], revived: vec![(id, Revived::Waiting)] });
            assert_eq!(counts(&queue, id), [(Accepted, 1), (Failed(UNKNOWN), 1)]);
        } else {
            assert_eq!(late(&queue, id, Bounced(FULL)), Late::Recorded);
            assert_eq!(revive(&queue, id, due), Revived::Waiting);
        }
        let tally = queue.tally_of(id.message).unwrap();
        assert_eq!((tally.ended, tally.queued(), tally.of(Deferred(FULL)), tally.of(Bounced(FULL))), (2, 1, 1, 0));
        assert_eq!(queue.shape().queued, 1);
        assert_eq!(queue.last_attempt(id).unwrap().outcome, Deferred(FULL));
        assert!(matches!(queue.inspect(id).unwrap().place, Place::Queued { last_cause: Some(FULL), .. }));
        assert_eq!(revive(&queue, id, due), Revived::NotReturned, "it waits already");
        assert_eq!(late(&queue, id, Bounced(FULL)), Late::Waiting);
        drop(queue);
        let queue = open(dir.path(), &clock);
        assert!(claim_all(&queue, &clock).is_empty());
        clock.advance(Duration::from_secs(60));
        // A finished message would be forgotten by now.
        assert_eq!(queue.forget(clock.unix(), 9), 0);
        let back = claim_all(&queue, &clock).remove(0);
        assert_eq!((back.id, &back.payload, &back.address), (id, &payload, &to));
        assert_eq!((back.last_cause, back.accepted_at, back.lane), (Some(FULL), START, queue.lanes()[0].0));
        assert_eq!(back.attempts, if at_once { 2 } else { 3 });
        done(&queue, back, Accepted, clock.unix());
        assert_eq!(counts(&queue, id), [(Accepted, 2), (Failed(UNKNOWN), 1)]);
        assert_eq!(queue.failures(&"c".parse().unwrap(), None, 9).len(), 1, "only the one that failed");
        assert_eq!(queue.inspect(id).unwrap().last_failure, None);
        assert_eq!(queue.last_attempt(id).unwrap().attempt, if at_once { 3 } else { 4 });
    }
}

#[test]
fn a_second_return_is_a_new_one_and_can_be_tried_again_as_well() {
    let (_dir, clock, queue) = fresh();
    let id = ended(&queue, &clock, "c", Accepted);
    for round in 1..=3u16 {
        let told = queue.write_late(Write::new().late(&report(id, Bounced(FULL))).revive(id, START)).unwrap();
        assert_eq!((told.late[0].1, told.revived[0].1), (Late::Recorded, Revived::Waiting), "{round}");
        let back = claim_all(&queue, &clock).remove(0);
        assert_eq!(back.attempts, 2 * round);
        done(&queue, back, Accepted, START);
        assert_eq!(counts(&queue, id), [(Accepted, 1)]);
    }
    assert_eq!(late(&queue, id, Complained), Late::Recorded);
    assert_eq!(late(&queue, id, Bounced(UNKNOWN)), Late::Recorded);
    assert_eq!(late(&queue, id, Complained), Late::Repeated);
    assert_eq!(counts(&queue, id), [(Bounced(UNKNOWN), 1)]);
    let attempts: Vec<u16> = outbox_of(&queue, 9).iter().map(|r| r.attempt).collect();
    assert_eq!(attempts, (1..=9).collect::<Vec<_>>());
}

#[test]
fn what_is_tried_again_expires_with_its_message() {
    let (_dir, clock, queue) = fresh();
    let not_after = Some(UnixMs(START.0 + 1_000));
    accept(&queue, queue::NewMessage { not_after, ..message("c") }, &lane("au"), 1);
    let queued = claim_all(&queue, &clock).remove(0);
    let id = queued.id;
    done(&queue, queued, Accepted, START);
    clock.advance(Duration::from_secs(1));
    assert_eq!(queue.expire(clock.unix()), 0);
    let told = queue.write_late(Write::new().late(&report(id, Bounced(FULL))).revive(id, clock.unix())).unwrap();
    assert_eq!(told.revived, [(id, Revived::Waiting)]);
    assert_eq!(queue.expire(clock.unix()), 1);
    assert_eq!(counts(&queue, id), [(Outcome::Expired(FULL), 1)]);
    assert!(claim_all(&queue, &clock).is_empty());
}

#[test]
fn a_complaint_and_a_trimmed_acceptance_revive_nothing() {
    let (dir, clock, queue) = fresh();
    let id = ended(&queue, &clock, "c", Accepted);
    assert_eq!(revive(&queue, id, START), Revived::NotReturned, "nobody sent it back");
    let told = queue.write_late(Write::new().late(&report(id, Complained)).revive(id, START)).unwrap();
    assert_eq!((told.late[0].1, told.revived[0].1), (Late::Recorded, Revived::NotReturned));
    assert_eq!(late(&queue, id, Bounced(FULL)), Late::Recorded);
    drop(queue);
    let queue = open(dir.path(), &clock);
    assert_eq!(queue.outbox_trim(1), 1);
    assert_eq!(revive(&queue, id, START), Revived::NotKept);
    assert_eq!(queue.last_attempt(id).unwrap().outcome, Bounced(FULL), "the failure is kept");
    let plain = ended(&queue, &clock, "d", Accepted);
    drop(queue);
    let queue = open(dir.path(), &clock);
    assert_eq!(queue.last_attempt(plain).unwrap().outcome, Accepted);
    let last = queue.outbox(0, 99).last().unwrap().seq;
    assert_eq!(queue.outbox_trim(last), last);
    assert_eq!(queue.last_attempt(plain), None);
    assert_eq!(late(&queue, plain, Bounced(FULL)), Late::Unknown);
}

#[test]
fn a_doubtful_acceptance_stays_doubtful_when_it_comes_back() {
    let (_dir, clock, queue) = fresh();
    accept(&queue, message("c"), &lane("au"), 1);
    let queued = claim_all(&queue, &clock).remove(0);
    let id = queued.id;
    queue.write(Write::new().mark_in_doubt(&queued));
    drop(queued);
    let queued = claim_all(&queue, &clock).remove(0);
    done(&queue, queued, Accepted, START);
    assert!(queue.last_attempt(id).unwrap().in_doubt);
    queue.write_late(Write::new().late(&report(id, Bounced(FULL))).revive(id, START)).unwrap();
    let back = claim_all(&queue, &clock).remove(0);
    assert!(back.in_doubt && back.attempts == 2);
    done(&queue, back, Accepted, START);
    assert!(outbox_of(&queue, 3).iter().all(|record| record.in_doubt));
    assert_eq!(queue.failures(&"c".parse().unwrap(), None, 9).len(), 1);
}

#[test]
fn the_last_attempt_is_found_among_many_messages_and_as_they_go_on() {
    let (_dir, clock, queue) = fresh();
    let messages: Vec<_> = (0..80).map(|n| accept(&queue, message(&format!("c{n}")), &lane("au"), 3)).collect();
    let id = |message: usize, index| NotificationId { message: messages[message].message, index };
    let mut claimed = claim_all(&queue, &clock);
    claimed.sort_by_key(|queued| (queued.id.index, queued.id.message));
    for (n, queued) in claimed.into_iter().enumerate() {
        let before = queued.id;
        assert_eq!(queue.last_attempt(before), None);
        let outcome = [Accepted, Failed(UNKNOWN), Accepted, Deferred(FULL)][n % 4];
        let record = record(&queue, &queued, outcome, START);
        if outcome.is_final() {
            queue.write(Write::new().settle(queued, record, queue::Next::Done));
        } else {
            let next = queue::Next::RetryAt { due: UnixMs(u64::MAX), source_hint: None };
            queue.write(Write::new().settle(queued, record, next));
        }
        assert_eq!(queue.last_attempt(before).unwrap().outcome, outcome, "{n}");
    }
    for message in 0..80 {
        for index in 0..3 {
            let n = usize::try_from(index).unwrap() * 80 + message;
            let outcome = [Accepted, Failed(UNKNOWN), Accepted, Deferred(FULL)][n % 4];
            assert_eq!(queue.last_attempt(id(message, index)).unwrap().outcome, outcome);
        }
    }
}
