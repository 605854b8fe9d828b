//! Answers before emergencies, emergencies before normal mail, carriers in turn, idle sessions before new ones.

use mail_model::Class::{Emergency, Normal, Transactional};
use scheduler::{CloseReason, NextMail, Signal};

use crate::stand::{Stand, fast};

#[tokio::test]
async fn an_emergency_goes_first_mail_by_mail() {
    let stand = Stand::new(1, 100, &fast("docomo").replace("connections_max = 2", "connections_max = 1"));
    stand.accept(5, "docomo.ne.jp", Normal).await;
    let mut session = stand.open().unwrap();
    assert_eq!(session.lane.class, Normal);
    stand.accept(2, "docomo.ne.jp", Emergency).await;
    assert!(stand.open().is_none(), "the carrier's only connection is in use");
    let mut classes = Vec::new();
    stand.clock.advance(std::time::Duration::from_millis(100));
    while let Some(mail) = stand.mail(&mut session.ticket) {
        classes.push(stand.queue.lane(mail.lane).unwrap().class);
        stand.accepted(mail);
        stand.clock.advance(std::time::Duration::from_millis(100));
    }
    assert_eq!(classes, [Emergency, Emergency, Normal, Normal, Normal, Normal]);
}

#[tokio::test]
async fn an_answer_to_one_person_overtakes_an_emergency_in_progress() {
    let stand = Stand::new(1, 100, &fast("docomo").replace("connections_max = 2", "connections_max = 1"));
    stand.accept(5, "docomo.ne.jp", Emergency).await;
    let mut session = stand.open().unwrap();
    stand.accept(1, "docomo.ne.jp", Transactional).await;
    stand.clock.advance(std::time::Duration::from_millis(100));
    let next = stand.mail(&mut session.ticket).unwrap();
    assert_eq!(stand.queue.lane(next.lane).unwrap().class, Transactional);
}

#[tokio::test]
async fn a_thousand_mails_of_one_carrier_do_not_delay_ten_of_another() {
    let stand = Stand::new(8, 100, &[fast("docomo"), fast("au")].concat());
    stand.accept(1_000, "docomo.ne.jp", Normal).await;
    stand.accept(10, "ezweb.ne.jp", Normal).await;
    let opened: Vec<_> = (0..6).filter_map(|_| stand.open()).collect();
    let carriers: Vec<_> = opened.iter().map(|a| a.lane.carrier.as_str()).collect();
    assert_eq!(carriers, ["docomo", "au", "docomo", "au", "docomo", "au"]);
}

#[tokio::test]
async fn a_waiting_session_is_called_before_a_new_one_is_opened() {
    let stand = Stand::new(8, 100, &fast("docomo"));
    stand.accept(1, "docomo.ne.jp", Normal).await;
    let mut session = stand.open().unwrap();
    stand.accepted(session.first);
    let NextMail::Wait { bell, .. } = stand.scheduler.next_mail(&mut session.ticket, true) else {
        panic!("nothing is queued, so it waits");
    };
    stand.accept(1, "docomo.ne.jp", Normal).await;
    assert!(stand.open().is_none(), "the waiting session is asked first");
    bell.notified().await;
    assert!(stand.mail(&mut session.ticket).is_some());
}

#[tokio::test]
async fn a_session_makes_room_for_an_emergency_of_another_domain_of_its_carrier() {
    let stand = Stand::new(1, 100, &fast("docomo").replace("connections_max = 2", "connections_max = 1"));
    stand.accept(50, "docomo.ne.jp", Normal).await;
    let mut session = stand.open().unwrap();
    stand.accept(1, "dwmail.jp", Emergency).await;
    assert!(stand.open().is_none(), "the carrier's only connection is in use");
    let answer = stand.scheduler.next_mail(&mut session.ticket, true);
    assert!(matches!(answer, NextMail::Close(CloseReason::Yield)), "{answer:?}");
    stand.accepted(session.first);
    stand.scheduler.closed(session.ticket);
    stand.pass(1);
    assert_eq!(stand.open().unwrap().lane.site.as_str(), "dwmail.jp");
}

#[tokio::test]
async fn normal_mail_leaves_a_quarter_of_the_sessions_to_emergencies() {
    let many: Vec<String> = (0..20).map(|n| format!("school{n}.example.jp")).collect();
    let stand = Stand::new(8, 8, "");
    for domain in &many {
        stand.accept(4, domain, Normal).await;
    }
    assert_eq!(stand.open_all().len(), 6);
    stand.accept(4, "urgent.example.jp", Emergency).await;
    // Sources of one netblock begin at a new domain one after the other.
    let mut urgent = vec![];
    for _ in 0..60 {
        urgent.extend(stand.open_all());
        stand.pass(1);
    }
    assert_eq!(urgent.len(), 2);
    assert!(urgent.iter().all(|a| a.lane.class == Emergency));
}

