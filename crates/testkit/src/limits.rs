//! What a carrier allows one source address, and what it does to a source that takes more.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use mail_model::MonoUs;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

/// How a connection over the limit is turned away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TurnAway {
    /// With the words of the situation (421 …), then closed.
    #[default]
    Reply,
    /// Closed without a word.
    Close,
    /// By a TCP reset, as au does.
    Reset,
}

/// Limits per source address. `None` is no limit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Open connections.
    pub connections_max: Option<u32>,
    /// How a connection more than [`Self::connections_max`], or one of a banned source, is turned away.
    pub turn_away: TurnAway,
    /// Messages on one connection; the MAIL after the last is refused and the connection closed.
    pub messages_per_connection_max: Option<u32>,
    /// Recipients in one transaction.
    pub recipients_max: Option<u32>,
    /// Messages per minute, counted at MAIL by a token bucket.
    pub rate_per_min: Option<f64>,
    /// Size of the bucket in messages; at least 1.
    pub rate_burst: f64,
    /// Bans a source that goes over a limit too often.
    pub ban: Option<Ban>,
}

/// When a source is shut out, and for how long.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ban {
    /// Excesses (connections or rate) that are forgiven; the next one bans. `None` never bans for them.
    #[serde(default)]
    pub excesses_max: Option<u32>,
    /// After this long without an excess the count begins anew.
    #[serde(default = "minute")]
    pub excesses_forgotten_ms: u64,
    /// Fraction of unknown recipients among the last [`Self::unknown_window`] that bans.
    #[serde(default)]
    pub unknown_ratio_max: Option<f64>,
    /// How many recipients the fraction is taken over.
    #[serde(default = "window")]
    pub unknown_window: u32,
    /// How long the source stays out.
    pub duration_ms: u64,
}

fn minute() -> u64 {
    60_000
}

fn window() -> u32 {
    100
}

/// The carrier's answer to a new connection or to MAIL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Count {
    /// Within the limits.
    Go,
    /// Over a limit.
    Over,
    /// The source is banned.
    Banned,
}

/// What a carrier remembers of one source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SourceRecord {
    /// Connections open now.
    pub open: u32,
    /// Most connections ever open at once, refused ones not counted.
    pub open_max: u32,
    /// Connections that were let in.
    pub connections: u64,
    /// Times a limit was exceeded.
    pub excesses: u64,
    /// Times the source was banned.
    pub bans: u64,
    /// Recipients it named.
    pub recipients: u64,
    /// Those of them that did not exist.
    pub unknown: u64,
}

#[derive(Debug, Default)]
struct Source {
    record: SourceRecord,
    tokens: f64,
    filled_at: Option<MonoUs>,
    excesses: u32,
    excess_at: MonoUs,
    banned_until: Option<MonoUs>,
    window_seen: u32,
    window_unknown: u32,
}

impl Source {
    fn is_banned(&mut self, now: MonoUs) -> bool {
        if self.banned_until.is_some_and(|until| now >= until) {
            self.banned_until = None;
        }
        self.banned_until.is_some()
    }

    fn ban(&mut self, ban: &Ban, now: MonoUs) {
        self.record.bans += 1;
        self.excesses = 0;
        self.window_seen = 0;
        self.window_unknown = 0;
        self.banned_until = Some(now + Duration::from_millis(ban.duration_ms));
    }

    fn exceed(&mut self, limits: &Limits, now: MonoUs) -> Count {
        self.record.excesses += 1;
        let Some(ban) = &limits.ban else { return Count::Over };
        if now.since(self.excess_at) >= Duration::from_millis(ban.excesses_forgotten_ms) {
            self.excesses = 0;
        }
        self.excess_at = now;
        self.excesses = self.excesses.saturating_add(1);
        if ban.excesses_max.is_some_and(|max| self.excesses > max) {
            self.ban(ban, now);
        }
        Count::Over
    }

    fn take_token(&mut self, per_min: f64, burst: f64, now: MonoUs) -> bool {
        let gained = self.filled_at.map_or(burst, |at| now.since(at).as_secs_f64() * per_min / 60.0);
        self.tokens = (self.tokens + gained).min(burst);
        self.filled_at = Some(now);
        let enough = self.tokens >= 1.0;
        if enough {
            self.tokens -= 1.0;
        }
        enough
    }
}

/// The sources of one carrier. Cheap to look up once per connection.
#[derive(Debug)]
pub(crate) struct SourceBook {
    limits: Limits,
    sources: Mutex<HashMap<Ipv4Addr, Arc<Mutex<Source>>>>,
}

impl SourceBook {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, sources: Mutex::default() }
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Asks whether a new connection is let in. The guest counts as open until it is dropped.
    pub(crate) fn connect(&self, address: Ipv4Addr, now: MonoUs) -> Result<CountedGuest, Count> {
        let source = Arc::clone(self.sources.lock().entry(address).or_default());
        {
            let mut state = source.lock();
            if state.is_banned(now) {
                // A banned source that keeps knocking keeps its excess on record, without a longer ban.
                state.record.excesses += 1;
                return Err(Count::Banned);
            }
            if self.limits.connections_max.is_some_and(|max| state.record.open >= max) {
                return Err(state.exceed(&self.limits, now));
            }
            state.record.open += 1;
            state.record.connections += 1;
            state.record.open_max = state.record.open_max.max(state.record.open);
        }
        Ok(CountedGuest { source })
    }

    /// What is remembered of every source, in the order of addresses.
    pub(crate) fn records(&self) -> Vec<(Ipv4Addr, SourceRecord)> {
        let sources = self.sources.lock();
        let mut all: Vec<_> =
            sources.iter().map(|(address, source)| (*address, source.lock().record.clone())).collect();
        all.sort_by_key(|(address, _)| *address);
        all
    }

    /// Lifts every ban and forgets every excess; open connections stay counted.
    pub(crate) fn pardon(&self) {
        for source in self.sources.lock().values() {
            let mut source = source.lock();
            source.banned_until = None;
            source.excesses = 0;
        }
    }
}

