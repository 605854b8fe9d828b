//! The only place that reads time or draws chance.
#![doc = include_str!("../README.md")]

mod chance;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use mail_model::{MonoUs, UnixMs};

pub use chance::Chance;

/// A source of time. Cheap to clone; clones of a manual clock move together.
#[derive(Clone, Debug)]
pub struct Clock(Kind);

#[derive(Clone, Debug)]
enum Kind {
    System(Instant),
    Manual(Arc<Hands>),
}

#[derive(Debug)]
struct Hands {
    unix_ms: AtomicU64,
    mono_us: AtomicU64,
}

impl Clock {
    /// The machine's time.
    pub fn system() -> Self {
        #[expect(clippy::disallowed_methods, reason = "this crate is where everybody else gets it")]
        let start = Instant::now();
        Self(Kind::System(start))
    }

    /// A clock that stands at `start` until it is moved.
    pub fn manual(start: UnixMs) -> Self {
        // Monotonic time starts at one second so that "a second ago" exists.
        Self(Kind::Manual(Arc::new(Hands { unix_ms: start.0.into(), mono_us: 1_000_000.into() })))
    }

    /// Wall-clock time, for records.
    pub fn unix(&self) -> UnixMs {
        match &self.0 {
            Kind::System(_) => {
                // A clock before 1970 is a broken machine; 0 keeps the order of ids without stopping an emergency.
                #[expect(clippy::disallowed_methods, reason = "this crate is where everybody else gets it")]
                let now = SystemTime::now();
                let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
                UnixMs(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
            }
            Kind::Manual(hands) => UnixMs(hands.unix_ms.load(Ordering::Relaxed)),
        }
    }

    /// Monotonic time, for pacing and deadlines inside this process.
    pub fn mono(&self) -> MonoUs {
        match &self.0 {
            Kind::System(start) => MonoUs(u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX)),
            Kind::Manual(hands) => MonoUs(hands.mono_us.load(Ordering::Relaxed)),
        }
    }

    /// Moves a manual clock forward; does nothing to the machine's.
    pub fn advance(&self, by: std::time::Duration) {
        if let Kind::Manual(hands) = &self.0 {
            let us = u64::try_from(by.as_micros()).unwrap_or(u64::MAX);
            hands.mono_us.fetch_add(us, Ordering::Relaxed);
            hands.unix_ms.fetch_add(us / 1_000, Ordering::Relaxed);
        }
    }

    /// Sets a manual clock's wall time without moving its monotonic time, as an operator setting the clock does.
    pub fn set_unix(&self, to: UnixMs) {
        if let Kind::Manual(hands) = &self.0 {
            hands.unix_ms.store(to.0, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_manual_clock_moves_only_when_told_to() {
        let clock = Clock::manual(UnixMs(5_000));
        let copy = clock.clone();
        let before = clock.mono();
        copy.advance(Duration::from_millis(250));
        assert_eq!(clock.unix(), UnixMs(5_250));
        assert_eq!(clock.mono().since(before), Duration::from_millis(250));
        clock.set_unix(UnixMs(0));
        assert_eq!(copy.unix(), UnixMs(0));
        assert_eq!(copy.mono().since(before), Duration::from_millis(250));
    }

    #[test]
    fn the_machines_clock_is_after_2020_and_goes_forward() {
        let clock = Clock::system();
        assert!(clock.unix() > UnixMs(1_577_836_800_000));
        let first = clock.mono();
        assert!(clock.mono() >= first);
    }
}
