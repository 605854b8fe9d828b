//! Which addresses are ours, and whose each of them is. Pure.

use std::time::Duration;

use engine_config::{CanaryWay, EdgesConfig, RegistrationSchool, Secret};
use mail_model::{EmailAddress, NotificationId, UnixMs};
use return_links::{CanaryAddresses, Keys, RegistrationAddresses, ReturnPaths, UnsubscribeLinks};

use crate::error::InboundError;

const DAY_S: u64 = 86_400;

/// Whose an address of ours is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// The return path of a notification.
    Notification(NotificationId),
    /// The unsubscribe address of a notification's recipient.
    Unsubscribe(NotificationId),
    /// A school's registration address.
    School {
        /// The school's number.
        number: u32,
        /// The generation of the address: the one in force, or the one before where that still works.
        generation: u8,
    },
    /// Where a mailbox of our own forwards what arrives in it: its place among them.
    Canary(usize),
    /// RFC 5321 4.5.1.
    Postmaster,
    /// RFC 2142.
    Abuse,
}

impl Whose {
    /// The notification that the address is made of.
    pub fn notification(self) -> Option<NotificationId> {
        match self {
            Self::Notification(id) | Self::Unsubscribe(id) => Some(id),
            Self::School { .. } | Self::Canary(_) | Self::Postmaster | Self::Abuse => None,
        }
    }
}

/// Every address that mail is taken for.
#[derive(Debug)]
pub struct Addresses {
    returns: Option<Returns>,
    registration: Option<(RegistrationAddresses, Vec<RegistrationSchool>)>,
    /// The domains with a postmaster; also those in which a sender must be one of us.
    domains: Vec<String>,
    /// Begin of the one-click links.
    link_base: Option<String>,
}

#[derive(Debug)]
struct Returns {
    paths: ReturnPaths,
    unsubscribe: UnsubscribeLinks,
    canaries: CanaryAddresses,
    /// Names of the mailboxes that forward.
    mailboxes: Vec<String>,
}

impl Returns {
    /// The place of the mailbox whose forwarding address this local part is.
    fn mailbox(&self, local: &str) -> Option<usize> {
        let name = self.canaries.verify(local).ok()?;
        self.mailboxes.iter().position(|mailbox| *mailbox == name)
    }
}

impl Addresses {
    /// The addresses of a configuration; without `[returns]` postmaster and abuse alone.
    ///
    /// # Errors
    /// When a key is too short, or a domain too long for addresses under it.
    pub fn new(edges: &EdgesConfig) -> Result<Self, InboundError> {
        let keys = match &edges.returns {
            None => None,
            Some(returns) => {
                let old = returns.old_keys.iter().map(Secret::bytes);
                Some(Keys::new(returns.key.bytes(), old)?)
            }
        };
        let mut domains = vec![edges.inbound.host_name.as_str().to_owned()];
        let mut found = Self { returns: None, registration: None, domains: Vec::new(), link_base: None };
        if let (Some(config), Some(keys)) = (&edges.returns, &keys) {
            let domain = config.domain.as_str();
            let window = Duration::from_secs(u64::from(config.window_days) * DAY_S);
            let paths = ReturnPaths::new(keys.clone(), domain, window)?;
            let forwards = edges.canaries.mailboxes.iter().filter(|mailbox| mailbox.arrives_by == CanaryWay::Forward);
            found.returns = Some(Returns {
                paths,
                unsubscribe: UnsubscribeLinks::new(keys.clone(), domain)?,
                canaries: CanaryAddresses::new(keys.clone(), domain)?,
                mailboxes: forwards.map(|mailbox| mailbox.name.as_str().to_owned()).collect(),
            });
            domains.push(domain.to_owned());
        }
        if let (Some(config), Some(keys)) = (&edges.registration, keys) {
            let domain = config.domain.as_str();
            found.registration = Some((RegistrationAddresses::new(keys, domain)?, config.schools.clone()));
            domains.push(domain.to_owned());
        }
        domains.sort_unstable();
        domains.dedup();
        found.domains = domains;
        found.link_base = edges.unsubscribe.url.as_ref().map(|url| url.as_str().to_owned());
        Ok(found)
    }

    /// Whose `address` is at `at`; `None` for everything that we take no mail for.
    pub fn whose(&self, address: &EmailAddress, at: UnixMs) -> Option<Whose> {
        let (local, domain) = (address.local(), address.domain());
        if self.domains.iter().any(|ours| ours == domain) {
            if local.eq_ignore_ascii_case("postmaster") {
                return Some(Whose::Postmaster);
            }
            if local.eq_ignore_ascii_case("abuse") {
                return Some(Whose::Abuse);
            }
        }
        if let Some(returns) = self.returns.as_ref().filter(|returns| returns.paths.domain() == domain) {
            let path = returns.paths.verify(local, at).map(Whose::Notification);
            if let Ok(found) = path.or_else(|_| returns.unsubscribe.verify_local(local).map(Whose::Unsubscribe)) {
                return Some(found);
            }
            if let Some(place) = returns.mailbox(local) {
                return Some(Whose::Canary(place));
            }
        }
        let (addresses, schools) = self.registration.as_ref().filter(|(ours, _)| ours.domain() == domain)?;
        let (number, generation) = addresses.verify(local).ok()?;
        let school = schools.iter().find(|school| school.number == number)?;
        let previous = school.accept_previous && generation.checked_add(1) == Some(school.generation);
        (generation == school.generation || previous).then_some(Whose::School { number, generation })
    }

    /// Whether the domain of `address` is one that only we write from.
    pub fn is_ours(&self, address: &EmailAddress) -> bool {
        self.domains.iter().any(|ours| ours == address.domain())
    }

    /// The return paths, where there are any.
    pub fn return_paths(&self) -> Option<&ReturnPaths> {
        self.returns.as_ref().map(|returns| &returns.paths)
    }

    /// The unsubscribe tokens, where there are any.
    pub fn unsubscribe_links(&self) -> Option<&UnsubscribeLinks> {
        self.returns.as_ref().map(|returns| &returns.unsubscribe)
    }

    /// The addresses to which mailboxes of our own forward, where there can be any.
    pub fn canary_addresses(&self) -> Option<&CanaryAddresses> {
        self.returns.as_ref().map(|returns| &returns.canaries)
    }

    /// The name of the mailbox that [`Whose::Canary`] means.
    pub(crate) fn canary_mailbox(&self, place: usize) -> Option<&str> {
        self.returns.as_ref()?.mailboxes.get(place).map(String::as_str)
    }

    /// The registration addresses, where there are any.
    pub fn registration_addresses(&self) -> Option<&RegistrationAddresses> {
        self.registration.as_ref().map(|(addresses, _)| addresses)
    }

    /// The schools that have a registration address.
    pub fn schools(&self) -> &[RegistrationSchool] {
        self.registration.as_ref().map_or(&[], |(_, schools)| schools)
    }

    /// Begin of the one-click links, up to the token.
    pub(crate) fn link_base(&self) -> Option<&str> {
        self.link_base.as_deref()
    }
}
