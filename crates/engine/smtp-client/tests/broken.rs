//! Sessions that break: who is charged, and what is in doubt.

mod carrier;

use std::time::Duration;

use bytes::Bytes;
use carrier::{PIPELINING, PLAIN, address, hasty_plan, open, serve, settle, to};
use mail_model::{EmailAddress, Reply, Stage};
use smtp_client::{EnvelopeResult, Exchange, Failure, Scope, Session, Tls, Trouble, connect};
use smtp_wire::stuff;

fn recipient() -> EmailAddress {
    address("u@softbank.ne.jp")
}

fn failure(stage: Stage, scope: Scope, trouble: Trouble) -> Failure {
    Failure { stage, scope, trouble }
}

async fn make_ready(session: &mut Session) {
    assert_eq!(session.exchange(None, Some(to(&recipient()))).await.envelope, Some(EnvelopeResult::Ready));
}

/// Sends a mail with another one behind it; the session must be over and the second mail charged with nothing.
async fn send_and_break(session: &mut Session) -> Failure {
    let done = session.exchange(Some(&stuff(b"mail")), Some(to(&recipient()))).await;
    assert_eq!(done.envelope, Some(EnvelopeResult::NotTried));
    assert!(!session.is_open());
    let failure = done.data_end.unwrap().unwrap_err();
    assert_eq!(session.ended(), Some(&failure));
    // Whatever is tried on it later is charged to nobody either.
    let done = session.exchange(None, Some(to(&recipient()))).await;
    assert_eq!(done, Exchange { data_end: None, envelope: Some(EnvelopeResult::NotTried) });
    failure
}

#[tokio::test]
async fn a_connection_that_ends_after_the_dot_without_a_whole_reply_leaves_the_mail_in_doubt() {
    for partial in ["", "2", "25", "250", "250 2.0.0 queued", "250-2.0.0 queued\r\n", "250-a\r\n250 b"] {
        for ehlo in [PIPELINING, PLAIN] {
            let (remote, server) = serve(move |carrier| async move {
                let mut peer = carrier.greet(ehlo).await;
                peer.grant().await;
                peer.content().await;
                if ehlo == PIPELINING {
                    peer.hear_all(&["MAIL", "RCPT", "DATA"]).await;
                }
                peer.say(partial).await;
            })
            .await;
            let mut session = open(remote).await;
            make_ready(&mut session).await;
            let broken = send_and_break(&mut session).await;
            assert_eq!(broken, failure(Stage::DataEnd, Scope::Session, Trouble::Closed), "{partial:?}");
            assert!(broken.is_in_doubt());
            server.await.unwrap();
        }
    }
}

#[tokio::test]
async fn an_answer_to_the_dot_that_is_no_reply_leaves_the_mail_in_doubt() {
    for nonsense in ["what?\r\n", "199 early\r\n", "600 late\r\n", "250-a\r\n550 b\r\n", "354 go on\r\n"] {
        let (remote, server) = serve(move |carrier| async move {
            let mut peer = carrier.greet(PIPELINING).await;
            peer.grant().await;
            peer.content().await;
            peer.say(nonsense).await;
            peer.rest().await;
        })
        .await;
        let mut session = open(remote).await;
        make_ready(&mut session).await;
        let broken = send_and_break(&mut session).await;
        assert!(broken.is_in_doubt() && matches!(broken.trouble, Trouble::Protocol(_)), "{nonsense:?}");
        drop(session);
        server.await.unwrap();
    }
}

#[tokio::test]
async fn a_connection_that_ends_before_the_dot_left_us_leaves_nothing_in_doubt() {
    let (remote, server) = serve(|carrier| async move {
        let mut peer = carrier.greet(PIPELINING).await;
        peer.grant().await;
    })
    .await;
    let mut session = open(remote).await;
    make_ready(&mut session).await;
    server.await.unwrap();
    // More than the kernel's buffers hold, so that the dot cannot have left.
    let body = stuff(&b"a line of a large file\r\n".repeat(2_000_000));
    let done = session.exchange(Some(&body), Some(to(&recipient()))).await;
    let broken = done.data_end.unwrap().unwrap_err();
    assert_eq!((broken.stage, broken.scope), (Stage::Data, Scope::Session));
    assert!(!broken.is_in_doubt());
    assert_eq!(done.envelope, Some(EnvelopeResult::NotTried));
}

