//! The oracle: what was asked for, what the engine says became of it, and what the carriers hold.

use std::collections::HashMap;

use mail_model::{CarrierName, EmailAddress, NotificationId, Outcome, UnixMs, Withheld};

use crate::entry::Entry;
use crate::identity::recipient_hash;
use crate::journal::{Refusal, Snapshot};
use crate::moment::Moment;
use crate::reconciliation::{CarrierCounts, Contradiction, Duplicate, Loss, Lost, Phantom, Reconciliation};

/// One notification that the API accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Intent {
    /// Its id.
    pub id: NotificationId,
    /// [`recipient_hash`] of whom it is for; `None` when the test does not know.
    pub recipient: Option<u64>,
    /// When its cancellation was confirmed to the caller, if it was.
    pub cancelled_at: Option<UnixMs>,
}

impl Intent {
    /// A notification for `recipient`.
    pub fn new(id: NotificationId, recipient: &EmailAddress) -> Self {
        Self { id, recipient: Some(recipient_hash(recipient)), cancelled_at: None }
    }
}

/// One line of the engine's outbox, or one of its in-doubt marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LedgerLine {
    /// Which notification.
    pub id: NotificationId,
    /// Which attempt, from 1. Lines with equal id and attempt speak of the same attempt.
    pub attempt: u16,
    /// What became of the attempt.
    pub outcome: Outcome,
    /// Whether the engine marked it: the final dot may have gone out and no complete reply was read.
    pub in_doubt: bool,
}

/// Whether the engine has finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drain {
    /// Nothing is queued any more: whatever has no final state is lost.
    Done,
    /// Work may still be queued: what has no final state is deferred or queued.
    UnderWay,
}

/// All that is known of one notification.
#[derive(Default)]
struct Case {
    intent: Option<Intent>,
    lines: Vec<LedgerLine>,
    copies: Vec<Entry>,
}

/// Joins what was accepted, the ledger and the carriers' journal.
///
/// Lines of the ledger may repeat (an outbox is read at least once) and come in any order.
pub fn reconcile(
    intents: impl IntoIterator<Item = Intent>,
    ledger: impl IntoIterator<Item = LedgerLine>,
    journal: &Snapshot,
    drain: Drain,
) -> Reconciliation {
    let mut found = Reconciliation::default();
    let mut cases: HashMap<NotificationId, Case> = HashMap::new();
    for intent in intents {
        cases.entry(intent.id).or_default().intent = Some(intent);
    }
    for line in ledger {
        cases.entry(line.id).or_default().lines.push(line);
    }
    for copy in &journal.entries {
        found.count_copy(copy, &journal.carriers);
        match copy.id() {
            Some(id) => cases.entry(id).or_default().copies.push(*copy),
            None => found.phantoms.push(Phantom::NotOurs { at: copy.at() }),
        }
    }
    for refusal in &journal.refusals {
        found.count_refusal(refusal, &journal.carriers);
    }
    let mut ids: Vec<NotificationId> = cases.keys().copied().collect();
    ids.sort_unstable();
    for id in ids {
        let Some(mut case) = cases.remove(&id) else { continue };
        case.lines.sort_by_key(|line| line.attempt);
        // Stable: copies of the same millisecond stay in the order in which they were taken.
        case.copies.sort_by_key(Entry::at);
        judge(&mut found, id, &case, drain);
    }
    found
}

fn judge(found: &mut Reconciliation, id: NotificationId, case: &Case, drain: Drain) {
    let Some(intent) = &case.intent else {
        found.phantoms.extend(case.copies.iter().map(|copy| Phantom::NoIntent { id, at: copy.at() }));
        if !case.lines.is_empty() {
            found.unasked.push(id);
        }
        return;
    };
    found.recipients += 1;
    let outcome = case.final_outcome();
    count_outcome(found, id, case, outcome, drain);
    seek_phantoms(found, intent, case, outcome);
    seek_duplicates(found, id, case);
}

impl Case {
    /// The final outcome if there is one, else that of the last attempt.
    fn final_outcome(&self) -> Option<Outcome> {
        let finals = self.lines.iter().rev().find(|line| line.outcome.is_final());
        finals.or(self.lines.last()).map(|line| line.outcome)
    }

    /// Attempts that the engine marked, each counted once however often its line repeats.
    fn marks(&self) -> usize {
        let mut attempts: Vec<u16> = self.lines.iter().filter(|line| line.in_doubt).map(|line| line.attempt).collect();
        attempts.dedup();
        attempts.len()
    }

    /// Whether the engine read a complete 250 and yet tried again.
    fn went_on_after_acceptance(&self) -> bool {
        let read = self.lines.iter().find(|line| line.outcome.is_handed_over() && !line.in_doubt);
        read.is_some_and(|first| self.lines.iter().any(|line| line.attempt > first.attempt))
    }
}

