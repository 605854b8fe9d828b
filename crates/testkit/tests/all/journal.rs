//! What is written down, and when.

use std::time::Duration;

use testkit::{Action, CarrierPlan, Fault, Moment, Snapshot, World, WorldPlan, recipient_hash};

use crate::talk::{ID, S1, S2, Talk, content, one_carrier};

/// Waits until the carrier has taken `count` copies; it does so without being asked for its reply.
async fn until_taken(world: &World, count: usize) {
    while world.journal().len() < count {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn a_copy_is_journalled_before_its_reply_is_written() {
    let (world, address) = one_carrier(|plan| plan.script.latency.greeting_ms = 0).await;
    // The reply to the dot hangs for ever, the copy stands all the same.
    world.carrier("a").set_fault(Fault::new(Moment::DataEnd, Action::Hang));
    let mut talk = Talk::ready(S1, address).await;
    talk.envelope("taro@a.test").await;
    talk.say("DATA").await;
    talk.send(&format!("{}\r\n.\r\n", content(ID))).await;
    until_taken(&world, 1).await;
    let entry = world.snapshot().entries[0];
    assert!(!entry.is_answered());
    assert_eq!(entry.id(), ID.parse().ok());
    assert_eq!(entry.source(), S1);
    assert_eq!(entry.recipient(), recipient_hash(&"taro@a.test".parse().unwrap()));
}

#[tokio::test]
async fn a_client_that_never_reads_leaves_its_copies_all_the_same() {
    let (world, address) = one_carrier(|_| {}).await;
    let mut talk = Talk::connect(S1, address).await.unwrap();
    let mail = |n: u32| {
        format!(
            "MAIL FROM:<>\r\nRCPT TO:<g{n}@a.test>\r\nDATA\r\nMessage-ID: <01935a2b00000001-{n:08x}@n>\r\n\r\n.\r\n"
        )
    };
    talk.send("EHLO c.test\r\n").await;
    for n in 0..50 {
        talk.send(&mail(n)).await;
    }
    until_taken(&world, 50).await;
    drop(talk);
    assert_eq!(world.snapshot().entries.len(), 50);
}

#[tokio::test]
async fn a_spoiled_reply_leaves_its_copy_unanswered_and_those_before_it_answered() {
    let (world, address) = one_carrier(|_| {}).await;
    let spoiling =
        [Action::Close, Action::Reset, Action::Partial { bytes: 2 }, Action::Unended, Action::Garbage("?".into())];
    for action in spoiling {
        let before = world.journal().len();
        world.carrier("a").set_fault(Fault::new(Moment::DataEnd, action.clone()).skip(1));
        let mut talk = Talk::ready(S1, address).await;
        let envelope = "MAIL FROM:<>\r\nRCPT TO:<taro@a.test>\r\nDATA\r\n";
        let body = format!("{}\r\n.\r\n", content(ID));
        talk.send(&[envelope, &body, envelope, &body].concat()).await;
        until_taken(&world, before + 2).await;
        // The first reply has been read, so it has been marked or is about to be.
        for _ in 0..4 {
            talk.reply().await;
        }
        let answered =
            || world.snapshot().entries[before..].iter().map(|entry| entry.is_answered()).collect::<Vec<_>>();
        while answered() != [true, false] {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

#[tokio::test]
async fn a_refusal_at_the_final_dot_is_counted_and_is_no_copy() {
    let (world, address) = one_carrier(|_| {}).await;
    let mut talk = Talk::ready(S1, address).await;
    talk.mail(ID, "filtered.x@a.test").await;
    talk.mail(ID, "unknown.x@a.test").await;
    assert!(talk.say("DATA").await.starts_with("554"), "a line that only follows from the refusal is not counted");
    talk.say("RSET").await;
    world.carrier("a").set_fault(Fault::new(Moment::DataEnd, Action::Say("451 4.3.0 not now".into())));
    talk.mail(ID, "taro@a.test").await;
    let refusals = world.journal().refusals();
    let counted: Vec<_> = refusals.iter().map(|r| (r.moment, r.code, r.count)).collect();
    assert_eq!(counted, [(Moment::Rcpt, 550, 1), (Moment::DataEnd, 451, 1), (Moment::DataEnd, 550, 1)]);
    assert!(world.journal().is_empty());
}

#[tokio::test]
async fn the_file_holds_what_memory_holds() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let plans = [CarrierPlan::for_tests("a", "a.test"), CarrierPlan::for_tests("b", "b.test")];
    let plan = WorldPlan { journal_file: Some(path.clone()), ..WorldPlan::of(plans) };
    let world = World::start(plan).await.unwrap();
    for (n, source) in [S1, S2].into_iter().enumerate() {
        let carrier = &world.carriers()[n];
        let reply = Talk::ready(source, carrier.address()).await.mail(ID, "taro@a.test").await;
        assert!(reply.starts_with("250"));
        assert_eq!(Snapshot::read(&path).unwrap().entries.len(), n + 1, "it is in the file before the 250");
    }
    while !world.snapshot().entries.iter().all(|entry| entry.is_answered()) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    world.journal().flush().unwrap();
    let (file, memory) = (Snapshot::read(&path).unwrap(), world.snapshot());
    assert_eq!((file.carriers, file.entries), (memory.carriers, memory.entries));
    assert_eq!(world.journal().taken_by_carrier(), [1, 1]);
}
