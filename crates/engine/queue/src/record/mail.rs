//! A received mail, and what is noted of it while it waits or is kept.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bytes::Bytes;
use mail_model::{EmailAddress, UnixMs};

use crate::keys::InboxId;
use crate::record::attempt::{REPLY_TEXT_BYTES_MAX, WORD_BYTES_MAX};
use crate::record::wire::{Corrupt, Reader, Writer, cut};

/// Version of the records of this file.
pub const VERSION: u8 = 1;

/// A mail that came in, as the session knew it.
#[derive(Clone, PartialEq, Eq)]
pub struct ReceivedMail {
    /// When its last byte came.
    pub received_at: UnixMs,
    /// Who brought it.
    pub peer: IpAddr,
    /// What the peer called itself. At most [`WORD_BYTES_MAX`] bytes are kept.
    pub helo: String,
    /// Whether the session was encrypted.
    pub tls: bool,
    /// The envelope sender; `None` is `<>`.
    pub sender: Option<EmailAddress>,
    /// The envelope recipients that were admitted; at most 65,535.
    pub recipients: Vec<EmailAddress>,
    /// Head and body, dot-stuffing removed.
    pub content: Bytes,
}

/// Shows how large the content is, not what stands in it.
impl fmt::Debug for ReceivedMail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReceivedMail")
            .field("received_at", &self.received_at)
            .field("peer", &self.peer)
            .field("recipients", &self.recipients)
            .field("content_bytes", &self.content.len())
            .finish_non_exhaustive()
    }
}

impl ReceivedMail {
    /// The bytes under `key`.
    pub(crate) fn encode(&self, key: &[u8]) -> Vec<u8> {
        let mut writer = Writer::new(VERSION, 256 + self.content.len());
        writer.u64(self.received_at.0);
        match self.peer {
            IpAddr::V4(address) => {
                writer.u8(4);
                writer.rest(&address.octets());
            }
            IpAddr::V6(address) => {
                writer.u8(6);
                writer.rest(&address.octets());
            }
        }
        writer.text(cut(&self.helo, WORD_BYTES_MAX));
        writer.u8(u8::from(self.tls));
        writer.opt_text(self.sender.as_ref().map(EmailAddress::as_str));
        let recipients = u16::try_from(self.recipients.len()).unwrap_or(u16::MAX);
        writer.u16(recipients);
        for recipient in self.recipients.iter().take(usize::from(recipients)) {
            writer.text(recipient.as_str());
        }
        writer.rest(&self.content);
        writer.seal(key)
    }

    /// Reads the bytes under `key`.
    pub(crate) fn decode(key: &[u8], value: &[u8]) -> Result<Self, Corrupt> {
        let mut reader = Reader::open(key, value, VERSION)?;
        let received_at = reader.time()?;
        let peer = match reader.u8()? {
            4 => IpAddr::V4(Ipv4Addr::from(reader.array::<4>()?)),
            6 => IpAddr::V6(Ipv6Addr::from(reader.array::<16>()?)),
            _ => return Err(Corrupt::Field("peer")),
        };
        let helo = reader.string("helo")?;
        let tls = reader.flag("tls")?;
        let sender = reader.opt_parse("sender")?;
        let recipients = reader.u16()?;
        let recipients = (0..recipients).map(|_| reader.address()).collect::<Result<_, _>>()?;
        let content = Bytes::copy_from_slice(reader.rest());
        Ok(Self { received_at, peer, helo, tls, sender, recipients, content })
    }
}

/// The bytes under `key` in `inbox`: how large the content is, so that nobody has to read it to know.
pub fn encode_waiting(key: &[u8], content_bytes: u64) -> Vec<u8> {
    let mut writer = Writer::new(VERSION, 8);
    writer.u64(content_bytes);
    writer.seal(key)
}

/// Reads what [`encode_waiting`] wrote.
pub fn decode_waiting(key: &[u8], value: &[u8]) -> Result<u64, Corrupt> {
    let mut reader = Reader::open(key, value, VERSION)?;
    let content_bytes = reader.u64()?;
    reader.end()?;
    Ok(content_bytes)
}

/// Why a received mail is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptNote {
    /// Since when.
    pub kept_at: UnixMs,
    /// How large its content is.
    pub content_bytes: u64,
    /// What kind of mail it is, in one word of the caller's.
    pub kind: String,
    /// Why it is kept.
    pub note: String,
}

impl KeptNote {
    /// The bytes under `key`.
    pub fn encode(&self, key: &[u8]) -> Vec<u8> {
        let mut writer = Writer::new(VERSION, 64 + self.note.len());
        writer.u64(self.kept_at.0);
        writer.u64(self.content_bytes);
        writer.text(cut(&self.kind, WORD_BYTES_MAX));
        writer.text(cut(&self.note, REPLY_TEXT_BYTES_MAX));
        writer.seal(key)
    }

    /// Reads the bytes under `key`.
    pub fn decode(key: &[u8], value: &[u8]) -> Result<Self, Corrupt> {
        let mut reader = Reader::open(key, value, VERSION)?;
        let (kept_at, content_bytes) = (reader.time()?, reader.u64()?);
        let note = Self { kept_at, content_bytes, kind: reader.string("kind")?, note: reader.string("note")? };
        reader.end()?;
        Ok(note)
    }
}

/// A received mail that is kept for people to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptMail {
    /// Which one.
    pub id: InboxId,
    /// Since when it is kept.
    pub kept_at: UnixMs,
    /// What kind of mail it is, in one word. At most [`WORD_BYTES_MAX`] bytes.
    pub kind: String,
    /// Why it is kept. At most [`REPLY_TEXT_BYTES_MAX`] bytes.
    pub note: String,
    /// The mail.
    pub mail: ReceivedMail,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_received_mail_and_its_notes_read_back() {
        let plain = ReceivedMail {
            received_at: UnixMs(7),
            peer: "192.0.2.1".parse().unwrap(),
            helo: String::new(),
            tls: false,
            sender: None,
            recipients: vec![],
            content: Bytes::new(),
        };
        let full = ReceivedMail {
            peer: "2001:db8::1".parse().unwrap(),
            helo: "mx.docomo.ne.jp".to_owned(),
            tls: true,
            sender: Some("a..b.@docomo.ne.jp".parse().unwrap()),
            recipients: vec!["postmaster@school.example".parse().unwrap(), "abuse@school.example".parse().unwrap()],
            content: Bytes::from_static(b"Subject: x\r\n\r\n\xff\x00"),
            ..plain.clone()
        };
        for mail in [plain, full] {
            let bytes = mail.encode(b"k");
            assert_eq!(ReceivedMail::decode(b"k", &bytes), Ok(mail));
            assert_eq!(ReceivedMail::decode(b"l", &bytes), Err(Corrupt::Checksum));
        }
        assert_eq!(decode_waiting(b"k", &encode_waiting(b"k", 9)), Ok(9));
        let note =
            KeptNote { kept_at: UnixMs(1), content_bytes: 2, kind: "reply".to_owned(), note: "返信".to_owned() };
        assert_eq!(KeptNote::decode(b"k", &note.encode(b"k")), Ok(note.clone()));
    }
}