/// One admitted connection of a source.
#[derive(Debug)]
pub(crate) struct CountedGuest {
    source: Arc<Mutex<Source>>,
}

impl CountedGuest {
    /// Asks whether one more message may begin.
    pub(crate) fn mail(&self, limits: &Limits, now: MonoUs) -> Count {
        let mut source = self.source.lock();
        if source.is_banned(now) {
            return Count::Banned;
        }
        match limits.rate_per_min {
            Some(per_min) if !source.take_token(per_min, limits.rate_burst.max(1.0), now) => source.exceed(limits, now),
            _ => Count::Go,
        }
    }

    /// Counts one named recipient, and bans the source when too many of them do not exist.
    pub(crate) fn recipient(&self, limits: &Limits, unknown: bool, now: MonoUs) {
        let mut source = self.source.lock();
        source.record.recipients += 1;
        source.record.unknown += u64::from(unknown);
        let Some((ban, ratio)) = limits.ban.as_ref().and_then(|ban| Some((ban, ban.unknown_ratio_max?))) else {
            return;
        };
        source.window_seen += 1;
        source.window_unknown += u32::from(unknown);
        // Enough unknown ones decide before the window is full: the rest of it could not bring the fraction down again.
        if f64::from(source.window_unknown) > ratio * f64::from(ban.unknown_window) {
            source.ban(ban, now);
        } else if source.window_seen >= ban.unknown_window {
            source.window_seen = 0;
            source.window_unknown = 0;
        }
    }
}

impl Drop for CountedGuest {
    fn drop(&mut self) {
        self.source.lock().record.open -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S1: Ipv4Addr = Ipv4Addr::new(127, 0, 1, 1);
    const S2: Ipv4Addr = Ipv4Addr::new(127, 0, 1, 2);

    fn at(ms: u64) -> MonoUs {
        MonoUs(1_000_000 + ms * 1_000)
    }

    #[test]
    fn connections_are_counted_per_source_and_freed_when_they_end() {
        let book = SourceBook::new(Limits { connections_max: Some(1), ..Limits::default() });
        let first = book.connect(S1, at(0)).unwrap();
        assert_eq!(book.connect(S1, at(0)).err(), Some(Count::Over));
        assert!(book.connect(S2, at(0)).is_ok());
        drop(first);
        assert!(book.connect(S1, at(1)).is_ok());
        let (_, record) = &book.records()[0];
        assert_eq!((record.open, record.open_max, record.connections, record.excesses), (0, 1, 2, 1));
    }

    #[test]
    fn a_rate_allows_its_burst_and_then_its_even_pace() {
        let limits = Limits { rate_per_min: Some(60.0), rate_burst: 3.0, ..Limits::default() };
        let book = SourceBook::new(limits.clone());
        let guest = book.connect(S1, at(0)).unwrap();
        let table =
            [(0, Count::Go), (0, Count::Go), (0, Count::Go), (0, Count::Over), (999, Count::Over), (1_998, Count::Go)];
        for (ms, gate) in table {
            assert_eq!(guest.mail(&limits, at(ms)), gate, "at {ms} ms");
        }
    }

    #[test]
    fn too_many_excesses_ban_for_a_time_and_old_ones_are_forgotten() {
        let ban = Ban {
            excesses_max: Some(1),
            excesses_forgotten_ms: 1_000,
            unknown_ratio_max: None,
            unknown_window: 100,
            duration_ms: 5_000,
        };
        let book = SourceBook::new(Limits { connections_max: Some(0), ban: Some(ban), ..Limits::default() });
        let table = [
            (0, Count::Over),
            (1_000, Count::Over),
            (1_001, Count::Over),
            (1_002, Count::Banned),
            (6_000, Count::Banned),
            (6_001, Count::Over),
        ];
        for (ms, count) in table {
            assert_eq!(book.connect(S1, at(ms)).err(), Some(count), "at {ms} ms");
        }
        assert_eq!(book.records()[0].1.bans, 1);
    }

    #[test]
    fn unknown_recipients_ban_and_a_pardon_lets_in_again() {
        let ban = Ban {
            excesses_max: None,
            excesses_forgotten_ms: 1,
            unknown_ratio_max: Some(0.03),
            unknown_window: 100,
            duration_ms: 60_000,
        };
        let limits = Limits { ban: Some(ban), ..Limits::default() };
        let book = SourceBook::new(limits.clone());
        let guest = book.connect(S1, at(0)).unwrap();
        for n in 0..200 {
            guest.recipient(&limits, n % 50 == 0, at(0));
        }
        assert_eq!(guest.mail(&limits, at(0)), Count::Go, "2 % in each window stays below 3 %");
        for _ in 0..4 {
            guest.recipient(&limits, true, at(0));
        }
        assert_eq!(guest.mail(&limits, at(1)), Count::Banned);
        book.pardon();
        assert_eq!(guest.mail(&limits, at(1)), Count::Go);
    }
}
