//! The addresses by which something comes back to a child engine, minted as the engine mints them.

use std::net::{Ipv4Addr, UdpSocket};

use anyhow::{Context, Result};
use return_links::{Keys, RegistrationAddresses};
use testkit::{InboundSettings, RETURN_KEY};

/// Port of name servers; programs that read `/etc/resolv.conf` know no other.
pub const DNS_PORT: u16 = 53;
/// For servers that have nobody to ask: nothing listens there.
pub const NO_NAME_SERVER: Ipv4Addr = Ipv4Addr::new(127, 0, 53, 255);

/// The registration address of a school by its number, as it stands in a letter to guardians.
///
/// # Errors
/// When the domain is none.
pub fn registration_address(settings: &InboundSettings, school: u32) -> Result<String> {
    let keys = Keys::new(RETURN_KEY, [])?;
    let addresses = RegistrationAddresses::new(keys, &settings.registration_domain)?;
    Ok(addresses.mint(school, 1).as_str().to_owned())
}

/// A loopback address at whose port 53 nobody listens now. Needs root.
///
/// # Errors
/// When there is none.
pub fn free_name_server() -> Result<Ipv4Addr> {
    // Runs beside this one begin elsewhere.
    let first = std::process::id();
    let last = |n: u32| u8::try_from(1 + first.wrapping_add(n) % 250).unwrap_or(1);
    let mut candidates = (0..250).map(|n| Ipv4Addr::new(127, 0, 53, last(n)));
    let is_free = |address: &Ipv4Addr| UdpSocket::bind((*address, DNS_PORT)).is_ok();
    candidates.find(is_free).context("no address 127.0.53.x has its port 53 free; is this root?")
}
