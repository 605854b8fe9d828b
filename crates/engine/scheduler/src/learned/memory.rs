//! What was learned before the last stop, waiting for the paths that it is about.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use mail_model::{CarrierName, MonoUs, SiteName, SourceName};
use throttle::{GuardLearned, Learned};

/// By carrier, and by domain for `other`.
#[derive(Debug, Default)]
pub(crate) struct Memory(HashMap<(CarrierName, SiteName), GroupMemory>);

/// Of one group.
#[derive(Debug, Default)]
pub(crate) struct GroupMemory {
    paths: BTreeMap<SourceName, Aged<Learned>>,
    guards: BTreeMap<String, Aged<GuardLearned>>,
}

/// Something learned, as old as it was when it was recalled, and older since.
#[derive(Clone, Copy, Debug)]
struct Aged<T> {
    learned: T,
    age: Duration,
    recalled: MonoUs,
}

impl<T> Aged<T> {
    fn told(self, now: MonoUs) -> (T, Duration) {
        (self.learned, self.age.saturating_add(now.since(self.recalled)))
    }
}

impl Memory {
    /// What is known of a group; made when there is nothing.
    pub(crate) fn of(&mut self, carrier: &CarrierName, site: &SiteName) -> &mut GroupMemory {
        self.0.entry((carrier.clone(), site.clone())).or_default()
    }

    /// What is known of a group that has not been made.
    pub(crate) fn get(&self, carrier: &CarrierName, site: &SiteName) -> Option<&GroupMemory> {
        self.0.get(&(carrier.clone(), site.clone()))
    }

    /// Gives a group what belongs to it.
    pub(crate) fn take(&mut self, carrier: &CarrierName, site: &SiteName) -> GroupMemory {
        self.0.remove(&(carrier.clone(), site.clone())).unwrap_or_default()
    }

    /// All groups that have not been made.
    pub(crate) fn groups(&self) -> impl Iterator<Item = (&CarrierName, &SiteName, &GroupMemory)> {
        self.0.iter().map(|((carrier, site), memory)| (carrier, site, memory))
    }

    /// The same, to forget in.
    pub(crate) fn groups_mut(&mut self) -> impl Iterator<Item = (&CarrierName, &SiteName, &mut GroupMemory)> {
        self.0.iter_mut().map(|((carrier, site), memory)| (carrier, site, memory))
    }
}

impl GroupMemory {
    pub(crate) fn put_path(&mut self, source: SourceName, learned: Learned, age: Duration, now: MonoUs) {
        self.paths.insert(source, Aged { learned, age, recalled: now });
    }

    pub(crate) fn put_guard(&mut self, netblock: String, learned: GuardLearned, age: Duration, now: MonoUs) {
        self.guards.insert(netblock, Aged { learned, age, recalled: now });
    }

    /// What a path would begin with, and how old that is. It stays for the path.
    pub(crate) fn path(&self, source: &SourceName, now: MonoUs) -> Option<(Learned, Duration)> {
        self.paths.get(source).map(|aged| aged.told(now))
    }

    /// What a guard would begin with, and how old that is. It stays for the guard.
    pub(crate) fn guard(&self, netblock: &str, now: MonoUs) -> Option<(GuardLearned, Duration)> {
        self.guards.get(netblock).map(|aged| aged.told(now))
    }

    /// What a new path begins with, and how old that is.
    pub(crate) fn take_path(&mut self, source: &SourceName, now: MonoUs) -> Option<(Learned, Duration)> {
        self.paths.remove(source).map(|aged| aged.told(now))
    }

    /// What a new guard begins with, and how old that is.
    pub(crate) fn take_guard(&mut self, netblock: &str, now: MonoUs) -> Option<(GuardLearned, Duration)> {
        self.guards.remove(netblock).map(|aged| aged.told(now))
    }

    /// The paths that have not been made.
    pub(crate) fn paths(&self) -> impl Iterator<Item = (&SourceName, &Learned)> {
        self.paths.iter().map(|(source, aged)| (source, &aged.learned))
    }

    /// The guards that have not been made.
    pub(crate) fn guards(&self) -> impl Iterator<Item = (&str, &GuardLearned)> {
        self.guards.iter().map(|(netblock, aged)| (netblock.as_str(), &aged.learned))
    }

    /// Forgets what waits for this source, or for all and their netblocks.
    pub(crate) fn forget(&mut self, source: Option<&SourceName>) {
        match source {
            Some(source) => {
                self.paths.remove(source);
            }
            None => *self = Self::default(),
        }
    }
}
