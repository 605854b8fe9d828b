//! What the scheduler foresees of mail that is not even handed in, and of mail on its way.

use std::time::Duration;

use mail_model::{CarrierName, Class, Lane, SiteName};
use scheduler::{Audience, Crowd, HoldScope, Lesson, Reason, Signal, Sureness};
use throttle::Learned;

use crate::stand::Stand;

const CARRIER: &str = "[carriers.docomo]\nconnections_max = 2\nrate_start_per_min = 60\nrate_max_per_min = 6000\n";

fn docomo() -> CarrierName {
    "docomo".parse().unwrap()
}

fn lane(class: Class) -> Lane {
    Lane { carrier: docomo(), site: "docomo.ne.jp".parse().unwrap(), pool: "wide".parse().unwrap(), class }
}

fn audience(mails: u64) -> Audience {
    Audience { crowds: vec![Crowd::fresh(lane(Class::Normal), mails)], ..Audience::default() }
}

#[tokio::test]
async fn a_carrier_nobody_has_sent_to_gives_a_range_and_is_not_made_by_being_asked_for() {
    let stand = Stand::new(8, 32, CARRIER);
    let estimate = stand.scheduler.estimate(&audience(4_800)).all;
    assert_eq!((estimate.mails, estimate.sureness), (4_800, Sureness::Unknown));
    assert_eq!(estimate.reason, Reason::NothingLearned { sources: 8, rate_per_min: 60.0 });
    let (earliest, latest) = (estimate.earliest.p95_s.unwrap(), estimate.latest.p95_s.unwrap());
    assert!(earliest * 4.0 < latest, "{earliest} to {latest}");
    assert!(stand.scheduler.status().is_empty(), "asking changes nothing");
}

#[tokio::test]
async fn what_was_learned_before_the_restart_counts_with_its_age() {
    let stand = Stand::new(1, 8, CARRIER);
    let learned = Learned { ceiling_per_min: Some(60.0), proven_per_min: 60.0, ..Learned::default() };
    let lesson = Lesson::Path { carrier: docomo(), site: SiteName::none(), source: "s1".parse().unwrap(), learned };
    let at = stand.clock.unix();
    stand.scheduler.recall(vec![(lesson, at)]);
    stand.clock.advance(Duration::from_secs(7_200));
    let estimate = stand.scheduler.estimate(&audience(600)).all;
    assert_eq!(estimate.sureness, Sureness::Learned);
    let Reason::Learned { sources: 1, age_s, .. } = estimate.reason else { panic!("{:?}", estimate.reason) };
    assert_eq!(age_s, 7_200);
    let p95_s = estimate.likely.p95_s.unwrap();
    assert!((540.0..700.0).contains(&p95_s), "600 mails at a little below 60 a minute: {p95_s}");
}

#[tokio::test]
async fn a_blocked_source_and_an_operators_word_are_named() {
    let stand = Stand::new(1, 8, CARRIER);
    stand.accept(1, "docomo.ne.jp", Class::Normal).await;
    let session = stand.open_when_loaded().await;
    let pause = Some(Duration::from_secs(1_800));
    stand.scheduler.feedback(&session.ticket, Signal::Blocked { pause });
    let blocked = stand.scheduler.estimate(&audience(10)).all;
    assert!(matches!(blocked.reason, Reason::Resting { sources: 1, of: 1, .. }), "{:?}", blocked.reason);
    assert!(blocked.likely.p50_s.is_some_and(|s| s >= 1_790.0), "{:?}", blocked.likely);

    let until = stand.clock.unix() + Duration::from_secs(7_200);
    let scope = HoldScope { carrier: Some(docomo()), ..HoldScope::default() };
    stand.scheduler.hold(scope, "asked to wait".into(), until);
    let held = stand.scheduler.estimate(&audience(10)).all;
    assert_eq!(held.reason, Reason::Held { until });
    assert!(held.likely.p50_s.is_some_and(|s| s >= 7_190.0));
}

#[tokio::test]
async fn hundreds_of_domains_of_other_are_represented_by_the_largest() {
    let stand = Stand::new(8, 512, "");
    let crowd = |number: u32| {
        let site = format!("school-{number}.example").parse().unwrap();
        let lane = Lane { carrier: CarrierName::other(), site, ..lane(Class::Normal) };
        Crowd::fresh(lane, if number == 0 { 5_000 } else { 3 })
    };
    let crowds = (0..2_000).map(crowd).collect();
    let estimate = stand.scheduler.estimate(&Audience { crowds, ..Audience::default() });
    assert_eq!(estimate.all.mails, 5_000 + 1_999 * 3);
    assert_eq!(estimate.carriers.len(), 1);
    assert!(estimate.all.likely.p50_s < estimate.all.likely.p99_s);
}
