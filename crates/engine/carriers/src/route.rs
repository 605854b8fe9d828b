//! Where a domain's mail goes, as the rest of the engine is told.

use std::net::IpAddr;

use mail_model::CarrierName;

/// What is known of a domain's mail hosts. Everything DNS can say is a value; there is no error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// Hosts in the order in which they are to be tried (RFC 5321 5.1): by preference, equal ones shuffled anew for
    /// each call. Never empty, at most 20, each with at least one address.
    Hosts {
        /// The hosts.
        hosts: Vec<MxHost>,
        /// Whose they are, judged by the names of the most preferred ones. `None` for static routes and strangers.
        owner: Option<CarrierName>,
    },
    /// The domain does not exist (NXDOMAIN). One such answer may be a slip of a server: confirm it before recipients of
    /// a well-known carrier are given up.
    NoDomain,
    /// The domain says that it takes no mail (RFC 7505).
    NullMx,
    /// The domain exists and has no mail host with an address: neither MX nor address records, or MX records that name
    /// hosts without addresses.
    NoMx,
    /// DNS gave no answer, and no answer younger than `stale_max_s` is remembered. Try again later.
    Failed,
    /// All addresses are private, loopback or otherwise special, and the configuration forbids those.
    Refused,
}

/// One mail host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MxHost {
    /// Its name in lower case without the final dot; the address as text for a static route to an address.
    pub name: String,
    /// Its addresses in the order of DNS; never empty.
    pub addresses: Vec<IpAddr>,
    /// The port, 25 outside of laboratories.
    pub port: u16,
    /// The MX record's preference, the lowest first; 0 where there is no MX record.
    pub preference: u16,
}
