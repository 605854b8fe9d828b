//! How many may be in, how often they may come, and how many bytes they may hold: in all, by network, by address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use mail_model::MonoUs;
use parking_lot::Mutex;

use crate::arrivals::{Arrivals, TooOften};
use crate::settings::Settings;

/// Why somebody may not come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TurnedAway {
    /// Every seat is taken.
    Full,
    /// This address has all the seats it may have.
    AddressFull,
    /// This network has all the seats it may have.
    NetworkFull,
    /// This network comes too often.
    NetworkRate,
    /// All together come too often.
    Rate,
}

impl TurnedAway {
    /// As in the metric's label.
    pub fn label(self) -> &'static str {
        match self {
            Self::Full => "sessions",
            Self::AddressFull => "address",
            Self::NetworkFull => "network",
            Self::NetworkRate => "network_rate",
            Self::Rate => "rate",
        }
    }
}

/// Counts who is in and what they hold.
#[derive(Debug)]
pub(crate) struct Gate {
    sessions_max: usize,
    per_address_max: usize,
    per_network_max: usize,
    handshakes_max: usize,
    handshakes_per_network_max: usize,
    bytes_max: u64,
    bytes_per_network_max: u64,
    inside: Mutex<Inside>,
}

#[derive(Debug)]
struct Inside {
    all: Held,
    sessions_by_address: HashMap<IpAddr, usize>,
    networks: HashMap<IpAddr, Held>,
    arrivals: Arrivals<IpAddr>,
}

#[derive(Debug, Default)]
struct Held {
    sessions: usize,
    handshakes: usize,
    bytes: u64,
}

/// A place for one session, with what it holds; given back when dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    gate: Arc<Gate>,
    address: IpAddr,
    network: IpAddr,
    is_shaking: bool,
    bytes: u64,
}

/// The first `v4` or `v6` bits of an address, the rest zero.
fn prefix(peer: IpAddr, v4: u32, v6: u32) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V4(ip) => IpAddr::V4(Ipv4Addr::from_bits(ip.to_bits() & u32::MAX.checked_shl(32 - v4).unwrap_or(0))),
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & u128::MAX.checked_shl(128 - v6).unwrap_or(0))),
    }
}

impl Gate {
    /// An empty house.
    pub fn new(settings: &Settings) -> Arc<Self> {
        // A mail grows by doubling and must fit beside one that is being stored.
        let least = settings.message_bytes_max.saturating_mul(2);
        Arc::new(Self {
            sessions_max: settings.sessions_max,
            per_address_max: settings.sessions_per_address_max,
            per_network_max: settings.sessions_per_network_max,
            handshakes_max: settings.handshakes_max,
            handshakes_per_network_max: settings.handshakes_max.div_ceil(4),
            bytes_max: settings.content_bytes_max,
            bytes_per_network_max: settings.content_bytes_per_network_max.max(least),
            inside: Mutex::new(Inside {
                all: Held::default(),
                sessions_by_address: HashMap::new(),
                networks: HashMap::new(),
                arrivals: Arrivals::new(settings.sessions_per_network_per_min, settings.sessions_per_min),
            }),
        })
    }

    /// A seat for a session from `peer`.
    pub fn enter(self: &Arc<Self>, peer: IpAddr, now: MonoUs) -> Result<Seat, TurnedAway> {
        let (address, network) = (prefix(peer, 32, 64), prefix(peer, 24, 48));
        let mut inside = self.inside.lock();
        if inside.all.sessions >= self.sessions_max {
            return Err(TurnedAway::Full);
        }
        if inside.sessions_by_address.get(&address).is_some_and(|sessions| *sessions >= self.per_address_max) {
            return Err(TurnedAway::AddressFull);
        }
        if inside.networks.get(&network).is_some_and(|held| held.sessions >= self.per_network_max) {
            return Err(TurnedAway::NetworkFull);
        }
        inside.arrivals.take(network, now).map_err(|too_often| match too_often {
            TooOften::Each => TurnedAway::NetworkRate,
            TooOften::All => TurnedAway::Rate,
        })?;
        inside.all.sessions += 1;
        *inside.sessions_by_address.entry(address).or_default() += 1;
        inside.networks.entry(network).or_default().sessions += 1;
        Ok(Seat { gate: Arc::clone(self), address, network, is_shaking: false, bytes: 0 })
    }

