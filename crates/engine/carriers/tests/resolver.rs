//! Routes against a DNS server of our own on loopback.

#[path = "../../dns/tests/fake_dns/mod.rs"]
mod fake_dns;

use std::sync::Arc;
use std::time::Duration;

use carriers::{Directory, MxHost, Resolver, Route};
use clock::{Chance, Clock};
use engine_config::EngineConfig;
use fake_dns::{Behaviour, FakeDns, a, cname, mx};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;
use mail_model::UnixMs;

struct World {
    dns: FakeDns,
    clock: Clock,
    resolver: Resolver,
}

async fn world(extra_dns: &str, rest: &str) -> World {
    let dns = FakeDns::start().await;
    // Far longer than a busy machine takes to answer; only names that stay silent cost it.
    let timeout = if extra_dns.contains("timeout_ms") { "" } else { "timeout_ms = 10000" };
    let text = format!(
        "[engine]\nnode_name = \"mail.example.jp\"\n[dns]\nservers = [\"{}\"]\nretries = 0\n\
         {timeout}\n{extra_dns}\n{rest}",
        dns.address
    );
    let config = EngineConfig::from_toml(&text, "test.toml").unwrap_or_else(|faults| panic!("{faults}"));
    let clock = Clock::manual(UnixMs(0));
    let directory = Arc::new(Directory::new(config.carriers.clone()));
    let resolver = Resolver::new(&config, directory, clock.clone(), Chance::seeded(3)).unwrap();
    World { dns, clock, resolver }
}

/// `name=address,address:port` for each host, and the owner.
fn shown(route: &Route) -> String {
    let Route::Hosts { hosts, owner } = route else { return format!("{route:?}") };
    let host = |host: &MxHost| {
        let addresses: Vec<String> = host.addresses.iter().map(ToString::to_string).collect();
        format!("{}={}:{}", host.name, addresses.join(","), host.port)
    };
    let hosts: Vec<String> = hosts.iter().map(host).collect();
    match owner {
        Some(owner) => format!("{} ({owner})", hosts.join(" ")),
        None => hosts.join(" "),
    }
}

#[tokio::test]
async fn every_kind_of_answer_becomes_its_route() {
    let world = world("", "").await;
    let dns = &world.dns;
    dns.records("two.jp", vec![mx(20, "b.two.jp"), mx(10, "A.Two.jp")]);
    dns.records("a.two.jp", vec![a("203.138.180.1"), a("203.138.180.2"), a("2400:4050::1")]);
    dns.records("b.two.jp", vec![a("203.138.181.1")]);
    dns.records("implicit.jp", vec![a("203.138.182.1")]);
    dns.records("alias.jp", vec![cname("two.jp"), mx(10, "b.two.jp")]);
    dns.records("null.jp", vec![mx(0, ".")]);
    dns.records("half-null.jp", vec![mx(0, "."), mx(10, "b.two.jp")]);
    dns.records("nothing.jp", vec![]);
    dns.records("dangling.jp", vec![mx(10, "no-such-host.jp")]);
    dns.records("one-dangling.jp", vec![mx(5, "no-such-host.jp"), mx(10, "b.two.jp")]);
    dns.set("broken.jp", Behaviour::Code(ResponseCode::ServFail));
    dns.set("unwilling.jp", Behaviour::Code(ResponseCode::Refused));
    dns.records("workplace.jp", vec![mx(1, "aspmx.l.google.com"), mx(9, "b.two.jp")]);
    dns.records("aspmx.l.google.com", vec![a("142.250.1.1")]);
    dns.records("backup.jp", vec![mx(1, "b.two.jp"), mx(9, "aspmx.l.google.com")]);
    let table = [
        ("two.jp", "a.two.jp=203.138.180.1,203.138.180.2:25 b.two.jp=203.138.181.1:25"),
        ("TWO.jp.", "a.two.jp=203.138.180.1,203.138.180.2:25 b.two.jp=203.138.181.1:25"),
        ("implicit.jp", "implicit.jp=203.138.182.1:25"),
        ("alias.jp", "b.two.jp=203.138.181.1:25"),
        ("null.jp", "NullMx"),
        ("half-null.jp", "b.two.jp=203.138.181.1:25"),
        ("nothing.jp", "NoMx"),
        ("dangling.jp", "NoMx"),
        ("one-dangling.jp", "b.two.jp=203.138.181.1:25"),
        ("missing.jp", "NoDomain"),
        ("broken.jp", "Failed"),
        ("unwilling.jp", "Failed"),
        ("workplace.jp", "aspmx.l.google.com=142.250.1.1:25 b.two.jp=203.138.181.1:25 (google)"),
        ("backup.jp", "b.two.jp=203.138.181.1:25 aspmx.l.google.com=142.250.1.1:25"),
    ];
    for (domain, expected) in table {
        assert_eq!(shown(&world.resolver.resolve(domain).await), expected, "{domain}");
    }
}

