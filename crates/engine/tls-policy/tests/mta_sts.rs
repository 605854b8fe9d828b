//! MTA-STS against a web server and a DNS server on loopback.

mod authority;
#[path = "../../dns/tests/fake_dns/mod.rs"]
mod fake_dns;
mod policy_host;

use std::sync::Arc;
use std::time::Duration;

use authority::{Authority, Identity, Life};
use fake_dns::{Behaviour, txt};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;
use policy_host::{Answer, World, enforced, eventually, ok, policy, said};
use tls_policy::{Demand, FailureType, MxMatch, Session, TlsResult};

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

/// The result type that a session without a policy is reported with.
fn fault(world: &World, domain: &str) -> Option<FailureType> {
    let result = TlsResult::Success;
    let (demand, mx_host) = (&Demand::Nothing, "mx.example.jp");
    world.policies.report(&Session { domain, mx_host, demand, sending_ip: None, receiving_ip: None, result });
    let reports = world.policies.reports(world.clock.unix());
    let report = reports.iter().find(|report| report.report_id.contains(&format!("-{domain}@"))).unwrap();
    report.policies.iter().flat_map(|policy| &policy.failure_details).map(|detail| detail.result_type).next()
}

#[tokio::test]
async fn a_domain_demands_what_its_policy_says() {
    let world = World::new().await;
    world.publish("enforce.jp", "1", ok(&policy("enforce", "*.enforce.jp", 86_400)));
    world.publish("testing.jp", "1", ok(&policy("testing", "mx.testing.jp", 86_400)));
    world.publish("none.jp", "1", ok(&policy("none", "mx.none.jp", 86_400)));
    assert_eq!(world.demand("enforce.jp").await, enforced(&["*.enforce.jp"]));
    assert_eq!(world.demand("testing.jp").await, Demand::Testing(MxMatch::new(["mx.testing.jp"])));
    assert_eq!(world.demand("none.jp").await, Demand::Nothing);
    assert_eq!(world.demand("silent.jp").await, Demand::Nothing);
    let demand = world.demand("enforce.jp").await;
    assert!(demand.admits("mx.enforce.jp") && !demand.admits("mx.evil.jp") && !demand.is_optional());
}

#[tokio::test]
async fn a_hundred_callers_fetch_one_policy_and_the_absence_of_one_is_remembered_for_an_hour() {
    let world = World::new().await;
    world.publish("a.jp", "1", ok(&policy("enforce", "mx.a.jp", 86_400)));
    let calls: Vec<_> = (0..100)
        .map(|n| {
            let policies = world.policies.clone();
            let domain = if n % 2 == 0 { "a.jp" } else { "without.jp" };
            tokio::spawn(async move { policies.demand(domain, "mx.a.jp", 25).await != Demand::Nothing })
        })
        .collect();
    for (n, call) in calls.into_iter().enumerate() {
        assert_eq!(call.await.unwrap(), n % 2 == 0);
    }
    let asked = |world: &World| world.dns.asked("_mta-sts.without.jp", RecordType::TXT);
    assert_eq!((world.fetched("a.jp"), asked(&world)), (1, 1));
    world.clock.advance(HOUR - Duration::from_secs(1));
    world.demand("without.jp").await;
    assert_eq!(asked(&world), 1);
    world.clock.advance(Duration::from_secs(1));
    world.demand("without.jp").await;
    assert_eq!(asked(&world), 2);
}

