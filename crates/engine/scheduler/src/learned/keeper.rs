//! What of the lessons is on disk already, and what has to be written. Pure.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::time::Duration;

use mail_model::{SourceName, UnixMs};

use super::lesson::{Lesson, Stored, Unusable};

/// How often something that stays true is dated anew, while it is being proved. Each is a write of its own.
const DATED_EVERY: Duration = Duration::from_secs(600);

/// Something to be remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where.
    pub key: Vec<u8>,
    /// What.
    pub value: Vec<u8>,
    /// Until when.
    pub expires: UnixMs,
}

/// What was found on disk.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// What may be used, with the time at which it was learned.
    pub lessons: Vec<(Lesson, UnixMs)>,
    /// How much may not, and why.
    pub unusable: BTreeMap<Unusable, usize>,
}

/// Knows what is on disk.
#[derive(Clone, Debug)]
pub struct Keeper {
    addresses: HashMap<SourceName, Option<IpAddr>>,
    written: HashMap<Vec<u8>, (Lesson, UnixMs)>,
}

impl Keeper {
    /// For the sources of this node with their addresses, where the configuration names them.
    pub fn new(addresses: HashMap<SourceName, Option<IpAddr>>) -> Self {
        Self { addresses, written: HashMap::new() }
    }

    /// Reads what was remembered. What cannot be used is counted and left to its end.
    pub fn read(&mut self, remembered: &[(Vec<u8>, Vec<u8>)], now: UnixMs) -> Found {
        let mut found = Found::default();
        for (key, value) in remembered {
            match self.usable(key, value, now) {
                Ok(Stored { lesson, at, .. }) => {
                    self.written.insert(key.clone(), (lesson.clone(), at));
                    found.lessons.push((lesson, at));
                }
                Err(why) => *found.unusable.entry(why).or_default() += 1,
            }
        }
        found
    }

    fn usable(&self, key: &[u8], value: &[u8], now: UnixMs) -> Result<Stored, Unusable> {
        let stored = Stored::decode(value)?;
        if stored.lesson.key() != key {
            return Err(Unusable::Broken);
        }
        if let Some(source) = stored.lesson.source()
            && self.addresses.get(source) != Some(&stored.address)
        {
            return Err(Unusable::Moved);
        }
        if now > stored.at + stored.lesson.kept() {
            return Err(Unusable::Old);
        }
        Ok(stored)
    }

    /// What has to be written: what changed, and what was proved again since it was dated last. `lessons` with whether
    /// each is being proved now.
    pub fn changed(&mut self, lessons: Vec<(Lesson, bool)>, now: UnixMs) -> Vec<Entry> {
        let mut entries = Vec::new();
        for (lesson, proved) in lessons {
            let key = lesson.key();
            let due = match self.written.get(&key) {
                None => !lesson.is_empty(),
                Some((before, at)) => *before != lesson || (proved && now >= *at + DATED_EVERY),
            };
            if due {
                let address = lesson.source().and_then(|source| self.addresses.get(source).copied().flatten());
                let value = Stored::new(lesson.clone(), address, now).encode();
                entries.push(Entry { key: key.clone(), value, expires: end(now + lesson.kept()) });
                self.written.insert(key, (lesson, now));
            }
        }
        entries
    }

    /// What has to be written so that these are not known any more.
    pub fn forgotten(&mut self, lessons: &[Lesson], now: UnixMs) -> Vec<Entry> {
        let entry = |lesson: &Lesson| {
            let key = lesson.key();
            self.written.remove(&key);
            Entry { key, value: Vec::new(), expires: now }
        };
        lessons.iter().map(entry).collect()
    }

    /// When this was learned or proved last; `None` when it was never written.
    pub fn dated(&self, key: &[u8]) -> Option<UnixMs> {
        self.written.get(key).map(|(_, at)| *at)
    }
}

/// The next full day (UTC). The queue notes every other end that a key was given until it comes; a path that is written
/// every ten seconds would leave thousands a day.
fn end(at: UnixMs) -> UnixMs {
    const DAY_MS: u64 = 86_400_000;
    UnixMs(at.0.div_ceil(DAY_MS).saturating_mul(DAY_MS))
}

#[cfg(test)]
mod tests {
    use ip_pools::SourceMemory;
    use mail_model::SiteName;
    use throttle::Learned;

    use super::*;

    const NOW: UnixMs = UnixMs(1_795_500_000_000);
    const DAY: Duration = Duration::from_secs(86_400);

