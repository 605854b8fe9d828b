//! What was learned is given out, taken up, shown and forgotten; sources keep to their turns.

use std::collections::HashMap;
use std::time::Duration;

use ip_pools::{MemberConfig, PoolConfig, PoolKind, Pools, PoolsConfig, SourceConfig, SourceMemory};
use mail_model::{CarrierName, Class, SiteName, SourceName, UnixMs};
use scheduler::{CloseReason, Keeper, Lesson, NextMail, Scheduler, Signal};
use throttle::Learned;

use crate::stand::Stand;

fn docomo() -> CarrierName {
    "docomo".parse().unwrap()
}

fn source(number: u32) -> SourceName {
    format!("s{number}").parse().unwrap()
}

/// A ceiling of `per_min` for s1 at docomo.
fn ceiling(per_min: f64) -> Lesson {
    let learned = Learned { ceiling_per_min: Some(per_min), proven_per_min: per_min, ..Learned::default() };
    Lesson::Path { carrier: docomo(), site: SiteName::none(), source: source(1), learned }
}

fn ceiling_of(scheduler: &Scheduler) -> Option<f64> {
    let report = scheduler.limits();
    let group = report.groups.iter().find(|group| group.carrier == docomo())?;
    group.paths.iter().find(|path| path.source == source(1))?.learned.ceiling_per_min
}

const CARRIER: &str = "[carriers.docomo]\nconnections_max = 2\nrate_start_per_min = 600\nrate_max_per_min = 6000\n";

#[tokio::test]
async fn a_path_begins_with_what_was_learned_before_the_restart() {
    let stand = Stand::new(1, 8, CARRIER);
    stand.scheduler.recall(vec![(ceiling(60.0), stand.clock.unix())]);
    let before = stand.scheduler.limits();
    assert_eq!(before.groups.len(), 1, "it is shown before the first mail");
    assert!(before.groups[0].paths[0].live.is_none());
    assert!(stand.scheduler.lessons().iter().all(|(lesson, _)| lesson.is_empty()), "and not learned anew");

    stand.accept(50, "docomo.ne.jp", Class::Normal).await;
    let mut session = stand.open_when_loaded().await;
    let mut sent = 1;
    for _ in 0..50 {
        stand.scheduler.feedback(&session.ticket, Signal::Accepted);
        stand.clock.advance(Duration::from_millis(200));
        sent += u32::from(stand.mail(&mut session.ticket).is_some());
    }
    assert!((8..=11).contains(&sent), "ten seconds at nearly 60 a minute, and not at 600: {sent}");
    let known = ceiling_of(&stand.scheduler).unwrap();
    assert!((50.0..=60.0).contains(&known), "{known}");
    let (path, proved) = &stand.scheduler.lessons()[0];
    assert!(matches!(path, Lesson::Path { learned, .. } if learned.ceiling_per_min == Some(known)));
    assert!(proved, "its session is open");
}

#[tokio::test]
async fn what_is_kept_comes_back_through_the_store() {
    let stand = Stand::new(1, 8, CARRIER);
    let addresses = HashMap::from([(source(1), Some("192.0.2.1".parse().unwrap()))]);
    stand.scheduler.recall(vec![(ceiling(90.0), stand.clock.unix())]);
    stand.accept(1, "docomo.ne.jp", Class::Normal).await;
    let session = stand.open_when_loaded().await;
    let entries = Keeper::new(addresses.clone()).changed(stand.scheduler.lessons(), stand.clock.unix());
    let disk: Vec<_> = entries.into_iter().map(|entry| (entry.key, entry.value)).collect();
    drop(session);

    let after = Stand::new(1, 8, CARRIER);
    let found = Keeper::new(addresses).read(&disk, after.clock.unix());
    assert!(found.unusable.is_empty(), "{:?}", found.unusable);
    after.scheduler.recall(found.lessons);
    assert_eq!(ceiling_of(&after.scheduler), Some(90.0));
}

