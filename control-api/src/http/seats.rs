//! How many connections there may be, in all and from one address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use parking_lot::Mutex;

/// Counts open connections.
#[derive(Debug)]
pub struct Seats {
    total_max: usize,
    per_address_max: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    total: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// One open connection; given back when dropped.
#[derive(Debug)]
pub struct Seat {
    seats: Arc<Seats>,
    group: IpAddr,
}

/// An IPv6 subscriber owns a /64 and could otherwise come from 2^64 addresses.
fn group(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        v4 @ IpAddr::V4(_) => v4,
    }
}

impl Seats {
    /// Limits in connections. Callers on this machine are held to the total only: all programs here share one address.
    pub fn new(total_max: usize, per_address_max: usize) -> Arc<Self> {
        Arc::new(Self { total_max, per_address_max, taken: Mutex::default() })
    }

    /// A seat for a connection from `ip`, or none when that address or the house is full.
    pub fn take(self: &Arc<Self>, ip: IpAddr) -> Option<Seat> {
        let cap = if ip.to_canonical().is_loopback() { self.total_max } else { self.per_address_max };
        let group = group(ip);
        let mut taken = self.taken.lock();
        if taken.total >= self.total_max || taken.by_address.get(&group).is_some_and(|n| *n >= cap) {
            return None;
        }
        taken.total += 1;
        *taken.by_address.entry(group).or_default() += 1;
        Some(Seat { seats: Arc::clone(self), group })
    }

    /// How many are taken.
    pub fn taken(&self) -> usize {
        self.taken.lock().total
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.taken.lock();
        taken.total = taken.total.saturating_sub(1);
        if let Some(n) = taken.by_address.get_mut(&self.group) {
            *n = n.saturating_sub(1);
            if *n == 0 {
                taken.by_address.remove(&self.group);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_cannot_take_every_seat_and_a_seat_left_is_free_again() {
        let seats = Seats::new(4, 2);
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let first = seats.take(ip("192.0.2.1")).unwrap();
        let _second = seats.take(ip("::ffff:192.0.2.1")).unwrap();
        assert!(seats.take(ip("192.0.2.1")).is_none());
        let _third = seats.take(ip("2001:db8::1")).unwrap();
        let fourth = seats.take(ip("2001:db8::2:0:0:1")).unwrap();
        assert!(seats.take(ip("127.0.0.1")).is_none(), "the house is full");
        drop(fourth);
        let _local = seats.take(ip("127.0.0.1")).unwrap();
        drop(first);
        assert!(seats.take(ip("192.0.2.1")).is_some());
        assert_eq!(seats.taken(), 3);
        assert_eq!(seats.taken.lock().by_address.len(), 3);
    }
}
