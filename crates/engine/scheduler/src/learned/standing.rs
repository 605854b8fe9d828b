//! What the paths and netblocks of one group know.

use mail_model::{MonoUs, SourceName, UnixMs};
use throttle::{GuardLearned, Learned, NetblockGuard, PathThrottle};

use crate::group::{Group, unknown_limits};
use crate::limits::GuardLimits;

impl Group {
    /// What each path has learned, and whether it is being proved: sessions are open.
    pub(crate) fn learned_paths(&self, now: MonoUs) -> impl Iterator<Item = (&SourceName, Learned, bool)> {
        self.paths.iter().map(move |(source, path)| (source, path.throttle.learned(now), path.open > 0))
    }

    /// The same of each netblock.
    pub(crate) fn learned_guards(&self, now: MonoUs) -> impl Iterator<Item = (&str, GuardLearned, bool)> {
        let sends = |at: usize| self.paths.values().any(|path| path.guard == at && path.open > 0);
        let guards = self.guards.iter().enumerate();
        guards.map(move |(at, guard)| (&*guard.netblock, guard.throttle.learned(now), sends(at)))
    }

    /// What operators are shown of each netblock.
    pub(crate) fn guard_limits(&self, now: MonoUs, unix: UnixMs) -> Vec<GuardLimits> {
        let shown = |(netblock, learned, _): (&str, GuardLearned, bool)| {
            let of = |guard: &&crate::group::Guard| *guard.netblock == *netblock;
            let shut = self.guards.iter().find(of).and_then(|guard| guard.throttle.outlook(now).shut_until);
            let paused_until = shut.filter(|until| now < *until).map(|until| unix + until.since(now));
            GuardLimits { netblock: netblock.to_owned(), learned, paused_until }
        };
        self.learned_guards(now).map(shown).collect()
    }

    /// Begins anew with one path, or with all and their netblocks.
    pub(crate) fn forget(&mut self, source: Option<&SourceName>, now: MonoUs) {
        let (limits, laws) = (self.limits().clone(), self.laws());
        let unknown = unknown_limits(&self.profile);
        let paths = self.paths.iter_mut().filter(|(of, _)| source.is_none_or(|source| source == *of));
        for (_, path) in paths {
            path.throttle = PathThrottle::with_laws(&limits, laws, now);
            path.resting = false;
        }
        if source.is_none() {
            for guard in &mut self.guards {
                guard.throttle = NetblockGuard::new(&limits, &unknown, laws, now);
            }
        }
    }
}