#[tokio::test]
async fn a_policy_that_cannot_be_had_demands_nothing_and_is_reported() {
    let good = policy("enforce", "mx.a.jp", 86_400);
    let long = format!("{good}{}", "x: y\r\n".repeat(2_000_000));
    let endless = format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n{long}").into_bytes();
    let table = [
        ("404.jp", said("404 Not Found", "text/plain", &good), FailureType::StsPolicyFetchError),
        ("301.jp", said("301 Moved Permanently", "text/plain", &good), FailureType::StsPolicyFetchError),
        ("206.jp", said("206 Partial Content", "text/plain", &good), FailureType::StsPolicyFetchError),
        ("html.jp", said("200 OK", "text/html", &good), FailureType::StsPolicyFetchError),
        ("large.jp", ok(&long), FailureType::StsPolicyFetchError),
        ("endless.jp", Answer::Says(endless), FailureType::StsPolicyFetchError),
        ("head.jp", Answer::Says(b"HTTP/1.1 200 OK\r\nA: ".repeat(5_000)), FailureType::StsPolicyFetchError),
        ("noise.jp", Answer::Says(b"220 mx ESMTP\r\n".to_vec()), FailureType::StsPolicyFetchError),
        (
            "cut.jp",
            Answer::Says(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nv".to_vec()),
            FailureType::StsPolicyFetchError,
        ),
        ("words.jp", ok("no policy here"), FailureType::StsPolicyInvalid),
        ("old.jp", ok(&good.replace("STSv1", "STSv0")), FailureType::StsPolicyInvalid),
    ];
    let world = World::new().await;
    world.publish("elsewhere.jp", "1", ok(&good));
    for (domain, answer, expected) in table {
        world.publish(domain, "1", answer);
        assert_eq!(world.demand(domain).await, Demand::Nothing, "{domain}");
        assert_eq!(fault(&world, domain), Some(expected), "{domain}");
        assert_eq!(world.fetched(domain), 1, "{domain}");
    }
    assert_eq!(world.fetched("elsewhere.jp"), 0, "no redirect is followed");
}

#[tokio::test]
async fn the_web_server_must_show_a_valid_certificate_for_its_name() {
    let world = World::new().await;
    let stranger = Authority::new("Stranger");
    let table = [
        ("name.jp", world.authority.signs("mta-sts.other.jp", Life::Valid)),
        ("bare.jp", world.authority.signs("bare.jp", Life::Valid)),
        ("expired.jp", world.authority.signs("mta-sts.expired.jp", Life::Expired)),
        ("self.jp", Identity::self_signed("mta-sts.self.jp", Life::Valid)),
        ("stranger.jp", stranger.signs("mta-sts.stranger.jp", Life::Valid)),
    ];
    for (domain, identity) in table {
        world.publish(domain, "1", ok(&policy("enforce", "mx.a.jp", 86_400)));
        world.show(domain, &identity);
        assert_eq!(world.demand(domain).await, Demand::Nothing, "{domain}");
        assert_eq!(fault(&world, domain), Some(FailureType::StsWebpkiInvalid), "{domain}");
        assert_eq!(world.fetched(domain), 0, "{domain}");
    }
}

#[tokio::test]
async fn a_web_server_on_a_private_address_is_not_spoken_to() {
    let world = World::with(|settings| settings.allow_private_addresses = false).await;
    world.publish("a.jp", "1", ok(&policy("enforce", "mx.a.jp", 86_400)));
    assert_eq!(world.demand("a.jp").await, Demand::Nothing);
    assert_eq!((fault(&world, "a.jp"), world.fetched("a.jp")), (Some(FailureType::StsPolicyFetchError), 0));
}

#[tokio::test]
async fn records_that_announce_no_policy_are_no_fault() {
    let world = World::new().await;
    world.publish("two.jp", "1", ok(&policy("enforce", "mx.two.jp", 86_400)));
    world.dns.records("_mta-sts.two.jp", vec![txt("v=STSv1; id=1;"), txt("v=STSv1; id=2;")]);
    world.dns.records("_mta-sts.other.jp", vec![txt("v=spf1 -all")]);
    world.dns.set("_mta-sts.broken.jp", Behaviour::Code(ResponseCode::ServFail));
    for domain in ["two.jp", "other.jp", "broken.jp"] {
        assert_eq!(world.demand(domain).await, Demand::Nothing, "{domain}");
        assert_eq!(fault(&world, domain), None, "{domain}");
    }
}

#[tokio::test]
async fn a_policy_holds_to_its_end_whatever_becomes_of_its_server_and_its_record() {
    let world = World::new().await;
    world.publish("a.jp", "1", ok(&policy("enforce", "mx.a.jp", 604_800)));
    assert_eq!(world.demand("a.jp").await, enforced(&["mx.a.jp"]));
    world.answer("a.jp", said("500 Oops", "text/plain", ""));
    world.announce("a.jp", "2");
    for day in 1..4 {
        world.clock.advance(DAY);
        assert_eq!(world.demand("a.jp").await, enforced(&["mx.a.jp"]), "{day}");
        eventually(|| world.fetched("a.jp") > day).await;
    }
    world.dns.set("_mta-sts.a.jp", Behaviour::NoName);
    world.clock.advance(3 * DAY);
    assert_eq!(world.demand("a.jp").await, enforced(&["mx.a.jp"]));
    world.clock.advance(DAY);
    assert_eq!(world.demand("a.jp").await, Demand::Nothing, "max_age is over");
}

#[tokio::test]
async fn a_new_id_brings_the_new_policy_and_an_old_one_is_fetched_once_a_day() {
    let world = World::new().await;
    world.publish("a.jp", "1", ok(&policy("enforce", "mx.a.jp", 604_800)));
    world.demand("a.jp").await;
    let asked = || world.dns.asked("_mta-sts.a.jp", RecordType::TXT);
    for hour in 1..24 {
        world.clock.advance(HOUR);
        world.demand("a.jp").await;
        eventually(|| asked() == hour + 1).await;
    }
    assert_eq!(world.fetched("a.jp"), 1);
    world.clock.advance(HOUR);
    world.demand("a.jp").await;
    eventually(|| world.fetched("a.jp") == 2).await;

    world.answer("a.jp", ok(&policy("testing", "mx2.a.jp", 604_800)));
    world.announce("a.jp", "2");
    world.clock.advance(HOUR);
    assert_eq!(world.demand("a.jp").await, enforced(&["mx.a.jp"]), "the answer at hand, while the new one is fetched");
    eventually(|| world.fetched("a.jp") == 3).await;
    let new = Demand::Testing(MxMatch::new(["mx2.a.jp"]));
    let mut now = world.demand("a.jp").await;
    while now != new {
        tokio::task::yield_now().await;
        now = world.demand("a.jp").await;
    }
}

#[tokio::test]
async fn mail_that_fails_a_policy_makes_it_looked_up_again_soon() {
    let world = World::new().await;
    world.publish("a.jp", "1", ok(&policy("enforce", "mx.a.jp", 604_800)));
    let demand = world.demand("a.jp").await;
    let asked = || world.dns.asked("_mta-sts.a.jp", RecordType::TXT);
    let result = TlsResult::Failure(FailureType::CertificateExpired);
    let (domain, mx_host, demand) = ("a.jp", "mx.a.jp", &demand);
    world.policies.report(&Session { domain, mx_host, demand, sending_ip: None, receiving_ip: None, result });
    world.clock.advance(Duration::from_secs(299));
    world.demand("a.jp").await;
    assert_eq!(asked(), 1);
    world.clock.advance(Duration::from_secs(1));
    world.demand("a.jp").await;
    eventually(|| asked() == 2).await;
}

#[tokio::test]
async fn a_restart_opens_no_time_without_a_policy() {
    let mut world = World::new().await;
    world.publish("a.jp", "1", ok(&policy("enforce", "mx.a.jp", 604_800)));
    world.demand("a.jp").await;
    let file = world.file();
    eventually(|| file.exists()).await;
    world.dns.set("_mta-sts.a.jp", Behaviour::Silent);
    world.clock.advance(DAY);
    world.restart();
    assert_eq!(world.demand("a.jp").await, enforced(&["mx.a.jp"]));
    std::fs::write(&file, "no json").unwrap();
    world.dns.set("_mta-sts.a.jp", Behaviour::NoName);
    world.restart();
    assert_eq!(world.demand("a.jp").await, Demand::Nothing, "a torn file is no reason not to start");
}

#[tokio::test]
async fn a_slow_domain_keeps_nobody_else_waiting_and_its_own_mail_not_for_long() {
    let world = World::with(|settings| settings.patience = Duration::from_millis(50)).await;
    for n in 0..20 {
        world.publish(&format!("slow{n}.jp"), "1", Answer::Silent);
        assert_eq!(world.demand(&format!("slow{n}.jp")).await, Demand::Nothing);
    }
    eventually(|| (0..20).all(|n| world.fetched(&format!("slow{n}.jp")) == 1)).await;
    world.publish("quick.jp", "1", ok(&policy("enforce", "mx.quick.jp", 86_400)));
    world.policies.look_ahead("quick.jp").await;
    eventually(|| world.fetched("quick.jp") == 1).await;
    let policies = world.policies.clone();
    while policies.demand("quick.jp", "mx.quick.jp", 25).await == Demand::Nothing {
        tokio::task::yield_now().await;
    }
    assert_eq!(world.demand("slow0.jp").await, Demand::Nothing);
    assert_eq!(world.fetched("slow0.jp"), 1, "it is still being asked");
}

#[tokio::test]
async fn nothing_is_looked_up_when_it_is_turned_off() {
    let world = World::with(|settings| settings.mta_sts = false).await;
    world.publish("a.jp", "1", ok(&policy("enforce", "mx.a.jp", 604_800)));
    assert_eq!(world.demand("a.jp").await, Demand::Nothing);
    assert_eq!((world.dns.asked_in_all(), Arc::strong_count(&world.settings.roots)), (0, 1));
}
