//! From the plan to the session: addresses, greetings, EHLO, TLS.

mod carrier;

use std::time::Duration;

use carrier::{
    MX, PLAIN, STARTTLS, address, closed_port, greet_in_tls, hasty_plan, open, plan, self_signed, serve, to,
};
use mail_model::{Reply, Stage};
use smtp_client::{ConnectPlan, EnvelopeResult, Failure, Scope, Tls, TlsPolicy, Trouble, connect};
use smtp_wire::{Capabilities, stuff};

fn at(stage: Stage, trouble: Trouble) -> Failure {
    Failure { stage, scope: Scope::Destination, trouble }
}

async fn fails(plan: &ConnectPlan) -> Failure {
    connect(plan, &Tls::new()).await.unwrap_err()
}

#[tokio::test]
async fn the_connection_leaves_from_the_planned_source_address() {
    let (remote, server) = serve(|carrier| async move { carrier.greet(PLAIN).await.from.ip() }).await;
    let source = "127.0.1.3".parse().unwrap();
    let session = connect(&ConnectPlan { source_ip: Some(source), ..plan(remote) }, &Tls::new()).await.unwrap();
    assert_eq!(server.await.unwrap(), source);
    assert_eq!(*session.capabilities(), Capabilities::default());
}

#[tokio::test]
async fn a_source_that_is_not_ours_and_a_port_without_listener_are_told_apart() {
    let remote = closed_port().await;
    let from = |text: &str| ConnectPlan { source_ip: Some(text.parse().unwrap()), ..plan(remote) };
    let table = [
        (plan(remote), Trouble::Refused),
        (from("127.0.1.3"), Trouble::Refused),
        (from("192.0.2.1"), Trouble::SourceUnusable),
        (from("::1"), Trouble::SourceUnusable),
    ];
    for (plan, trouble) in table {
        assert_eq!(fails(&plan).await, at(Stage::Connect, trouble), "{:?}", plan.source_ip);
    }
}

#[tokio::test]
async fn a_name_that_is_no_host_name_is_never_said() {
    let plan = ConnectPlan { ehlo_name: "a\r\nRSET".to_owned(), ..plan(closed_port().await) };
    let failure = fails(&plan).await;
    assert!(failure.stage == Stage::Ehlo && matches!(failure.trouble, Trouble::Protocol(_)), "{failure}");
}

#[tokio::test]
async fn a_greeting_that_is_no_welcome_concerns_the_destination() {
    let reply = |code, words| Trouble::Reply(Reply::new(code, words));
    let protocol = |words: &str| Trouble::Protocol(words.to_owned());
    let table = [
        ("421 4.7.0 too many connections\r\n", reply(421, "4.7.0 too many connections")),
        ("554 5.7.1 you are listed\r\n", reply(554, "5.7.1 you are listed")),
        ("HTTP/1.1 400 Bad Request\r\n", protocol("the server sent something that is no SMTP reply")),
        ("354 go\r\n", protocol("354 is no answer to greeting")),
        ("22", Trouble::Closed),
        ("", Trouble::Closed),
    ];
    for (greeting, trouble) in table {
        let (remote, server) = serve(move |carrier| async move { carrier.accept().await.say(greeting).await }).await;
        assert_eq!(fails(&plan(remote)).await, at(Stage::Greeting, trouble), "{greeting:?}");
        server.await.unwrap();
    }
}

#[tokio::test]
async fn a_silent_or_dripping_server_meets_the_deadline_of_each_step() {
    for (words, stage) in [("", Stage::Greeting), ("220 mx\r\n", Stage::Ehlo)] {
        for drip in ["", "250-so slow that nobody waits for the end of it\r\n"] {
            let (remote, server) = serve(move |carrier| async move {
                let mut peer = carrier.accept().await;
                if !words.is_empty() {
                    peer.say(words).await;
                    peer.hear("EHLO").await;
                }
                peer.drip(drip, Duration::from_millis(20)).await;
                peer.rest().await;
            })
            .await;
            assert_eq!(fails(&hasty_plan(remote)).await, at(stage, Trouble::TimedOut));
            server.await.unwrap();
        }
    }
}