#[tokio::test]
async fn an_answer_is_asked_for_once_in_its_lifetime() {
    let world = world("positive_ttl_max_s = 120\nnegative_ttl_max_s = 60", "").await;
    world.dns.records("school.jp", vec![mx(10, "mx.school.jp")]);
    world.dns.records("mx.school.jp", vec![a("203.138.180.1")]);
    for _ in 0..5 {
        world.resolver.resolve("school.jp").await;
        world.resolver.resolve("missing.jp").await;
    }
    let asked = |world: &World| {
        let of = |domain, kind| world.dns.asked(domain, kind);
        (of("school.jp", RecordType::MX), of("mx.school.jp", RecordType::A), of("missing.jp", RecordType::MX))
    };
    assert_eq!(asked(&world), (1, 1, 1));
    world.clock.advance(Duration::from_secs(61));
    world.resolver.resolve("school.jp").await;
    world.resolver.resolve("missing.jp").await;
    assert_eq!(asked(&world), (1, 1, 2), "only the negative answer has ended");
    world.clock.advance(Duration::from_secs(60));
    world.resolver.resolve("school.jp").await;
    assert_eq!(asked(&world), (2, 2, 2));
}

#[tokio::test]
async fn a_hundred_callers_ask_one_question() {
    let world = world("", "").await;
    world.dns.records("docomo.ne.jp", vec![mx(10, "mfsmax.docomo.ne.jp")]);
    world.dns.records("mfsmax.docomo.ne.jp", vec![a("203.138.180.112")]);
    let calls: Vec<_> = (0..100)
        .map(|_| {
            let resolver = world.resolver.clone();
            tokio::spawn(async move { resolver.resolve("docomo.ne.jp").await })
        })
        .collect();
    for call in calls {
        assert_eq!(shown(&call.await.unwrap()), "mfsmax.docomo.ne.jp=203.138.180.112:25 (docomo)");
    }
    assert_eq!(world.dns.asked_in_all(), 2);
}

#[tokio::test]
async fn silence_is_a_failure_and_not_a_missing_domain() {
    let world = world("timeout_ms = 100", "").await;
    world.dns.set("silent.jp", Behaviour::Silent);
    world.dns.records("host-silent.jp", vec![mx(10, "silent.jp")]);
    for domain in ["silent.jp", "host-silent.jp"] {
        assert_eq!(world.resolver.resolve(domain).await, Route::Failed, "{domain}");
    }
}

#[tokio::test]
async fn the_last_good_answer_serves_while_dns_fails() {
    let world = world("", "").await;
    world.dns.records("school.jp", vec![a("203.138.180.1")]);
    let good = world.resolver.resolve("school.jp").await;
    assert_eq!(shown(&good), "school.jp=203.138.180.1:25");
    world.dns.set("school.jp", Behaviour::Code(ResponseCode::ServFail));
    world.clock.advance(Duration::from_secs(3_700));
    assert_eq!(world.resolver.resolve("school.jp").await, good);
    let asked = world.dns.asked_in_all();
    assert_eq!(world.resolver.resolve("school.jp").await, good);
    assert_eq!(world.dns.asked_in_all(), asked, "a failure is not asked for again at once");
    world.clock.advance(Duration::from_secs(90_000));
    assert_eq!(world.resolver.resolve("school.jp").await, Route::Failed);
}

#[tokio::test]
async fn private_addresses_are_refused_unless_the_operator_allows_them() {
    for (allow, expected) in [(false, "Refused"), (true, "mx.evil.jp=127.0.0.1,10.0.0.1:25")] {
        let world = world(&format!("allow_private_addresses = {allow}"), "").await;
        world.dns.records("evil.jp", vec![mx(10, "mx.evil.jp")]);
        world.dns.records("mx.evil.jp", vec![a("127.0.0.1"), a("10.0.0.1")]);
        world.dns.records("mixed.jp", vec![a("169.254.169.254"), a("203.138.180.1")]);
        assert_eq!(shown(&world.resolver.resolve("evil.jp").await), expected);
        let mixed = shown(&world.resolver.resolve("mixed.jp").await);
        assert_eq!(mixed.contains("169.254.169.254"), allow, "{mixed}");
        assert!(mixed.contains("203.138.180.1"), "{mixed}");
    }
}

