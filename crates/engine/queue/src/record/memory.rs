//! Something small that is remembered for a while.

use mail_model::UnixMs;

use crate::record::wire::{Corrupt, Reader, Writer};

/// Version of this record.
pub const VERSION: u8 = 1;

/// The record under a key of `memory`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remembered {
    /// Forgotten from then on.
    pub expires: UnixMs,
    /// What is remembered, opaque.
    pub value: Vec<u8>,
}

impl Remembered {
    /// The bytes under `key`.
    pub fn encode(&self, key: &[u8]) -> Vec<u8> {
        let mut writer = Writer::new(VERSION, 8 + self.value.len());
        writer.u64(self.expires.0);
        writer.rest(&self.value);
        writer.seal(key)
    }

    /// Reads the bytes under `key`.
    pub fn decode(key: &[u8], value: &[u8]) -> Result<Self, Corrupt> {
        let mut reader = Reader::open(key, value, VERSION)?;
        Ok(Self { expires: reader.time()?, value: reader.rest().to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_reads_back() {
        for value in [vec![], vec![0, 9]] {
            let remembered = Remembered { expires: UnixMs(5), value };
            assert_eq!(Remembered::decode(b"k", &remembered.encode(b"k")), Ok(remembered.clone()));
        }
    }
}
