//! A domain's route: static ones first, then what DNS says, remembered.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use clock::{Chance, Clock};
use dns::{Dns, DnsError};
use engine_config::{DnsConfig, EngineConfig, IpVersion, RouteDomain, RouteTarget};
use mail_model::CarrierName;
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use crate::answer::{Answer, Host, Reach, host, mail_hosts};
use crate::directory::Directory;
use crate::memory::Memory;
use crate::route::{MxHost, Route};

/// Domains asked for at once. A message to ten thousand strange domains must not flood the DNS server.
const QUESTIONS_AT_ONCE_MAX: usize = 64;

/// Finds the mail hosts of domains. Cheap to clone; clones share what they remember.
#[derive(Clone)]
pub struct Resolver(Arc<Inner>);

struct Inner {
    directory: Arc<Directory>,
    routes: StaticRoutes,
    dns: Dns,
    domains: Memory,
    /// Hosts that static routes name.
    hosts: Memory,
    questions: Semaphore,
    chance: Mutex<Chance>,
    settings: DnsConfig,
}

struct StaticRoutes {
    exact: HashMap<Box<str>, RouteTarget>,
    every: Option<RouteTarget>,
}

impl StaticRoutes {
    fn of(config: &EngineConfig) -> Self {
        let mut routes = Self { exact: HashMap::new(), every: None };
        for route in &config.routes {
            match &route.domain {
                RouteDomain::Exact(domain) => {
                    routes.exact.insert(domain.as_str().into(), route.to.clone());
                }
                RouteDomain::Every => routes.every = Some(route.to.clone()),
            }
        }
        routes
    }

    fn get(&self, domain: &str) -> Option<&RouteTarget> {
        self.exact.get(domain).or(self.every.as_ref())
    }
}

impl Resolver {
    /// Makes a resolver; asks nothing yet. `chance` spreads mail over hosts of equal preference.
    ///
    /// # Errors
    /// When the machine's own DNS configuration is to be used and cannot be read.
    pub fn new(
        config: &EngineConfig,
        directory: Arc<Directory>,
        clock: Clock,
        chance: Chance,
    ) -> Result<Self, DnsError> {
        Ok(Self(Arc::new(Inner {
            directory,
            routes: StaticRoutes::of(config),
            dns: Dns::new(&config.dns)?,
            domains: Memory::new(&config.dns, clock.clone()),
            hosts: Memory::new(&config.dns, clock),
            questions: Semaphore::new(QUESTIONS_AT_ONCE_MAX),
            chance: Mutex::new(chance),
            settings: config.dns.clone(),
        })))
    }

    /// What it asks by; for others who ask the same servers.
    pub fn dns(&self) -> &Dns {
        &self.0.dns
    }

    /// Whether the operator has written where a domain's mail goes; DNS is then not asked for it.
    pub fn has_static_route(&self, domain: &str) -> bool {
        self.0.routes.get(&plain(domain)).is_some()
    }

    /// The route of a domain. Remembered answers take microseconds; others as long as DNS does, at most about
    /// `2 × (retries + 1) × timeout_ms` for each server.
    pub async fn resolve(&self, domain: &str) -> Route {
        let domain = plain(domain);
        match self.0.routes.get(&domain) {
            Some(RouteTarget::Address(address)) => to_address(*address),
            Some(RouteTarget::Name { host, port }) => self.0.to_named(host.as_str(), *port).await,
            None => self.0.by_dns(&domain).await,
        }
    }
}

fn plain(domain: &str) -> String {
    domain.strip_suffix('.').unwrap_or(domain).to_ascii_lowercase()
}

fn to_address(address: SocketAddr) -> Route {
    let ip = address.ip();
    let host = MxHost { name: ip.to_string(), addresses: vec![ip], port: address.port(), preference: 0 };
    Route::Hosts { hosts: vec![host], owner: None }
}

impl Inner {
    /// A static route to a host by name. The operator wrote it: any address will do.
    async fn to_named(&self, name: &str, port: u16) -> Route {
        let reach = Reach { version: IpVersion::V4V6, private_too: true };
        let ask = || async {
            let _place = self.questions.acquire().await;
            host(&self.dns, name, reach).await
        };
        let answer = self.hosts.answer(name, ask).await;
        self.route(answer, port, |_| None)
    }

    async fn by_dns(&self, domain: &str) -> Route {
        let version = self.directory.profile_of_domain(domain).ip_version;
        let reach = Reach { version, private_too: self.settings.allow_private_addresses };
        let ask = || async {
            let _place = self.questions.acquire().await;
            mail_hosts(&self.dns, domain, reach, |records| self.shuffle(records)).await
        };
        let answer = self.domains.answer(domain, ask).await;
        self.route(answer, self.settings.smtp_port, |hosts| self.owner(hosts))
    }

    fn route(&self, answer: Answer, port: u16, owner: impl Fn(&[Host]) -> Option<CarrierName>) -> Route {
        let hosts = match answer {
            Answer::Hosts(hosts) => hosts,
            Answer::NoDomain => return Route::NoDomain,
            Answer::NullMx => return Route::NullMx,
            Answer::NoMx => return Route::NoMx,
            Answer::Refused => return Route::Refused,
            Answer::Failed => return Route::Failed,
        };
        let owner = owner(&hosts);
        let mut order: Vec<&Host> = hosts.iter().collect();
        // Equal ones anew for each call, so that a remembered answer does not send everything to one of them.
        self.shuffle(&mut order);
        order.sort_by_key(|host| host.preference);
        let mx_host = |host: &Host| MxHost {
            name: host.name.clone(),
            addresses: host.addresses.clone(),
            port,
            preference: host.preference,
        };
        Route::Hosts { hosts: order.into_iter().map(mx_host).collect(), owner }
    }

    /// The carrier of the most preferred hosts. A backup host at another carrier makes the domain nobody else's.
    fn owner(&self, hosts: &[Host]) -> Option<CarrierName> {
        let first = hosts.iter().map(|host| host.preference).min()?;
        let mut preferred = hosts.iter().filter(|host| host.preference == first);
        preferred.find_map(|host| self.directory.by_mx(&host.name)).cloned()
    }

    /// Fisher and Yates. Sorting afterwards keeps the order of equals: slice sorts are stable.
    fn shuffle<T>(&self, items: &mut [T]) {
        let mut chance = self.chance.lock();
        for last in (1..items.len()).rev() {
            let bound = u64::try_from(last).unwrap_or(u64::MAX).saturating_add(1);
            let other = usize::try_from(chance.below(bound)).unwrap_or(0);
            items.swap(last, other);
        }
    }
}
