//! Which sources this node owns now.

use mail_model::{MonoUs, SourceName};

/// Whose a source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// This node's, until then by its own monotonic clock.
    Ours {
        /// From then on it may be another's. Counted from before the question was sent that was answered with it, so that
        /// a slow answer makes it shorter and never longer.
        until: MonoUs,
        /// Grows each time the source changes hands. Whatever a node writes about a source (counts of its warm-up, what
        /// it learned) carries this number, and a smaller one than the last is refused: a node that slept through the
        /// change cannot overwrite its successor's.
        fence: u64,
    },
    /// Another node's, or nobody's that is known of.
    NotOurs {
        /// Not worth asking again before.
        ask_again: MonoUs,
    },
}

/// Tells which sources are this node's. Asked under the scheduler's lock, at least once a mail: it must answer from memory
/// and never wait.
///
/// **What an implementation owes.** No source is `Ours` at two nodes at one time. A source changes hands in order: the
/// owner is told `NotOurs`, opens nothing more, lets its sessions finish the mail in hand and says [`Self::idle`]; only then
/// another node is told `Ours`, with a greater fence. Where the owner does not answer, the other waits until the owner's
/// term is over by the database's clock, and for the longest mail in hand on top.
///
/// **When the control database is away** nothing changes hands, and owners go on: a source is an address of one machine,
/// and mail must flow without the database. The term is therefore long (an hour), and a dead node's sources are taken
/// over sooner only by an operator who has also taken the address from its machine.
pub trait SourceOwnership: Send + Sync + 'static {
    /// Whose the source is at `now`.
    fn held(&self, source: &SourceName, now: MonoUs) -> Held;

    /// No session of this node uses the source any more.
    fn idle(&self, source: &SourceName, now: MonoUs);
}

/// One node alone: every source is its own, for ever.
#[derive(Clone, Copy, Debug, Default)]
pub struct AllOurs;

impl SourceOwnership for AllOurs {
    fn held(&self, _: &SourceName, _: MonoUs) -> Held {
        Held::Ours { until: MonoUs(u64::MAX), fence: 0 }
    }

    fn idle(&self, _: &SourceName, _: MonoUs) {}
}
