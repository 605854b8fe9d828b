//! Sources and pools as a configuration names them.

use std::collections::HashSet;

use mail_model::{PoolName, SourceName, UnixMs};
use thiserror::Error;

/// Mails an hour that one new source may send in all, by day since its start: the schedule SendGrid uses
/// (sendgrid.kke.co.jp, ip_warmup_schedule). After the last day a source is warm.
pub const HOURLY_CAP_BY_DAY: [u32; 21] = [
    20, 28, 39, 55, 77, 108, 151, 211, 295, 413, 579, 810, 1_000, 1_587, 2_222, 3_111, 4_356, 6_098, 8_583, 11_953,
    16_734,
];

/// Everything [`Pools`](crate::Pools) needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolsConfig {
    /// Every source address of this node.
    pub sources: Vec<SourceConfig>,
    /// The pools they form. A source may be in several.
    pub pools: Vec<PoolConfig>,
    /// Mails an hour and source, by day since the start of its warm-up; empty: no source is ever capped.
    pub hourly_cap_by_day: Vec<u32>,
}

/// One source address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceConfig {
    /// Its name.
    pub name: SourceName,
    /// When it sent its first mail; `None` when it is long warm.
    pub warmup_started: Option<UnixMs>,
}

/// A set of weighted sources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolConfig {
    /// Its name.
    pub name: PoolName,
    /// Whether its mail is spread or kept together.
    pub kind: PoolKind,
    /// At least one.
    pub members: Vec<MemberConfig>,
}

/// What a pool is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolKind {
    /// Spread over all members: carriers limit each address, so many carry more.
    Wide,
    /// Few steady addresses: a member is called upon only when those before it cannot finish in time or must not send.
    /// Google and Apple ask for the same address each time.
    Narrow,
}

impl PoolKind {
    /// The kind of a pool that says none: a pool of the name `narrow` is narrow, any other is wide.
    pub fn by_name(name: &PoolName) -> Self {
        if name.as_str() == "narrow" { Self::Narrow } else { Self::Wide }
    }
}

/// A source in a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberConfig {
    /// A source of [`PoolsConfig::sources`].
    pub source: SourceName,
    /// Its share against the other members; at least 1.
    pub weight: u32,
}

/// Why a configuration makes no pools.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PoolsError {
    /// Two sources have one name.
    #[error("source {0} is named twice; give each address its own name")]
    SourceTwice(SourceName),
    /// Two pools have one name.
    #[error("pool {0} is named twice; join the two or rename one")]
    PoolTwice(PoolName),
    /// A pool without members.
    #[error("pool {0} has no members; name at least one source")]
    Empty(PoolName),
    /// A member that is no source.
    #[error("pool {pool} names source {source_name}, which does not exist; add it to the sources or remove it here")]
    UnknownSource {
        /// The pool.
        pool: PoolName,
        /// The name it gives.
        source_name: SourceName,
    },
    /// A source twice in one pool.
    #[error("pool {pool} names source {source_name} twice; add the weights")]
    MemberTwice {
        /// The pool.
        pool: PoolName,
        /// The source.
        source_name: SourceName,
    },
    /// A member with weight 0.
    #[error("pool {pool} gives source {source_name} the weight 0; give at least 1 or remove the member")]
    NoWeight {
        /// The pool.
        pool: PoolName,
        /// The source.
        source_name: SourceName,
    },
}

impl PoolsConfig {
    /// The first fault, if there is one.
    pub(crate) fn check(&self) -> Result<(), PoolsError> {
        let mut sources = HashSet::new();
        for source in &self.sources {
            if !sources.insert(&source.name) {
                return Err(PoolsError::SourceTwice(source.name.clone()));
            }
        }
        let mut pools = HashSet::new();
        for pool in &self.pools {
            if !pools.insert(&pool.name) {
                return Err(PoolsError::PoolTwice(pool.name.clone()));
            }
            pool.check(&sources)?;
        }
        Ok(())
    }
}

impl PoolConfig {
    fn check(&self, sources: &HashSet<&SourceName>) -> Result<(), PoolsError> {
        if self.members.is_empty() {
            return Err(PoolsError::Empty(self.name.clone()));
        }
        let mut seen = HashSet::new();
        for member in &self.members {
            let (pool, source_name) = (self.name.clone(), member.source.clone());
            if !sources.contains(&member.source) {
                return Err(PoolsError::UnknownSource { pool, source_name });
            }
            if !seen.insert(&member.source) {
                return Err(PoolsError::MemberTwice { pool, source_name });
            }
            if member.weight == 0 {
                return Err(PoolsError::NoWeight { pool, source_name });
            }
        }
        Ok(())
    }
}
