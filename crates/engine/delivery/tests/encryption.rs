//! Mail for domains with TLS policies, from the queue to a carrier on loopback and back into the outbox.

#[path = "../../tls-policy/tests/authority/mod.rs"]
mod authority;
#[path = "../../smtp-client/tests/carrier/mod.rs"]
mod carrier;
#[path = "../../dns/tests/fake_dns/mod.rs"]
mod fake_dns;
#[path = "../../tls-policy/tests/policy_host/mod.rs"]
mod policy_host;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use authority::{Authority, Life};
use carriers::{Directory, Resolver};
use clock::{Chance, Clock};
use compose::{ContentSpec, Dialect, StoredContent};
use delivery::{Engine, Parts};
use engine_config::EngineConfig;
use fake_dns::{a, mx};
use ip_pools::{MemberConfig, PoolConfig, PoolKind, Pools, PoolsConfig, SourceConfig};
use mail_model::{Cause, Class, Outcome, PoolName, SourceName, Stage, UnixMs};
use policy_host::{World, eventually, ok, policy};
use queue::{AttemptRecord, Begun, NewMessage, Queue, QueueSettings};
use scheduler::Scheduler;
use tls_policy::FailureType;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// An engine that sends to hosts of the world's DNS on one port.
struct Bench {
    world: World,
    port: u16,
    queue: Queue,
    engine: Engine,
    directory: Arc<Directory>,
    clock: Clock,
    _folder: tempfile::TempDir,
}

impl Bench {
    async fn new(more: &str) -> Self {
        let world = World::new().await;
        let port = free_port().await;
        let text = format!(
            "[engine]\nnode_name = \"mail.example.jp\"\n{more}\n[dns]\nservers = [\"{}\"]\nsmtp_port = {port}\n\
             allow_private_addresses = true\ntimeout_ms = 10000\n",
            world.dns.address
        );
        let config = EngineConfig::from_toml(&text, "test.toml").unwrap_or_else(|faults| panic!("{faults}"));
        let clock = Clock::system();
        let folder = tempfile::tempdir().unwrap();
        let queue = Queue::open(&folder.path().join("queue"), QueueSettings::default(), clock.clone()).unwrap();
        let directory = Arc::new(Directory::new(config.carriers.clone()));
        let resolver = Resolver::new(&config, directory.clone(), clock.clone(), Chance::seeded(1)).unwrap();
        let pools = Pools::new(&pools(&config)).unwrap();
        let scheduler = Scheduler::new(queue.clone(), directory.clone(), pools, 8, clock.clone());
        let parts = Parts {
            config: Arc::new(config),
            queue: queue.clone(),
            scheduler,
            directory: directory.clone(),
            resolver: Arc::new(resolver),
            clock: clock.clone(),
        };
        let engine = Engine::start_with(parts, &world.settings).unwrap();
        Self { world, port, queue, engine, directory, clock, _folder: folder }
    }

    /// A host at 127.0.0.`last`, which serves one session for each identity, all at once.
    async fn host(&self, name: &str, last: u8, acceptor: Option<TlsAcceptor>) -> Host {
        let address = SocketAddr::from((Ipv4Addr::new(127, 0, 0, last), self.port));
        self.world.dns.records(name, vec![a(&address.ip().to_string())]);
        let host = Host::default();
        let listener = TcpListener::bind(address).await.unwrap();
        tokio::spawn(host.clone().serve(listener, acceptor));
        host
    }

    /// Sends one mail and gives what became of it first.
    async fn send(&self, domain: &str) -> AttemptRecord {
        let content = StoredContent {
            content: ContentSpec::Raw("From: school@example.jp\r\nSubject: Notice\r\n\r\nText\r\n".to_owned()),
            substitutions: Default::default(),
            replacement: None,
            dialect: Dialect::default(),
        };
        let new = NewMessage {
            campaign: "notice".parse().unwrap(),
            tenant: "school".parse().unwrap(),
            class: Class::Normal,
            pool: PoolName::auto(),
            not_before: None,
            at_deadline: queue::AtDeadline::default(),
            not_after: None,
            sender: None,
            content: content.encode(),
            idempotency: None,
        };
        let Ok(Begun::New(mut intake)) = self.queue.begin(new) else { panic!("not begun") };
        let (carrier, site) = self.directory.lane_site(domain);
        let lane = mail_model::Lane { carrier, site, pool: "wide".parse().unwrap(), class: Class::Normal };
        intake.add(&lane, format!("taro@{domain}").parse().unwrap(), Vec::new()).unwrap();
        intake.commit().await.unwrap();
        let found = || self.queue.outbox(0, 100).into_iter().find(|record| record.address.domain() == domain);
        eventually(|| found().is_some()).await;
        found().unwrap()
    }

