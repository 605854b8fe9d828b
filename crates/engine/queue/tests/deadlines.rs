//! Deadlines: who is foreseen to be late, what happens when one passes, and who waits.

mod common;

use std::collections::BTreeSet;
use std::time::Duration;

use clock::Clock;
use common::*;
use mail_model::{CampaignName, Cause, MessageId, NotificationId, Outcome, UnixMs};
use queue::{AtDeadline, NewMessage, Queue, Waiting};

fn seconds(s: u64) -> UnixMs {
    START + Duration::from_secs(s)
}

fn due_by(campaign: &str, not_after_s: u64, replace_until_s: Option<u64>, warn_at_s: Option<u64>) -> NewMessage {
    let at_deadline = AtDeadline { replace_until: replace_until_s.map(seconds), warn_at: warn_at_s.map(seconds) };
    NewMessage { not_after: Some(seconds(not_after_s)), at_deadline, ..message(campaign) }
}

fn waiting(queue: &Queue, campaign: &str) -> Vec<Waiting> {
    let campaign: CampaignName = campaign.parse().unwrap();
    let messages: BTreeSet<MessageId> = queue.messages_of(&campaign).into_iter().collect();
    let mut found = vec![];
    queue.waiting(&messages, &mut |waiting| {
        found.push(waiting);
        true
    });
    found.sort_by_key(|waiting| waiting.id);
    found
}

#[test]
fn what_has_a_replacement_is_kept_until_that_is_useless_too() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::manual(START));
    let queue = open(dir.path(), &clock);
    accept(&queue, due_by("drop", 100, None, None), &lane("au"), 2);
    let kept = accept(&queue, due_by("replace", 100, Some(500), None), &lane("au"), 3);
    clock.advance(Duration::from_secs(100));
    assert_eq!(queue.expire(clock.unix()), 2);
    let queued = claim_all(&queue, &clock).remove(0);
    assert_eq!(queued.id.message, kept.message);
    done(&queue, queued, Outcome::Replaced, clock.unix());
    clock.advance(Duration::from_secs(400));
    assert_eq!((queue.expire(clock.unix()), queue.expire(clock.unix())), (2, 0));
    let tally = queue.tally_of(kept.message).unwrap();
    let count = |outcome| tally.of(outcome);
    let expired = Outcome::Expired(Cause::RateLimited);
    assert_eq!((count(Outcome::Replaced), count(Outcome::Accepted), count(expired)), (1, 0, 2));
    assert_eq!(tally.last_accepted, None, "a replacement is no hand-over of the notice");
    let listed = queue.failures(&"replace".parse().unwrap(), None, 9);
    assert_eq!(listed.len(), 3, "those who got the replacement did not get the notice");
}

#[test]
fn a_replacement_that_came_back_is_recorded_and_can_be_tried_again() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::manual(START));
    let queue = open(dir.path(), &clock);
    let accepted = accept(&queue, due_by("c", 100, Some(500), None), &lane("au"), 1);
    clock.advance(Duration::from_secs(100));
    done(&queue, claim_all(&queue, &clock).remove(0), Outcome::Replaced, clock.unix());
    let id = NotificationId { message: accepted.message, index: 0 };
    let bounced = Outcome::Bounced(Cause::MailboxFull);
    let write = queue::Write::new().late(&report(id, bounced)).revive(id, seconds(200));
    let told = queue.write_late(write).unwrap();
    assert_eq!((told.late[0].1, told.revived[0].1), (queue::Late::Recorded, queue::Revived::Waiting));
    assert_eq!(queue.tally_of(accepted.message).unwrap().of(Outcome::Replaced), 0);
    clock.advance(Duration::from_secs(400));
    assert_eq!(queue.expire(clock.unix()), 1, "its end was noted anew");
}

