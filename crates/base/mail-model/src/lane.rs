//! Where a notification waits (lane) and the way it leaves (egress path).

use serde::{Deserialize, Serialize};

use crate::name::{CarrierName, PoolName, SiteName, SourceName};

/// How urgent a message is. The more urgent goes first, mail by mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// An answer to one person who waits for it: registration, a login link. Few, by the limits of those who make
    /// them, so going before an emergency costs it nothing, and an emergency's hour is when people register.
    Transactional,
    /// Earthquake, typhoon, intruder: may exceed warm-up caps, goes before daily life.
    Emergency,
    /// Daily life.
    Normal,
}

impl Class {
    /// All, most urgent first.
    pub const ALL: [Self; 3] = [Self::Transactional, Self::Emergency, Self::Normal];

    /// As written in JSON, labels and files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Transactional => "transactional",
            Self::Emergency => "emergency",
            Self::Normal => "normal",
        }
    }
}

/// One waiting line. Work in one lane never waits for work in another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Lane {
    /// Whose mail system.
    pub carrier: CarrierName,
    /// The recipients' domain: the domains of one carrier can have different hosts.
    pub site: SiteName,
    /// Which sources may send it.
    pub pool: PoolName,
    /// How urgent.
    pub class: Class,
}

/// The unit of throttling: one carrier (or site) as seen from one source address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EgressPath {
    /// Whose mail system.
    pub carrier: CarrierName,
    /// The domain for carrier `other`; empty for a carrier with a profile, whose domains share its limits.
    pub site: SiteName,
    /// The source it leaves from.
    pub source: SourceName,
}