    fn path(source: &str, ceiling_per_min: Option<f64>) -> Lesson {
        Lesson::Path {
            carrier: "docomo".parse().unwrap(),
            site: SiteName::none(),
            source: source.parse().unwrap(),
            learned: Learned { ceiling_per_min, ..Learned::default() },
        }
    }

    fn keeper(address_of_a: &str) -> Keeper {
        let address = Some(address_of_a.parse().unwrap());
        Keeper::new(HashMap::from([("a".parse().unwrap(), address), ("b".parse().unwrap(), None)]))
    }

    fn on_disk(entries: Vec<Entry>) -> Vec<(Vec<u8>, Vec<u8>)> {
        entries.into_iter().map(|entry| (entry.key, entry.value)).collect()
    }

    #[test]
    fn only_what_changed_is_written_and_what_is_proved_is_dated_now_and_then() {
        let mut keeper = keeper("192.0.2.1");
        // (seconds, ceiling, being proved, written)
        let table = [
            (0, None, true, false),
            (10, Some(100.0), true, true),
            (20, Some(100.0), true, false),
            (30, Some(95.0), false, true),
            (700, Some(95.0), false, false),
            (701, Some(95.0), true, true),
            (702, Some(95.0), true, false),
            (703, None, true, true),
        ];
        for (second, ceiling, proved, written) in table {
            let now = NOW + Duration::from_secs(second);
            let entries = keeper.changed(vec![(path("a", ceiling), proved)], now);
            assert_eq!(entries.len(), usize::from(written), "after {second} s");
            let whole_days = |entry: &Entry| entry.expires.0 % 86_400_000 == 0;
            assert!(entries.iter().all(|entry| whole_days(entry) && entry.expires >= now + 30 * DAY));
            assert!(entries.iter().all(|entry| entry.expires < now + 31 * DAY));
        }
    }

    #[test]
    fn what_was_written_is_found_with_its_date_and_not_written_again() {
        let mut before = keeper("192.0.2.1");
        let lessons = vec![(path("a", Some(100.0)), true), (path("b", Some(50.0)), true), (path("b", None), true)];
        let disk = on_disk(before.changed(lessons, NOW));
        let mut after = keeper("192.0.2.1");
        let later = NOW + Duration::from_secs(60);
        let found = after.read(&disk, later);
        assert_eq!(found.lessons[0], (path("a", Some(100.0)), NOW));
        assert_eq!((found.lessons.len(), found.unusable.len()), (3, 0));
        assert!(after.changed(vec![(path("a", Some(100.0)), true)], later).is_empty());
        assert_eq!(after.dated(&path("a", None).key()), Some(NOW));
    }

    #[test]
    fn standing_belongs_to_the_address() {
        let disk = on_disk(
            keeper("192.0.2.1").changed(vec![(path("a", Some(100.0)), true), (path("b", Some(50.0)), true)], NOW),
        );
        let mut moved = keeper("192.0.2.9");
        let found = moved.read(&disk, NOW);
        assert_eq!(found.lessons, [(path("b", Some(50.0)), NOW)]);
        assert_eq!(found.unusable, BTreeMap::from([(Unusable::Moved, 1)]));
        let mut gone = Keeper::new(HashMap::new());
        assert_eq!(gone.read(&disk, NOW).unusable, BTreeMap::from([(Unusable::Moved, 2)]));
    }

    #[test]
    fn what_is_broken_or_old_is_counted_and_what_is_forgotten_is_gone() {
        let mut writer = keeper("192.0.2.1");
        let memory = SourceMemory { sent: vec![(5, 5)], rests: vec![] };
        let source = Lesson::Source { source: "a".parse().unwrap(), memory };
        let mut disk = on_disk(writer.changed(vec![(source, true), (path("a", Some(1.0)), true)], NOW));
        disk.push((b"limit/p\0x".to_vec(), disk[1].1.clone()));
        disk.push((b"limit/q".to_vec(), b"no".to_vec()));
        let found = keeper("192.0.2.1").read(&disk, NOW + 2 * DAY);
        assert_eq!(found.lessons.len(), 1);
        assert_eq!(found.unusable, BTreeMap::from([(Unusable::Broken, 2), (Unusable::Old, 1)]));
        let entries = writer.forgotten(&[path("a", None)], NOW);
        assert_eq!((entries[0].expires, entries[0].value.len()), (NOW, 0));
        assert_eq!(writer.changed(vec![(path("a", Some(1.0)), false)], NOW).len(), 1, "learned anew");
    }
}
