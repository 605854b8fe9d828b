//! DANE against signed zones of a DNS server on loopback.

mod authority;
#[path = "../../dns/tests/fake_dns/mod.rs"]
mod fake_dns;
mod policy_host;

use std::io::Write;
use std::time::Duration;

use clock::Clock;
use dns::Dns;
use engine_config::EngineConfig;
use fake_dns::{Behaviour, FakeDns, a, cname, mx, tlsa};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;
use policy_host::{NOON, World, ok, policy};
use tls_policy::{Demand, TlsPolicies, Tlsa, WhyUnusable};

/// A signed `jp` with a signed and an unsigned zone below it, whose hosts have TLSA records.
fn zones(server: &FakeDns) {
    server.sign_zone("jp");
    server.sign_zone("signed.jp");
    server.unsigned_zone("plain.jp");
    for zone in ["signed.jp", "plain.jp"] {
        server.records(zone, vec![mx(10, &format!("mx.{zone}"))]);
        server.records(&format!("mx.{zone}"), vec![a("203.0.113.1")]);
        server.records(&format!("_25._tcp.mx.{zone}"), vec![tlsa(3, 1, 1, &[7; 32])]);
    }
}

fn dns(server: &FakeDns) -> Dns {
    let text = format!(
        "[engine]\nnode_name = \"a.example.jp\"\n[dns]\nservers = [\"{}\"]\nretries = 0\ntimeout_ms = 10000\n",
        server.address
    );
    let config = EngineConfig::from_toml(&text, "test.toml").unwrap().dns;
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(server.trust_anchor("jp").as_bytes()).unwrap();
    Dns::with_trust_anchors(&config, Some(file.path())).unwrap()
}

async fn policies(mta_sts: bool) -> (World, TlsPolicies, Clock) {
    let world = World::with(|settings| (settings.dane, settings.mta_sts) = (true, mta_sts)).await;
    zones(&world.dns);
    let policies = TlsPolicies::new(&world.settings, &dns(&world.dns), world.clock.clone()).unwrap();
    let clock = world.clock.clone();
    (world, policies, clock)
}

fn matching(records: &[(u8, u8, u8, u8)], names: &[&str]) -> Demand {
    let record = |&(usage, selector, matching, byte): &(u8, u8, u8, u8)| Tlsa {
        usage,
        selector,
        matching,
        data: vec![byte; if matching == 2 { 64 } else { 32 }],
    };
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    Demand::Dane { records: records.iter().map(record).collect(), names: names.into() }
}

#[tokio::test]
async fn records_of_a_signed_host_are_demanded_and_those_of_an_unsigned_one_are_not() {
    let (world, policies, clock) = policies(false).await;
    let demand = policies.demand("signed.jp", "mx.signed.jp", 25).await;
    assert_eq!(demand, matching(&[(3, 1, 1, 7)], &["mx.signed.jp", "signed.jp"]));
    assert!(!demand.is_optional() && demand.admits("mx.signed.jp"));
    assert_eq!(policies.demand("plain.jp", "mx.plain.jp", 25).await, Demand::Nothing);
    assert_eq!(world.dns.asked("_25._tcp.mx.plain.jp", RecordType::TLSA), 0);

    world.dns.records("_25._tcp.mx.signed.jp", vec![tlsa(3, 1, 1, &[8; 32])]);
    assert_eq!(policies.demand("signed.jp", "mx.signed.jp", 25).await, demand, "remembered");
    clock.advance(Duration::from_secs(300));
    let rolled = policies.demand("signed.jp", "mx.signed.jp", 25).await;
    assert_eq!(rolled, matching(&[(3, 1, 1, 8)], &["mx.signed.jp", "signed.jp"]));
}

#[tokio::test]
async fn what_the_records_are_decides_what_is_demanded() {
    let (world, policies, _) = policies(false).await;
    let (short, sha256, sha512) = (&[7; 8][..], &[7; 32][..], &[7; 64][..]);
    let names = |host: &str| [host.to_owned(), "signed.jp".to_owned()];
    let table = [
        ("rollover", vec![tlsa(3, 1, 1, sha256), tlsa(3, 1, 2, sha512)], Some(vec![(3, 1, 1, 7), (3, 1, 2, 7)])),
        ("mixed", vec![tlsa(1, 1, 1, sha256), tlsa(2, 0, 1, sha256), tlsa(3, 1, 1, short)], Some(vec![(2, 0, 1, 7)])),
        ("unusable", vec![tlsa(0, 1, 1, sha256), tlsa(3, 1, 1, short), tlsa(3, 9, 1, sha256)], None),
    ];
    let hosts = table.iter().map(|(label, ..)| mx(10, &format!("{label}.signed.jp")));
    world.dns.records("signed.jp", hosts.collect());
    for (label, records, usable) in table {
        let host = format!("{label}.signed.jp");
        world.dns.records(&host, vec![a("203.0.113.1")]);
        world.dns.records(&format!("_25._tcp.{host}"), records);
        let demand = policies.demand("signed.jp", &host, 25).await;
        let names = names(&host);
        let expected = usable.map_or(Demand::Encrypted, |usable| {
            matching(&usable, &names.iter().map(String::as_str).collect::<Vec<_>>())
        });
        assert_eq!(sorted(demand), sorted(expected), "{label}");
    }
    assert!(!Demand::Encrypted.is_optional());
}