    fn has_room(&self, all: &Held, own: &Held, more: u64) -> bool {
        let fits = |held: &Held, max| held.bytes.checked_add(more).is_some_and(|bytes| bytes <= max);
        fits(all, self.bytes_max) && fits(own, self.bytes_per_network_max)
    }
}

impl Inside {
    /// What the network of a seat holds; there is an entry for as long as there is a seat.
    fn both(&mut self, network: IpAddr) -> (&mut Held, &mut Held) {
        (&mut self.all, self.networks.entry(network).or_default())
    }
}

impl Seat {
    /// Takes `more` bytes for this session; false when its network, or all together, would hold too much.
    pub fn hold(&mut self, more: u64) -> bool {
        let mut inside = self.gate.inside.lock();
        let (all, own) = inside.both(self.network);
        let has_room = self.gate.has_room(all, own, more);
        if has_room {
            (all.bytes, own.bytes, self.bytes) = (all.bytes + more, own.bytes + more, self.bytes + more);
        }
        has_room
    }

    /// Whether [`Self::hold`] would succeed now.
    pub fn has_room(&self, more: u64) -> bool {
        let mut inside = self.gate.inside.lock();
        let (all, own) = inside.both(self.network);
        self.gate.has_room(all, own, more)
    }

    /// Gives back all the bytes.
    pub fn let_go(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        if bytes > 0 {
            let mut inside = self.gate.inside.lock();
            let (all, own) = inside.both(self.network);
            all.bytes = all.bytes.saturating_sub(bytes);
            own.bytes = own.bytes.saturating_sub(bytes);
        }
    }

    /// Begins a handshake; false when its network, or all together, have as many as they may.
    pub fn begin_handshake(&mut self) -> bool {
        let mut inside = self.gate.inside.lock();
        let (all, own) = inside.both(self.network);
        let is_free =
            all.handshakes < self.gate.handshakes_max && own.handshakes < self.gate.handshakes_per_network_max;
        if is_free && !self.is_shaking {
            (all.handshakes, own.handshakes) = (all.handshakes + 1, own.handshakes + 1);
            self.is_shaking = true;
        }
        is_free
    }