fn count_outcome(found: &mut Reconciliation, id: NotificationId, case: &Case, outcome: Option<Outcome>, drain: Drain) {
    let has_copy = !case.copies.is_empty();
    let has_answered_copy = case.copies.iter().any(Entry::is_answered);
    match outcome {
        Some(Outcome::Accepted | Outcome::Replaced) => {
            found.accepted += 1;
            if !has_copy {
                found.lost.push(Lost { id, why: Loss::AcceptedWithoutCopy });
            } else if !has_answered_copy {
                found.contradictions.push(Contradiction::AcceptedUnanswered { id });
            }
        }
        Some(Outcome::Failed(cause)) => *found.failed.entry(cause).or_default() += 1,
        Some(Outcome::Expired(cause)) => *found.expired.entry(cause).or_default() += 1,
        Some(Outcome::Withheld(_)) => found.withheld += 1,
        // It was handed over all the same: a copy must be there.
        Some(Outcome::Bounced(_) | Outcome::Complained) => {
            found.returned += 1;
            if !has_copy {
                found.lost.push(Lost { id, why: Loss::AcceptedWithoutCopy });
            }
        }
        Some(Outcome::Deferred(cause)) => *found.deferred.entry(cause).or_default() += 1,
        None => found.queued += 1,
    }
    let is_final = outcome.is_some_and(Outcome::is_final);
    if !is_final && drain == Drain::Done {
        found.lost.push(Lost { id, why: Loss::NoFinalState });
    }
    let is_refused = matches!(outcome, Some(Outcome::Failed(_) | Outcome::Expired(_)));
    // An attempt in doubt explains a copy that the engine could not know of.
    if is_refused && has_answered_copy && case.marks() == 0 {
        found.contradictions.push(Contradiction::RefusedButTaken { id });
    }
}

fn seek_phantoms(found: &mut Reconciliation, intent: &Intent, case: &Case, outcome: Option<Outcome>) {
    let id = intent.id;
    for copy in &case.copies {
        let at = copy.at();
        if intent.recipient.is_some_and(|recipient| recipient != copy.recipient()) {
            found.phantoms.push(Phantom::WrongRecipient { id, at });
        } else if outcome == Some(Outcome::Withheld(Withheld::Suppressed)) {
            found.phantoms.push(Phantom::Suppressed { id, at });
        } else if is_after_cancellation(intent, copy, case, outcome) {
            found.phantoms.push(Phantom::Cancelled { id, at });
        }
    }
}

/// With a known time of confirmation that decides; without one, a copy that the engine must have known of contradicts
/// its own "cancelled".
fn is_after_cancellation(intent: &Intent, copy: &Entry, case: &Case, outcome: Option<Outcome>) -> bool {
    match intent.cancelled_at {
        Some(confirmed) => copy.at() > confirmed,
        None => outcome == Some(Outcome::Withheld(Withheld::Cancelled)) && copy.is_answered() && case.marks() == 0,
    }
}

/// Every copy but the last was superfluous. It is excused when its reply was withheld, or when an in-doubt mark says
/// that the engine did not read it. A withheld reply leaves a mark as well, so it uses one up: a mark excuses one
/// copy.
fn seek_duplicates(found: &mut Reconciliation, id: NotificationId, case: &Case) {
    let Some(superfluous) = case.copies.len().checked_sub(1).filter(|n| *n > 0) else { return };
    let earlier = case.copies.get(..superfluous).unwrap_or_default();
    let answered = earlier.iter().filter(|copy| copy.is_answered()).count();
    let marks = case.marks();
    let excused = answered.min(marks.saturating_sub(superfluous - answered));
    let mut avoidable = answered - excused;
    if avoidable == 0 && case.went_on_after_acceptance() {
        avoidable = 1;
    }
    let duplicate = Duplicate { id, copies: case.copies.len(), withheld: superfluous - answered, marks };
    if avoidable > 0 {
        found.copies_avoidable += avoidable;
        found.duplicates_avoidable.push(duplicate);
    } else {
        found.duplicates_in_doubt.push(duplicate);
    }
    found.copies_in_doubt += superfluous - avoidable;
}

impl Reconciliation {
    fn count_copy(&mut self, copy: &Entry, carriers: &[CarrierName]) {
        self.copies += 1;
        self.copies_dropped += usize::from(copy.is_dropped());
        self.counts_of(copy.carrier(), carriers).copies += 1;
        *self.sources_used.entry(copy.source()).or_default() += 1;
    }

    fn count_refusal(&mut self, refusal: &Refusal, carriers: &[CarrierName]) {
        let counts = self.counts_of(refusal.carrier, carriers);
        match (refusal.moment, refusal.code) {
            (Moment::Connect | Moment::Greeting, _) => counts.turned_away += refusal.count,
            (Moment::Mail | Moment::Rcpt | Moment::Data | Moment::Content | Moment::DataEnd, 500..) => {
                counts.refused_finally += refusal.count;
            }
            (Moment::Mail | Moment::Rcpt | Moment::Data | Moment::Content | Moment::DataEnd, _) => {
                counts.put_off += refusal.count;
            }
            _ => {}
        }
    }

    fn counts_of(&mut self, carrier: u16, carriers: &[CarrierName]) -> &mut CarrierCounts {
        // A snapshot put together by hand may number a carrier that it does not name.
        let name = carriers.get(usize::from(carrier)).map_or_else(|| format!("carrier {carrier}"), ToString::to_string);
        self.by_carrier.entry(name).or_default()
    }
}