/// Records in an order of their own: DNS has none.
fn sorted(demand: Demand) -> Demand {
    let Demand::Dane { records, names } = demand else { return demand };
    let mut records = records.to_vec();
    records.sort_by_key(|record| (record.usage, record.matching));
    Demand::Dane { records: records.into(), names }
}

#[tokio::test]
async fn mail_waits_for_records_that_are_forged_or_cannot_be_had() {
    let (bogus, no_answer) = (Demand::Unusable(WhyUnusable::Bogus), Demand::Unusable(WhyUnusable::NoAnswer));
    let fail = || Behaviour::Code(ResponseCode::ServFail);
    for (name, kind) in
        [("signed.jp", RecordType::MX), ("mx.signed.jp", RecordType::A), ("_25._tcp.mx.signed.jp", RecordType::TLSA)]
    {
        let (world, policies, _) = policies(false).await;
        world.dns.break_signature(name, kind);
        assert_eq!(policies.demand("signed.jp", "mx.signed.jp", 25).await, bogus, "{name} {kind}");
        let (world, policies, clock) = self::policies(false).await;
        world.dns.set(name, fail());
        assert_eq!(policies.demand("signed.jp", "mx.signed.jp", 25).await, no_answer, "{name} {kind}");
        zones_again(&world.dns);
        clock.advance(Duration::from_secs(30));
        assert_ne!(policies.demand("signed.jp", "mx.signed.jp", 25).await, no_answer, "{name} {kind}");
    }
    assert!(!bogus.admits("mx.signed.jp") && !bogus.is_optional());
}

/// The records as they were, with the keys as they are.
fn zones_again(server: &FakeDns) {
    server.records("signed.jp", vec![mx(10, "mx.signed.jp")]);
    server.records("mx.signed.jp", vec![a("203.0.113.1")]);
    server.records("_25._tcp.mx.signed.jp", vec![tlsa(3, 1, 1, &[7; 32])]);
}

#[tokio::test]
async fn a_forwarder_that_strips_signatures_makes_mail_wait_rather_than_go_unprotected() {
    let (world, policies, _) = policies(false).await;
    world.dns.strip();
    assert!(matches!(policies.demand("signed.jp", "mx.signed.jp", 25).await, Demand::Unusable(_)));
}

#[tokio::test]
async fn a_host_that_is_not_among_the_signed_ones_gets_no_mail() {
    let (_world, policies, _) = policies(false).await;
    let demand = policies.demand("signed.jp", "mx.evil.jp", 25).await;
    assert_eq!(demand, Demand::Unusable(WhyUnusable::HostNotSigned));
}

#[tokio::test]
async fn a_signed_domain_with_an_unsigned_host_or_without_records_demands_nothing() {
    let (world, policies, _) = policies(false).await;
    world.dns.records("signed.jp", vec![mx(10, "mx.plain.jp"), mx(20, "bare.signed.jp")]);
    world.dns.records("bare.signed.jp", vec![a("203.0.113.1")]);
    world.dns.records("own.signed.jp", vec![a("203.0.113.1")]);
    assert_eq!(policies.demand("signed.jp", "mx.plain.jp", 25).await, Demand::Nothing);
    assert_eq!(policies.demand("signed.jp", "bare.signed.jp", 25).await, Demand::Nothing);
    world.dns.records("_2525._tcp.own.signed.jp", vec![tlsa(3, 1, 1, &[7; 32])]);
    let implicit = policies.demand("own.signed.jp", "own.signed.jp", 2_525).await;
    assert_eq!(implicit, matching(&[(3, 1, 1, 7)], &["own.signed.jp"]), "provably no MX: the domain is the host");
}

#[tokio::test]
async fn an_alias_is_asked_for_by_the_name_behind_it_and_then_by_its_own() {
    let (world, policies, _) = policies(false).await;
    world.dns.records("signed.jp", vec![mx(10, "one.signed.jp"), mx(20, "two.signed.jp")]);
    world.dns.records("one.signed.jp", vec![cname("mx.signed.jp")]);
    world.dns.records("two.signed.jp", vec![cname("bare.signed.jp")]);
    world.dns.records("bare.signed.jp", vec![a("203.0.113.1")]);
    world.dns.records("_25._tcp.two.signed.jp", vec![tlsa(3, 1, 1, &[9; 32])]);
    let one = matching(&[(3, 1, 1, 7)], &["mx.signed.jp", "one.signed.jp", "signed.jp"]);
    assert_eq!(policies.demand("signed.jp", "one.signed.jp", 25).await, one);
    let two = matching(&[(3, 1, 1, 9)], &["two.signed.jp", "signed.jp"]);
    assert_eq!(policies.demand("signed.jp", "two.signed.jp", 25).await, two);
}

#[tokio::test]
async fn dane_goes_before_mta_sts_and_mta_sts_serves_where_there_is_no_dane() {
    let (world, policies, _) = policies(true).await;
    for domain in ["signed.jp", "plain.jp"] {
        world.publish(domain, "1", ok(&policy("enforce", "elsewhere.example.jp", 86_400)));
    }
    world.dns.records("mta-sts.signed.jp", vec![a("127.0.0.1")]);
    assert!(matches!(policies.demand("signed.jp", "mx.signed.jp", 25).await, Demand::Dane { .. }));
    assert!(matches!(policies.demand("plain.jp", "mx.plain.jp", 25).await, Demand::Authenticated(_)));
    assert_eq!(NOON, world.clock.unix());
}
