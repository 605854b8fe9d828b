//! What was learned about carriers' limits: given out to be stored, taken up after a restart, forgotten by an operator's
//! word.

mod keeper;
mod lesson;
pub(crate) mod memory;
mod standing;

use std::time::Duration;

use mail_model::{CarrierName, MonoUs, SiteName, SourceName, UnixMs};

pub use self::keeper::{Entry, Found, Keeper};
pub use self::lesson::{KEYS_BEGIN, Lesson, Unusable};
use crate::group::Group;
use crate::scheduler::{Scheduler, State};
use crate::work::Work;

impl<W: Work> Scheduler<W> {
    /// Everything that was learned in this process, each with whether it is being proved at this moment. What was recalled
    /// and not used yet is not in it.
    pub fn lessons(&self) -> Vec<(Lesson, bool)> {
        let (now, unix) = (self.clock().mono(), self.clock().unix());
        let state = self.state().lock();
        let mut lessons: Vec<_> = state.groups.iter().flat_map(|group| of_group(group, now)).collect();
        let sources = state.pools.memory(unix).into_iter();
        lessons.extend(sources.map(|(source, memory)| (Lesson::Source { source, memory }, false)));
        lessons
    }

    /// Takes up what was learned before, each with the time at which it was. To be called before the first `next`: a path
    /// that exists keeps what it knows.
    pub fn recall(&self, lessons: Vec<(Lesson, UnixMs)>) {
        let (now, unix) = (self.clock().mono(), self.clock().unix());
        let mut state = self.state().lock();
        for (lesson, at) in lessons {
            let age = Duration::from_millis(unix.since_ms(at));
            match lesson {
                Lesson::Path { carrier, site, source, learned } => {
                    state.memory.of(&carrier, &site).put_path(source, learned, age, now);
                }
                Lesson::Guard { carrier, site, netblock, learned } => {
                    state.memory.of(&carrier, &site).put_guard(netblock, learned, age, now);
                }
                Lesson::Source { source, memory } => state.pools.recall(&source, &memory, unix),
            }
        }
    }

    /// Forgets what was learned of one source at a carrier, or of all and their netblocks: they begin with the start
    /// values, and whoever rests there is woken. Gives what was known.
    pub fn forget_limits(&self, carrier: &CarrierName, source: Option<&SourceName>) -> Vec<Lesson> {
        let now = self.clock().mono();
        let mut state = self.state().lock();
        let mut forgotten: Vec<Lesson> =
            waiting_lessons(&state).into_iter().filter(|l| is_of(l, carrier, source)).collect();
        for (_, _, memory) in state.memory.groups_mut().filter(|(of, ..)| *of == carrier) {
            memory.forget(source);
        }
        let State { groups, pools, .. } = &mut *state;
        for group in groups.iter_mut().filter(|group| group.carrier == *carrier) {
            let lessons = of_group(group, now).into_iter().map(|(lesson, _)| lesson);
            forgotten.extend(lessons.filter(|lesson| is_of(lesson, carrier, source)));
            group.memory.forget(source);
            group.forget(source, now);
        }
        // Also those that rest since before the last stop and have no path yet.
        let resting = pools.status(self.clock().unix()).into_iter().map(|status| status.source);
        for resting in resting.filter(|resting| source.is_none_or(|source| source == resting)) {
            pools.wake(&resting, carrier);
        }
        drop(state);
        self.changed().notify_one();
        forgotten
    }
}

/// What a group has learned.
fn of_group(group: &Group, now: MonoUs) -> Vec<(Lesson, bool)> {
    let (carrier, site) = (&group.carrier, &group.site);
    let path = |(source, learned, proved)| (path_lesson(carrier, site, source, learned), proved);
    let guard = |(netblock, learned, proved)| (guard_lesson(carrier, site, netblock, learned), proved);
    group.learned_paths(now).map(path).chain(group.learned_guards(now).map(guard)).collect()
}

/// What was recalled and waits for paths that are not made yet.
pub(crate) fn waiting_lessons(state: &State) -> Vec<Lesson> {
    let made = state.groups.iter().map(|group| (&group.carrier, &group.site, &group.memory));
    let mut lessons = Vec::new();
    for (carrier, site, memory) in state.memory.groups().chain(made) {
        lessons.extend(memory.paths().map(|(source, learned)| path_lesson(carrier, site, source, *learned)));
        lessons.extend(memory.guards().map(|(netblock, learned)| guard_lesson(carrier, site, netblock, *learned)));
    }
    lessons
}

fn path_lesson(carrier: &CarrierName, site: &SiteName, source: &SourceName, learned: throttle::Learned) -> Lesson {
    Lesson::Path { carrier: carrier.clone(), site: site.clone(), source: source.clone(), learned }
}

fn guard_lesson(carrier: &CarrierName, site: &SiteName, netblock: &str, learned: throttle::GuardLearned) -> Lesson {
    Lesson::Guard { carrier: carrier.clone(), site: site.clone(), netblock: netblock.to_owned(), learned }
}

fn is_of(lesson: &Lesson, carrier: &CarrierName, source: Option<&SourceName>) -> bool {
    match lesson {
        Lesson::Path { carrier: of, source: whose, .. } => of == carrier && source.is_none_or(|source| source == whose),
        Lesson::Guard { carrier: of, .. } => of == carrier && source.is_none(),
        Lesson::Source { .. } => false,
    }
}
