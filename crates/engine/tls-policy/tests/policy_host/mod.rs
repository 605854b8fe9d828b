//! A web server of policies on loopback, and a world of it with a DNS server and a manual clock.
#![allow(dead_code)] // each test file uses its part

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use clock::Clock;
use dns::Dns;
use engine_config::{DnsConfig, EngineConfig};
use mail_model::UnixMs;
use tls_policy::{Demand, MxMatch, Settings, TlsPolicies};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::authority::{Authority, Identity, Life};
use super::fake_dns::{FakeDns, a, txt};

/// Monday, 2026-01-05, noon UTC.
pub const NOON: UnixMs = UnixMs(1_767_614_400_000);

/// What the server does with one host name.
#[derive(Clone)]
pub enum Answer {
    /// Says these bytes and closes.
    Says(Vec<u8>),
    /// Says nothing, and keeps the connection.
    Silent,
}

pub struct World {
    pub dns: FakeDns,
    pub clock: Clock,
    pub authority: Authority,
    pub settings: Settings,
    folder: tempfile::TempDir,
    hosts: Arc<Mutex<HashMap<String, (Answer, usize)>>>,
    acceptors: Arc<Mutex<HashMap<String, TlsAcceptor>>>,
    config: DnsConfig,
    pub policies: TlsPolicies,
}

pub fn policy(mode: &str, mx: &str, max_age_s: u64) -> String {
    format!("version: STSv1\r\nmode: {mode}\r\nmx: {mx}\r\nmax_age: {max_age_s}\r\n")
}

pub fn ok(body: &str) -> Answer {
    said("200 OK", "text/plain; charset=utf-8", body)
}

pub fn said(status: &str, kind: &str, body: &str) -> Answer {
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n");
    Answer::Says(format!("{head}Location: https://mta-sts.elsewhere.jp/\r\n\r\n{body}").into_bytes())
}

pub fn enforced(names: &[&str]) -> Demand {
    Demand::Authenticated(MxMatch::new(names.iter().copied()))
}

impl World {
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let dns = FakeDns::start().await;
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new("Test Authority");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut settings = Settings {
            mta_sts: true,
            dane: false,
            roots: Arc::new(authority.roots()),
            allow_private_addresses: true,
            policy_port: listener.local_addr().unwrap().port(),
            policies_file: Some(folder.path().join("mta-sts.json")),
            domains_max: 1_000,
            patience: Duration::from_secs(30),
            organization: "mail.example.jp".to_owned(),
        };
        change(&mut settings);
        let config = config(&dns);
        let clock = Clock::manual(NOON);
        let policies = TlsPolicies::new(&settings, &Dns::new(&config).unwrap(), clock.clone()).unwrap();
        let (hosts, acceptors) = (Arc::default(), Arc::default());
        tokio::spawn(serve(listener, Arc::clone(&hosts), Arc::clone(&acceptors)));
        Self { dns, clock, authority, settings, folder, hosts, acceptors, config, policies }
    }

    /// Gives a domain a policy host with a valid certificate, and a TXT record of this id.
    pub fn publish(&self, domain: &str, id: &str, answer: Answer) {
        self.announce(domain, id);
        self.show(domain, &self.authority.signs(&format!("mta-sts.{domain}"), Life::Valid));
        self.answer(domain, answer);
    }

    pub fn announce(&self, domain: &str, id: &str) {
        self.dns.records(&format!("_mta-sts.{domain}"), vec![txt(&format!("v=STSv1; id={id};"))]);
        self.dns.records(&format!("mta-sts.{domain}"), vec![a("127.0.0.1")]);
    }

    pub fn answer(&self, domain: &str, answer: Answer) {
        self.hosts.lock().unwrap().entry(format!("mta-sts.{domain}")).or_insert((Answer::Silent, 0)).0 = answer;
    }

    pub fn show(&self, domain: &str, identity: &Identity) {
        self.acceptors.lock().unwrap().insert(format!("mta-sts.{domain}"), identity.acceptor());
    }

    /// How often a domain's policy was asked for.
    pub fn fetched(&self, domain: &str) -> usize {
        self.hosts.lock().unwrap().get(&format!("mta-sts.{domain}")).map_or(0, |(_, count)| *count)
    }

    pub async fn demand(&self, domain: &str) -> Demand {
        self.policies.demand(domain, &format!("mx.{domain}"), 25).await
    }

    pub fn file(&self) -> PathBuf {
        self.folder.path().join("mta-sts.json")
    }

    /// The same policies after a stop and a start.
    pub fn restart(&mut self) {
        let dns = Dns::new(&self.config).unwrap();
        self.policies = TlsPolicies::new(&self.settings, &dns, self.clock.clone()).unwrap();
    }
}

fn config(dns: &FakeDns) -> DnsConfig {
    let text = format!(
        "[engine]\nnode_name = \"mail.example.jp\"\n[dns]\nservers = [\"{}\"]\nretries = 0\ntimeout_ms = 10000\n",
        dns.address
    );
    EngineConfig::from_toml(&text, "test.toml").unwrap_or_else(|faults| panic!("{faults}")).dns
}

/// Waits for what another task does. The limit is for a test that hangs, not for a machine that is slow.
pub async fn eventually(mut happened: impl FnMut() -> bool) {
    for _ in 0..3_000 {
        if happened() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it did not happen");
}

type Hosts = Arc<Mutex<HashMap<String, (Answer, usize)>>>;

async fn serve(listener: TcpListener, hosts: Hosts, acceptors: Arc<Mutex<HashMap<String, TlsAcceptor>>>) {
    while let Ok((tcp, _)) = listener.accept().await {
        tokio::spawn(speak(tcp, Arc::clone(&hosts), Arc::clone(&acceptors)));
    }
}

async fn speak(tcp: TcpStream, hosts: Hosts, acceptors: Arc<Mutex<HashMap<String, TlsAcceptor>>>) -> Option<()> {
    let hello = tokio_rustls::LazyConfigAcceptor::new(rustls::server::Acceptor::default(), tcp).await.ok()?;
    let name = hello.client_hello().server_name()?.to_owned();
    let acceptor = acceptors.lock().unwrap().get(&name).cloned()?;
    let mut tls = hello.into_stream(acceptor.config().clone()).await.ok()?;
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        if tls.read_buf(&mut request).await.ok()? == 0 {
            return None;
        }
    }
    let request = String::from_utf8(request).unwrap().to_lowercase();
    assert!(request.starts_with("get /.well-known/mta-sts.txt http/1.1\r\n"), "{request}");
    assert!(request.contains(&format!("host: {name}")), "{request}");
    let answer = {
        let mut hosts = hosts.lock().unwrap();
        let (answer, count) = hosts.get_mut(&name)?;
        *count += 1;
        answer.clone()
    };
    match answer {
        Answer::Says(bytes) => {
            tls.write_all(&bytes).await.ok()?;
            tls.shutdown().await.ok()
        }
        Answer::Silent => std::future::pending().await,
    }
}
