//! Round trips that go well, and refusals that the session survives.

mod carrier;

use bytes::Bytes;
use carrier::{PIPELINING, PLAIN, Peer, address, open, serve, to};
use mail_model::{Reply, Stage};
use smtp_client::{Envelope, EnvelopeResult, Exchange, Failure, Scope, Session, Trouble};
use smtp_wire::stuff;

fn refused(stage: Stage, scope: Scope, code: u16, words: &str) -> Option<EnvelopeResult> {
    Some(EnvelopeResult::Refused(Failure { stage, scope, trouble: Trouble::Reply(Reply::new(code, words)) }))
}

fn accepted(words: &str) -> Option<Result<Reply, Failure>> {
    Some(Ok(Reply::new(250, words)))
}

const READY: Option<EnvelopeResult> = Some(EnvelopeResult::Ready);

/// Sends one mail after the transaction that is ready and sees it accepted.
async fn finish(session: &mut Session) {
    let done = session.exchange(Some(&stuff(b"mail")), None).await;
    assert_eq!(done, Exchange { data_end: accepted("2.0.0 queued"), envelope: None });
}

#[tokio::test]
async fn content_and_the_next_commands_arrive_in_one_write_and_replies_in_one_read() {
    let (remote, server) = serve(|carrier| async move {
        let mut peer = carrier.greet(PIPELINING).await;
        let group = |n| format!("MAIL FROM:<> SIZE=100\r\nRCPT TO:<u{n}@docomo.ne.jp>\r\nDATA\r\n");
        assert_eq!(peer.chunk().await, group(1));
        peer.say("250 a\r\n250 b\r\n354 c\r\n").await;
        assert_eq!(peer.chunk().await, format!("one\r\n.\r\n{}", group(2)));
        peer.say("250 2.0.0 first\r\n250 a\r\n250 b\r\n354 c\r\n").await;
        assert_eq!(peer.chunk().await, "two\r\n.\r\n");
        peer.say("250 2.0.0 second\r\n").await;
        assert_eq!(peer.chunk().await, "QUIT\r\n");
        peer.say("221 bye\r\n").await;
        assert_eq!(peer.rest().await, "");
    })
    .await;
    let mut session = open(remote).await;
    assert!(session.capabilities().pipelining && session.tls().is_none());
    let (first, second) = (address("u1@docomo.ne.jp"), address("u2@docomo.ne.jp"));
    let done = session.exchange(None, Some(to(&first))).await;
    assert_eq!(done, Exchange { data_end: None, envelope: READY });
    let done = session.exchange(Some(&stuff(b"one")), Some(to(&second))).await;
    assert_eq!(done, Exchange { data_end: accepted("2.0.0 first"), envelope: READY });
    let done = session.exchange(Some(&stuff(b"two")), None).await;
    assert_eq!(done, Exchange { data_end: accepted("2.0.0 second"), envelope: None });
    assert!(session.is_open());
    session.quit().await;
    server.await.unwrap();
}

const MAILS: [&[u8]; 3] = [
    b"Subject: dots\r\n\r\n.\r\n..\r\n.hidden\r\nend.\r\n",
    b"\r\n.\r\n.\r\nMAIL FROM:<x@example.jp>\r\n",
    b"Subject: last\r\n\r\nQUIT\r\n",
];

async fn three_mails(remote: std::net::SocketAddr) {
    let mut session = open(remote).await;
    let recipient = address("a..b@ezweb.ne.jp");
    let envelope = Envelope { quote_irregular: true, ..to(&recipient) };
    let mut body: Option<Bytes> = None;
    for mail in MAILS {
        let done = session.exchange(body.as_ref(), Some(envelope)).await;
        assert_eq!(done.envelope, READY);
        assert_eq!(done.data_end.is_some(), body.is_some());
        assert!(done.data_end.is_none_or(|outcome| outcome.is_ok()));
        body = Some(stuff(mail));
    }
    let done = session.exchange(body.as_ref(), None).await;
    assert_eq!(done, Exchange { data_end: accepted("2.0.0 queued"), envelope: None });
    session.quit().await;
}

