//! Which deadlines are near.

use mail_model::{CampaignName, MessageId, UnixMs};

use crate::core::Core;
use crate::fatal::StoreFault;
use crate::keys::{Family, deadline_key, read_u64};
use crate::outbox::{head, tally_of};
use crate::record::at_deadline::AtDeadline;
use crate::record::wire::Corrupt;

/// A message's deadline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageDeadline {
    /// The message.
    pub message: MessageId,
    /// What it is counted under.
    pub campaign: CampaignName,
    /// Its deadline.
    pub not_after: UnixMs,
    /// What happens around it.
    pub at_deadline: AtDeadline,
    /// Its notifications that have not ended.
    pub waiting: u64,
}

impl MessageDeadline {
    fn read(core: &Core, message: MessageId) -> Option<Self> {
        let head = head(core, message)?;
        let (not_after, at_deadline) = (head.not_after?, head.at_deadline);
        let waiting = tally_of(core, message).map_or(0, |tally| tally.queued());
        Some(Self { message, campaign: head.campaign, not_after, at_deadline, waiting })
    }

    /// Whether what waits is foreseen to be late: the warning has come and the deadline has not.
    pub fn is_near(&self, now: UnixMs) -> bool {
        now < self.not_after && self.at_deadline.warn_at.is_some_and(|at| at <= now)
    }
}

/// Messages looked at, at most: this is done every few seconds.
const LOOKED_AT_MAX: usize = 10_000;

/// The messages that have begun to be foreseen late at `now`, whose deadline has not passed, and of which something waits.
/// Those that end first are looked at before the others.
pub fn near(core: &Core, now: UnixMs) -> Vec<MessageDeadline> {
    let mut scan = core.store.scan(Family::Deadline, &deadline_key(now.0, MessageId(0)), None);
    let mut found = vec![];
    for _ in 0..LOOKED_AT_MAX {
        let Some((key, _)) = scan.next_item() else { break };
        let id = key.get(8..).and_then(read_u64).ok_or_else(|| StoreFault::new(Family::Deadline.name(), Corrupt::Key));
        let message = MessageId(core.store.must("reading deadlines", id));
        found.extend(MessageDeadline::read(core, message).filter(|d| d.waiting > 0 && d.is_near(now)));
    }
    found
}

/// The deadlines of those of these messages that have one; of very many, the last ones.
pub fn of(core: &Core, messages: &[MessageId]) -> Vec<MessageDeadline> {
    let skipped = messages.len().saturating_sub(LOOKED_AT_MAX);
    messages.iter().skip(skipped).filter_map(|message| MessageDeadline::read(core, *message)).collect()
}
