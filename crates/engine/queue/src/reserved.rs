//! Ids of messages: the next one, or one that was given away before its message begins.

use mail_model::{MessageId, UnixMs};

use crate::core::Core;
use crate::keys::{Family, message_key};
use crate::record::message::Head;
use crate::settings::Refusal;

/// What there is under an id.
pub enum Taken {
    /// Nothing: it is the caller's, and noted as that of an intake.
    Free(MessageId),
    /// A message with so many notifications.
    Used(MessageId, u32),
}

/// Gives ids away, in order.
pub fn reserve(core: &Core, count: usize) -> Vec<MessageId> {
    let now = core.clock.unix();
    let mut intakes = core.intakes.lock();
    (0..count).map(|_| MessageId(intakes.next_id(now.0, core.settings.node_number))).collect()
}

/// The id of a new message.
pub fn take(core: &Core, reserved: Option<MessageId>, now: UnixMs) -> Result<Taken, Refusal> {
    let mut intakes = core.intakes.lock();
    let Some(id) = reserved else {
        let id = intakes.next_id(now.0, core.settings.node_number);
        intakes.staging.insert(id);
        return Ok(Taken::Free(MessageId(id)));
    };
    // Looked at under the lock, and before the id counts as an intake's: the records of a message that is accepted must
    // never look as if it were not.
    if intakes.staging.contains(&id.0) {
        return Err(Refusal::IdempotencyBusy);
    }
    if let Some(head) = core.store.read(Family::Message, &message_key(id), Head::decode) {
        return Ok(Taken::Used(id, head.count));
    }
    intakes.staging.insert(id.0);
    Ok(Taken::Free(id))
}
