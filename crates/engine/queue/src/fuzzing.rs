//! The decoders of records as a fuzz target reaches them: bytes of every kind under a good checksum.

use crate::record::audit::AuditEntry;
use crate::record::doubt::InDoubt;
use crate::record::due::DueRecord;
use crate::record::line::Line;
use crate::record::mail::{self, KeptNote, ReceivedMail};
use crate::record::memory::Remembered;
use crate::record::message::{self, Head, Known, Staged};
use crate::record::sums::Tally;
use crate::record::wire::{Corrupt, Writer};

/// Reads `body`, its first byte the version, as each kind of record. Gives the kinds that were read, written again, and
/// then were not the same: none, whatever the bytes.
pub fn unsteady_records(key: &[u8], body: &[u8]) -> Vec<&'static str> {
    let (version, rest) = body.split_first().map_or((0, body), |(version, rest)| (*version, rest));
    let mut writer = Writer::new(version, body.len());
    writer.rest(rest);
    let value = writer.seal(key);
    let kinds = [
        ("audit", steady(&value, |v| AuditEntry::decode(key, v), |entry| entry.encode(key))),
        ("doubt", steady(&value, |v| InDoubt::decode(key, v), InDoubt::encode)),
        ("due", steady(&value, |v| DueRecord::decode(key, v), |due| due.encode(key))),
        ("line", steady(&value, |v| Line::decode(key, v), |line| line.encode(key))),
        ("received", steady(&value, |v| ReceivedMail::decode(key, v), |mail| mail.encode(key))),
        ("waiting", steady(&value, |v| mail::decode_waiting(key, v), |bytes| mail::encode_waiting(key, *bytes))),
        ("kept", steady(&value, |v| KeptNote::decode(key, v), |note| note.encode(key))),
        ("memory", steady(&value, |v| Remembered::decode(key, v), |memory| memory.encode(key))),
        ("head", steady(&value, |v| Head::decode(key, v), |head| head.encode(key))),
        ("content", steady(&value, |v| message::decode_content(key, v), |bytes| message::encode_content(key, bytes))),
        ("staged", steady(&value, |v| Staged::decode(key, v), |staged| staged.encode(key))),
        ("known", steady(&value, |v| Known::decode(key, v), |known| known.encode(key))),
        ("lane", steady(&value, |v| message::decode_lane(key, v), |lane| message::encode_lane(key, lane))),
        ("tally", steady(&value, |v| Tally::decode(key, v), |tally| tally.encode(key))),
    ];
    kinds.into_iter().filter(|(_, steady)| !steady).map(|(kind, _)| kind).collect()
}

fn steady<T>(value: &[u8], decode: impl Fn(&[u8]) -> Result<T, Corrupt>, encode: impl Fn(&T) -> Vec<u8>) -> bool {
    let Ok(first) = decode(value) else { return true };
    let once = encode(&first);
    decode(&once).is_ok_and(|second| encode(&second) == once)
}
