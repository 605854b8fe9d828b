//! What an operator suspends waits, and goes on afterwards.

use mail_model::{CarrierName, Class::Normal, UnixMs};
use scheduler::HoldScope;

use crate::stand::{Stand, fast};

#[tokio::test]
async fn a_held_carrier_waits_until_release_and_others_do_not() {
    let stand = Stand::new(2, 100, &[fast("docomo"), fast("au")].concat());
    stand.accept(10, "docomo.ne.jp", Normal).await;
    stand.accept(10, "au.com", Normal).await;
    let scope = HoldScope { carrier: Some(CarrierName::new("docomo").unwrap()), ..HoldScope::default() };
    let hold = stand.scheduler.hold(scope, "docomo asked us to wait".into(), UnixMs::NEVER);
    let opened = stand.open_all();
    assert!(!opened.is_empty());
    assert!(opened.iter().all(|a| a.lane.carrier.as_str() == "au"));
    assert!(stand.scheduler.release(hold).is_some());
    assert!(stand.open_all().iter().any(|a| a.lane.carrier.as_str() == "docomo"));
}

#[tokio::test]
async fn a_held_path_sends_nothing_while_the_carriers_other_paths_do() {
    let stand = Stand::new(2, 100, &fast("docomo"));
    stand.accept(10, "docomo.ne.jp", Normal).await;
    let first = stand.open().unwrap();
    let held = first.path.clone();
    stand.scheduler.closed(first.ticket);
    let scope = HoldScope { path: Some(held.clone()), ..HoldScope::default() };
    stand.scheduler.hold(scope, "its certificate is being changed".into(), UnixMs::NEVER);
    stand.pass(1);
    let opened = stand.open_all();
    assert!(!opened.is_empty());
    assert!(opened.iter().all(|a| a.path.source != held.source));
}