async fn take_three_mails(mut peer: Peer) {
    for mail in MAILS {
        peer.hear("MAIL FROM:<>").await;
        peer.say("250 ok\r\n").await;
        assert_eq!(peer.hear("RCPT").await, "RCPT TO:<\"a..b\"@ezweb.ne.jp>");
        peer.say("250 ok\r\n").await;
        peer.hear("DATA").await;
        peer.say("354 go\r\n").await;
        assert_eq!(peer.content().await, mail);
        peer.say("250 2.0.0 queued\r\n").await;
    }
    peer.hear("QUIT").await;
    peer.say("221 bye\r\n").await;
}

#[tokio::test]
async fn three_mails_with_dot_lines_arrive_intact_on_one_connection() {
    for ehlo in [PIPELINING, PLAIN] {
        let (remote, server) = serve(|carrier| async move { take_three_mails(carrier.greet(ehlo).await).await }).await;
        three_mails(remote).await;
        server.await.unwrap();
    }
}

#[tokio::test]
async fn a_server_without_pipelining_hears_one_command_at_a_time() {
    let (remote, server) = serve(|carrier| async move {
        let mut peer = carrier.greet(PLAIN).await;
        for (command, reply) in [
            ("MAIL FROM:<>\r\n", "250 ok\r\n"),
            ("RCPT TO:<u@au.com>\r\n", "550 5.1.1 unknown\r\n"),
            ("RSET\r\n", "250 ok\r\n"),
            ("MAIL FROM:<>\r\n", "250 ok\r\n"),
            ("RCPT TO:<u@au.com>\r\n", "250 ok\r\n"),
            ("DATA\r\n", "354 go\r\n"),
            ("mail\r\n.\r\n", "250 2.0.0 queued\r\n"),
        ] {
            assert_eq!(peer.chunk().await, command);
            peer.say(reply).await;
        }
    })
    .await;
    let mut session = open(remote).await;
    let recipient = address("u@au.com");
    let done = session.exchange(None, Some(to(&recipient))).await;
    assert_eq!(done.envelope, refused(Stage::Rcpt, Scope::Recipient, 550, "5.1.1 unknown"));
    assert_eq!(session.exchange(None, Some(to(&recipient))).await.envelope, READY);
    finish(&mut session).await;
    server.await.unwrap();
}

#[tokio::test]
async fn replies_that_come_byte_by_byte_are_the_same_replies() {
    for ehlo in [PIPELINING, PLAIN] {
        let (remote, server) = serve(|carrier| async move {
            let mut peer = carrier.accept().await;
            let drip = std::time::Duration::ZERO;
            peer.drip("220-mx\r\n220 ESMTP\r\n", drip).await;
            peer.hear("EHLO").await;
            peer.drip(ehlo, drip).await;
            for (command, reply) in
                [("MAIL", "250-2.1.0 a\r\n250 2.1.0 b\r\n"), ("RCPT", "250 ok\r\n"), ("DATA", "354\r\n")]
            {
                peer.hear(command).await;
                peer.drip(reply, drip).await;
            }
            peer.content().await;
            peer.drip("250-2.0.0\r\n250 2.0.0 queued\r\n", drip).await;
        })
        .await;
        let mut session = open(remote).await;
        let recipient = address("u@au.com");
        assert_eq!(session.exchange(None, Some(to(&recipient))).await.envelope, READY);
        finish(&mut session).await;
        server.await.unwrap();
    }
}