#[tokio::test]
async fn static_routes_win_before_dns_and_the_exact_one_before_the_general() {
    let routes = "[[routes]]\ndomain = \"*\"\nto = \"127.0.0.12:2525\"\n\
        [[routes]]\ndomain = \"docomo.ne.jp\"\nto = \"127.0.0.11:2526\"\n\
        [[routes]]\ndomain = \"named.jp\"\nto = \"relay.jp:2527\"\n\
        [[routes]]\ndomain = \"lost.jp\"\nto = \"no-relay.jp:25\"\n";
    let world = world("", routes).await;
    world.dns.records("relay.jp", vec![a("10.1.2.3"), a("fd00::1")]);
    let table = [
        ("docomo.ne.jp", "127.0.0.11=127.0.0.11:2526"),
        ("gmail.com", "127.0.0.12=127.0.0.12:2525"),
        ("named.jp", "relay.jp=10.1.2.3,fd00::1:2527"),
        ("lost.jp", "NoMx"),
    ];
    for (domain, expected) in table {
        assert_eq!(shown(&world.resolver.resolve(domain).await), expected, "{domain}");
    }
    assert_eq!(world.dns.asked("docomo.ne.jp", RecordType::MX), 0);
}

#[tokio::test]
async fn hosts_of_equal_preference_are_shuffled_anew_and_twenty_are_enough() {
    let world = world("smtp_port = 2525", "").await;
    let equal = ["a.jp", "b.jp", "c.jp"];
    world.dns.records("equal.jp", equal.iter().map(|host| mx(10, host)).chain([mx(5, "first.jp")]).collect());
    for host in equal.iter().chain(&["first.jp"]) {
        world.dns.records(host, vec![a("203.138.180.1")]);
    }
    let mut orders = std::collections::BTreeSet::new();
    for _ in 0..100 {
        let Route::Hosts { hosts, .. } = world.resolver.resolve("equal.jp").await else { panic!("no hosts") };
        assert_eq!((hosts[0].name.as_str(), hosts[0].port, hosts.len()), ("first.jp", 2525, 4));
        orders.insert(hosts.iter().map(|host| host.name.clone()).collect::<Vec<_>>());
    }
    assert_eq!(orders.len(), 6, "all orders of three occur");

    world.dns.records("many.jp", (1..=60).map(|n| mx(n, &format!("h{n}.many.jp"))).collect());
    for n in 1..=60 {
        world.dns.records(&format!("h{n}.many.jp"), vec![a("203.138.180.1")]);
    }
    let Route::Hosts { hosts, .. } = world.resolver.resolve("many.jp").await else { panic!("no hosts") };
    assert_eq!(hosts.len(), 20);
    assert!(hosts.iter().enumerate().all(|(n, host)| usize::from(host.preference) == n + 1));
}

#[tokio::test]
async fn ipv6_addresses_are_used_where_the_profile_says_so() {
    let world = world("", "[carriers.ours]\ndomains = [\"ours.jp\"]\nip_version = \"v4_v6\"\n").await;
    for domain in ["ours.jp", "theirs.jp"] {
        world.dns.records(domain, vec![a("2400:4050::1"), a("203.138.180.1")]);
    }
    assert_eq!(shown(&world.resolver.resolve("ours.jp").await), "ours.jp=203.138.180.1,2400:4050::1:25");
    assert_eq!(shown(&world.resolver.resolve("theirs.jp").await), "theirs.jp=203.138.180.1:25");
}

#[tokio::test]
async fn a_dropped_call_leaves_its_turn_to_the_next() {
    let world = world("timeout_ms = 30000", "").await;
    world.dns.set("slow.jp", Behaviour::Silent);
    let resolver = world.resolver.clone();
    let first = tokio::spawn(async move { resolver.resolve("slow.jp").await });
    while world.dns.asked("slow.jp", RecordType::MX) == 0 {
        tokio::task::yield_now().await;
    }
    let resolver = world.resolver.clone();
    let second = tokio::spawn(async move { resolver.resolve("slow.jp").await });
    world.dns.records("slow.jp", vec![a("203.138.180.1")]);
    first.abort();
    assert_eq!(shown(&second.await.unwrap()), "slow.jp=203.138.180.1:25");
}
