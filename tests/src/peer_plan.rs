//! What a mail server of other makers is to do, in words that all of them are configured from.

use std::net::{Ipv4Addr, SocketAddr};

/// Who made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Postfix.
    Postfix,
    /// OpenSMTPD.
    OpenSmtpd,
    /// Exim 4.
    Exim,
    /// Sendmail 8; passes mail on and keeps no mailboxes.
    Sendmail,
}

impl Kind {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Postfix, Self::OpenSmtpd, Self::Exim, Self::Sendmail];
}

/// What it is to do.
#[derive(Clone, Debug)]
pub struct PeerPlan {
    /// Its name.
    pub host: String,
    /// Its name server, asked for domains without a route.
    pub name_server: Ipv4Addr,
    /// Domains whose mailboxes it keeps.
    pub domains: Vec<String>,
    /// Whole addresses that have a mailbox; others of these domains are unknown.
    pub users: Vec<String>,
    /// Those of them whose mailbox has no room left (Postfix and Exim).
    pub full: Vec<String>,
    /// Takes mail for unknown users of its domains and returns it later, as servers without their users' list do.
    pub takes_unknown: bool,
    /// Where mail for a domain is passed on to.
    pub routes: Vec<(String, SocketAddr)>,
}

impl PeerPlan {
    /// A server that takes nothing until its fields say so.
    pub fn new(host: &str, name_server: Ipv4Addr) -> Self {
        Self {
            host: host.to_owned(),
            name_server,
            domains: Vec::new(),
            users: Vec::new(),
            full: Vec::new(),
            takes_unknown: false,
            routes: Vec::new(),
        }
    }

    /// The same, passing mail for `domain` on to `next_hop`.
    #[must_use]
    pub fn route(mut self, domain: &str, next_hop: SocketAddr) -> Self {
        self.routes.push((domain.to_owned(), next_hop));
        self
    }

    /// The same with mailboxes for these addresses, whose domains become its own.
    #[must_use]
    pub fn mailboxes<S: AsRef<str>>(mut self, users: impl IntoIterator<Item = S>) -> Self {
        for user in users {
            let user = user.as_ref();
            let domain = user.rsplit_once('@').map_or(user, |(_, domain)| domain).to_owned();
            if !self.domains.contains(&domain) {
                self.domains.push(domain);
            }
            self.users.push(user.to_owned());
        }
        self
    }
}
