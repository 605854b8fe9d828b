//! Claiming and settling: retries, hints, doubts, sums, ends without sending, and what is read afterwards.

mod common;

use std::time::Duration;

use clock::Clock;
use common::*;
use mail_model::{Cause, NotificationId, Outcome, UnixMs, Withheld};
use queue::{Claim, Filter, HINT_KEPT_MS, NewMessage, Next, Place, Queue, Write};

fn fresh() -> (tempfile::TempDir, Clock, Queue) {
    let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::manual(START));
    let queue = open(dir.path(), &clock);
    (dir, clock, queue)
}

#[test]
fn a_retry_comes_back_at_its_time_with_what_is_known_and_to_its_source() {
    let (_dir, clock, queue) = fresh();
    accept(&queue, message("c"), &lane("au"), 1);
    let id = queue.lane_id(&lane("au")).unwrap();
    let queued = claim(&queue, id, &clock, &source("a")).unwrap();
    let due = UnixMs(START.0 + 1_000);
    retry(&queue, queued, Outcome::Deferred(Cause::RateLimited), START, due, Some("a"));
    assert!(matches!(queue.claim(id, START, &source("a")), Claim::Later(at) if at == due));
    clock.advance(Duration::from_secs(1));
    assert!(claim(&queue, id, &clock, &source("b")).is_none());
    let again = claim(&queue, id, &clock, &source("a")).unwrap();
    assert_eq!((again.attempts, again.last_cause, again.due), (1, Some(Cause::RateLimited), due));
    queue.unclaim(again);
    clock.advance(Duration::from_millis(HINT_KEPT_MS));
    assert!(claim(&queue, id, &clock, &source("b")).is_some());
}

#[test]
fn a_claim_that_is_dropped_or_given_back_is_claimed_again() {
    let (_dir, clock, queue) = fresh();
    accept(&queue, message("c"), &lane("au"), 3);
    let id = queue.lane_id(&lane("au")).unwrap();
    let first = claim(&queue, id, &clock, &source("a")).unwrap();
    let index = first.id.index;
    queue.unclaim(first);
    let again = claim(&queue, id, &clock, &source("a")).unwrap();
    assert_eq!((again.id.index, again.in_doubt), (index, false));
    drop(again);
    assert_eq!(claim_all(&queue, &clock).len(), 3);
    let marked = claim(&queue, id, &clock, &source("a")).unwrap();
    queue.write(Write::new().mark_in_doubt(&marked));
    let marked_id = marked.id;
    drop(marked);
    assert_eq!(queue.in_doubt()[0].id, marked_id);
    let doubtful: Vec<_> = claim_all(&queue, &clock).iter().filter(|q| q.in_doubt).map(|q| q.id).collect();
    assert_eq!(doubtful, [marked_id]);
}

#[test]
fn a_mark_that_outlives_the_process_is_listed_and_stays_with_the_notification() {
    let (dir, clock, queue) = fresh();
    accept(&queue, message("c"), &lane("au"), 2);
    let claimed = claim_all(&queue, &clock);
    queue.write(Write::new().mark_in_doubt(&claimed[1]));
    let marked = claimed[1].id;
    drop(queue);
    drop(claimed);
    let queue = open(dir.path(), &clock);
    let listed = queue.in_doubt();
    assert_eq!((listed.len(), listed[0].id, listed[0].attempt), (1, marked, 1));
    for queued in claim_all(&queue, &clock) {
        assert_eq!(queued.in_doubt, queued.id == marked);
        retry(&queue, queued, Outcome::Deferred(Cause::ServerError), START, UnixMs(START.0 + 5), None);
    }
    assert!(queue.in_doubt().is_empty());
    clock.advance(Duration::from_millis(5));
    claim_all(&queue, &clock).into_iter().for_each(|q| done(&queue, q, Outcome::Accepted, START));
    for record in outbox_of(&queue, 4) {
        assert_eq!(record.in_doubt, record.id == marked);
    }
}

