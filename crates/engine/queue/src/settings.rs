//! Limits of the queue, what is said at each of them, and the few things that may be tuned.

use std::time::Duration;

use mail_model::MessageId;
use thiserror::Error;

/// Longest idempotency key, in bytes.
pub const IDEMPOTENCY_KEY_BYTES_MAX: usize = 255;
/// How long an idempotency key is remembered.
pub const IDEMPOTENCY_KEPT: Duration = Duration::from_secs(7 * 24 * 3_600);

/// Upper bounds. At each of them work is refused early, before anything of it is stored.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Unsettled notifications in the whole queue.
    pub notifications_max: u64,
    /// Stored messages, finished ones that are not yet forgotten included.
    pub messages_max: u64,
    /// Notifications of one message.
    pub recipients_per_message_max: u32,
    /// Content of one message, bytes.
    pub content_bytes_max: usize,
    /// Payload of one notification, bytes.
    pub payload_bytes_max: usize,
    /// Lanes, ever.
    pub lanes_max: u32,
    /// Received mails that wait to be dealt with.
    pub inbox_mails_max: u64,
    /// Content of these mails together, bytes.
    pub inbox_bytes_max: u64,
    /// Content of all mails that are kept for people, bytes. The only limit that refuses nothing: beyond it the oldest
    /// ones are let go, so that nobody can fill the disk, or shut out what comes later, by writing to postmaster.
    pub kept_bytes_max: u64,
    /// Free bytes that must stay on the disk, so that settling still works when accepting does not.
    pub disk_free_bytes_min: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            notifications_max: 20_000_000,
            messages_max: 5_000_000,
            recipients_per_message_max: 2_000_000,
            content_bytes_max: 32 << 20,
            payload_bytes_max: 64 << 10,
            lanes_max: 10_000,
            inbox_mails_max: 200_000,
            inbox_bytes_max: 4 << 30,
            kept_bytes_max: 1 << 30,
            disk_free_bytes_min: 1 << 30,
        }
    }
}

/// What may be tuned.
#[derive(Clone, Debug)]
pub struct QueueSettings {
    /// Upper bounds.
    pub limits: Limits,
    /// Records of one lane that are held in memory, ready to be claimed.
    pub window_per_lane: usize,
    /// Records of all lanes together that are held in memory; lanes with work share it, 64 each at least.
    pub window_total: usize,
    /// Records written to disk at once while a large message is handed in.
    pub page_records: usize,
    /// Longest time that a settled attempt may wait for its sync.
    pub sync_interval: Duration,
    /// Number of this node among those that share addresses by which something comes back. It is part of each message's
    /// id.
    pub node_number: u8,
    /// After how many attempts the sums are stored, at the latest; bounds what is replayed at the next start.
    pub tally_every: u64,
}

impl Default for QueueSettings {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            window_per_lane: 4_096,
            window_total: 65_536,
            page_records: 2_000,
            sync_interval: Duration::from_millis(10),
            node_number: 0,
            tally_every: 20_000,
        }
    }
}

/// Why work is not taken. The caller's or the operator's matter, never the store's.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// A limit is reached.
    #[error("{name} is {limit}: {remedy}")]
    Limit {
        /// Name of the limit, as in [`Limits`].
        name: &'static str,
        /// Its value.
        limit: u64,
        /// What helps.
        remedy: &'static str,
    },
    /// The key was used for something else.
    #[error("the idempotency key stands for another call (message {message}); use a new key for new content")]
    IdempotencyConflict {
        /// What it stands for.
        message: MessageId,
    },
    /// A call with this key is being taken right now.
    #[error("a call with this idempotency key is under way; repeat it after a moment")]
    IdempotencyBusy,
}

impl Refusal {
    /// The refusal at one of [`Limits`].
    pub(crate) fn limit(name: &'static str, limit: impl TryInto<u64>) -> Self {
        let remedy = match name {
            "notifications_max" => "wait until mail has left, or raise it if disk and memory allow",
            "messages_max" => "have finished messages forgotten earlier, or raise it",
            "recipients_per_message_max" => "split the message into several",
            "content_bytes_max" => "make the content smaller, or link to files instead of attaching them",
            "payload_bytes_max" => "move what all recipients share into the content",
            "lanes_max" => "give carriers with many domains a profile, or raise it",
            "inbox_mails_max" | "inbox_bytes_max" => "senders come again later; see why received mail is not read",
            "disk_free_bytes_min" => "free space on the disk of the data directory",
            _ => "give a shorter one",
        };
        Self::Limit { name, limit: limit.try_into().unwrap_or(u64::MAX), remedy }
    }
}