#[tokio::test]
async fn a_server_that_hung_up_while_we_prepared_the_content_leaves_nothing_in_doubt() {
    let (remote, server) = serve(|carrier| async move {
        let mut peer = carrier.greet(PIPELINING).await;
        peer.grant().await;
        peer.say("421 4.4.2 too slow\r\n").await;
    })
    .await;
    let mut session = open(remote).await;
    make_ready(&mut session).await;
    server.await.unwrap();
    settle().await;
    let broken = send_and_break(&mut session).await;
    let words = Trouble::Reply(Reply::new(421, "4.4.2 too slow"));
    assert_eq!(broken, failure(Stage::Data, Scope::Session, words));
}

#[tokio::test]
async fn a_refusal_in_the_middle_of_the_content_is_heard() {
    let (remote, server) = serve(|carrier| async move {
        let mut peer = carrier.greet(PIPELINING).await;
        peer.grant().await;
        peer.hear("first").await;
        peer.say("552 5.3.4 too large\r\n").await;
    })
    .await;
    let mut session = open(remote).await;
    make_ready(&mut session).await;
    let mut body = b"first\r\n".to_vec();
    body.extend(b"a line of a large file\r\n".repeat(2_000_000));
    let done = session.exchange(Some(&Bytes::from(body)), None).await;
    let broken = done.data_end.unwrap().unwrap_err();
    assert!(!broken.is_in_doubt());
    // The reset that follows may be faster than the reply, but never makes it a success.
    let is_refusal = broken.reply().is_some_and(|reply| reply.code == 552) && broken.scope == Scope::Message;
    assert!(is_refusal || broken.stage == Stage::Data, "{broken:?}");
    assert!(!session.is_open());
    server.await.unwrap();
}

#[tokio::test]
async fn a_421_concerns_the_session_wherever_it_comes() {
    let cases = [
        ("421 4.7.0 bye\r\n", Stage::Mail),
        ("250 ok\r\n421 4.7.0 bye\r\n", Stage::Rcpt),
        ("250 ok\r\n250 ok\r\n421 4.7.0 bye\r\n", Stage::Data),
    ];
    for (replies, stage) in cases {
        let (remote, server) = serve(move |carrier| async move {
            let mut peer = carrier.greet(PIPELINING).await;
            peer.accept_mail("").await;
            peer.hear_all(&["MAIL", "RCPT", "DATA"]).await;
            peer.say("250 2.0.0 queued\r\n").await;
            peer.say(replies).await;
        })
        .await;
        let mut session = open(remote).await;
        make_ready(&mut session).await;
        let done = session.exchange(Some(&stuff(b"mail")), Some(to(&recipient()))).await;
        assert!(done.data_end.unwrap().is_ok());
        let expected = failure(stage, Scope::Session, Trouble::Reply(Reply::new(421, "4.7.0 bye")));
        assert_eq!(done.envelope, Some(EnvelopeResult::Refused(expected.clone())));
        assert_eq!((session.is_open(), session.ended()), (false, Some(&expected)));
        server.await.unwrap();
    }
}

#[tokio::test]
async fn a_421_to_the_content_is_an_answer_and_leaves_nothing_in_doubt() {
    let (remote, server) = serve(|carrier| async move {
        let mut peer = carrier.greet(PIPELINING).await;
        peer.accept_mail("421 4.3.2 shutting down\r\n").await;
        peer.rest().await;
    })
    .await;
    let mut session = open(remote).await;
    make_ready(&mut session).await;
    let broken = send_and_break(&mut session).await;
    assert_eq!((broken.stage, broken.scope, broken.is_in_doubt()), (Stage::DataEnd, Scope::Session, false));
    drop(session);
    server.await.unwrap();
}

#[tokio::test]
async fn a_session_closed_while_idle_charges_nobody() {
    for farewell in ["", "421 4.4.2 idle\r\n"] {
        let (remote, server) = serve(move |carrier| async move {
            let mut peer = carrier.greet(PIPELINING).await;
            peer.accept_mail("250 2.0.0 queued\r\n").await;
            peer.say(farewell).await;
        })
        .await;
        let mut session = open(remote).await;
        make_ready(&mut session).await;
        assert!(session.exchange(Some(&stuff(b"mail")), None).await.data_end.unwrap().is_ok());
        server.await.unwrap();
        let done = session.exchange(None, Some(to(&recipient()))).await;
        assert_eq!(done.envelope, Some(EnvelopeResult::NotTried));
        assert!(!session.is_open() && session.ended().is_some());
    }
}