#[test]
fn sums_are_exact_after_a_restart_and_percentiles_tell_the_time_to_hand_over() {
    let (dir, clock, mut queue) = fresh();
    let campaign = "c".parse().unwrap();
    accept(&queue, message("c"), &lane("au"), 60);
    accept(&queue, message("c"), &lane("docomo"), 40);
    for round in 0..3u64 {
        let now = clock.unix();
        for (n, queued) in claim_all(&queue, &clock).into_iter().enumerate().take(20) {
            match n % 4 {
                0 => done(&queue, queued, Outcome::Failed(Cause::AddressUnknown), now),
                1 => retry(&queue, queued, Outcome::Deferred(Cause::MailboxFull), now, UnixMs(u64::MAX), None),
                _ => done(&queue, queued, Outcome::Accepted, UnixMs(now.0 + 100)),
            }
        }
        drop(queue);
        queue = open(dir.path(), &clock);
        let tally = queue.tally(&campaign);
        let times = round + 1;
        assert_eq!(tally.count, 100);
        assert_eq!(tally.of(Outcome::Accepted), 10 * times);
        assert_eq!(tally.of(Outcome::Failed(Cause::AddressUnknown)), 5 * times);
        assert_eq!(tally.of(Outcome::Deferred(Cause::MailboxFull)), 5 * times);
        assert_eq!(tally.queued(), 100 - 15 * times);
        assert_eq!(tally.latency_of_all().percentile_ms(100.0), Some(100));
        assert_eq!(queue.failures(&campaign, None, 1_000).len() as u64, 10 * times);
    }
    let first = queue.failures(&campaign, None, 7);
    let rest = queue.failures(&campaign, Some(first[6].id), 1_000);
    assert_eq!(first.len() + rest.len(), 30);
    assert!(first.iter().chain(&rest).map(|r| r.id).is_sorted());
}

#[test]
fn a_failure_disappears_once_the_notification_is_accepted() {
    let (_dir, clock, queue) = fresh();
    let accepted = accept(&queue, message("c"), &lane("au"), 1);
    let id = NotificationId { message: accepted.message, index: 0 };
    let queued = claim_all(&queue, &clock).remove(0);
    retry(&queue, queued, Outcome::Deferred(Cause::MailboxFull), START, START, None);
    let seen = queue.inspect(id).unwrap();
    assert!(matches!(seen.place, Place::Queued { attempts: 1, in_flight: false, .. }), "{seen:?}");
    assert_eq!(seen.last_failure.unwrap().outcome, Outcome::Deferred(Cause::MailboxFull));
    done(&queue, claim_all(&queue, &clock).remove(0), Outcome::Accepted, START);
    let seen = queue.inspect(id).unwrap();
    assert_eq!((seen.place, seen.last_failure), (Place::Ended, None));
    assert!(queue.failures(&"c".parse().unwrap(), None, 9).is_empty());
    assert_eq!(queue.inspect(NotificationId { index: 1, ..id }), None);
}

#[test]
fn a_sweep_withholds_what_fits_and_what_is_in_flight_is_not_tried_again() {
    let (dir, clock, queue) = fresh();
    let swept = accept(&queue, message("a"), &lane("au"), 50);
    let other = accept(&queue, message("b"), &lane("au"), 5);
    let id = queue.lane_id(&lane("au")).unwrap();
    let mut flying: Vec<_> = (0..4).map(|_| claim(&queue, id, &clock, &source("s")).unwrap()).collect();
    let filter = Filter { campaign: Some("a".parse().unwrap()), ..Filter::default() };
    assert_eq!(queue.sweep(&filter), 46);
    assert_eq!(queue.sweep(&filter), 0);
    done(&queue, flying.pop().unwrap(), Outcome::Accepted, START);
    retry(&queue, flying.pop().unwrap(), Outcome::Deferred(Cause::MailboxFull), START, START, None);
    queue.unclaim(flying.pop().unwrap());
    assert_eq!(claim_all(&queue, &clock).len(), 5, "only the other message is left");
    drop(queue);
    drop(flying);
    let queue = open(dir.path(), &clock);
    assert!(claim_all(&queue, &clock).iter().all(|q| q.id.message == other.message));
    let tally = queue.tally_of(swept.message).unwrap();
    assert_eq!((tally.queued(), tally.of(Outcome::Accepted)), (0, 1));
    assert_eq!(tally.of(Outcome::Withheld(Withheld::Cancelled)), 49);
    let mut numbered: Vec<_> = queue.outbox(0, 999).iter().map(|r| (r.id, r.attempt)).collect();
    let all = numbered.len();
    numbered.sort_unstable();
    numbered.dedup();
    assert_eq!(numbered.len(), all, "no two records of a notification have the same number");
}

