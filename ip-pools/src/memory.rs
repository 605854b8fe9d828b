//! What of the pools must outlive the process.

use mail_model::{CarrierName, UnixMs};
use serde::{Deserialize, Serialize};

/// What one source must not forget at a restart: without the hour a crash would give a young address a second cap, without
/// the rests each block would be learnt again from a refused mail.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceMemory {
    /// Minutes since 1970 with the mails sent in each, of the last hour; empty for a warm source.
    pub sent: Vec<(u64, u32)>,
    /// Where it rests, and until when.
    pub rests: Vec<(CarrierName, UnixMs)>,
}

impl SourceMemory {
    /// Whether there is nothing to keep.
    pub fn is_empty(&self) -> bool {
        self.sent.is_empty() && self.rests.is_empty()
    }
}
