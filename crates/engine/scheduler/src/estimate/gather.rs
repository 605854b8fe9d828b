//! From the scheduler's groups and a campaign's mail to what a forecast starts from.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use ip_pools::{PoolKind, WarmUp};
use mail_model::{CarrierName, Class, Lane, MonoUs, SiteName, SourceName, UnixMs};
use throttle::Gate;

use super::answer::{Done, answer};
use super::curve::Curve;
use super::model::{CrowdView, GroupView, Hourly, PathView, World};
use super::{Audience, Crowd, Estimate, views};
use crate::group::Group;
use crate::learned::memory::GroupMemory;
use crate::scheduler::{Scheduler, State};
use crate::ticket::Ticket;
use crate::work::Work;

/// Domains of one carrier that are played one by one; the rest is represented by their mean.
const SITES_MAX: usize = 24;
/// Warm-up counts a mail for its own minute and sixty more.
const MINUTES: u64 = 61;
const MINUTE_MS: u64 = 60_000;

/// The scheduler's knowledge at one moment.
struct Scene<'a> {
    state: &'a State,
    now: MonoUs,
    unix: UnixMs,
    /// Numbers of the sources used.
    numbers: HashMap<SourceName, usize>,
}

impl<W: Work> Scheduler<W> {
    /// When the mail of a campaign will have been handed over. Takes about a millisecond, and changes nothing.
    pub fn estimate(&self, audience: &Audience) -> Estimate {
        let (world, unix) = self.world(audience);
        let mut by_carrier: BTreeMap<CarrierName, Curve> = BTreeMap::new();
        for past in &audience.past {
            let points = past.curve.iter().map(|(at_s, mails)| (*at_s, *mails as f64));
            by_carrier.insert(past.carrier.clone(), Curve::of([(0.0, 0.0)].into_iter().chain(points).collect()));
        }
        answer(&world, &Done { by_carrier: &by_carrier, elapsed_s: audience.elapsed_s, at: unix })
    }

    fn world(&self, audience: &Audience) -> (World, UnixMs) {
        let (now, unix) = (self.clock().mono(), self.clock().unix());
        let state = self.state().lock();
        let mut scene = Scene { state: &state, now, unix, numbers: HashMap::new() };
        let mut crowds: Crowds<'_> = BTreeMap::new();
        for crowd in &audience.crowds {
            let Lane { carrier, site, .. } = &crowd.lane;
            let site = if carrier.is_other() { site.clone() } else { SiteName::none() };
            crowds.entry((carrier.clone(), site)).or_default().push(crowd);
        }
        crowds.retain(|_, crowds| crowds.iter().any(|crowd| crowd.mails > 0));
        let mut groups = Vec::new();
        for (((carrier, site), crowds), weight) in represented(crowds) {
            let known = state.by_key.get(&(carrier.clone(), site.clone())).and_then(|at| state.groups.get(*at));
            let view = match known {
                Some(group) => scene.group(group, &group.memory, &crowds),
                None => {
                    let profile = Arc::new(self.directory().profile(&carrier).clone());
                    let nothing = GroupMemory::default();
                    let memory = state.memory.get(&carrier, &site).unwrap_or(&nothing);
                    let group = Group::new(carrier, site, profile, state.laws, state.blocks.clone());
                    scene.group(&group, memory, &crowds)
                }
            };
            groups.push(GroupView { weight, ..view });
        }
        let world = World {
            groups,
            sources: scene.hourly(),
            sessions_max: f64::from(self.sessions_max()),
            not_after_s: audience.not_after.map(|end| seconds(end.since_ms(unix))),
        };
        (world, unix)
    }

    /// An attempt (1 is a mail's first) has ended: for good, or the mail is put off for its own sake, as by greylisting,
    /// for so long. Troubles of a path are none of this.
    pub fn settled(&self, ticket: &Ticket, attempt: u16, put_off: Option<Duration>) {
        let mut state = self.state().lock();
        if let Some(group) = state.groups.get_mut(ticket.group) {
            group.watch.settled(attempt, put_off);
        }
    }
}