#[test]
fn a_filter_needs_all_its_parts_to_fit() {
    let (_dir, clock, queue) = fresh();
    let mut intake = begin(&queue, message("a"));
    for (n, domain) in ["au.com", "docomo.ne.jp", "au.com"].into_iter().enumerate() {
        intake.add(&lane("x"), address(u32::try_from(n).unwrap(), domain), vec![]).unwrap();
    }
    let accepted = wait(intake.commit()).unwrap();
    let domain = Some("au.com".to_owned());
    let none = Filter { domain: domain.clone(), tenant: Some("school-2".parse().unwrap()), ..Filter::default() };
    assert_eq!(queue.sweep(&none), 0);
    let two = Filter { domain, message: Some(accepted.message), ..Filter::default() };
    assert_eq!(queue.sweep(&two), 2);
    assert_eq!(indices_due(&queue, &clock, accepted.message), [1]);
}

#[test]
fn a_late_message_expires_with_the_cause_of_its_last_attempt() {
    let (_dir, clock, queue) = fresh();
    let not_after = Some(UnixMs(START.0 + 1_000));
    accept(&queue, NewMessage { not_after, ..message("a") }, &lane("au"), 20);
    accept(&queue, message("b"), &lane("au"), 3);
    let mut claimed = claim_all(&queue, &clock);
    claimed.retain(|q| queue.message(q.id.message).unwrap().campaign.as_str() == "a");
    retry(&queue, claimed.remove(0), Outcome::Deferred(Cause::MailboxFull), START, START, None);
    let flying = claimed.remove(0);
    drop(claimed);
    assert_eq!(queue.expire(START), 0);
    clock.advance(Duration::from_secs(1));
    assert_eq!(queue.expire(clock.unix()), 19);
    queue.unclaim(flying);
    assert_eq!(queue.expire(clock.unix()), 1);
    assert_eq!(queue.expire(clock.unix()), 0);
    let tally = queue.tally(&"a".parse().unwrap());
    assert_eq!(tally.queued(), 0);
    assert_eq!(tally.of(Outcome::Expired(Cause::MailboxFull)), 1);
    assert_eq!(tally.of(Outcome::Expired(Cause::RateLimited)), 19);
    assert_eq!(claim_all(&queue, &clock).len(), 3);
}

#[test]
fn a_notification_moves_to_another_lane_and_keeps_what_is_known() {
    let (_dir, clock, queue) = fresh();
    accept(&queue, message("c"), &lane("other"), 2);
    let to = queue.make_lane(&lane("au")).unwrap();
    let claimed = claim_all(&queue, &clock).remove(0);
    let (id, from) = (claimed.id, claimed.lane);
    queue.write(Write::new().relane(claimed, to));
    let moved = claim(&queue, to, &clock, &source("s")).unwrap();
    assert_eq!((moved.id, moved.lane), (id, to));
    let counts: Vec<_> = queue.shape().lanes.iter().map(|l| (l.id, l.queued)).collect();
    assert_eq!(counts, [(from, 1), (to, 1)]);
}

#[test]
fn outcome_and_next_that_do_not_agree_lose_nothing_and_send_nothing_twice() {
    let (_dir, clock, queue) = fresh();
    accept(&queue, message("c"), &lane("au"), 2);
    let mut claimed = claim_all(&queue, &clock);
    let first = claimed.remove(0);
    done(&queue, first, Outcome::Deferred(Cause::ServerError), START);
    let second = claimed.remove(0);
    retry(&queue, second, Outcome::Accepted, START, START, None);
    let outcomes: Vec<_> = outbox_of(&queue, 2).iter().map(|r| r.outcome).collect();
    assert_eq!(outcomes, [Outcome::Expired(Cause::ServerError), Outcome::Accepted]);
    assert!(claim_all(&queue, &clock).is_empty());
}