#[tokio::test]
async fn a_server_that_hangs_up_on_the_first_mail_is_charged_with_it() {
    let (remote, server) = serve(|carrier| async move {
        let mut peer = carrier.greet(PIPELINING).await;
        peer.hear_all(&["MAIL", "RCPT", "DATA"]).await;
    })
    .await;
    let mut session = open(remote).await;
    let done = session.exchange(None, Some(to(&recipient()))).await;
    let expected = failure(Stage::Mail, Scope::Session, Trouble::Closed);
    assert_eq!(done.envelope, Some(EnvelopeResult::Refused(expected)));
    server.await.unwrap();
}

#[tokio::test]
async fn a_reply_sent_in_advance_is_never_taken_for_the_answer_to_a_later_mail() {
    let (remote, server) = serve(|carrier| async move {
        let mut peer = carrier.greet(PIPELINING).await;
        peer.hear_all(&["MAIL", "RCPT", "DATA"]).await;
        peer.say("250 ok\r\n250 ok\r\n354 go\r\n250 2.0.0 queued already\r\n").await;
        assert_eq!(peer.rest().await, "");
    })
    .await;
    let mut session = open(remote).await;
    make_ready(&mut session).await;
    let broken = send_and_break(&mut session).await;
    assert_eq!(broken.stage, Stage::Data);
    assert!(matches!(broken.trouble, Trouble::Protocol(_)));
    drop(session);
    server.await.unwrap();
}

#[tokio::test]
async fn a_ready_transaction_without_its_content_closes_the_session() {
    let (remote, server) = serve(|carrier| async move {
        let mut peer = carrier.greet(PIPELINING).await;
        peer.grant().await;
        assert_eq!(peer.rest().await, "");
    })
    .await;
    let mut session = open(remote).await;
    make_ready(&mut session).await;
    let done = session.exchange(None, Some(to(&recipient()))).await;
    assert_eq!(done.envelope, Some(EnvelopeResult::NotTried));
    assert!(!session.is_open());
    session.quit().await;
    server.await.unwrap();
}

#[tokio::test]
async fn an_exchange_that_is_dropped_half_way_leaves_a_closed_session() {
    let (remote, server) = serve(|carrier| async move {
        let mut peer = carrier.greet(PIPELINING).await;
        peer.hear_all(&["MAIL", "RCPT", "DATA"]).await;
        peer.rest().await;
    })
    .await;
    let mut session = open(remote).await;
    let recipient = recipient();
    let exchange = session.exchange(None, Some(to(&recipient)));
    assert!(tokio::time::timeout(Duration::from_millis(20), exchange).await.is_err());
    assert!(!session.is_open());
    drop(session);
    server.await.unwrap();
}

#[tokio::test]
async fn a_tarpit_meets_the_deadline_of_each_step_however_it_drips() {
    let drip = Duration::from_millis(20);
    let slow = "250-so slow that nobody waits for the end of it\r\n";
    let steps = [("", Stage::Mail), ("250 ok\r\n", Stage::Rcpt), ("250 ok\r\n250 ok\r\n", Stage::Data)];
    for (before, stage) in steps {
        let (remote, server) = serve(move |carrier| async move {
            let mut peer = carrier.greet(PIPELINING).await;
            // The client writes its group at once, so all of it is heard before the first reply.
            peer.hear_all(&["MAIL", "RCPT", "DATA"]).await;
            peer.say(before).await;
            peer.drip(slow, drip).await;
        })
        .await;
        let mut session = connect(&hasty_plan(remote), &Tls::new()).await.unwrap();
        let done = session.exchange(None, Some(to(&recipient()))).await;
        let expected = failure(stage, Scope::Session, Trouble::TimedOut);
        assert_eq!(done.envelope, Some(EnvelopeResult::Refused(expected)));
        drop(session);
        server.abort();
    }
}

#[tokio::test]
async fn silence_after_the_dot_is_in_doubt_once_its_time_is_over() {
    let (remote, server) = serve(|carrier| async move {
        let mut peer = carrier.greet(PIPELINING).await;
        peer.grant().await;
        peer.content().await;
        peer.rest().await;
    })
    .await;
    let mut session = connect(&hasty_plan(remote), &Tls::new()).await.unwrap();
    make_ready(&mut session).await;
    let broken = send_and_break(&mut session).await;
    assert_eq!(broken, failure(Stage::DataEnd, Scope::Session, Trouble::TimedOut));
    assert!(broken.is_in_doubt());
    drop(session);
    server.await.unwrap();
}
