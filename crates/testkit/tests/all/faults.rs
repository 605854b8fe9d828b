//! Misbehaviour on order, at every moment.

use testkit::{Action, Fault, Moment};

use crate::talk::{ID, S1, S2, Talk, content, one_carrier};

/// Speaks a whole session up to QUIT and gives what was heard at `at`.
async fn heard_at(at: Moment, talk: &mut Talk) -> String {
    let steps = [
        (Moment::Greeting, String::new()),
        (Moment::Ehlo, "EHLO c.test\r\n".to_owned()),
        (Moment::Mail, "MAIL FROM:<>\r\n".to_owned()),
        (Moment::Rset, "RSET\r\n".to_owned()),
        (Moment::Mail, "MAIL FROM:<>\r\n".to_owned()),
        (Moment::Rcpt, "RCPT TO:<taro@a.test>\r\n".to_owned()),
        (Moment::Data, "DATA\r\n".to_owned()),
        (Moment::DataEnd, format!("{}\r\n.\r\n", content(ID))),
        (Moment::Quit, "QUIT\r\n".to_owned()),
    ];
    for (moment, text) in steps {
        if moment != Moment::Greeting {
            talk.send(&text).await;
        }
        let heard = talk.reply().await;
        if moment == at {
            return heard;
        }
        assert!(heard.starts_with(['2', '3']), "{moment}: {heard}");
    }
    unreachable!("{at} is a moment of the session")
}

const MOMENTS: [Moment; 8] = [
    Moment::Greeting,
    Moment::Ehlo,
    Moment::Mail,
    Moment::Rset,
    Moment::Rcpt,
    Moment::Data,
    Moment::DataEnd,
    Moment::Quit,
];

#[tokio::test]
async fn every_misbehaviour_strikes_at_every_moment() {
    let (world, address) = one_carrier(|_| {}).await;
    let carrier = world.carrier("a");
    let actions = [
        (Action::Close, "closed"),
        (Action::Reset, "reset"),
        (Action::Partial { bytes: 2 }, "closed"),
        (Action::Unended, "closed"),
        (Action::Say("451 not now".to_owned()), "451 not now"),
        (Action::Say("550 never".to_owned()), "550 never"),
        (Action::Say("421 later".to_owned()), "421 later"),
        (Action::Garbage("abc def".to_owned()), "abc def"),
    ];
    for at in MOMENTS {
        for (action, expected) in actions.clone() {
            carrier.set_fault(Fault::new(at, action.clone()));
            let mut talk = Talk::connect(S1, address).await.unwrap();
            let heard = heard_at(at, &mut talk).await;
            let fits = if expected == "closed" { heard.ends_with(expected) } else { heard == expected };
            assert!(fits, "{at}, {action:?}: {heard:?}");
            if expected == "421 later" {
                assert_eq!(talk.reply().await, "closed", "{at}");
            }
        }
    }
    let struck = u64::try_from(MOMENTS.len() * actions.len()).unwrap();
    assert!(carrier.faults_struck() >= struck);
    carrier.clear_faults();
    assert!(Talk::ready(S1, address).await.mail(ID, "taro@a.test").await.starts_with("250"));
}

#[tokio::test]
async fn late_slow_and_long_replies_are_complete_in_the_end() {
    let (world, address) = one_carrier(|_| {}).await;
    let actions = [Action::Delay { ms: 5 }, Action::Tarpit { ms_per_byte: 1 }, Action::Long { bytes: 100_000 }];
    for at in MOMENTS {
        for action in actions.clone() {
            world.carrier("a").set_fault(Fault::new(at, action.clone()));
            let mut talk = Talk::connect(S1, address).await.unwrap();
            let heard = heard_at(at, &mut talk).await;
            let last = heard.lines().last().unwrap_or_default();
            assert!(last.starts_with(['2', '3']), "{at}, {action:?}: {last:?}");
            assert_eq!(heard.len() > 90_000, action == Action::Long { bytes: 100_000 });
        }
    }
    assert!(world.snapshot().entries.iter().all(|entry| entry.is_answered()));
}