fn seconds(ms: u64) -> f64 {
    ms as f64 / 1_000.0
}

type Crowds<'a> = BTreeMap<(CarrierName, SiteName), Vec<&'a Crowd>>;
type Part<'a> = ((CarrierName, SiteName), Vec<&'a Crowd>);

/// Groups with their weights. Of a carrier with hundreds of domains the largest are taken one by one; the largest of the
/// rest stands for all of these, which can only be too cautious.
fn represented(crowds: Crowds<'_>) -> Vec<(Part<'_>, f64)> {
    let mails = |part: &Part<'_>| part.1.iter().map(|crowd| crowd.mails).sum::<u64>();
    let mut by_carrier: BTreeMap<CarrierName, Vec<Part<'_>>> = BTreeMap::new();
    for part in crowds {
        by_carrier.entry(part.0.0.clone()).or_default().push(part);
    }
    let mut chosen = Vec::new();
    for mut parts in by_carrier.into_values() {
        parts.sort_by_key(|part| std::cmp::Reverse(mails(part)));
        let rest = parts.split_off(parts.len().min(SITES_MAX));
        let all = rest.iter().map(mails).sum::<u64>() as f64;
        chosen.extend(parts.into_iter().map(|part| (part, 1.0)));
        if let Some(first) = rest.into_iter().next() {
            let weight = all / (mails(&first).max(1) as f64);
            chosen.push((first, weight));
        }
    }
    chosen
}

