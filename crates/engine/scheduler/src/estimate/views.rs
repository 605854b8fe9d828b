//! Paths and netblocks of a group as a forecast sees them: those that exist, and those that would be made.

use std::sync::Arc;
use std::time::Duration;

use mail_model::{MonoUs, SourceName};
use throttle::{NetblockGuard, Outlook, PathThrottle};

use super::model::{GroupView, Pace, PathView, PutOff};
use crate::group::{Group, unknown_limits};
use crate::learned::memory::GroupMemory;

/// A path that is shut for longer is left out of what was allowed: the forecast knows its end.
const SHORT_REST_S: f64 = 30.0;
/// Answered mails of a carrier from which on its paces are known to be bearable.
const KNOWN_MIN: u64 = 20;

/// A group without its paths and lanes.
pub(crate) fn group(group: &Group) -> GroupView {
    let (profile, watch) = (&group.profile, &group.watch);
    let (first_mail_s, mail_s) = watch.reply_s();
    let put_off = |place: usize| {
        let (share, seen_s) = watch.put_off(place);
        let planned = profile.retry_after_s.get(place).or(profile.retry_after_s.last());
        PutOff { share, wait_s: seen_s.unwrap_or_else(|| planned.map_or(60.0, |s| *s as f64)) }
    };
    GroupView {
        carrier: group.carrier.clone(),
        weight: 1.0,
        paths: Vec::new(),
        netblocks: Vec::new(),
        crowds: Vec::new(),
        pause_s: 0.0,
        efficiency: watch.efficiency(),
        mail_s,
        first_mail_s,
        session_mails: f64::from(profile.messages_per_connection_max),
        put_off: [put_off(0), put_off(1)],
    }
}

/// How many times as long as the quickest reply a mail takes, in the mean of a session.
const QUICKEST_TIMES: f64 = 2.0;

/// Seconds of a mail, by the quickest reply that was learned, for a carrier that nobody has timed since the start.
pub(crate) fn quickest_s(group: &Group, memory: &GroupMemory, sources: &[&SourceName], now: MonoUs) -> Option<f64> {
    let learned = |source: &&SourceName| match group.paths.get(*source) {
        Some(path) => Some(path.throttle.learned(now)),
        None => memory.path(source, now).map(|(learned, _)| learned),
    };
    let least = sources.iter().filter_map(learned).map(|learned| learned.reply_least_ms).filter(|ms| *ms > 0).min()?;
    Some(f64::from(least) / 1_000.0 * QUICKEST_TIMES)
}

/// What all sources of a netblock may do, and until when nothing of it goes, seconds.
pub(crate) fn netblock(group: &Group, memory: &GroupMemory, block: &Arc<str>, now: MonoUs) -> (Pace, f64) {
    let made;
    let guard = match group.guards.iter().find(|guard| guard.netblock == *block) {
        Some(guard) => &guard.throttle,
        None => {
            let unknown = unknown_limits(&group.profile);
            made = match memory.guard(block, now) {
                Some((learned, age)) => {
                    NetblockGuard::resume(group.limits(), &unknown, group.laws(), &learned, age, now)
                }
                None => NetblockGuard::new(group.limits(), &unknown, group.laws(), now),
            };
            &made
        }
    };
    let outlook = guard.outlook(now);
    (pace(&outlook, true, Duration::ZERO), shut_s(&outlook, now))
}

/// One path. Its source and netblock are yet to be numbered.
pub(crate) fn path(group: &Group, memory: &GroupMemory, source: &SourceName, now: MonoUs) -> PathView {
    let made;
    let (throttle, recalled) = match group.paths.get(source) {
        Some(path) => (&path.throttle, path.recalled.map(|(age, at)| age.saturating_add(now.since(at)))),
        None => {
            let remembered = memory.path(source, now);
            let age = remembered.as_ref().map(|(_, age)| *age);
            made = match remembered {
                Some((learned, age)) => PathThrottle::resume(group.limits(), group.laws(), &learned, age, now),
                None => PathThrottle::with_laws(group.limits(), group.laws(), now),
            };
            (&made, age)
        }
    };
    let outlook = throttle.outlook(now);
    let known = recalled.is_some()
        || outlook.ceiling_per_min.is_some()
        || outlook.rate_now_per_min >= outlook.rate_max_per_min
        || outlook.rate_now_per_min > group.profile.rate_start_per_min * 1.01
        || (group.paths.contains_key(source) && group.watch.count() >= KNOWN_MIN);
    // What was measured since is of now.
    let age = recalled.filter(|_| !outlook.ceiling_confirmed).unwrap_or_default();
    PathView {
        source: 0,
        netblock: 0,
        pace: pace(&outlook, known, age),
        shut_s: shut_s(&outlook, now),
        sessions: f64::from(throttle.status(now).connections_allowed),
        sessions_max: f64::from(throttle.learned(now).sessions_max.unwrap_or(group.profile.connections_max)),
    }
}

fn shut_s(outlook: &Outlook, now: MonoUs) -> f64 {
    outlook.shut_until.map_or(0.0, |until| until.since(now).as_secs_f64())
}

fn pace(outlook: &Outlook, known: bool, age: Duration) -> Pace {
    Pace {
        now_per_s: outlook.rate_now_per_min / 60.0,
        ceiling_per_s: outlook.ceiling_per_min.map(|per_min| per_min / 60.0),
        confirmed: outlook.ceiling_confirmed,
        growth: outlook.growth_per_round,
        round_s: outlook.round_s,
        max_per_s: outlook.rate_max_per_min / 60.0,
        known,
        age_s: age.as_secs_f64(),
    }
}

impl Group {
    /// The carrier answered a mail.
    pub(crate) fn answered(&mut self, now: MonoUs) {
        self.watch_pace(now);
        self.watch.answered();
    }

    /// Looks at what is allowed, once every few seconds, to compare it with what is carried.
    pub(crate) fn watch_pace(&mut self, now: MonoUs) {
        if !self.watch.is_turned(now) {
            let allowed_per_s = self.allowed_per_s(now);
            self.watch.turn(now, allowed_per_s);
        }
    }

    /// Mails a second that all paths together may send, short pauses included.
    fn allowed_per_s(&self, now: MonoUs) -> f64 {
        let view = group(self);
        let netblocks = self.guards.iter().map(|guard| netblock(self, &self.memory, &guard.netblock, now));
        let mut may: Vec<(f64, f64)> =
            netblocks.map(|(pace, shut_s)| (0.0, if shut_s > SHORT_REST_S { 0.0 } else { pace.now_per_s })).collect();
        for (source, state) in &self.paths {
            let path = path(self, &self.memory, source, now);
            let sum = may.get_mut(state.guard).filter(|_| path.shut_s <= SHORT_REST_S);
            if let Some((sum, _)) = sum {
                *sum += path.pace.now_per_s.min(view.by_sessions_per_s(path.sessions, 0.0, 1.0));
            }
        }
        may.iter().map(|(sum, limit)| sum.min(*limit)).sum()
    }
}
