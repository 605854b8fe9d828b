//! The pools of one node: who sends next, who rests, who has sent how much.

use std::collections::HashMap;

use mail_model::{CarrierName, Class, PoolName, SourceName, UnixMs};

use crate::config::{MemberConfig, PoolConfig, PoolsConfig, PoolsError};
use crate::rotation::{Candidate, Rotation};
use crate::source::{Source, Standing};
use crate::status::{AtCarrier, SourceStatus};
use crate::warmup::HOUR_MS;

/// All sources of a node and the pools they form. Deterministic: the same calls give the same sources.
#[derive(Clone, Debug)]
pub struct Pools {
    sources: Vec<Source>,
    by_name: HashMap<SourceName, usize>,
    pools: HashMap<PoolName, Pool>,
    hourly_cap_by_day: Vec<u32>,
    /// Kept between picks to spare an allocation each.
    candidates: Vec<Candidate>,
}

#[derive(Clone, Debug)]
struct Pool {
    members: Vec<Member>,
    names: Vec<SourceName>,
    rotations: HashMap<CarrierName, Rotation>,
}

#[derive(Clone, Copy, Debug)]
struct Member {
    source: usize,
    weight: u32,
}

/// Ranks of sources, asked one after the other. Within a rank weights decide.
fn ranks(class: Class) -> &'static [&'static [Standing]] {
    match class {
        // A warming source is there to be warmed: it takes its share with the others until its cap.
        Class::Normal => &[&[Standing::Warm, Standing::BelowCap]],
        // An emergency goes by the sources that carriers know best, and past a cap only when nothing else is open.
        Class::Transactional | Class::Emergency => &[&[Standing::Warm], &[Standing::BelowCap], &[Standing::AtCap]],
    }
}

impl Pools {
    /// Takes a configuration.
    ///
    /// # Errors
    /// The first fault found: a name given twice, an empty pool, an unknown member, a weight of 0.
    pub fn new(config: &PoolsConfig) -> Result<Self, PoolsError> {
        config.check()?;
        let sources: Vec<Source> =
            config.sources.iter().map(|source| Source::new(source.name.clone(), source.warmup_started)).collect();
        let by_name: HashMap<_, _> = sources.iter().enumerate().map(|(at, source)| (source.name.clone(), at)).collect();
        let pools = config.pools.iter().map(|pool| (pool.name.clone(), Pool::new(pool, &by_name))).collect();
        let hourly_cap_by_day = config.hourly_cap_by_day.clone();
        Ok(Self { sources, by_name, pools, hourly_cap_by_day, candidates: Vec::new() })
    }

    /// The sources of a pool in the order of the configuration; none for an unknown pool.
    pub fn sources(&self, pool: &PoolName) -> &[SourceName] {
        self.pools.get(pool).map_or(&[], |pool| &pool.names)
    }

    /// The source for the next mail to `carrier`, or `None` when no member may send there now.
    ///
    /// `open` is asked about members in the order of preference until it says true for one; that one is returned. It is
    /// never asked about a source that rests at the carrier or is held back by its cap, and not again about one that it
    /// refused in this call. So `open` may take the permit of the path it is asked about.
    pub fn pick(
        &mut self,
        pool: &PoolName,
        carrier: &CarrierName,
        class: Class,
        now_unix: UnixMs,
        open: &mut dyn FnMut(&SourceName) -> bool,
    ) -> Option<SourceName> {
        let Self { sources, pools, hourly_cap_by_day, candidates, .. } = self;
        let pool = pools.get_mut(pool)?;
        for rank in ranks(class) {
            candidates.clear();
            for (member, Member { source, weight }) in pool.members.iter().copied().enumerate() {
                let Some(source) = sources.get(source) else { continue };
                let awake = source.resting(carrier, now_unix).is_none();
                if awake && rank.contains(&source.standing(hourly_cap_by_day, now_unix)) {
                    candidates.push(Candidate { member, weight });
                }
            }
            if candidates.is_empty() {
                continue;
            }
            let names = &pool.names;
            let is_open = |member: usize| names.get(member).is_some_and(&mut *open);
            let members = pool.members.len();
            let rotation = pool.rotations.entry(carrier.clone()).or_insert_with(|| Rotation::new(members));
            if let Some(member) = rotation.pick(candidates, is_open) {
                return names.get(member).cloned();
            }
        }
        None
    }