#[tokio::test]
async fn a_refused_recipient_does_not_end_the_session_and_is_reset_before_the_next() {
    let (remote, server) = serve(|carrier| async move {
        let mut peer = carrier.greet(PIPELINING).await;
        peer.hear_all(&["MAIL", "RCPT", "DATA"]).await;
        peer.say("250 ok\r\n250 ok\r\n354 go\r\n").await;
        assert_eq!(peer.content().await, b"mail\r\n");
        peer.hear_all(&["MAIL", "RCPT", "DATA"]).await;
        peer.say("250 2.0.0 queued\r\n250 ok\r\n550 5.1.1 Unknown user\r\n503 5.5.1 no valid recipients\r\n").await;
        assert!(peer.chunk().await.starts_with("RSET\r\nMAIL"));
        peer.say("250 reset\r\n250 ok\r\n250 ok\r\n354 go\r\n").await;
        peer.content().await;
        peer.say("250 2.0.0 queued\r\n").await;
    })
    .await;
    let mut session = open(remote).await;
    let recipient = address("u@docomo.ne.jp");
    assert_eq!(session.exchange(None, Some(to(&recipient))).await.envelope, READY);
    let done = session.exchange(Some(&stuff(b"mail")), Some(to(&recipient))).await;
    assert_eq!(done.data_end, accepted("2.0.0 queued"));
    assert_eq!(done.envelope, refused(Stage::Rcpt, Scope::Recipient, 550, "5.1.1 Unknown user"));
    assert!(session.is_open());
    assert_eq!(session.exchange(None, Some(to(&recipient))).await.envelope, READY);
    finish(&mut session).await;
    server.await.unwrap();
}

#[tokio::test]
async fn a_refused_sender_leaves_no_transaction_to_reset() {
    let (remote, server) = serve(|carrier| async move {
        let mut peer = carrier.greet(PIPELINING).await;
        peer.hear_all(&["MAIL", "RCPT", "DATA"]).await;
        peer.say("451 4.7.1 later\r\n503 first MAIL\r\n503 first MAIL\r\n").await;
        peer.hear_all(&["MAIL", "RCPT", "DATA"]).await;
        peer.say("250 ok\r\n250 ok\r\n451 4.3.0 no disk\r\n").await;
        peer.hear_all(&["RSET", "MAIL", "RCPT", "DATA"]).await;
        peer.say("250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n").await;
        peer.content().await;
        peer.say("554 5.7.1 spam\r\n").await;
        peer.hear_all(&["MAIL", "RCPT", "DATA"]).await;
        peer.say("250 ok\r\n250 ok\r\n354 go\r\n").await;
        peer.content().await;
        peer.say("250 2.0.0 queued\r\n").await;
    })
    .await;
    let mut session = open(remote).await;
    let recipient = address("u@docomo.ne.jp");
    let done = session.exchange(None, Some(to(&recipient))).await;
    assert_eq!(done.envelope, refused(Stage::Mail, Scope::Message, 451, "4.7.1 later"));
    let done = session.exchange(None, Some(to(&recipient))).await;
    assert_eq!(done.envelope, refused(Stage::Data, Scope::Message, 451, "4.3.0 no disk"));
    assert_eq!(session.exchange(None, Some(to(&recipient))).await.envelope, READY);
    let done = session.exchange(Some(&stuff(b"mail")), None).await;
    let failure = done.data_end.unwrap().unwrap_err();
    assert_eq!((failure.stage, failure.scope, failure.is_in_doubt()), (Stage::DataEnd, Scope::Message, false));
    assert_eq!(session.exchange(None, Some(to(&recipient))).await.envelope, READY);
    finish(&mut session).await;
    server.await.unwrap();
}

