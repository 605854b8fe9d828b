//! One thing that was learned, and how it is stored.

use std::net::IpAddr;
use std::time::Duration;

use ip_pools::SourceMemory;
use mail_model::{CarrierName, SiteName, SourceName, UnixMs};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use throttle::{GuardLearned, Learned};

/// Version of a stored lesson. What is inside has versions of its own.
const VERSION: u16 = 1;

/// With this all keys of lessons begin.
pub const KEYS_BEGIN: &[u8] = b"limit/";

/// A carrier that was not sent to for longer is a stranger again.
const KEPT: Duration = Duration::from_secs(30 * 86_400);

/// What a source sent counts for an hour, and no rest is longer than a day.
const SOURCE_KEPT: Duration = Duration::from_secs(25 * 3_600);

/// One thing that was learned, with whose it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "snake_case")]
pub enum Lesson {
    /// Of one source at one carrier, or at one domain of `other`.
    Path {
        /// Whose mail system.
        carrier: CarrierName,
        /// The domain for `other`, else empty.
        site: SiteName,
        /// Which source.
        source: SourceName,
        /// What.
        learned: Learned,
    },
    /// Of all sources of one netblock together.
    Guard {
        /// Whose mail system.
        carrier: CarrierName,
        /// The domain for `other`, else empty.
        site: SiteName,
        /// Which netblock.
        netblock: String,
        /// What.
        learned: GuardLearned,
    },
    /// Of one source at all carriers: what it sent in the last hour, and where it rests.
    Source {
        /// Which source.
        source: SourceName,
        /// What.
        memory: SourceMemory,
    },
}

/// A lesson as it is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stored {
    v: u16,
    /// When it was learned, or found true again.
    pub at: UnixMs,
    /// The address that the source had; none when the system chose it. Standing belongs to the address, not to our name
    /// for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// What was learned.
    #[serde(flatten)]
    pub lesson: Lesson,
}

/// Why a stored lesson is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Error)]
pub enum Unusable {
    /// It is no lesson.
    #[error("broken")]
    Broken,
    /// A newer program wrote it.
    #[error("written by a newer program")]
    Newer,
    /// The source has another address now, or is gone.
    #[error("its source has another address now, or none")]
    Moved,
    /// Too long ago.
    #[error("too old")]
    Old,
}

#[derive(Deserialize)]
struct Version {
    v: u16,
}

impl Lesson {
    /// The key under which it is stored: its kind and whose it is, in the order of its fields, parted by zero bytes.
    pub fn key(&self) -> Vec<u8> {
        let parts = match self {
            Self::Path { carrier, site, source, .. } => vec!["p", carrier.as_str(), site.as_str(), source.as_str()],
            Self::Guard { carrier, site, netblock, .. } => vec!["g", carrier.as_str(), site.as_str(), netblock],
            Self::Source { source, .. } => vec!["s", source.as_str()],
        };
        [KEYS_BEGIN, parts.join("\0").as_bytes()].concat()
    }

    /// Whose standing it is; none for a netblock, which is its own name.
    pub fn source(&self) -> Option<&SourceName> {
        match self {
            Self::Path { source, .. } | Self::Source { source, .. } => Some(source),
            Self::Guard { .. } => None,
        }
    }

    /// Whether nothing was learned.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Path { learned, .. } => learned.is_empty(),
            Self::Guard { learned, .. } => learned.is_empty(),
            Self::Source { memory, .. } => memory.is_empty(),
        }
    }

    /// How long it is worth something.
    pub fn kept(&self) -> Duration {
        if let Self::Source { .. } = self { SOURCE_KEPT } else { KEPT }
    }
}

impl Stored {
    /// To be stored.
    pub fn new(lesson: Lesson, address: Option<IpAddr>, at: UnixMs) -> Self {
        Self { v: VERSION, at, address, lesson }
    }

    /// The bytes: JSON, a few hundred of them.
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads the bytes.
    ///
    /// # Errors
    /// When they are no lesson, or one of a newer program.
    pub fn decode(bytes: &[u8]) -> Result<Self, Unusable> {
        let Version { v } = serde_json::from_slice(bytes).map_err(|_| Unusable::Broken)?;
        if v > VERSION {
            return Err(Unusable::Newer);
        }
        serde_json::from_slice(bytes).map_err(|_| Unusable::Broken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(source: &str) -> Lesson {
        Lesson::Path {
            carrier: "docomo".parse().unwrap(),
            site: SiteName::none(),
            source: source.parse().unwrap(),
            learned: Learned { ceiling_per_min: Some(118.5), ..Learned::default() },
        }
    }

    fn one_of_each() -> [Lesson; 3] {
        let guard = GuardLearned { sum_ceiling_per_min: Some(900.0), ..GuardLearned::default() };
        let memory = SourceMemory { sent: vec![(29_000_000, 7)], rests: vec![("au".parse().unwrap(), UnixMs(9))] };
        let netblock = "192.0.2.0/24".to_owned();
        [
            path("tokyo-1"),
            Lesson::Guard { carrier: "au".parse().unwrap(), site: SiteName::none(), netblock, learned: guard },
            Lesson::Source { source: "tokyo-1".parse().unwrap(), memory },
        ]
    }

    #[test]
    fn what_is_stored_reads_back() {
        for lesson in one_of_each() {
            for address in [None, Some("192.0.2.25".parse().unwrap()), Some("2001:db8::25".parse().unwrap())] {
                let stored = Stored::new(lesson.clone(), address, UnixMs(1_000));
                assert_eq!(Stored::decode(&stored.encode()), Ok(stored));
            }
        }
    }

    #[test]
    fn broken_and_newer_values_are_told_apart_and_never_used() {
        let good = String::from_utf8(Stored::new(path("a"), None, UnixMs(1)).encode()).unwrap();
        let table = [
            (String::new(), Unusable::Broken),
            ("{}".to_owned(), Unusable::Broken),
            (good[..good.len() - 1].to_owned(), Unusable::Broken),
            (good.replace("118.5", "\"fast\""), Unusable::Broken),
            (good.replace("\"v\":1", "\"v\":2"), Unusable::Newer),
            (r#"{"v":77,"entirely":"different"}"#.to_owned(), Unusable::Newer),
        ];
        for (text, why) in table {
            assert_eq!(Stored::decode(text.as_bytes()), Err(why), "{text}");
        }
    }

    #[test]
    fn keys_differ_and_begin_alike() {
        let mut keys: Vec<_> = one_of_each().iter().map(Lesson::key).collect();
        // Names may hold slashes; only a byte that no name holds keeps them apart.
        keys.push(path("x/y").key());
        keys.push(path("x").key());
        assert!(keys.iter().all(|key| key.starts_with(KEYS_BEGIN)));
        assert_eq!(keys[0], b"limit/p\0docomo\0\0tokyo-1");
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), 5);
    }
}
