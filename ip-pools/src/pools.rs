//! The pools of one node: who sends next, who rests, who has sent how much.

use std::collections::HashMap;

use mail_model::{CarrierName, Class, PoolName, SourceName, UnixMs};

use crate::config::{MemberConfig, PoolConfig, PoolKind, PoolsConfig, PoolsError};
use crate::memory::SourceMemory;
use crate::pace::{Forecast, Pace};
use crate::plan::{Demand, Plan};
use crate::rotation::{Candidate, Rotation};
use crate::source::{Source, Standing};
use crate::status::{AtCarrier, SourceStatus};

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
    kind: PoolKind,
    members: Vec<Member>,
    names: Vec<SourceName>,
    carriers: HashMap<CarrierName, AtPool>,
}

/// One pool for one carrier.
#[derive(Clone, Debug)]
struct AtPool {
    rotation: Rotation,
    /// Without one the weights alone decide, and all members of a narrow pool are called upon.
    plan: Option<Plan>,
}

/// Whether an open session of a source may take a further mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Yes.
    Go,
    /// Not before then: it rests, or its cap is used up.
    After(UnixMs),
    /// Others of its narrow pool can do it; it is not called upon any more.
    Over,
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

    /// How many of a pool's members are called upon; `Wide` for an unknown pool.
    pub fn kind(&self, pool: &PoolName) -> PoolKind {
        self.pools.get(pool).map_or(PoolKind::Wide, |pool| pool.kind)
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
        self.choose((pool, carrier, class), &[], now_unix, open)
    }

    /// As [`Pools::pick`], among these members only, called upon or not: greylisting waits for the source that came
    /// before, wherever the others go meanwhile.
    pub fn pick_among(
        &mut self,
        pool: &PoolName,
        carrier: &CarrierName,
        class: Class,
        wanted: &[SourceName],
        now_unix: UnixMs,
        open: &mut dyn FnMut(&SourceName) -> bool,
    ) -> Option<SourceName> {
        if wanted.is_empty() { None } else { self.choose((pool, carrier, class), wanted, now_unix, open) }
    }

    fn choose(
        &mut self,
        (pool, carrier, class): (&PoolName, &CarrierName, Class),
        wanted: &[SourceName],
        now_unix: UnixMs,
        open: &mut dyn FnMut(&SourceName) -> bool,
    ) -> Option<SourceName> {
        let Self { sources, pools, hourly_cap_by_day, candidates, .. } = self;
        let Pool { members, names, carriers, .. } = pools.get_mut(pool)?;
        if !carriers.contains_key(carrier) {
            carriers.insert(carrier.clone(), AtPool::new(members.len()));
        }
        let AtPool { rotation, plan } = carriers.get_mut(carrier)?;
        for rank in ranks(class) {
            candidates.clear();
            for (member, Member { source, weight }) in members.iter().copied().enumerate() {
                let Some(source) = sources.get(source) else { continue };
                let awake = source.resting(carrier, now_unix).is_none();
                let called = match wanted {
                    [] => is_called(plan.as_ref(), member, class),
                    wanted => wanted.contains(&source.name),
                };
                if awake && called && rank.contains(&source.standing(hourly_cap_by_day, now_unix)) {
                    let weight = plan.as_ref().map_or(weight, |plan| plan.share(member));
                    candidates.push(Candidate { member, weight });
                }
            }
            let mut is_open = |member: usize| names.get(member).is_some_and(&mut *open);
            if let (Class::Normal, Some(plan)) = (class, plan.as_ref())
                && let Some(member) = proves_itself(plan, candidates, &mut is_open)
            {
                return names.get(member).cloned();
            }
            if let Some(member) = rotation.pick(candidates, is_open) {
                return names.get(member).cloned();
            }
        }
        None
    }

    /// Plans the shares of a pool's members anew, for one carrier: by weight and by what each can carry until all of it
    /// is out; and in a narrow pool, how many are called upon. To be repeated about once a second while mail waits; a
    /// plan that is not renewed stays.
    ///
    /// `pace` tells what the throttle of a member's path foresees. Rests and caps of warm-up are known here.
    pub fn plan(
        &mut self,
        pool: &PoolName,
        carrier: &CarrierName,
        demand: Demand,
        now_unix: UnixMs,
        pace: &mut dyn FnMut(&SourceName) -> Pace,
    ) {
        let Self { sources, pools, hourly_cap_by_day, .. } = self;
        let Some(Pool { kind, members, carriers, .. }) = pools.get_mut(pool) else { return };
        let forecast = |member: &Member| {
            let source = sources.get(member.source)?;
            let mut pace = pace(&source.name);
            if let Some(until) = source.resting(carrier, now_unix) {
                pace.shut_s = pace.shut_s.max(until.since_ms(now_unix) as f64 / 1_000.0);
            }
            let (room, room_per_s) = source.room(hourly_cap_by_day, now_unix);
            Some((member.weight, Forecast { pace, room, room_per_s }))
        };
        let forecasts: Vec<_> = members.iter().filter_map(forecast).collect();
        let at = carriers.entry(carrier.clone()).or_insert_with(|| AtPool::new(members.len()));
        at.plan.get_or_insert_default().renew(*kind, demand, &forecasts, now_unix);
    }

    /// Whether an open session of `source` may take a further mail for `pool` at `carrier`. To be asked before each: a
    /// session that began below the cap must end at it. An emergency goes on: whoever opened its session had no better
    /// source.
    pub fn turn(
        &self,
        pool: &PoolName,
        carrier: &CarrierName,
        source: &SourceName,
        class: Class,
        now_unix: UnixMs,
    ) -> Turn {
        let Some(known) = self.by_name.get(source).and_then(|at| self.sources.get(*at)) else { return Turn::Go };
        if let Some(until) = known.resting(carrier, now_unix) {
            return Turn::After(until);
        }
        if class != Class::Normal {
            return Turn::Go;
        }
        if let Some(at) = known.below_cap_at(&self.hourly_cap_by_day, now_unix) {
            return Turn::After(at);
        }
        let pool = self.pools.get(pool);
        let member = pool.and_then(|pool| pool.names.iter().position(|name| name == source));
        let plan = pool.and_then(|pool| pool.carriers.get(carrier)).and_then(|at| at.plan.as_ref());
        if member.is_none_or(|member| is_called(plan, member, class)) { Turn::Go } else { Turn::Over }
    }

    /// When a pick that gave `None` may give a source again for reasons known here: a rest ends, the mails of an hour ago
    /// leave room below a cap. `None` when neither is in the way of any member, so that only `open` was.
    pub fn next_change(
        &self,
        pool: &PoolName,
        carrier: &CarrierName,
        class: Class,
        now_unix: UnixMs,
    ) -> Option<UnixMs> {
        let members = self.pools.get(pool)?.members.iter().filter_map(|member| self.sources.get(member.source));
        let change = |source: &Source| {
            let rest = source.resting(carrier, now_unix);
            let capped = class == Class::Normal;
            let below = capped.then(|| source.below_cap_at(&self.hourly_cap_by_day, rest.unwrap_or(now_unix)));
            below.flatten().or(rest)
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

    /// What each source must not forget at a restart, in the order of the configuration.
    pub fn memory(&self, now_unix: UnixMs) -> Vec<(SourceName, SourceMemory)> {
        let memory = |source: &Source| (source.name.clone(), source.memory(&self.hourly_cap_by_day, now_unix));
        self.sources.iter().map(memory).collect()
    }

    /// Takes up what a source was not to forget, before it sends anything. An unknown source is ignored.
    pub fn recall(&mut self, source: &SourceName, memory: &SourceMemory, now_unix: UnixMs) {
        if let Some(source) = self.find(source) {
            source.recall(memory, now_unix);
        }
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
            below_cap_at: source.below_cap_at(&self.hourly_cap_by_day, now),
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
        Self { kind: config.kind, members, names, carriers: HashMap::new() }
    }
}

impl AtPool {
    fn new(members: usize) -> Self {
        Self { rotation: Rotation::new(members), plan: None }
    }
}

/// An emergency does not wait for the steady addresses to finish.
fn is_called(plan: Option<&Plan>, member: usize, class: Class) -> bool {
    class != Class::Normal || plan.is_none_or(|plan| plan.calls(member))
}

/// One that comes back from a rest is asked first, for the one mail that may go: with the small share that is due to it,
/// it would wait for hours. An emergency is no such mail. Whoever was asked here is asked no more in this pick.
fn proves_itself(
    plan: &Plan,
    candidates: &mut Vec<Candidate>,
    is_open: &mut impl FnMut(usize) -> bool,
) -> Option<usize> {
    let mut found = None;
    candidates.retain(|candidate| {
        if found.is_some() || !plan.is_probing(candidate.member) {
            return true;
        }
        if is_open(candidate.member) {
            found = Some(candidate.member);
        }
        false
    });
    found
}
