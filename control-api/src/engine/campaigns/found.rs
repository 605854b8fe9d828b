//! What an `{id}` stands for: a message, or all messages of a campaign.

use mail_model::{CampaignName, MessageId, NotificationId};
use queue::{AttemptRecord, Queue, Tally};

use crate::engine::state::EngineState;
use crate::http::fault::Fault;

/// A message or a campaign that the queue knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// One message, and the campaign it belongs to.
    Message(MessageId, CampaignName),
    /// Every message of a campaign.
    Campaign(CampaignName),
}

/// Looks for a message first: a campaign that is named like a message's id is rare, and is meant less often.
pub fn find(state: &EngineState, id: &str) -> Result<Found, Fault> {
    let queue = &state.parts.queue;
    if let Ok(message) = id.parse::<MessageId>()
        && let Some(stored) = queue.message(message)
    {
        return Ok(Found::Message(message, stored.campaign.clone()));
    }
    match CampaignName::new(id) {
        Ok(campaign) if !queue.messages_of(&campaign).is_empty() => Ok(Found::Campaign(campaign)),
        _ => Err(Fault::not_found("no campaign and no message of this name is in the queue or its records")),
    }
}

impl Found {
    /// Its messages, in order of acceptance.
    pub fn messages(&self, queue: &Queue) -> Vec<MessageId> {
        match self {
            Self::Message(message, _) => vec![*message],
            Self::Campaign(campaign) => queue.messages_of(campaign),
        }
    }

    /// Its sums.
    pub fn tally(&self, queue: &Queue) -> Tally {
        match self {
            Self::Message(message, _) => queue.tally_of(*message).unwrap_or_default(),
            Self::Campaign(campaign) => queue.tally(campaign),
        }
    }

    /// The last outcome of its notifications that are not accepted, from behind `after` on, at most `limit`. Reads the
    /// disk.
    pub fn failures(&self, queue: &Queue, after: Option<NotificationId>, limit: usize) -> Vec<AttemptRecord> {
        let (message, campaign) = match self {
            Self::Campaign(campaign) => return queue.failures(campaign, after, limit),
            Self::Message(message, campaign) => (*message, campaign),
        };
        // The place right before its first notification.
        let before = NotificationId { message: MessageId(message.0.saturating_sub(1)), index: u32::MAX };
        let mut page = queue.failures(campaign, after.or(Some(before)), limit);
        page.retain(|record| record.id.message == message);
        page
    }
}
