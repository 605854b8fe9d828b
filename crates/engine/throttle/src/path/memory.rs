//! What a path remembers beyond its process.

use std::time::Duration;

use mail_model::MonoUs;

use super::PathThrottle;
use crate::latency::Latency;
use crate::laws::Laws;
use crate::learned::{LEARNED_VERSION, Learned, faded};
use crate::limits::PathLimits;
use crate::pacer::Pacer;
use crate::search::{Ceiling, Search};
use crate::sessions::Sessions;

impl PathThrottle {
    /// What it has learned.
    pub fn learned(&self, _now: MonoUs) -> Learned {
        let ceiling = self.search.ceiling();
        Learned {
            version: LEARNED_VERSION,
            proven_per_min: self.search.proven(),
            ceiling_per_min: ceiling.map(|ceiling| ceiling.rate_per_min),
            ceiling_by_block: ceiling.is_some_and(|ceiling| ceiling.by_block),
            probe_after_s: ceiling.map_or(0, |_| whole_s(self.search.probe_after())),
            sessions_max: self.sessions.most(),
            session_mails_max: self.sessions.mails_most(),
            reply_least_ms: self.latency.least_ms(),
        }
    }

    /// A path that goes on with what was learned `age` ago. Growth beyond the start value fades with that age, and what
    /// is older than a month is not believed at all. Never faster than what was learned or the start value.
    pub fn resume(limits: &PathLimits, laws: Laws, learned: &Learned, age: Duration, now: MonoUs) -> Self {
        let mut path = Self::with_laws(limits, laws, now);
        let Some(keep) = faded(age).filter(|_| laws.memory && laws.is_adaptive()) else { return path };
        if learned.version != LEARNED_VERSION {
            return path;
        }
        let start = path.limits.rate_start_per_min;
        let believed = |rate: f64| if rate > start { start + (rate - start) * keep } else { rate };
        let proven = Some(learned.proven_per_min).filter(|rate| rate.is_finite() && *rate > 0.0).map(believed);
        let known = learned.ceiling_per_min.filter(|rate| rate.is_finite() && *rate > 0.0).map(believed);
        let ceiling =
            known.map(|rate_per_min| Ceiling { rate_per_min, confirmed: false, by_block: learned.ceiling_by_block });
        let rate = match (ceiling, proven) {
            (Some(ceiling), _) => ceiling.hold(),
            (None, Some(proven)) => proven.max(start),
            (None, None) => start,
        };
        let probe_after = Duration::from_secs(u64::from(learned.probe_after_s));
        path.search = Search::resumed(rate, proven.unwrap_or(0.0).min(rate), ceiling, probe_after);
        path.search.bound(&path.bounds());
        path.sessions = Sessions::resumed(&path.limits, learned.sessions_max, learned.session_mails_max, now);
        path.sessions.bound(&path.limits);
        path.latency = Latency::resumed(learned.reply_least_ms);
        path.pacer = Pacer::new(path.search.rate());
        path
    }
}

fn whole_s(span: Duration) -> u32 {
    u32::try_from(span.as_secs()).unwrap_or(u32::MAX)
}
