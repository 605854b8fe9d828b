//! Which sources stand in one network: carriers that block, often block the network.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use mail_model::SourceName;

/// Bits of an address that name its network: what is routed and reported as one.
const BITS_V4: u32 = 24;
const BITS_V6: u32 = 48;

/// The netblock of every source.
#[derive(Clone, Debug, Default)]
pub struct SourceBlocks(HashMap<SourceName, Arc<str>>);

impl SourceBlocks {
    /// By the sources' addresses. Those without one leave by whatever address the machine has, so they share a block.
    pub fn by_address(addresses: impl IntoIterator<Item = (SourceName, Option<IpAddr>)>) -> Self {
        let named = addresses.into_iter().filter_map(|(source, address)| Some((source, block_of(address?))));
        Self(named.map(|(source, block)| (source, Arc::from(block))).collect())
    }

    /// By names given.
    pub fn named(blocks: impl IntoIterator<Item = (SourceName, String)>) -> Self {
        Self(blocks.into_iter().map(|(source, block)| (source, Arc::from(block))).collect())
    }

    /// The netblock of a source; empty where nothing is known of it.
    pub(crate) fn of(&self, source: &SourceName) -> Arc<str> {
        self.0.get(source).cloned().unwrap_or_default()
    }
}

fn block_of(address: IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => {
            let network = v4.to_bits() & (u32::MAX << (32 - BITS_V4));
            format!("{}/{BITS_V4}", std::net::Ipv4Addr::from_bits(network))
        }
        IpAddr::V6(v6) => {
            let network = v6.to_bits() & (u128::MAX << (128 - BITS_V6));
            format!("{}/{BITS_V6}", std::net::Ipv6Addr::from_bits(network))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_netblock_is_the_network_of_the_address() {
        let table = [
            (Some("192.0.2.17"), "192.0.2.0/24"),
            (Some("192.0.3.17"), "192.0.3.0/24"),
            (Some("2001:db8:1:2::3"), "2001:db8:1::/48"),
            (None, ""),
        ];
        for (address, block) in table {
            let source: SourceName = "a".parse().unwrap();
            let address = address.map(|address| address.parse().unwrap());
            let blocks = SourceBlocks::by_address([(source.clone(), address)]);
            assert_eq!(&*blocks.of(&source), block);
        }
    }
}