impl Scene<'_> {
    fn group(&mut self, group: &Group, memory: &GroupMemory, crowds: &[&Crowd]) -> GroupView {
        let mut sources: Vec<&SourceName> = Vec::new();
        for source in crowds.iter().flat_map(|crowd| self.state.pools.sources(&crowd.lane.pool)) {
            // What another node sends from is not ours to count on.
            if !sources.contains(&source) && self.state.nodes.may_use(source, self.now) == Gate::Go {
                sources.push(source);
            }
        }
        let mut blocks: Vec<Arc<str>> = Vec::new();
        let mut paths = Vec::new();
        for source in &sources {
            let block = group.netblock_of(source);
            let known = blocks.iter().position(|known| *known == block);
            let netblock = known.unwrap_or_else(|| {
                blocks.push(block);
                blocks.len() - 1
            });
            paths.push(PathView { netblock, ..self.path(group, memory, source) });
        }
        let netblocks: Vec<_> = blocks.iter().map(|block| views::netblock(group, memory, block, self.now)).collect();
        for path in &mut paths {
            path.shut_s = path.shut_s.max(netblocks.get(path.netblock).map_or(0.0, |(_, shut_s)| *shut_s));
        }
        let within = Duration::from_secs(group.profile.finish_within_s);
        let crowds = crowds.iter().map(|crowd| self.crowd(crowd, &sources, &paths, within)).collect();
        // Too many unknown users stop all of a netblock; where they stop all of them, that is the reason.
        let stopped = |path: &PathView| group_stops(group, &blocks, path.netblock, self.now);
        let pause_s = paths.iter().map(stopped).fold(f64::INFINITY, f64::min);
        let pause_s = if pause_s.is_finite() { pause_s } else { 0.0 };
        let netblocks = netblocks.into_iter().map(|(pace, _)| pace).collect();
        let view = views::group(group);
        let mail_s = view.mail_s.or_else(|| views::quickest_s(group, memory, &sources, self.now));
        GroupView { paths, crowds, netblocks, pause_s, mail_s, ..view }
    }

    fn path(&mut self, group: &Group, memory: &GroupMemory, source: &SourceName) -> PathView {
        let numbers = self.numbers.len();
        let number = *self.numbers.entry(source.clone()).or_insert(numbers);
        let rest = self.state.pools.resting(source, &group.carrier, self.unix);
        let held = self.state.holds.path(&group.egress_path(source), self.unix);
        let shut_s = [rest, held].into_iter().flatten().map(|until| seconds(until.since_ms(self.unix)));
        let view = views::path(group, memory, source, self.now);
        PathView { source: number, shut_s: shut_s.fold(view.shut_s, f64::max), ..view }
    }

    fn crowd(&self, crowd: &Crowd, sources: &[&SourceName], paths: &[PathView], within: Duration) -> CrowdView {
        let waiting = crowd.waiting.min(crowd.mails);
        let due_s = crowd.due.map_or(0.0, |due| seconds(due.since_ms(self.unix)));
        let held = self.state.holds.lane(&crowd.lane, self.unix);
        CrowdView {
            class: Some(crowd.lane.class),
            members: self.called(crowd, sources, paths, within),
            held_s: held.map_or(0.0, |until| seconds(until.since_ms(self.unix))),
            ahead: crowd.ahead as f64,
            ours: (crowd.mails - waiting) as f64,
            ours_later: if waiting > 0 { spread(waiting as f64, due_s) } else { Vec::new() },
        }
    }

    /// Which of the sources a lane's mail may leave by. A narrow pool calls upon the first of its members that can end in
    /// time, for everyday mail.
    fn called(&self, crowd: &Crowd, sources: &[&SourceName], paths: &[PathView], within: Duration) -> Vec<bool> {
        let members = self.state.pools.sources(&crowd.lane.pool);
        let mut called: Vec<bool> = sources.iter().map(|source| members.contains(source)).collect();
        if crowd.lane.class != Class::Normal || self.state.pools.kind(&crowd.lane.pool) == PoolKind::Wide {
            return called;
        }
        let mut left = (crowd.mails + crowd.ahead) as f64;
        for (called, path) in called.iter_mut().zip(paths) {
            let open_s = (within.as_secs_f64() - path.shut_s).max(0.0);
            let enough = left <= 0.0;
            left -= if *called { path.pace.now_per_s * open_s } else { 0.0 };
            *called &= !enough;
        }
        called
    }

    /// The young ones among the sources used, by their numbers.
    fn hourly(&self) -> Vec<Option<Hourly>> {
        let mut hourly = vec![None; self.numbers.len()];
        let caps = self.state.pools.status(self.unix).into_iter().filter_map(|status| match status.warm_up {
            WarmUp::Warming { hourly_cap, .. } => Some((status.source, f64::from(hourly_cap), status.sent_this_hour)),
            WarmUp::Warm => None,
        });
        let mut sent: HashMap<SourceName, Vec<(u64, u32)>> = HashMap::new();
        for (source, cap, sent_this_hour) in caps {
            let Some(place) = self.numbers.get(&source).and_then(|number| hourly.get_mut(*number)) else { continue };
            if sent.is_empty() {
                sent =
                    self.state.pools.memory(self.unix).into_iter().map(|(source, kept)| (source, kept.sent)).collect();
            }
            let back = sent.get(&source).into_iter().flatten().map(|(minute, mails)| {
                let at = UnixMs((minute + MINUTES) * MINUTE_MS);
                (seconds(at.since_ms(self.unix)), f64::from(*mails))
            });
            let left = (cap - f64::from(sent_this_hour)).max(0.0);
            *place = Some(Hourly { cap, left, back: back.collect() });
        }
        hourly
    }
}

/// Seconds until a netblock's share of unknown users lets it go on.
fn group_stops(group: &Group, blocks: &[Arc<str>], netblock: usize, now: MonoUs) -> f64 {
    let Some(block) = blocks.get(netblock) else { return 0.0 };
    let guard = group.guards.iter().find(|guard| guard.netblock == *block);
    match guard.map(|guard| guard.throttle.unknown_state(now)) {
        Some(throttle::UnknownState::Stop { until }) => until.since(now).as_secs_f64(),
        _ => 0.0,
    }
}

/// What was put off comes back over a while: all that is known is the first.
fn spread(mails: f64, first_s: f64) -> Vec<(f64, f64)> {
    const PARTS: u32 = 4;
    const OVER_S: f64 = 20.0;
    let part = |at: u32| (first_s + OVER_S * f64::from(at) / f64::from(PARTS), mails / f64::from(PARTS));
    (0..PARTS).map(part).collect()
}
