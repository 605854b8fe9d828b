//! The answer of a reconciliation, in the words of the oracle, with every case named.

use std::collections::BTreeMap;
use std::fmt;
use std::net::Ipv4Addr;

use mail_model::{Cause, NotificationId, UnixMs};
use serde::Serialize;

/// Cases of one kind that are printed; all of them are in the lists.
const SHOWN_MAX: usize = 5;

/// Why an accepted notification counts as lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// The engine has drained and says nothing final of it.
    NoFinalState,
    /// The engine says accepted and no carrier holds a copy.
    AcceptedWithoutCopy,
}

/// A lost notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Lost {
    /// Which.
    pub id: NotificationId,
    /// Why it counts as lost.
    pub why: Loss,
}

/// A notification with more than one copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Duplicate {
    /// Which.
    pub id: NotificationId,
    /// Copies in the journal.
    pub copies: usize,
    /// Of the copies before the last: those whose reply was withheld.
    pub withheld: usize,
    /// Attempts that the engine marked in doubt.
    pub marks: usize,
}

/// A copy that should not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "why")]
pub enum Phantom {
    /// Its `Message-ID` holds no notification id.
    NotOurs {
        /// When it was taken.
        at: UnixMs,
    },
    /// The API never accepted this notification.
    NoIntent {
        /// Which.
        id: NotificationId,
        /// When it was taken.
        at: UnixMs,
    },
    /// It went to another address.
    WrongRecipient {
        /// Which.
        id: NotificationId,
        /// When it was taken.
        at: UnixMs,
    },
    /// The engine says that it withheld it, because the address is suppressed.
    Suppressed {
        /// Which.
        id: NotificationId,
        /// When it was taken.
        at: UnixMs,
    },
    /// It was sent after its cancellation was confirmed.
    Cancelled {
        /// Which.
        id: NotificationId,
        /// When it was taken.
        at: UnixMs,
    },
}

/// The ledger and the journal cannot both be right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "why")]
pub enum Contradiction {
    /// The engine says accepted, though no copy's reply was ever completely sent (SM-03).
    AcceptedUnanswered {
        /// Which.
        id: NotificationId,
    },
    /// The engine says refused or expired, though a carrier took it, said so, and nothing was in doubt.
    RefusedButTaken {
        /// Which.
        id: NotificationId,
    },
}

/// What became of everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Reconciliation {
    /// Notifications that the API accepted.
    pub recipients: usize,
    /// Of them: accepted by their carrier.
    pub accepted: usize,
    /// Of them: refused for good.
    pub failed: BTreeMap<Cause, usize>,
    /// Of them: too late.
    pub expired: BTreeMap<Cause, usize>,
    /// Of them: not sent by the engine's own decision.
    pub withheld: usize,
    /// Of them: accepted, and later returned by mail or reported as spam.
    pub returned: usize,
    /// Of them: tried, and still queued.
    pub deferred: BTreeMap<Cause, usize>,
    /// Of them: never tried so far.
    pub queued: usize,
    /// Accepted by the API and gone.
    pub lost: Vec<Lost>,
    /// Sent twice though the engine had read a complete reply. Goal: none.
    pub duplicates_avoidable: Vec<Duplicate>,
    /// Sent twice because no complete reply was read.
    pub duplicates_in_doubt: Vec<Duplicate>,
    /// Superfluous copies that were avoidable.
    pub copies_avoidable: usize,
    /// Superfluous copies that were in doubt.
    pub copies_in_doubt: usize,
    /// Copies that should not exist.
    pub phantoms: Vec<Phantom>,
    /// Where ledger and journal contradict each other.
    pub contradictions: Vec<Contradiction>,
    /// Notifications in the ledger that the API never accepted.
    pub unasked: Vec<NotificationId>,
    /// Copies in the journal.
    pub copies: usize,
    /// Of them: silently thrown away by the carrier.
    pub copies_dropped: usize,
    /// What each carrier did.
    pub by_carrier: BTreeMap<String, CarrierCounts>,
    /// Copies by source address.
    pub sources_used: BTreeMap<Ipv4Addr, usize>,
}

/// What one carrier did. Refusals are replies: a recipient that was deferred and tried again has several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CarrierCounts {
    /// Copies it took.
    pub copies: u64,
    /// Recipients and mails that it refused for good (5xx to MAIL, RCPT, DATA or the final dot).
    pub refused_finally: u64,
    /// Those that it put off (4xx to the same).
    pub put_off: u64,
    /// Connections that it turned away: by words, by closing or by a reset.
    pub turned_away: u64,
}

impl Reconciliation {
    /// Nothing lost, no avoidable duplicate, no phantom, no contradiction.
    pub fn is_clean(&self) -> bool {
        self.lost.is_empty()
            && self.duplicates_avoidable.is_empty()
            && self.phantoms.is_empty()
            && self.contradictions.is_empty()
            && self.unasked.is_empty()
    }

    /// Notifications with a final state.
    pub fn settled(&self) -> usize {
        self.accepted + self.withheld + self.returned + sum(&self.failed) + sum(&self.expired)
    }

    /// Distinct source addresses that mail left from.
    pub fn source_count(&self) -> usize {
        self.sources_used.len()
    }
}

fn sum(by_cause: &BTreeMap<Cause, usize>) -> usize {
    by_cause.values().sum()
}

/// A short report for people. It names ids, never addresses.
impl fmt::Display for Reconciliation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "recipients            {:>9}", self.recipients)?;
        writeln!(f, "  accepted            {:>9}", self.accepted)?;
        for (title, causes) in [("failed", &self.failed), ("expired", &self.expired), ("deferred", &self.deferred)] {
            writeln!(f, "  {title:<20}{:>9}", sum(causes))?;
            for (cause, count) in causes {
                writeln!(f, "    {:<18}{count:>9}", cause.id())?;
            }
        }
        writeln!(f, "  withheld            {:>9}", self.withheld)?;
        writeln!(f, "  returned            {:>9}", self.returned)?;
        writeln!(f, "  queued              {:>9}", self.queued)?;
        writeln!(f, "copies in the journal {:>9}", self.copies)?;
        for (carrier, counts) in &self.by_carrier {
            let CarrierCounts { copies, refused_finally, put_off, turned_away } = counts;
            write!(f, "  {carrier:<20}{copies:>9}   refused {refused_finally}, put off {put_off}")?;
            writeln!(f, ", connections turned away {turned_away}")?;
        }
        writeln!(f, "sources used          {:>9}", self.source_count())?;
        list(f, "lost", &self.lost)?;
        list(f, "duplicates, avoidable", &self.duplicates_avoidable)?;
        list(f, "duplicates, in doubt", &self.duplicates_in_doubt)?;
        list(f, "phantoms", &self.phantoms)?;
        list(f, "contradictions", &self.contradictions)?;
        list(f, "never asked for", &self.unasked)
    }
}

fn list(f: &mut fmt::Formatter<'_>, title: &str, cases: &[impl fmt::Debug]) -> fmt::Result {
    writeln!(f, "{title:<22}{:>9}", cases.len())?;
    for case in cases.iter().take(SHOWN_MAX) {
        writeln!(f, "    {case:?}")?;
    }
    Ok(())
}