#[test]
fn a_message_is_foreseen_to_be_late_from_its_warning_to_its_deadline() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::manual(START));
    let queue = open(dir.path(), &clock);
    let first = accept(&queue, due_by("first", 100, None, Some(60)), &lane("au"), 4);
    let second = accept(&queue, due_by("second", 300, Some(900), Some(80)), &lane("docomo"), 2);
    accept(&queue, due_by("unwarned", 100, None, None), &lane("au"), 1);
    accept(&queue, message("endless"), &lane("au"), 1);
    let near = |at_s: u64| -> Vec<(MessageId, u64)> {
        queue.near_deadlines(seconds(at_s)).into_iter().map(|near| (near.message, near.waiting)).collect()
    };
    assert_eq!(near(59), []);
    assert_eq!(near(60), [(first.message, 4)]);
    assert_eq!(near(80), [(first.message, 4), (second.message, 2)]);
    assert_eq!(near(100), [(second.message, 2)], "past its deadline it is late and no longer foreseen");
    assert_eq!(near(300), []);
    for queued in claim_all(&queue, &clock).into_iter().filter(|queued| queued.id.message == first.message) {
        done(&queue, queued, Outcome::Accepted, START);
    }
    assert_eq!(near(80), [(second.message, 2)]);
}

#[test]
fn who_waits_is_listed_with_what_it_waits_for() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::manual(START));
    let queue = open(dir.path(), &clock);
    accept(&queue, message("before"), &lane("au"), 30);
    let ours = accept(&queue, message("ours"), &lane("au"), 6);
    accept(&queue, message("between"), &lane("au"), 30);
    let ours_too = accept(&queue, message("ours"), &lane("docomo"), 2);
    let not_before = Some(seconds(3_600));
    let reserved = accept(&queue, NewMessage { not_before, ..message("ours") }, &lane("au"), 1);
    assert_eq!(waiting(&queue, "ours").len(), 9);

    let mut claimed = claim_all(&queue, &clock);
    claimed.retain(|queued| queued.id.message == ours.message);
    done(&queue, claimed.remove(0), Outcome::Accepted, START);
    done(&queue, claimed.remove(0), Outcome::Failed(Cause::AddressUnknown), START);
    retry(&queue, claimed.remove(0), Outcome::Deferred(Cause::MailboxFull), START, seconds(60), None);
    let in_hand = claimed.remove(0);
    drop(claimed);

    let found = waiting(&queue, "ours");
    let ids: Vec<_> = found.iter().map(|waiting| (waiting.id.message, waiting.id.index)).collect();
    let (a, b, c) = (ours.message, ours_too.message, reserved.message);
    assert_eq!(ids, [(a, 2), (a, 3), (a, 4), (a, 5), (b, 0), (b, 1), (c, 0)]);
    let deferred = &found[0];
    assert_eq!((deferred.attempts, deferred.last_cause, deferred.due), (1, Some(Cause::MailboxFull), seconds(60)));
    let in_hands: Vec<_> = found.iter().map(|waiting| waiting.in_hand).collect();
    assert_eq!(in_hands, [false, true, false, false, false, false, false]);
    assert_eq!((found[6].due, found[6].lane.clone()), (seconds(3_600), lane("au")));
    assert_eq!(found[1].address, in_hand.address);
    assert!(waiting(&queue, "nobody").is_empty());

    let mut asked = 0;
    let messages = BTreeSet::from([ours.message]);
    queue.waiting(&messages, &mut |_| {
        asked += 1;
        asked < 2
    });
    assert_eq!(asked, 2, "whoever has enough is asked no more");
}

#[test]
fn nodes_with_different_numbers_give_different_ids() {
    let clock = Clock::manual(START);
    let ids: Vec<u64> = [0, 1, 255]
        .map(|node_number| {
            let dir = tempfile::tempdir().unwrap();
            let settings = queue::QueueSettings { node_number, ..settings() };
            let queue = Queue::open(dir.path(), settings, clock.clone()).unwrap();
            accept(&queue, message("c"), &lane("au"), 1).message.0
        })
        .to_vec();
    assert_eq!(ids.iter().map(|id| id & 0xff).collect::<Vec<_>>(), [0, 1, 255]);
    assert!(ids.iter().all(|id| id >> 20 == START.0));
}