    /// When a pick that gave `None` may give a source again for reasons known here: a rest ends, a new hour brings a
    /// new cap. `None` when neither is in the way of any member, so that only `open` was.
    pub fn next_change(
        &self,
        pool: &PoolName,
        carrier: &CarrierName,
        class: Class,
        now_unix: UnixMs,
    ) -> Option<UnixMs> {
        let next_hour = UnixMs((now_unix.0 / HOUR_MS).saturating_add(1).saturating_mul(HOUR_MS));
        let members = self.pools.get(pool)?.members.iter().filter_map(|member| self.sources.get(member.source));
        let change = |source: &Source| {
            let rest = source.resting(carrier, now_unix);
            let capped = class == Class::Normal
                && source.standing(&self.hourly_cap_by_day, rest.unwrap_or(now_unix)) == Standing::AtCap;
            match (rest, capped) {
                (None, false) => None,
                (rest, false) => rest,
                (rest, true) => Some(rest.map_or(next_hour, |until| until.max(next_hour))),
            }
        };
        members.filter_map(change).min()
    }

    /// Counts one mail against the hour of `source`. To be called when the mail is handed to a session: counted only
    /// at the reply, the mails in flight would go over the cap. An unknown source is ignored: it was removed by a
    /// reload.
    pub fn sent(&mut self, source: &SourceName, carrier: &CarrierName, now_unix: UnixMs) {
        if let Some(source) = self.find(source) {
            source.count(carrier, now_unix);
        }
    }

    /// Lets `source` rest at `carrier`, which blocks it. The later of two ends stands.
    pub fn rest(&mut self, source: &SourceName, carrier: &CarrierName, until: UnixMs) {
        if let Some(source) = self.find(source) {
            source.rest(carrier, until);
        }
    }

    /// Ends a rest before its time, by an operator's word.
    pub fn wake(&mut self, source: &SourceName, carrier: &CarrierName) {
        if let Some(source) = self.find(source) {
            source.wake(carrier);
        }
    }

    /// Until when `source` rests at `carrier`; `None` when it does not.
    pub fn resting(&self, source: &SourceName, carrier: &CarrierName, now_unix: UnixMs) -> Option<UnixMs> {
        let source = self.sources.get(*self.by_name.get(source)?)?;
        source.resting(carrier, now_unix)
    }

    /// Every source as an operator sees it, in the order of the configuration.
    pub fn status(&self, now_unix: UnixMs) -> Vec<SourceStatus> {
        self.sources.iter().map(|source| self.status_of(source, now_unix)).collect()
    }

    fn status_of(&self, source: &Source, now: UnixMs) -> SourceStatus {
        let has = |pool: &Pool| pool.names.contains(&source.name);
        let mut pools: Vec<_> = self.pools.iter().filter(|(_, pool)| has(pool)).map(|(name, _)| name.clone()).collect();
        pools.sort();
        let at_carrier = |carrier: &CarrierName| AtCarrier {
            carrier: carrier.clone(),
            sent_this_hour: source.sent_this_hour_to(carrier, now),
            resting_until: source.resting(carrier, now),
        };
        let mut carriers: Vec<_> = source.carriers().map(at_carrier).collect();
        carriers.sort_by(|a, b| a.carrier.cmp(&b.carrier));
        SourceStatus {
            source: source.name.clone(),
            pools,
            warm_up: source.warm_up(&self.hourly_cap_by_day, now),
            sent_this_hour: source.sent_this_hour(now),
            carriers,
        }
    }

    fn find(&mut self, source: &SourceName) -> Option<&mut Source> {
        self.sources.get_mut(*self.by_name.get(source)?)
    }
}

impl Pool {
    fn new(config: &PoolConfig, by_name: &HashMap<SourceName, usize>) -> Self {
        let member = |member: &MemberConfig| {
            let source = by_name.get(&member.source).copied()?;
            Some((Member { source, weight: member.weight }, member.source.clone()))
        };
        let (members, names) = config.members.iter().filter_map(member).unzip();
        Self { members, names, rotations: HashMap::new() }
    }
}