    /// The handshake is over.
    pub fn end_handshake(&mut self) {
        if std::mem::take(&mut self.is_shaking) {
            let mut inside = self.gate.inside.lock();
            let (all, own) = inside.both(self.network);
            all.handshakes = all.handshakes.saturating_sub(1);
            own.handshakes = own.handshakes.saturating_sub(1);
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.let_go();
        self.end_handshake();
        let mut inside = self.gate.inside.lock();
        let (all, own) = inside.both(self.network);
        all.sessions = all.sessions.saturating_sub(1);
        own.sessions = own.sessions.saturating_sub(1);
        if own.sessions == 0 {
            inside.networks.remove(&self.network);
        }
        if let Some(sessions) = inside.sessions_by_address.get_mut(&self.address) {
            *sessions = sessions.saturating_sub(1);
            if *sessions == 0 {
                inside.sessions_by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: MonoUs = MonoUs(1_000_000);

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn gate(change: impl FnOnce(&mut Settings)) -> Arc<Gate> {
        let mut settings = Settings::new("mx.example.jp").unwrap();
        settings.message_bytes_max = 10;
        change(&mut settings);
        Gate::new(&settings)
    }

    #[test]
    fn neither_an_address_nor_a_network_takes_every_seat_and_a_seat_left_is_free_again() {
        let gate = gate(|s| (s.sessions_max, s.sessions_per_address_max, s.sessions_per_network_max) = (6, 2, 3));
        let enter = |peer: &str| gate.enter(ip(peer), NOW);
        let first = enter("192.0.2.1").unwrap();
        let _second = enter("::ffff:192.0.2.1").unwrap();
        assert_eq!(enter("192.0.2.1").unwrap_err(), TurnedAway::AddressFull);
        let _third = enter("192.0.2.2").unwrap();
        assert_eq!(enter("192.0.2.3").unwrap_err(), TurnedAway::NetworkFull);
        let _fourth = enter("2001:db8:1:1::1").unwrap();
        let _fifth = enter("2001:db8:1:1:ffff::2").unwrap();
        assert_eq!(enter("2001:db8:1:1::3").unwrap_err(), TurnedAway::AddressFull);
        let sixth = enter("2001:db8:1:2::1").unwrap();
        assert_eq!(enter("198.51.100.1").unwrap_err(), TurnedAway::Full);
        drop(sixth);
        drop(first);
        let _again = enter("192.0.2.1").unwrap();
        assert_eq!(gate.inside.lock().all.sessions, 5);
    }

    #[test]
    fn a_network_that_comes_too_often_waits_and_the_others_do_not() {
        let gate = gate(|s| (s.sessions_per_network_per_min, s.sessions_per_min) = (2, 4));
        let enter = |peer: &str| gate.enter(ip(peer), NOW).map(drop);
        assert_eq!(enter("192.0.2.1"), Ok(()));
        assert_eq!(enter("192.0.2.77"), Ok(()));
        assert_eq!(enter("192.0.2.200"), Err(TurnedAway::NetworkRate));
        assert_eq!(enter("192.0.3.1"), Ok(()));
        assert_eq!(enter("2001:db8:7::1"), Ok(()));
        assert_eq!(enter("198.51.100.1"), Err(TurnedAway::Rate));
    }

    #[test]
    fn bytes_are_bounded_by_network_and_in_all_and_come_back_with_the_seat() {
        let gate = gate(|s| (s.content_bytes_max, s.content_bytes_per_network_max) = (100, 60));
        let mut first = gate.enter(ip("192.0.2.1"), NOW).unwrap();
        let mut second = gate.enter(ip("192.0.2.2"), NOW).unwrap();
        let mut third = gate.enter(ip("192.0.3.1"), NOW).unwrap();
        assert!(first.hold(40) && second.hold(20));
        assert!(!second.has_room(1) && !second.hold(1), "the network holds its share");
        assert!(third.hold(40) && !third.hold(1), "all hold all");
        first.let_go();
        assert!(third.hold(1) && second.hold(20));
        drop((second, third));
        assert!(first.hold(60));
        drop(first);
        is_empty(&gate);
    }

    fn is_empty(gate: &Gate) {
        let inside = gate.inside.lock();
        assert_eq!((inside.all.sessions, inside.all.handshakes, inside.all.bytes), (0, 0, 0));
        assert!(inside.networks.is_empty() && inside.sessions_by_address.is_empty());
    }

    #[test]
    fn a_network_may_always_hold_two_mails() {
        let gate = gate(|s| (s.message_bytes_max, s.content_bytes_per_network_max) = (1_000, 1));
        let mut seat = gate.enter(ip("192.0.2.1"), NOW).unwrap();
        assert!(seat.hold(2_000) && !seat.hold(1));
    }

    #[test]
    fn no_network_takes_more_than_a_quarter_of_the_handshakes() {
        let gate = gate(|s| s.handshakes_max = 5);
        let mut near: Vec<Seat> = (1..=3).map(|n| gate.enter([192, 0, 2, n].into(), NOW).unwrap()).collect();
        let begun: Vec<bool> = near.iter_mut().map(Seat::begin_handshake).collect();
        assert_eq!(begun, [true, true, false]);
        let mut far: Vec<Seat> = (1..=4).map(|n| gate.enter([198, 51, n, 1].into(), NOW).unwrap()).collect();
        let begun: Vec<bool> = far.iter_mut().map(Seat::begin_handshake).collect();
        assert_eq!(begun, [true, true, true, false], "five at once");
        near[0].end_handshake();
        assert!(far[3].begin_handshake() && !near[2].begin_handshake());
        drop((near, far));
        is_empty(&gate);
    }
}
