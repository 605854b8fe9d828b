//! `[queue]`: how much may wait, and for how long it is remembered.

use crate::written::setting::{settings, whole};

settings! {
    /// How much may wait, and for how long it is remembered.
    pub struct QueueConfig in "queue" {
        /// Notifications that wait at once. One takes about a hundred bytes on disk; a million wait within 200 MiB of
        /// memory.
        notifications_max: u64 = 5_000_000, whole(1_000, 100_000_000, "notifications");
        /// Messages that wait at once; each keeps its content on disk once.
        messages_max: u64 = 100_000, whole(10, 10_000_000, "messages");
        /// Recipients of one message. A ward has about 100,000 guardians.
        recipients_per_message_max: u32 = 1_000_000, whole(1, 10_000_000, "recipients");
        /// Content of one message before it is made into mails. Carriers refuse mails above 1 to 3 million bytes; the
        /// room above is for carriers that take more.
        content_bytes_max: u64 = 10_485_760, whole(1_024, 104_857_600, "bytes");
        /// What is stored for one recipient beside the address (name, substitutions).
        payload_bytes_max: u64 = 16_384, whole(64, 1_048_576, "bytes");
        /// Lanes, all together. A domain without a profile makes one for each pool and class, so that a list of
        /// invented domains could make many.
        lanes_max: u32 = 10_000, whole(10, 1_000_000, "lanes");
        /// Free space below which nothing new is accepted: what was accepted still needs room for its outcomes.
        disk_free_bytes_min: u64 = 1_073_741_824, whole(0, 1_099_511_627_776, "bytes");
        /// How long outcomes can be asked for. A school year is 365 days; the default serves a month's report with a
        /// margin.
        outcome_retention_days: u32 = 40, whole(1, 3_660, "days");
        /// Notifications of one lane that are held in memory, ready to be sent. More only costs memory; fewer than a
        /// second's worth of sending would make the lane wait for the disk.
        window_per_lane: u32 = 2_000, whole(16, 1_000_000, "notifications");
        /// Longest time that an outcome stays unsynced. What a power cut can take is re-sent: this bounds duplicates.
        sync_interval_ms: u64 = 10, whole(1, 1_000, "ms");
    }
}
