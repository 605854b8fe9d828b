//! The journal: every copy a carrier took over, written before its 250, and every refusal counted.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::path::Path;

use mail_model::CarrierName;
use parking_lot::Mutex;
use serde::Serialize;

use crate::entry::{ANSWERED, Entry};
use crate::journal_file::JournalFile;
use crate::moment::Moment;

/// How often a carrier gave a reply other than 2xx or 3xx.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// Who.
    pub carrier: u16,
    /// To what.
    pub moment: Moment,
    /// With which code; 0 for a connection turned away without words.
    pub code: u16,
    /// How often.
    pub count: u64,
}

/// What a journal held at one instant.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Names for the entries' carrier numbers.
    pub carriers: Vec<CarrierName>,
    /// The copies, in the order in which carriers took them.
    pub entries: Vec<Entry>,
    /// The replies that took nothing. Not kept in files.
    pub refusals: Vec<Refusal>,
}

impl Snapshot {
    /// Reads a journal file. A torn last record, possible while the world still runs, is left out.
    ///
    /// # Errors
    /// When the file cannot be read or is no journal.
    pub fn read(path: &Path) -> io::Result<Self> {
        let (carriers, entries) = crate::journal_file::read(path)?;
        Ok(Self { carriers, entries, refusals: Vec::new() })
    }
}

#[derive(Debug, Default)]
struct Held {
    entries: Vec<Entry>,
    file: Option<JournalFile>,
}

/// Where the carriers of a world write.
#[derive(Debug)]
pub struct Journal {
    carriers: Vec<CarrierName>,
    held: Mutex<Held>,
    refusals: Mutex<BTreeMap<(u16, Moment, u16), u64>>,
}

impl Journal {
    /// In memory, and in `file` when one is given.
    ///
    /// # Errors
    /// When the file cannot be made. An existing file is refused, so that two runs never mix.
    pub fn new(carriers: Vec<CarrierName>, file: Option<&Path>) -> io::Result<Self> {
        let file = file.map(|path| JournalFile::create(path, &carriers)).transpose()?;
        Ok(Self { carriers, held: Mutex::new(Held { entries: Vec::new(), file }), refusals: Mutex::default() })
    }

    /// Takes copies down. Must return before any of their replies is sent.
    ///
    /// # Errors
    /// When the file takes no more; then no 250 may be said.
    pub(crate) fn append(&self, copies: &[Entry]) -> io::Result<Range<usize>> {
        let mut held = self.held.lock();
        if let Some(file) = &mut held.file {
            file.append(copies)?;
        }
        let first = held.entries.len();
        held.entries.extend_from_slice(copies);
        Ok(first..held.entries.len())
    }

    /// Marks copies whose replies were completely sent.
    pub(crate) fn mark_answered(&self, places: Range<usize>) {
        let mut held = self.held.lock();
        for place in places {
            let Some(entry) = held.entries.get_mut(place) else { continue };
            entry.flags |= ANSWERED;
            if let Some(file) = &mut held.file {
                file.answered(place);
            }
        }
    }

    /// Counts one reply that took nothing.
    pub(crate) fn refused(&self, carrier: u16, moment: Moment, code: u16) {
        *self.refusals.lock().entry((carrier, moment, code)).or_default() += 1;
    }

    /// Writes the marks that wait in memory to the file, if there is one.
    ///
    /// # Errors
    /// When the file takes no more.
    pub fn flush(&self) -> io::Result<()> {
        self.held.lock().file.as_mut().map_or(Ok(()), JournalFile::flush)
    }

    /// Copies taken so far.
    pub fn len(&self) -> usize {
        self.held.lock().entries.len()
    }

    /// Whether no copy was taken.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Everything held now.
    pub fn snapshot(&self) -> Snapshot {
        let entries = self.held.lock().entries.clone();
        Snapshot { carriers: self.carriers.clone(), entries, refusals: self.refusals() }
    }

    /// The refusals of all carriers so far.
    pub fn refusals(&self) -> Vec<Refusal> {
        let counted = self.refusals.lock();
        let refusal =
            |(&(carrier, moment, code), &count): (&(u16, Moment, u16), &u64)| Refusal { carrier, moment, code, count };
        counted.iter().map(refusal).collect()
    }

    /// Copies taken so far by each carrier, in the journal's order of carriers.
    pub fn taken_by_carrier(&self) -> Vec<u64> {
        let mut taken = vec![0; self.carriers.len()];
        for entry in &self.held.lock().entries {
            if let Some(count) = taken.get_mut(usize::from(entry.carrier)) {
                *count += 1;
            }
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mail_model::UnixMs;
    use std::net::Ipv4Addr;

    #[test]
    fn a_file_reads_back_what_memory_holds_and_forgives_a_torn_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let names = vec![CarrierName::new("docomo").unwrap(), CarrierName::new("au").unwrap()];
        let journal = Journal::new(names.clone(), Some(&path)).unwrap();
        let id = "01935a2b00000001-0000a40f".parse().ok();
        let source = Ipv4Addr::new(127, 0, 1, 3);
        let first = Entry::new(id, 1, source, 77, UnixMs(1_000));
        let places = journal.append(&[first, Entry::new(None, 0, source, 78, UnixMs(1_001)).dropped()]).unwrap();
        journal.mark_answered(places.start..places.start + 1);
        journal.flush().unwrap();

        let held = journal.snapshot();
        let read = Snapshot::read(&path).unwrap();
        assert_eq!((&read.carriers, &read.entries), (&names, &held.entries));
        assert_eq!(read.entries[0], first.answered());
        assert_eq!(read.entries[0].id(), id);
        assert!(read.entries[1].is_dropped() && !read.entries[1].is_answered());

        let mut torn = std::fs::read(&path).unwrap();
        torn.truncate(torn.len() - 41);
        std::fs::write(&path, torn).unwrap();
        assert_eq!(Snapshot::read(&path).unwrap().entries.len(), 1);
    }

    #[test]
    fn an_existing_journal_is_never_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        std::fs::write(&path, "precious").unwrap();
        assert!(Journal::new(Vec::new(), Some(&path)).is_err());
        assert!(Snapshot::read(&path).is_err());
    }
}
