//! A row of "unknown" on one path condemns nobody, whoever tells of it.

mod world;

use std::time::Duration;

use mail_model::{EgressPath, SiteName};
use scheduler::Signal;
use world::{World, mails};

fn path(source: &str) -> EgressPath {
    EgressPath { carrier: "docomo".parse().unwrap(), site: SiteName::none(), source: source.parse().unwrap() }
}

async fn until(what: impl Fn() -> bool) {
    for _ in 0..2_000 {
        if what() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("it did not happen");
}

#[tokio::test]
async fn late_unknowns_in_a_row_rest_the_path_and_give_everybody_back() {
    let mut world = World::new("").await;
    let before = world.sent("old@docomo.ne.jp").await;
    world.start();
    world.comes_back(before, &mails::unknown("old@docomo.ne.jp")).await;
    world.settled().await;
    world.pass(3_600);
    let other = world.sent_by("other@docomo.ne.jp", "tokyo-2", None).await;
    world.comes_back(other, &mails::unknown("other@docomo.ne.jp")).await;
    for n in 0..30 {
        let to = format!("taro{n}@docomo.ne.jp");
        let id = world.sent(&to).await;
        world.comes_back(id, &mails::unknown(&to)).await;
    }
    world.settled().await;
    assert!(world.scheduler.doubts_unknown(&path("tokyo-1")));
    until(|| (0..30).all(|n| world.reason(&format!("taro{n}@docomo.ne.jp")).is_none())).await;
    assert_eq!(world.reason("old@docomo.ne.jp"), Some("address_unknown"), "said an hour before");
    assert_eq!(world.reason("other@docomo.ne.jp"), Some("address_unknown"), "said to another source");
}

#[tokio::test]
async fn live_unknowns_that_stop_the_carriers_guard_give_everybody_back() {
    let mut world = World::new("").await;
    world.start();
    let id = world.sent("taro@docomo.ne.jp").await;
    world.comes_back(id, &mails::unknown("taro@docomo.ne.jp")).await;
    world.settled().await;
    assert!(world.reason("taro@docomo.ne.jp").is_some());
    // The live replies of a session, in the scheduler's ears only.
    for _ in 0..11 {
        world.scheduler.signal_path(&path("tokyo-1"), Signal::UnknownUser);
    }
    until(|| world.reason("taro@docomo.ne.jp").is_none()).await;
}

#[tokio::test]
async fn an_address_that_two_days_call_unknown_stays_condemned() {
    let mut world = World::new("").await;
    world.start();
    for day in 0..2 {
        for _ in 0..20 {
            world.scheduler.signal_path(&path("tokyo-1"), Signal::UnknownUser);
        }
        assert!(world.scheduler.doubts_unknown(&path("tokyo-1")));
        let id = world.sent("dead@docomo.ne.jp").await;
        world.comes_back(id, &mails::unknown("dead@docomo.ne.jp")).await;
        world.settled().await;
        assert_eq!(world.reason("dead@docomo.ne.jp").is_some(), day == 1, "day {day}");
        world.pass(24 * 3_600);
    }
}