#[test]
fn trimming_the_outbox_keeps_failures_sums_and_numbers() {
    let (dir, clock, queue) = fresh();
    accept(&queue, message("c"), &lane("au"), 10);
    for queued in claim_all(&queue, &clock) {
        done(&queue, queued, Outcome::Failed(Cause::AddressUnknown), START);
    }
    let last = outbox_of(&queue, 10)[9].seq;
    drop(queue);
    let queue = open(dir.path(), &clock);
    assert_eq!(queue.outbox_trim_before(UnixMs(START.0)), 0);
    assert_eq!(queue.outbox_trim(4), 4);
    assert_eq!(queue.outbox(0, 99).len(), 6);
    assert_eq!(queue.outbox_trim_before(UnixMs(START.0 + 1)), last);
    assert!(queue.outbox(0, 99).is_empty());
    drop(queue);
    let queue = open(dir.path(), &clock);
    let campaign = "c".parse().unwrap();
    assert_eq!(queue.failures(&campaign, None, 99).len(), 10);
    assert_eq!(queue.tally(&campaign).of(Outcome::Failed(Cause::AddressUnknown)), 10);
    accept(&queue, message("d"), &lane("au"), 1);
    done(&queue, claim_all(&queue, &clock).remove(0), Outcome::Accepted, START);
    assert_eq!(outbox_of(&queue, 1)[0].seq, last + 1);
}

#[test]
fn finished_messages_are_forgotten_and_unfinished_ones_are_not() {
    let (dir, clock, queue) = fresh();
    let finished = accept(&queue, with_key(message("a"), "k", 1), &lane("au"), 6);
    for queued in claim_all(&queue, &clock) {
        done(&queue, queued, Outcome::Failed(Cause::AddressUnknown), START);
    }
    let open_one = accept(&queue, message("a"), &lane("au"), 6);
    let newest = accept(&queue, message("a"), &lane("au"), 0);
    clock.advance(Duration::from_secs(1));
    assert_eq!(queue.forget(START, 99), 0);
    assert_eq!(queue.forget(clock.unix(), 99), 1);
    assert_eq!(queue.messages_of(&"a".parse().unwrap()), [open_one.message, newest.message]);
    assert!(queue.message(finished.message).is_none() && queue.tally_of(finished.message).is_none());
    assert_eq!(queue.failures(&"a".parse().unwrap(), None, 9).len(), 0);
    drop(queue);
    let queue = open(dir.path(), &clock);
    assert_eq!(queue.tally(&"a".parse().unwrap()).queued(), 6);
}

#[test]
fn a_suppression_is_kept_until_it_is_lifted() {
    let (dir, clock, queue) = fresh();
    let who = address(1, "au.com");
    assert_eq!(queue.suppression(&who), None);
    queue.write(Write::new().suppress(&who, b"why".to_vec()));
    drop(queue);
    let queue = open(dir.path(), &clock);
    assert_eq!(queue.suppression(&who).as_deref(), Some(&b"why"[..]));
    queue.write(Write::new().lift_suppression(&who));
    assert_eq!(queue.suppression(&who), None);
}

#[test]
fn nobody_is_kept_out_by_a_flood_of_retries_or_of_fresh_mail() {
    let (_dir, clock, queue) = fresh();
    accept(&queue, message("old"), &lane("au"), 200);
    for queued in claim_all(&queue, &clock) {
        retry(&queue, queued, Outcome::Deferred(Cause::ServerError), START, START, None);
    }
    let young = accept(&queue, message("new"), &lane("au"), 200);
    let id = queue.lane_id(&lane("au")).unwrap();
    let mut seen = [0, 0];
    for _ in 0..120 {
        let queued = claim(&queue, id, &clock, &source("s")).unwrap();
        seen[usize::from(queued.id.message == young.message)] += 1;
        let record = record(&queue, &queued, Outcome::Accepted, START);
        queue.write(Write::new().settle(queued, record, Next::Done));
    }
    assert!(seen[0] >= 20 && seen[1] >= 20, "{seen:?}");
}
