//! The last word on a notification, wherever it is kept.

use std::sync::atomic::Ordering;

use mail_model::NotificationId;

use crate::core::Core;
use crate::index::Index;
use crate::keys::{Family, notification_key};
use crate::outbox::head;
use crate::record::attempt::AttemptRecord;
use crate::record::line::Line;
use crate::record::message::Head;

/// The last line of a notification, written or synced. `None`: it was not tried, or its acceptance was trimmed.
pub fn last(core: &Core, index: &mut Index, id: NotificationId, head: &Head) -> Option<Line> {
    // Whatever is not plainly accepted stands here, and its acceptance removes or replaces it.
    let other = core.store.read(Family::Failure, &notification_key(id), Line::decode);
    other.or_else(|| acceptance(core, index, id, head))
}

/// The line with which a notification was accepted.
pub fn acceptance(core: &Core, index: &mut Index, id: NotificationId, head: &Head) -> Option<Line> {
    let from = head.first_seq.max(core.seqs.trimmed.load(Ordering::Relaxed).saturating_add(1));
    let found = index.acceptance(&core.store, id, head.count, from, || core.written());
    let seq = core.store.must("looking for an outcome", found)?;
    core.store.read(Family::Outbox, &seq.to_be_bytes(), Line::decode)
}

/// The last outcome of a notification.
pub fn last_attempt(core: &Core, id: NotificationId) -> Option<AttemptRecord> {
    let mut index = core.back.lock();
    let head = head(core, id.message)?;
    last(core, &mut index, id, &head).map(|line| line.record)
}