#[tokio::test]
async fn an_emergency_gets_the_permit_that_normal_mail_waited_for() {
    let slow = fast("docomo").replace("1000000", "60");
    let stand = Stand::new(1, 100, &slow);
    stand.accept(5, "docomo.ne.jp", Normal).await;
    let mut session = stand.open().unwrap();
    stand.accepted(session.first);
    stand.scheduler.feedback(&session.ticket, Signal::Accepted);
    let waits = stand.scheduler.next_mail(&mut session.ticket, true);
    assert!(matches!(waits, NextMail::Wait { paced: true, .. }), "{waits:?}");
    stand.accept(1, "docomo.ne.jp", Emergency).await;
    stand.pass(2);
    let NextMail::Send(next) = stand.scheduler.next_mail(&mut session.ticket, true) else {
        panic!("its pace allows one")
    };
    assert_eq!(stand.queue.lane(next.lane).unwrap().class, Emergency);
}

#[tokio::test]
async fn a_session_that_waits_for_the_pace_gives_way_to_an_emergency_of_another_domain() {
    let slow = fast("docomo").replace("1000000", "60");
    let stand = Stand::new(1, 100, &slow);
    stand.accept(5, "docomo.ne.jp", Normal).await;
    let mut session = stand.open().unwrap();
    stand.accepted(session.first);
    stand.scheduler.feedback(&session.ticket, Signal::Accepted);
    let NextMail::Wait { bell, paced: true, .. } = stand.scheduler.next_mail(&mut session.ticket, true) else {
        panic!("its pace is used up");
    };
    stand.accept(1, "dwmail.jp", Emergency).await;
    let mut rings = std::pin::pin!(bell.notified());
    rings.as_mut().enable();
    assert!(stand.open().is_none(), "the pace is used up for everybody");
    rings.await;
    let answer = stand.scheduler.next_mail(&mut session.ticket, true);
    assert!(matches!(answer, NextMail::Close(CloseReason::Yield)), "{answer:?}");
    stand.scheduler.closed(session.ticket);
    stand.pass(2);
    let urgent = stand.open().unwrap();
    assert_eq!((urgent.lane.site.as_str(), urgent.lane.class), ("dwmail.jp", Emergency));
}

#[tokio::test]
async fn an_emergency_is_not_kept_from_the_permit_by_a_session_that_has_not_heard_yet() {
    let slow = fast("docomo").replace("1000000", "60");
    let stand = Stand::new(1, 100, &slow);
    stand.accept(5, "docomo.ne.jp", Normal).await;
    let mut session = stand.open().unwrap();
    stand.accepted(session.first);
    stand.scheduler.feedback(&session.ticket, Signal::Accepted);
    assert!(matches!(stand.scheduler.next_mail(&mut session.ticket, true), NextMail::Wait { paced: true, .. }));
    stand.accept(1, "dwmail.jp", Emergency).await;
    stand.pass(2);
    let urgent = stand.open().unwrap();
    assert_eq!((urgent.lane.site.as_str(), urgent.lane.class), ("dwmail.jp", Emergency));
}

#[tokio::test]
async fn an_idle_session_makes_room_for_another_domain_of_its_carrier_at_once() {
    for class in [Emergency, Normal] {
        let stand = Stand::new(1, 100, &fast("docomo").replace("connections_max = 2", "connections_max = 1"));
        stand.accept(1, "docomo.ne.jp", class).await;
        let mut session = stand.open().unwrap();
        stand.accepted(session.first);
        stand.scheduler.feedback(&session.ticket, Signal::Accepted);
        let NextMail::Wait { bell, .. } = stand.scheduler.next_mail(&mut session.ticket, true) else {
            panic!("nothing is queued, so it waits");
        };
        stand.accept(1, "dwmail.jp", class).await;
        let mut rings = std::pin::pin!(bell.notified());
        rings.as_mut().enable();
        assert!(stand.open().is_none(), "the carrier's only connection is in use");
        rings.await;
        let answer = stand.scheduler.next_mail(&mut session.ticket, true);
        assert!(matches!(answer, NextMail::Close(CloseReason::Yield)), "{answer:?}");
        stand.scheduler.closed(session.ticket);
        stand.pass(1);
        assert_eq!(stand.open().unwrap().lane.site.as_str(), "dwmail.jp");
    }
}
