//! What is believed of a path that says "unknown user", and what late bounces do to paths.

use std::time::Duration;

use mail_model::Class::Normal;
use mail_model::{EgressPath, SiteName};
use scheduler::Signal;

use crate::stand::{Stand, fast};

fn path(carrier: &str, source: &str) -> EgressPath {
    EgressPath { carrier: carrier.parse().unwrap(), site: SiteName::none(), source: source.parse().unwrap() }
}

#[tokio::test]
async fn a_burst_of_late_unknowns_rests_its_path_and_is_told_once() {
    let stand = Stand::new(2, 100, &fast("docomo"));
    stand.accept(100, "docomo.ne.jp", Normal).await;
    let (doubted, other) = (path("docomo", "s1"), path("docomo", "s2"));
    for _ in 0..10 {
        stand.scheduler.signal_path(&doubted, Signal::UnknownUser);
    }
    assert!(!stand.scheduler.doubts_unknown(&doubted) && stand.scheduler.take_bursts().is_empty());
    for _ in 0..50 {
        stand.scheduler.signal_path(&doubted, Signal::UnknownUser);
    }
    assert!(stand.scheduler.doubts_unknown(&doubted) && !stand.scheduler.doubts_unknown(&other));
    let bursts = stand.scheduler.take_bursts();
    assert_eq!(bursts.len(), 1);
    assert_eq!(bursts[0].source, Some(doubted.source.clone()));
    assert_eq!(stand.clock.unix().since_ms(bursts[0].since), 600_000);
    assert!(stand.scheduler.take_bursts().is_empty());
    let opened = stand.open_all();
    assert!(
        !opened.is_empty() && opened.iter().all(|a| a.path.source == other.source),
        "the path rests, the others go on"
    );
    stand.pass(24 * 3_600);
    assert!(!stand.scheduler.doubts_unknown(&doubted), "believed again after its rest");
}

#[tokio::test]
async fn late_unknowns_do_not_stop_a_carrier_that_accepts() {
    let stand = Stand::new(1, 100, &fast("docomo"));
    stand.accept(1_000, "docomo.ne.jp", Normal).await;
    let session = stand.open().unwrap();
    for _ in 0..1_000 {
        stand.scheduler.feedback(&session.ticket, Signal::Accepted);
    }
    for _ in 0..40 {
        stand.scheduler.signal_path(&session.path, Signal::UnknownUser);
    }
    assert!(stand.scheduler.take_bursts().is_empty(), "four in a hundred of what it accepted");
    assert_eq!(stand.scheduler.status()[0].paused_s, 0, "they stand in the guard as accepted already");
}

#[tokio::test]
async fn a_guard_that_stops_casts_doubt_on_all_sources_of_its_carrier() {
    let stand = Stand::new(2, 100, &fast("docomo"));
    stand.accept(200, "docomo.ne.jp", Normal).await;
    let session = stand.open().unwrap();
    // One in twelve: too bad for the carrier, and on this one path not yet a burst.
    for _ in 0..9 {
        for _ in 0..11 {
            stand.scheduler.feedback(&session.ticket, Signal::Accepted);
        }
        stand.scheduler.feedback(&session.ticket, Signal::UnknownUser);
    }
    let bursts = stand.scheduler.take_bursts();
    assert_eq!(bursts.len(), 1);
    assert_eq!(bursts[0].source, None);
    assert!(stand.scheduler.doubts_unknown(&path("docomo", "s2")));
    assert!(!stand.scheduler.doubts_unknown(&path("au", "s2")));
}

#[tokio::test]
async fn a_live_burst_rests_the_path_before_the_guard_has_its_sample() {
    let stand = Stand::new(2, 100, &fast("docomo"));
    stand.accept(100, "docomo.ne.jp", Normal).await;
    let session = stand.open().unwrap();
    for _ in 0..11 {
        stand.scheduler.feedback(&session.ticket, Signal::UnknownUser);
    }
    assert!(stand.scheduler.doubts_unknown(&session.path));
    assert_eq!(stand.scheduler.take_bursts().len(), 1);
}

#[tokio::test]
async fn late_words_slow_and_pause_a_path_and_never_reopen_it() {
    let stand = Stand::new(1, 100, &fast("docomo"));
    stand.accept(10, "docomo.ne.jp", Normal).await;
    let path = path("docomo", "s1");
    let rate = |stand: &Stand| stand.scheduler.status()[0].paths[0].throttle.rate_per_min;
    stand.scheduler.signal_path(&path, Signal::Throttled { pause: Some(Duration::from_secs(5)) });
    let slowed = rate(&stand);
    assert!(slowed < 1_000_000.0, "{slowed}");
    stand.pass(10);
    stand.scheduler.signal_path(&path, Signal::Blocked { pause: Some(Duration::from_secs(600)) });
    assert!(stand.open().is_none(), "the path rests");
    for signal in [Signal::Accepted, Signal::Refused, Signal::ConnectOk] {
        stand.scheduler.signal_path(&path, signal);
    }
    assert!(stand.open().is_none(), "a late word answers no probe");
}

#[tokio::test]
async fn a_path_nothing_was_sent_by_in_this_process_can_be_named() {
    let stand = Stand::new(1, 100, "");
    let small = EgressPath { site: SiteName::new("school.example.jp").unwrap(), ..path("other", "s1") };
    assert!(!stand.scheduler.doubts_unknown(&small));
    for _ in 0..11 {
        stand.scheduler.signal_path(&small, Signal::UnknownUser);
    }
    assert!(stand.scheduler.doubts_unknown(&small));
    let elsewhere = EgressPath { site: SiteName::new("school2.example.jp").unwrap(), ..small };
    assert!(!stand.scheduler.doubts_unknown(&elsewhere));
}
