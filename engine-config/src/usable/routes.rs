//! `[[routes]]`: domains whose mail goes to a fixed host, before DNS is asked.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use super::text::HostName;
use crate::written::document::Table;
use crate::written::section::{Reading, Section};
use crate::written::setting::{settings, text};
use crate::written::value::{At, FromText};

settings! {
    /// Domains whose mail goes to a fixed host, before DNS is asked: a relay, or a laboratory's carriers.
    pub(crate) struct RouteWritten in "[routes]" {
        /// The recipients' domain, or "*" for every domain that has no route of its own.
        domain: At<RouteDomain> = required, text("a domain such as docomo.ne.jp, or \"*\"");
        /// Where its mail goes. The operator's word stands: private addresses are allowed here.
        to: RouteTarget = required, text("an address or host name with its port, such as 192.0.2.25:25");
    }
}

/// Which domains a route is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RouteDomain {
    /// Exactly this one.
    Exact(HostName),
    /// Every domain that has no route of its own, `*`.
    Every,
}

/// Where a route leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RouteTarget {
    /// To an address.
    Address(SocketAddr),
    /// To a host whose addresses are looked up.
    Name {
        /// The host.
        host: HostName,
        /// Its port.
        port: u16,
    },
}

/// A domain whose mail goes to a fixed host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaticRoute {
    /// Which domains.
    pub domain: RouteDomain,
    /// Where to.
    pub to: RouteTarget,
}

impl FromText for RouteDomain {
    fn from_text(text: &str) -> Result<Self, String> {
        if text == "*" { Ok(Self::Every) } else { HostName::from_text(text).map(Self::Exact) }
    }
}

impl FromText for RouteTarget {
    fn from_text(text: &str) -> Result<Self, String> {
        if let Ok(address) = text.parse::<SocketAddr>() {
            return if address.port() == 0 { Err("port 0 is no port".to_owned()) } else { Ok(Self::Address(address)) };
        }
        if text.parse::<IpAddr>().is_ok() {
            return Err(format!("{text:?} has no port"));
        }
        let (host, port) = text.rsplit_once(':').ok_or_else(|| format!("{text:?} has no port"))?;
        let port = port.parse().ok().filter(|port| *port > 0).ok_or_else(|| format!("{port:?} is no port"))?;
        Ok(Self::Name { host: HostName::from_text(host)?, port })
    }
}

impl fmt::Display for RouteDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => name.fmt(f),
            Self::Every => f.write_str("*"),
        }
    }
}

/// Reads all routes; a domain may have one.
pub(crate) fn read(reading: &Reading, origin: &str, tables: &[&Table]) -> Vec<StaticRoute> {
    let mut routes: Vec<StaticRoute> = Vec::with_capacity(tables.len());
    for table in tables {
        let section = Section::single(reading, origin, "routes", Some(table));
        let Some(RouteWritten { domain, to }) = RouteWritten::read(&section) else { continue };
        if routes.iter().any(|route| route.domain == domain.value) {
            let what = format!("{} has a route already", domain.value);
            section.fault_at(domain.line, "domain", what, "keep one of the two");
            continue;
        }
        routes.push(StaticRoute { domain: domain.value, to });
    }
    routes
}
