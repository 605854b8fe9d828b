//! What kills may cost: nothing lost, no phantom, and every mail that went out twice named by the engine.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use anyhow::{Result, ensure};
use mail_model::{Cause, NotificationId, Outcome, UnixMs};
use serde_json::json;
use testkit::{Drain, Intent, LedgerLine, Snapshot, reconcile};
use todoke_tests::books::{in_doubt, ledger, line};

use crate::settings::Run;

/// Attempt numbers of marks begin here: no mail is tried so often, so that no mark is taken for an attempt.
const FIRST_MARK: u16 = 10_000;

/// The marks that kills left behind.
#[derive(Default)]
pub struct Toll {
    marks: BTreeSet<(NotificationId, UnixMs)>,
}

impl Toll {
    /// Notes what the engine that was just killed left in doubt. A mark that an earlier kill left and that was not
    /// tried since is the same mark.
    pub fn note(&mut self, data_dir: &Path) -> Result<()> {
        self.marks.extend(in_doubt(data_dir)?.into_iter().map(|mark| (mark.id, mark.at)));
        Ok(())
    }

    fn lines(&self) -> impl Iterator<Item = LedgerLine> {
        let line = |(number, (id, _)): (u16, &(NotificationId, UnixMs))| LedgerLine {
            id: *id,
            attempt: number,
            outcome: Outcome::Deferred(Cause::ConnectionFailed),
            in_doubt: true,
        };
        (FIRST_MARK..).zip(&self.marks).map(line)
    }

    /// Joins everything once the engine has drained, prints the figures, and fails on any loss.
    pub fn settle(&self, run: &Run, data_dir: &Path, intents: Vec<Intent>, journal: &Snapshot) -> Result<()> {
        let ledger = ledger(data_dir)?;
        let found = reconcile(intents, ledger.iter().map(line).chain(self.lines()), journal, Drain::Done);
        let figures = json!({
            "kills": run.kills,
            "seed": run.seed,
            "recipients": found.recipients,
            "copies": found.copies,
            "lost": found.lost.len(),
            "duplicates_avoidable": found.duplicates_avoidable.len(),
            "duplicates_in_doubt": found.duplicates_in_doubt.len(),
            "marks_in_doubt": self.marks.len(),
            "phantoms": found.phantoms.len(),
        });
        eprintln!("{figures}");
        ensure!(found.is_clean(), "{figures}\n{found}");

        let mut marks: HashMap<NotificationId, usize> = HashMap::new();
        for (id, _) in &self.marks {
            *marks.entry(*id).or_default() += 1;
        }
        let named: BTreeSet<NotificationId> = ledger.iter().filter(|record| record.in_doubt).map(|r| r.id).collect();
        for duplicate in &found.duplicates_in_doubt {
            let marked = marks.get(&duplicate.id).copied().unwrap_or_default();
            ensure!(duplicate.copies <= 1 + marked, "{duplicate:?} with {marked} marks\n{figures}");
            ensure!(named.contains(&duplicate.id), "the ledger does not name {duplicate:?}\n{figures}");
        }
        Ok(())
    }
}
