//! Which addresses a stranger's MX record may make us connect to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether an address is an ordinary one of the public Internet. Anybody can publish an MX record that names 127.0.0.1,
/// a machine of our own network or a cloud's metadata service; connecting there would let mail reach what a firewall
/// protects.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

/// IANA's special-purpose registry for IPv4, except for blocks that are reachable like any other.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let special = match address.octets() {
        [0 | 10 | 127, ..] => true,                       // this network, private, loopback
        [100, second, ..] => (64..128).contains(&second), // carrier-grade NAT, RFC 6598
        [169, 254, ..] => true,                           // link-local, with the clouds' metadata services
        [172, second, ..] => (16..32).contains(&second),  // private
        [192, 168, ..] => true,                           // private
        [192, 0, 0 | 2, _] => true,                       // protocol assignments, documentation
        [192, 88, 99, _] => true,                         // 6to4 relays, retired
        [198, 18 | 19, ..] => true,                       // benchmarks
        [198, 51, 100, _] | [203, 0, 113, _] => true,     // documentation
        [first, ..] => first >= 224,                      // multicast, reserved, broadcast
    };
    !special
}

/// Global unicast is 2000::/3; of it, what is documentation or carries an IPv4 address is judged further.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let embedded = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match address.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] => embedded(high, low), // IPv4-mapped: the system connects by IPv4
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => embedded(high, low), // NAT64, RFC 6052
        [0x2002, high, low, ..] => embedded(high, low),            // 6to4
        [0x2001, second, ..] => second != 0xdb8 && second > 0x1ff, // documentation; protocol assignments with Teredo
        [0x3fff, second, ..] => second > 0xfff,                    // documentation, RFC 9637
        [first, ..] => (0x2000..=0x3fff).contains(&first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ordinary_addresses_of_the_internet_are_public() {
        let public = [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "192.1.0.1",
            "198.17.0.1",
            "203.138.180.112",
            "223.255.255.255",
            "2001:4860:4860::8888",
            "2400:4050::1",
            "2606:4700::1111",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
            "2002:808:808::1",
        ];
        let special = [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.255",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "2002:a00:1::1",
            "2001::1",
            "2001:db8::1",
            "3fff::1",
            "100::1",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ];
        for text in public {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
        for text in special {
            assert!(!is_public(text.parse().unwrap()), "{text}");
        }
    }
}
