//! What somebody did by hand, and why.

use mail_model::UnixMs;
use serde::{Deserialize, Serialize};

use crate::record::attempt::{REPLY_TEXT_BYTES_MAX, WORD_BYTES_MAX};
use crate::record::wire::{Corrupt, Reader, Writer, cut};

/// Version of this record.
pub const VERSION: u8 = 1;

/// One entry of the audit list. It is never changed and never removed by the queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// When.
    pub at: UnixMs,
    /// Who: a key's name, an operator. At most [`WORD_BYTES_MAX`] bytes are kept.
    pub actor: String,
    /// What, in the words of the interface: `suppression.lift`. At most [`WORD_BYTES_MAX`] bytes are kept.
    pub action: String,
    /// To whom or what. At most [`REPLY_TEXT_BYTES_MAX`] bytes are kept.
    pub subject: String,
    /// Why. At most [`REPLY_TEXT_BYTES_MAX`] bytes are kept.
    pub reason: String,
}

impl AuditEntry {
    /// The bytes under `key`.
    pub(crate) fn encode(&self, key: &[u8]) -> Vec<u8> {
        let mut writer = Writer::new(VERSION, 128);
        writer.u64(self.at.0);
        writer.text(cut(&self.actor, WORD_BYTES_MAX));
        writer.text(cut(&self.action, WORD_BYTES_MAX));
        writer.text(cut(&self.subject, REPLY_TEXT_BYTES_MAX));
        writer.text(cut(&self.reason, REPLY_TEXT_BYTES_MAX));
        writer.seal(key)
    }

    /// Reads the bytes under `key`.
    pub(crate) fn decode(key: &[u8], value: &[u8]) -> Result<Self, Corrupt> {
        let mut reader = Reader::open(key, value, VERSION)?;
        let entry = Self {
            at: reader.time()?,
            actor: reader.string("actor")?,
            action: reader.string("action")?,
            subject: reader.string("subject")?,
            reason: reader.string("reason")?,
        };
        reader.end()?;
        Ok(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_reads_back_and_long_words_are_cut() {
        let entry = AuditEntry {
            at: UnixMs(5),
            actor: "key office".to_owned(),
            action: "suppression.lift".to_owned(),
            subject: "a@b.jp".to_owned(),
            reason: "保護者の依頼".to_owned(),
        };
        assert_eq!(AuditEntry::decode(b"k", &entry.encode(b"k")), Ok(entry.clone()));
        let long = AuditEntry { reason: "あ".repeat(500), ..entry };
        assert_eq!(AuditEntry::decode(b"k", &long.encode(b"k")).unwrap().reason, "あ".repeat(333));
    }
}