#[tokio::test]
async fn words_behind_the_greeting_are_not_taken_for_the_answer_to_ehlo() {
    let (remote, server) = serve(|carrier| async move {
        let mut peer = carrier.accept().await;
        peer.say("220 mx\r\n250 PIPELINING\r\n").await;
        assert_eq!(peer.rest().await, "");
    })
    .await;
    let failure = fails(&plan(remote)).await;
    assert!(failure.stage == Stage::Ehlo && matches!(failure.trouble, Trouble::Protocol(_)), "{failure}");
    server.await.unwrap();
}

#[tokio::test]
async fn helo_follows_when_ehlo_is_refused_for_good_only() {
    let table = [
        ("502 5.5.1 what?\r\n", "250 mx\r\n", None),
        ("500 what?\r\n", "550 go away\r\n", Some(Reply::new(550, "go away"))),
        ("451 4.3.0 later\r\n", "", Some(Reply::new(451, "4.3.0 later"))),
        ("421 4.3.0 later\r\n", "", Some(Reply::new(421, "4.3.0 later"))),
    ];
    for (ehlo, helo, refusal) in table {
        let (remote, server) = serve(move |carrier| async move {
            let mut peer = carrier.greet(ehlo).await;
            if !helo.is_empty() {
                peer.hear("HELO out1.example.jp").await;
                peer.say(helo).await;
            }
            peer.rest().await;
        })
        .await;
        match (connect(&plan(remote), &Tls::new()).await, refusal) {
            (Ok(session), None) => assert!(!session.capabilities().pipelining),
            (Err(failure), Some(reply)) => assert_eq!(failure, at(Stage::Ehlo, Trouble::Reply(reply))),
            other => panic!("{other:?}"),
        }
        server.await.unwrap();
    }
}

#[tokio::test]
async fn a_session_is_upgraded_to_tls_and_mail_flows_inside_it() {
    let (acceptor, _) = self_signed("another.name.example");
    let (remote, server) = serve(|carrier| async move {
        let mut peer = greet_in_tls(&carrier, &acceptor).await.unwrap();
        assert_eq!(peer.accept_mail("").await, b"one\r\n");
        // Content and commands came in one record, so they are here already.
        peer.say("250 2.0.0 queued\r\n").await;
        assert_eq!(peer.accept_mail("250 2.0.0 queued\r\n").await, b".two\r\n");
        peer.hear("QUIT").await;
    })
    .await;
    let mut session = open(remote).await;
    let facts = session.tls().unwrap();
    assert_eq!((facts.version, facts.is_verified), ("TLSv1_3", false));
    // What counts is what was announced inside TLS.
    assert!(session.capabilities().eight_bit_mime && !session.capabilities().starttls);
    let recipient = address("u@au.com");
    assert_eq!(session.exchange(None, Some(to(&recipient))).await.envelope, Some(EnvelopeResult::Ready));
    let done = session.exchange(Some(&stuff(b"one")), Some(to(&recipient))).await;
    assert_eq!(done.envelope, Some(EnvelopeResult::Ready));
    assert!(done.data_end.unwrap().is_ok());
    assert!(session.exchange(Some(&stuff(b".two")), None).await.data_end.unwrap().is_ok());
    session.quit().await;
    server.await.unwrap();
}

#[tokio::test]
async fn required_tls_takes_only_a_certificate_for_the_mx() {
    for (name, is_good) in [(MX, true), ("another.name.example", false)] {
        let (acceptor, roots) = self_signed(name);
        let (remote, server) = serve(|carrier| async move { greet_in_tls(&carrier, &acceptor).await.is_some() }).await;
        let plan = ConnectPlan { tls: TlsPolicy::Required, ..plan(remote) };
        match connect(&plan, &Tls::with_roots(roots)).await {
            Ok(session) => assert!(is_good && session.tls().unwrap().is_verified),
            Err(failure) => {
                assert!(!is_good && failure.stage == Stage::StartTls, "{failure}");
                assert!(matches!(failure.trouble, Trouble::Tls(_)), "{failure}");
            }
        }
        assert_eq!(server.await.unwrap(), is_good);
    }
}