#[tokio::test]
async fn an_operators_word_forgets_and_wakes() {
    let stand = Stand::new(2, 8, CARRIER);
    let until = stand.clock.unix() + Duration::from_secs(3_600);
    let memory = SourceMemory { sent: vec![], rests: vec![(docomo(), until)] };
    stand.scheduler.recall(vec![
        (ceiling(60.0), stand.clock.unix()),
        (Lesson::Source { source: source(1), memory }, stand.clock.unix()),
    ]);
    stand.accept(20, "docomo.ne.jp", Class::Normal).await;
    let first = stand.open_when_loaded().await;
    assert_eq!(first.path.source, source(2), "the other one rests, also after a restart");
    let known = stand.scheduler.forget_limits(&docomo(), Some(&source(2)));
    assert!(known.iter().all(|lesson| lesson.source() == Some(&source(2))), "{known:?}");
    assert_eq!(ceiling_of(&stand.scheduler), Some(60.0));
    let known = stand.scheduler.forget_limits(&docomo(), None);
    assert!(known.contains(&ceiling(60.0)), "{known:?}");
    assert_eq!(ceiling_of(&stand.scheduler), None);
    assert!(opened_in_five_seconds(&stand).contains(&source(1)));
    assert!(stand.scheduler.forget_limits(&"au".parse().unwrap(), None).is_empty());
}

/// The sources of the sessions that open one after the other: those of one netblock keep out of phase.
fn opened_in_five_seconds(stand: &Stand) -> Vec<SourceName> {
    let mut sources = Vec::new();
    for _ in 0..50 {
        stand.clock.advance(Duration::from_millis(100));
        sources.extend(stand.open_all().into_iter().map(|session| session.path.source));
    }
    sources
}

/// A pool of the kind, its first `young` sources on the first day of a warm-up with a cap of 20.
fn pools(kind: PoolKind, sources: u32, young: u32, now: UnixMs) -> Pools {
    let member = |n: u32| MemberConfig { source: source(n), weight: 1 };
    let config = |n: u32| SourceConfig { name: source(n), warmup_started: (n <= young).then_some(now) };
    let members = (1..=sources).map(member).collect();
    Pools::new(&PoolsConfig {
        sources: (1..=sources).map(config).collect(),
        pools: vec![PoolConfig { name: "wide".parse().unwrap(), kind, members }],
        hourly_cap_by_day: vec![20],
    })
    .unwrap()
}

#[tokio::test]
async fn a_session_of_a_young_source_ends_at_its_cap_and_leaves_the_rest_to_the_others() {
    let rate = "[carriers.docomo]\nconnections_max = 1\nmessages_per_connection_max = 1000\nrate_start_per_min = 3000\n\
                rate_max_per_min = 3000\n";
    let stand = Stand::with_pools(rate, |now| pools(PoolKind::Wide, 2, 1, now));
    stand.accept(200, "docomo.ne.jp", Class::Normal).await;
    let mut sessions = vec![stand.open_when_loaded().await];
    while sessions.len() < 2 {
        stand.clock.advance(Duration::from_millis(100));
        sessions.extend(stand.open_all());
    }
    let mut sent: HashMap<SourceName, u32> = HashMap::new();
    let mut ended = Vec::new();
    for session in &mut sessions {
        let count = sent.entry(session.path.source.clone()).or_default();
        *count += 1;
        for _ in 0..60 {
            stand.clock.advance(Duration::from_millis(20));
            match stand.scheduler.next_mail(&mut session.ticket, true) {
                NextMail::Send(_) => *count += 1,
                NextMail::Close(reason) => {
                    ended.push((session.path.source.clone(), reason));
                    break;
                }
                NextMail::Wait { .. } => {}
            }
        }
    }
    assert_eq!(sent[&source(1)], 20, "{sent:?}");
    assert!(sent[&source(2)] > 20, "{sent:?}");
    assert!(ended.iter().all(|(of, reason)| *of == source(1) && *reason == CloseReason::Source), "{ended:?}");
    assert!(!ended.is_empty());
    let young = &stand.scheduler.limits().sources[0];
    assert_eq!((young.sent_this_hour, young.below_cap_at.is_some()), (20, true));
}

#[tokio::test]
async fn a_narrow_pool_uses_its_second_source_when_the_first_cannot_finish_in_time() {
    let rate = "[carriers.docomo]\nconnections_max = 1\nrate_start_per_min = 60\nrate_max_per_min = 60\n";
    // Two minutes at 60 a minute: 120 are the first one's alone.
    for (mails, expected) in
        [(100, vec![source(1)]), (150, vec![source(1), source(2)]), (900, (1..=3).map(source).collect())]
    {
        let stand = Stand::with_pools(rate, |now| pools(PoolKind::Narrow, 3, 0, now));
        stand.accept(mails, "docomo.ne.jp", Class::Normal).await;
        let mut sources = vec![stand.open_when_loaded().await.path.source];
        sources.extend(opened_in_five_seconds(&stand));
        sources.sort();
        assert_eq!(sources, expected, "{mails} mails");
    }
}
