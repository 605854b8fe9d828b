//! Watches deadlines come near, and says so once.

use std::collections::BTreeSet;

use mail_model::{MessageId, UnixMs};
use queue::Queue;
use telemetry::{DeadlineNear, ForeseenLateSample};

/// Which messages were told of. After a restart they are told of once more.
#[derive(Default)]
pub(crate) struct DeadlineWatch {
    told: BTreeSet<MessageId>,
}

impl DeadlineWatch {
    /// Looks at all deadlines. Reads the disk.
    pub(crate) fn look(&mut self, queue: &Queue, now: UnixMs) {
        let near = queue.near_deadlines(now);
        for deadline in near.iter().filter(|deadline| !self.told.contains(&deadline.message)) {
            let (message, campaign, not_after) = (deadline.message, &deadline.campaign, deadline.not_after);
            DeadlineNear { message, campaign, not_after, now, waiting: deadline.waiting }.emit();
        }
        ForeseenLateSample { count: near.iter().map(|deadline| deadline.waiting).sum() }.emit();
        self.told = near.into_iter().map(|deadline| deadline.message).collect();
    }
}