#[tokio::test]
async fn data_granted_in_spite_of_a_refused_recipient_is_ended_by_a_lone_dot() {
    for end in ["250 2.0.0 nothing queued\r\n", "554 5.5.1 no valid recipients\r\n"] {
        let (remote, server) = serve(move |carrier| async move {
            let mut peer = carrier.greet(PIPELINING).await;
            peer.hear_all(&["MAIL", "RCPT", "DATA"]).await;
            peer.say("250 ok\r\n450 4.2.1 busy\r\n354 go\r\n").await;
            assert_eq!(peer.chunk().await, ".\r\n");
            peer.say(end).await;
            // The dot ended the transaction: no RSET.
            assert!(peer.chunk().await.starts_with("MAIL"));
            peer.say("250 ok\r\n250 ok\r\n354 go\r\n").await;
            peer.content().await;
            peer.say("250 2.0.0 queued\r\n").await;
        })
        .await;
        let mut session = open(remote).await;
        let recipient = address("u@docomo.ne.jp");
        let done = session.exchange(None, Some(to(&recipient))).await;
        assert_eq!(done.envelope, refused(Stage::Rcpt, Scope::Recipient, 450, "4.2.1 busy"));
        assert_eq!(session.exchange(None, Some(to(&recipient))).await.envelope, READY);
        finish(&mut session).await;
        server.await.unwrap();
    }
}

#[tokio::test]
async fn a_mail_above_the_announced_size_is_refused_without_being_sent() {
    let (remote, server) = serve(|carrier| async move {
        let mut peer = carrier.greet(PIPELINING).await;
        peer.grant().await;
        assert_eq!(peer.chunk().await, "mail\r\n.\r\n");
        peer.say("250 2.0.0 queued\r\n").await;
        peer.hear_all(&["MAIL FROM:<> SIZE=1000000 BODY=8BITMIME", "RCPT", "DATA"]).await;
        peer.say("250 ok\r\n250 ok\r\n354 go\r\n").await;
    })
    .await;
    let mut session = open(remote).await;
    let recipient = address("u@docomo.ne.jp");
    let fitting = Envelope { size: 1_000_000, eight_bit: true, ..to(&recipient) };
    let too_large = Envelope { size: 1_000_001, ..fitting };
    assert_eq!(session.exchange(None, Some(to(&recipient))).await.envelope, READY);
    let done = session.exchange(Some(&stuff(b"mail")), Some(too_large)).await;
    assert_eq!(done.data_end, accepted("2.0.0 queued"));
    let Some(EnvelopeResult::Refused(failure)) = done.envelope else { panic!("{:?}", done.envelope) };
    assert_eq!((failure.stage, failure.scope), (Stage::Mail, Scope::Message));
    assert_eq!(failure.to_string(), "MAIL: 552 5.3.4");
    assert_eq!(session.exchange(None, Some(fitting)).await.envelope, READY);
    server.await.unwrap();
}

#[tokio::test]
async fn an_address_beyond_ascii_is_spoken_only_where_smtputf8_is_announced() {
    let (remote, server) = serve(|carrier| async move {
        let mut peer = carrier.greet(PIPELINING).await;
        peer.hear_all(&["MAIL FROM:<> SIZE=100", "RCPT TO:<taro@xn--r8jz45g.jp>", "DATA"]).await;
        peer.say("250 ok\r\n250 ok\r\n354 go\r\n").await;
        drop(peer);
        let mut peer = carrier.greet("250-mx.example.jp\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 PIPELINING\r\n").await;
        peer.hear_all(&["MAIL FROM:<> BODY=8BITMIME SMTPUTF8", "RCPT TO:<太郎@xn--r8jz45g.jp>", "DATA"]).await;
        peer.say("250 ok\r\n250 ok\r\n354 go\r\n").await;
    })
    .await;
    let (international, plain) = (address("太郎@例え.jp"), address("taro@例え.jp"));
    let mut session = open(remote).await;
    let refused = session.exchange(None, Some(to(&international))).await.envelope;
    let failure = Failure { stage: Stage::Rcpt, scope: Scope::Recipient, trouble: Trouble::NeedsSmtpUtf8 };
    assert_eq!(refused, Some(EnvelopeResult::Refused(failure)));
    assert_eq!(session.exchange(None, Some(to(&plain))).await.envelope, READY);
    drop(session);
    let mut session = open(remote).await;
    assert_eq!(session.exchange(None, Some(to(&international))).await.envelope, READY);
    server.await.unwrap();
}
