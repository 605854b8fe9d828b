//! From the narrowest place of a forecast to a reason with its numbers. Pure.

use mail_model::UnixMs;

use super::bet::Bet;
use super::bind::Bind;
use super::model::{GroupView, PathView, World};
use super::reason::Reason;
use super::{Sureness, count};

/// Paths that the campaign's mail may use.
fn members(group: &GroupView) -> impl Iterator<Item = &PathView> {
    let used = |at: usize| group.crowds.iter().any(|crowd| crowd.members.get(at) == Some(&true));
    group.paths.iter().enumerate().filter(move |(at, _)| used(*at)).map(|(_, path)| path)
}

fn after(at: UnixMs, seconds: f64) -> UnixMs {
    UnixMs(at.0.saturating_add(count(seconds * 1_000.0)))
}

/// How sure a group's paces are: unsure as soon as a third of them is, or if nobody knows what holds it back.
pub(crate) fn sureness_of(group: &GroupView, bind: Bind) -> Sureness {
    match bind {
        Bind::Sessions | Bind::EngineSessions if !group.is_timed() => Sureness::Unknown,
        _ => sureness(group),
    }
}

fn sureness(group: &GroupView) -> Sureness {
    let sum = |wanted: &dyn Fn(&PathView) -> bool| -> f64 {
        members(group).filter(|path| wanted(path)).map(|path| path.pace.now_per_s.min(1e6)).sum()
    };
    let all = sum(&|_| true);
    let settled = sum(&|path| path.pace.known && path.pace.is_settled());
    let known = sum(&|path| path.pace.known);
    match () {
        () if settled >= all * 0.67 => Sureness::Learned,
        () if known >= all * 0.34 => Sureness::Growing,
        () => Sureness::Unknown,
    }
}

pub(crate) fn reason(world: &World, group: &GroupView, bind: Bind, at: UnixMs) -> Reason {
    match bind {
        Bind::Held => {
            let until_s = group.crowds.iter().map(|crowd| crowd.held_s).fold(0.0, f64::max);
            Reason::Held { until: after(at, until_s) }
        }
        Bind::UnknownUsers => Reason::UnknownUsers { until: after(at, group.pause_s) },
        Bind::NoSource => Reason::NoSource,
        Bind::Retries => {
            let put_off = group.put_off[0];
            Reason::Retries { percent: count(put_off.share * 100.0).max(1), wait_s: count(put_off.wait_s) }
        }
        Bind::Resting | Bind::SomeResting => resting(group, at),
        Bind::WarmUp => warm_up(world, group),
        Bind::Ahead => {
            let mails = group.crowds.iter().map(|crowd| crowd.ahead).sum::<f64>() * group.weight;
            Reason::Ahead { mails: count(mails) }
        }
        Bind::Netblock => {
            let goes = |pace: &super::model::Pace| pace.ceiling_per_s.unwrap_or(pace.now_per_s).min(pace.max_per_s);
            let sum: f64 = group.netblocks.iter().map(goes).filter(|per_s| per_s.is_finite()).sum();
            Reason::Netblock { sources: members(group).count(), rate_per_min: sum * 60.0 }
        }
        Bind::Sessions if !group.is_timed() => nothing_learned(group),
        Bind::Sessions => {
            let sessions: f64 = members(group).map(|path| path.sessions).sum();
            let one = group.by_sessions_per_s(1.0, Bet::Likely.mail_s(), 1.0);
            Reason::Sessions { sessions: count(sessions), reply_ms: count(1_000.0 / one) }
        }
        Bind::EngineSessions => Reason::EngineSessions { sessions: count(world.sessions_max) },
        Bind::Pace => pace(group),
    }
}

fn resting(group: &GroupView, at: UnixMs) -> Reason {
    let of = members(group).count();
    let rests: Vec<f64> = members(group).map(|path| path.shut_s).filter(|shut_s| *shut_s > 0.0).collect();
    let until_s = rests.iter().copied().fold(0.0, f64::max);
    Reason::Resting { sources: rests.len(), of, until: after(at, until_s) }
}

fn warm_up(world: &World, group: &GroupView) -> Reason {
    let caps = members(group).filter_map(|path| world.sources.get(path.source)?.as_ref());
    let (sources, sum) = caps.fold((0, 0.0), |(sources, sum), hourly| (sources + 1, sum + hourly.cap));
    Reason::WarmUp { sources, mails_per_hour: count(sum) }
}

/// Mails a minute of one source, in the mean.
fn mean_per_min(group: &GroupView, of: impl Fn(&PathView) -> f64) -> f64 {
    members(group).map(of).sum::<f64>() / (members(group).count().max(1) as f64) * 60.0
}

fn nothing_learned(group: &GroupView) -> Reason {
    let rate_per_min = mean_per_min(group, |path| path.pace.now_per_s);
    Reason::NothingLearned { sources: members(group).count(), rate_per_min }
}

fn pace(group: &GroupView) -> Reason {
    let sources = members(group).count();
    let goes = |path: &PathView| path.pace.ceiling_per_s.unwrap_or(path.pace.now_per_s).min(path.pace.max_per_s);
    match sureness(group) {
        Sureness::Unknown => nothing_learned(group),
        Sureness::Growing => Reason::Growing { sources, rate_per_min: mean_per_min(group, |path| path.pace.now_per_s) },
        Sureness::Learned => {
            let rate_per_min = mean_per_min(group, goes);
            let measured = members(group).filter(|path| path.pace.ceiling_per_s.is_some());
            // The youngest knowledge is what the forecast rests on.
            let age_s = measured.map(|path| path.pace.age_s).reduce(f64::min);
            match age_s {
                Some(age_s) => Reason::Learned { sources, rate_per_min, age_s: count(age_s) },
                None => Reason::Configured { sources, rate_per_min },
            }
        }
    }
}