    /// Failures told in TLS-RPT reports of a domain.
    fn told(&self, domain: &str) -> Vec<FailureType> {
        // The engine's clock is the machine's: a day may have ended since the mail was sent.
        let days = [self.clock.unix(), UnixMs(self.clock.unix().since_ms(UnixMs(86_400_000)))];
        let reports: Vec<_> = days.iter().flat_map(|at| self.engine.tls_policies().reports(*at)).collect();
        let of_domain = reports.iter().filter(|report| report.report_id.contains(&format!("-{domain}@")));
        let policies = of_domain.flat_map(|report| &report.policies);
        policies.flat_map(|policy| &policy.failure_details).map(|detail| detail.result_type).collect()
    }
}

/// What a host has seen.
#[derive(Clone, Default)]
struct Host {
    connections: Arc<std::sync::atomic::AtomicUsize>,
}

impl Host {
    fn connections(&self) -> usize {
        self.connections.load(std::sync::atomic::Ordering::SeqCst)
    }

    async fn serve(self, listener: TcpListener, acceptor: Option<TlsAcceptor>) {
        let carrier = carrier::Carrier::on(listener);
        loop {
            let peer = match &acceptor {
                Some(acceptor) => carrier::greet_in_tls(&carrier, acceptor).await,
                None => Some(carrier.greet(carrier::PLAIN).await),
            };
            self.connections.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            if let Some(mut peer) = peer {
                tokio::spawn(async move { peer.accept_mail("250 2.0.0 queued\r\n").await });
            }
        }
    }
}

/// A port that is free on 127.0.0.1, and as good as certainly on its neighbours.
async fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}

fn pools(config: &EngineConfig) -> PoolsConfig {
    let name = |source: &engine_config::SourceConfig| source.name.clone();
    let names: Vec<SourceName> = config.pools.sources.iter().map(name).collect();
    let member = |source: &SourceName| MemberConfig { source: source.clone(), weight: 1 };
    let pool = |name: &str| PoolConfig {
        name: name.parse().unwrap(),
        kind: PoolKind::Wide,
        members: names.iter().map(member).collect(),
    };
    let source = |name: &SourceName| SourceConfig { name: name.clone(), warmup_started: None };
    PoolsConfig {
        sources: names.iter().map(source).collect(),
        pools: vec![pool("wide"), pool("narrow")],
        hourly_cap_by_day: vec![],
    }
}

fn enforce(bench: &Bench, domain: &str, mode: &str) {
    bench.world.publish(domain, "1", ok(&policy(mode, &format!("*.{domain}"), 86_400)));
    bench.world.dns.records(domain, vec![mx(10, &format!("mx.{domain}"))]);
}

const HOUR: Duration = Duration::from_secs(3_600);