#[tokio::test]
async fn what_was_pipelined_behind_a_spoiled_reply_is_answered_after_it() {
    let (world, address) = one_carrier(|_| {}).await;
    world.carrier("a").set_fault(Fault::new(Moment::Mail, Action::Tarpit { ms_per_byte: 1 }));
    let mut talk = Talk::ready(S1, address).await;
    talk.send("MAIL FROM:<>\r\nRCPT TO:<taro@a.test>\r\nRCPT TO:<unknown.x@a.test>\r\nDA").await;
    for code in ["250 2.1.0", "250 2.1.5", "550 5.1.1"] {
        assert!(talk.reply().await.starts_with(code));
    }
    assert!(talk.say("TA").await.starts_with("354"));
}

#[tokio::test]
async fn a_hanging_carrier_says_nothing_until_the_client_leaves() {
    let (world, address) = one_carrier(|_| {}).await;
    world.carrier("a").set_fault(Fault::new(Moment::Rcpt, Action::Hang).times(1));
    let mut talk = Talk::ready(S1, address).await;
    talk.send("MAIL FROM:<>\r\nRCPT TO:<taro@a.test>\r\n").await;
    assert!(talk.reply().await.starts_with("250"), "what came before is answered");
    let silence = tokio::time::timeout(std::time::Duration::from_millis(50), talk.reply()).await;
    assert!(silence.is_err());
    drop(talk);
    assert!(Talk::ready(S1, address).await.envelope("taro@a.test").await.starts_with("250"));
}

#[tokio::test]
async fn a_connection_dropped_in_the_content_leaves_no_copy() {
    let (world, address) = one_carrier(|_| {}).await;
    for (action, end) in
        [(Action::Close, "closed"), (Action::Reset, "reset"), (Action::Say("421 bye".into()), "421 bye")]
    {
        world.carrier("a").set_fault(Fault::new(Moment::Content, action));
        let heard = Talk::ready(S1, address).await.mail(ID, "taro@a.test").await;
        assert_eq!(heard, end);
    }
    assert!(world.journal().is_empty());
}

#[tokio::test]
async fn an_endless_reply_goes_on_until_the_client_has_enough() {
    let (world, address) = one_carrier(|_| {}).await;
    world.carrier("a").set_fault(Fault::new(Moment::Ehlo, Action::Endless).from_source(S1));
    let (mut talk, _) = Talk::greeted(S1, address).await;
    talk.send("EHLO c.test\r\n").await;
    let mut stream = talk.into_stream();
    let mut heard = vec![0; 200_000];
    tokio::io::AsyncReadExt::read_exact(&mut stream, &mut heard).await.unwrap();
    assert!(heard.split(|&b| b == b'\n').all(|line| line.is_empty() || line.starts_with(b"250-") || line.len() < 72));
    Talk::ready(S2, address).await;
}

#[tokio::test]
async fn a_reset_can_meet_the_connection_itself() {
    let (world, address) = one_carrier(|_| {}).await;
    world.carrier("a").set_fault(Fault::new(Moment::Connect, Action::Reset).times(1));
    assert_eq!(Talk::greeted(S1, address).await.1, "reset");
    assert!(Talk::greeted(S1, address).await.1.starts_with("220"));
}

#[tokio::test]
async fn plain_text_can_be_smuggled_in_before_the_handshake() {
    let (world, address) = one_carrier(|plan| plan.script.capabilities.starttls = true).await;
    world.carrier("a").set_fault(Fault::new(Moment::StartTls, Action::Inject("250 gotcha".to_owned())));
    let mut talk = Talk::ready(S1, address).await;
    assert!(talk.say("STARTTLS").await.starts_with("220"));
    assert_eq!(talk.reply().await, "250 gotcha");
}

#[tokio::test]
async fn a_carrier_that_lies_about_pipelining_forgets_what_came_along() {
    let (_world, address) = one_carrier(|plan| plan.script.discards_pipelined = true).await;
    let mut talk = Talk::ready(S1, address).await;
    talk.send("MAIL FROM:<>\r\nRCPT TO:<taro@a.test>\r\n").await;
    assert!(talk.reply().await.starts_with("250 2.1.0"));
    assert!(talk.say("RCPT TO:<hanako@a.test>").await.starts_with("250 2.1.5"), "the first RCPT was forgotten");
}
