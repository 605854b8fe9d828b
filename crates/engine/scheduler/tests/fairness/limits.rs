//! Connections, sources, sessions' ends, and what feedback does.

use std::collections::BTreeMap;
use std::time::Duration;

use mail_model::Class::Normal;
use scheduler::{CloseReason, NextMail, Signal};

use crate::stand::{Stand, fast};

#[tokio::test]
async fn sessions_spread_over_all_sources_and_stay_within_the_carriers_connections() {
    let stand = Stand::new(8, 100, &fast("docomo"));
    stand.accept(1_000, "docomo.ne.jp", Normal).await;
    let opened = stand.open_all();
    let mut by_source: BTreeMap<String, u32> = BTreeMap::new();
    for assignment in &opened {
        *by_source.entry(assignment.path.source.to_string()).or_default() += 1;
    }
    assert_eq!(by_source.len(), 8);
    assert!(by_source.values().all(|n| *n == 2), "{by_source:?}");
}

#[tokio::test]
async fn a_path_that_gives_back_its_connection_can_be_opened_again() {
    let stand = Stand::new(1, 100, &fast("docomo"));
    stand.accept(10, "docomo.ne.jp", Normal).await;
    let mut opened = stand.open_all();
    assert_eq!(opened.len(), 2);
    let one = opened.remove(0);
    stand.accepted(one.first);
    stand.scheduler.closed(one.ticket);
    stand.pass(1);
    assert_eq!(stand.open_all().len(), 1);
}

#[tokio::test]
async fn a_session_ends_at_the_carriers_messages_or_lifetime() {
    let few = fast("docomo").replace("messages_per_connection_max = 1000", "messages_per_connection_max = 3");
    let stand = Stand::new(1, 100, &few);
    stand.accept(10, "docomo.ne.jp", Normal).await;
    let mut session = stand.open().unwrap();
    for _ in 0..2 {
        stand.clock.advance(Duration::from_millis(100));
        assert!(stand.mail(&mut session.ticket).is_some());
    }
    let answer = stand.scheduler.next_mail(&mut session.ticket, true);
    assert!(matches!(answer, NextMail::Close(CloseReason::MessagesPerConnection)), "{answer:?}");

    let short = fast("au").replace("connection_lifetime_max_s = 3600", "connection_lifetime_max_s = 60");
    let stand = Stand::new(1, 100, &short);
    stand.accept(10, "au.com", Normal).await;
    let mut session = stand.open().unwrap();
    stand.pass(61);
    let answer = stand.scheduler.next_mail(&mut session.ticket, true);
    assert!(matches!(answer, NextMail::Close(CloseReason::Lifetime)), "{answer:?}");
}

#[tokio::test]
async fn a_blocked_source_rests_and_the_others_go_on() {
    let stand = Stand::new(2, 100, &fast("docomo"));
    stand.accept(100, "docomo.ne.jp", Normal).await;
    let session = stand.open().unwrap();
    let blocked = session.path.source.clone();
    stand.scheduler.feedback(&session.ticket, Signal::Blocked { pause: Some(Duration::from_secs(600)) });
    stand.scheduler.closed(session.ticket);
    stand.pass(1);
    let opened = stand.open_all();
    assert!(!opened.is_empty());
    assert!(opened.iter().all(|a| a.path.source != blocked));
    for assignment in opened {
        stand.accepted(assignment.first);
        stand.scheduler.closed(assignment.ticket);
    }
    stand.pass(601);
    assert!(stand.open_all().iter().any(|a| a.path.source == blocked), "it comes back after its rest");
}

#[tokio::test]
async fn too_many_unknown_users_pause_the_whole_carrier_and_no_other() {
    let stand = Stand::new(2, 100, &[fast("docomo"), fast("au")].concat());
    stand.accept(300, "docomo.ne.jp", Normal).await;
    let session = stand.open().unwrap();
    for n in 0..200 {
        stand.scheduler.feedback(&session.ticket, if n % 10 == 0 { Signal::UnknownUser } else { Signal::Accepted });
    }
    stand.accept(10, "au.com", Normal).await;
    let opened = stand.open_all();
    assert!(!opened.is_empty());
    assert!(opened.iter().all(|a| a.lane.carrier.as_str() == "au"));
    let docomo = stand.scheduler.status().into_iter().find(|g| g.carrier.as_str() == "docomo").unwrap();
    assert!(docomo.paused_s > 0);
}

#[tokio::test]
async fn an_idle_session_is_closed_after_the_carriers_idle_time() {
    let stand = Stand::new(1, 100, &fast("docomo"));
    stand.accept(1, "docomo.ne.jp", Normal).await;
    let mut session = stand.open().unwrap();
    stand.accepted(session.first);
    assert!(matches!(stand.scheduler.next_mail(&mut session.ticket, true), NextMail::Wait { .. }));
    stand.pass(60);
    let answer = stand.scheduler.next_mail(&mut session.ticket, true);
    assert!(matches!(answer, NextMail::Close(CloseReason::Idle)), "{answer:?}");
}

#[tokio::test]
async fn a_greylisted_mail_does_not_wait_for_a_source_that_rests() {
    let stand = Stand::new(2, 100, &fast("docomo"));
    stand.accept(1, "docomo.ne.jp", Normal).await;
    let session = stand.open().unwrap();
    let wanted = session.path.source.clone();
    stand.deferred(session.first, Some(wanted.clone()), 60);
    stand.scheduler.feedback(&session.ticket, Signal::Blocked { pause: Some(Duration::from_secs(600)) });
    stand.scheduler.closed(session.ticket);
    stand.pass(61);
    let opened = stand.open_when_loaded().await;
    assert_ne!(opened.path.source, wanted);
}

#[tokio::test]
async fn a_greylisted_mail_goes_back_by_its_own_source() {
    let stand = Stand::new(4, 100, &fast("docomo"));
    stand.accept(1, "docomo.ne.jp", Normal).await;
    let session = stand.open().unwrap();
    let wanted = session.path.source.clone();
    stand.deferred(session.first, Some(wanted.clone()), 60);
    stand.scheduler.closed(session.ticket);
    stand.pass(61);
    assert_eq!(stand.open_when_loaded().await.path.source, wanted);
}