#[tokio::test(flavor = "multi_thread")]
async fn mail_goes_to_a_host_that_its_domain_names_and_that_shows_its_name() {
    let bench = Bench::new("").await;
    enforce(&bench, "good.jp", "enforce");
    let identity = bench.world.authority.signs("mx.good.jp", Life::Valid);
    bench.host("mx.good.jp", 2, Some(identity.acceptor())).await;
    let record = bench.send("good.jp").await;
    assert_eq!((record.outcome, record.mx_host.as_str()), (Outcome::Accepted, "mx.good.jp"));
    assert!(bench.told("good.jp").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_waits_for_a_host_that_its_domain_does_not_name_and_the_host_is_not_connected_to() {
    let bench = Bench::new("").await;
    enforce(&bench, "moved.jp", "enforce");
    bench.world.dns.records("moved.jp", vec![mx(10, "mx.evil.jp")]);
    let evil = bench.world.authority.signs("mx.evil.jp", Life::Valid);
    let host = bench.host("mx.evil.jp", 3, Some(evil.acceptor())).await;
    let record = bench.send("moved.jp").await;
    assert_eq!((record.outcome, record.stage), (Outcome::Deferred(Cause::ConnectionFailed), Some(Stage::Dns)));
    assert_eq!((record.rule.as_str(), host.connections()), ("tls-policy/mx-not-in-policy", 0));
    assert_eq!(bench.told("moved.jp"), [FailureType::ValidationFailure]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_may_not_have_the_mail_is_passed_over_for_the_next() {
    let bench = Bench::new("").await;
    enforce(&bench, "mixed.jp", "enforce");
    let others = (1..9).map(|n| mx(n, &format!("mx{n}.evil.jp")));
    bench.world.dns.records("mixed.jp", others.chain([mx(20, "mx.mixed.jp")]).collect());
    for n in 1..9 {
        bench.world.dns.records(&format!("mx{n}.evil.jp"), vec![a("127.0.0.4")]);
    }
    let identity = bench.world.authority.signs("mx.mixed.jp", Life::Valid);
    bench.host("mx.mixed.jp", 5, Some(identity.acceptor())).await;
    let record = bench.send("mixed.jp").await;
    assert_eq!((record.outcome, record.mx_host.as_str()), (Outcome::Accepted, "mx.mixed.jp"));
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_waits_while_a_named_host_shows_a_wrong_certificate_or_none() {
    let bench = Bench::new("").await;
    let stranger = Authority::new("Stranger");
    let authority = &bench.world.authority;
    let table = [
        ("expired.jp", Some(authority.signs("mx.expired.jp", Life::Expired)), FailureType::CertificateExpired),
        ("other.jp", Some(authority.signs("mx.elsewhere.jp", Life::Valid)), FailureType::CertificateHostMismatch),
        ("strange.jp", Some(stranger.signs("mx.strange.jp", Life::Valid)), FailureType::CertificateNotTrusted),
        ("clear.jp", None, FailureType::StarttlsNotSupported),
    ];
    for (last, (domain, identity, kind)) in (10..).zip(table) {
        enforce(&bench, domain, "enforce");
        let host = bench.host(&format!("mx.{domain}"), last, identity.map(|identity| identity.acceptor())).await;
        let record = bench.send(domain).await;
        assert_eq!(record.outcome, Outcome::Deferred(Cause::ConnectionFailed), "{domain}");
        assert_eq!((record.rule, record.stage), (format!("tls-policy/{}", kind.as_str()), Some(Stage::StartTls)));
        assert_eq!((bench.told(domain), host.connections()), (vec![kind], 1), "{domain}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_is_only_tested_and_none_at_all_let_the_mail_go() {
    let bench = Bench::new("").await;
    enforce(&bench, "testing.jp", "testing");
    bench.world.dns.records("free.jp", vec![mx(10, "mx.free.jp")]);
    let stranger = Authority::new("Stranger");
    for (last, domain, told) in
        [(20, "testing.jp", vec![FailureType::CertificateNotTrusted]), (21, "free.jp", Vec::new())]
    {
        let identity = stranger.signs(&format!("mx.{domain}"), Life::Valid);
        bench.host(&format!("mx.{domain}"), last, Some(identity.acceptor())).await;
        assert_eq!(bench.send(domain).await.outcome, Outcome::Accepted, "{domain}");
        assert_eq!(bench.told(domain), told, "{domain}");
    }
    bench.engine.stop(HOUR).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_static_route_is_the_operators_word() {
    let route = "[[routes]]\ndomain = \"routed.jp\"\nto = \"127.0.0.30:26\"\n";
    let listener = TcpListener::bind("127.0.0.30:0").await.unwrap();
    let bench = Bench::new(&route.replace(":26", &format!(":{}", listener.local_addr().unwrap().port()))).await;
    enforce(&bench, "routed.jp", "enforce");
    tokio::spawn(Host::default().serve(listener, None));
    assert_eq!(bench.send("routed.jp").await.outcome, Outcome::Accepted);
    assert_eq!(bench.world.fetched("routed.jp"), 0);
}