#[tokio::test]
async fn required_tls_does_without_a_server_that_has_none() {
    for (ehlo, refusal) in [(PLAIN, ""), (STARTTLS, "454 4.7.0 not now\r\n")] {
        let (remote, server) = serve(move |carrier| async move {
            let mut peer = carrier.greet(ehlo).await;
            if !refusal.is_empty() {
                peer.hear("STARTTLS").await;
                peer.say(refusal).await;
            }
            assert_eq!(peer.rest().await, "");
        })
        .await;
        let failure = fails(&ConnectPlan { tls: TlsPolicy::Required, ..plan(remote) }).await;
        assert_eq!((failure.stage, failure.scope), (Stage::StartTls, Scope::Destination));
        server.await.unwrap();
    }
}

#[tokio::test]
async fn a_refused_starttls_leaves_an_opportunistic_session_in_clear() {
    let (remote, server) = serve(|carrier| async move {
        let mut peer = carrier.greet(STARTTLS).await;
        peer.hear("STARTTLS").await;
        peer.say("454 4.7.0 not now\r\n").await;
        peer.grant().await;
    })
    .await;
    let mut session = open(remote).await;
    assert_eq!((session.tls(), session.fell_back()), (None, None));
    let recipient = address("u@au.com");
    assert_eq!(session.exchange(None, Some(to(&recipient))).await.envelope, Some(EnvelopeResult::Ready));
    server.await.unwrap();
}

#[tokio::test]
async fn a_failed_handshake_is_followed_by_one_session_in_clear() {
    // Answers to STARTTLS that lead to no handshake; the last one hangs up at the word itself.
    for answer in ["220 go\r\n", "220 go\r\n#", ""] {
        let (remote, server) = serve(move |carrier| async move {
            let mut peer = carrier.greet(STARTTLS).await;
            peer.hear("STARTTLS").await;
            let (reply, noise) = answer.split_once('#').map_or((answer, None), |(reply, _)| (reply, Some(())));
            peer.say(reply).await;
            if noise.is_some() {
                // The client's first flight, answered by no TLS at all.
                assert!(!peer.chunk_bytes().await.is_empty());
                peer.say("this is no TLS record, whatever you think\r\n").await;
            }
            drop(peer);
            let mut peer = carrier.greet(STARTTLS).await;
            peer.grant().await;
        })
        .await;
        let mut session = open(remote).await;
        assert_eq!(session.tls(), None);
        let failure = session.fell_back().unwrap();
        assert_eq!((failure.stage, failure.scope), (Stage::StartTls, Scope::Destination));
        let recipient = address("u@au.com");
        assert_eq!(session.exchange(None, Some(to(&recipient))).await.envelope, Some(EnvelopeResult::Ready));
        server.await.unwrap();
    }
}

#[tokio::test]
async fn words_in_clear_behind_the_answer_to_starttls_end_the_attempt() {
    let (remote, server) = serve(|carrier| async move {
        let mut peer = carrier.greet(STARTTLS).await;
        peer.hear("STARTTLS").await;
        peer.say("220 go\r\n250-mx.evil.example\r\n250 PIPELINING\r\n").await;
        assert_eq!(peer.rest().await, "");
    })
    .await;
    let expected = Trouble::Protocol("bytes in clear follow the reply to STARTTLS".to_owned());
    assert_eq!(fails(&plan(remote)).await, at(Stage::StartTls, expected));
    server.await.unwrap();
}

#[tokio::test]
async fn tls_that_is_off_is_not_even_asked_for() {
    let (remote, server) = serve(|carrier| async move {
        let mut peer = carrier.greet(STARTTLS).await;
        peer.hear("QUIT").await;
    })
    .await;
    connect(&ConnectPlan { tls: TlsPolicy::Off, ..plan(remote) }, &Tls::new()).await.unwrap().quit().await;
    server.await.unwrap();
}
