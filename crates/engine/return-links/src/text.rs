//! Base32 that survives upper-casing, and the shape that all addresses share: payload, key id, MAC.

use data_encoding::BASE32_NOPAD_NOCASE;
use mail_model::{EmailAddress, MessageId, NotificationId};

use crate::keys::{Keys, KeysError, Purpose};
use crate::refused::Refused;

/// Longest address, RFC 5321 4.5.3.1.3 without the angle brackets.
const ADDRESS_BYTES_MAX: usize = 254;
/// Bytes of a notification id.
const ID_BYTES: usize = 12;

/// `payload`, the key's id and its MAC of `MAC` bytes, as text.
pub(crate) fn seal<const MAC: usize>(keys: &Keys, purpose: Purpose, payload: &[u8]) -> String {
    let mut text = BASE32_NOPAD_NOCASE.encode(payload);
    text.push_str(&tag::<MAC>(keys, purpose, payload));
    text.make_ascii_lowercase();
    text
}

/// The key's id and its MAC of `MAC` bytes over `payload`, as text.
pub(crate) fn tag<const MAC: usize>(keys: &Keys, purpose: Purpose, payload: &[u8]) -> String {
    let (key_id, mac) = keys.seal::<MAC>(purpose, payload);
    let mut text = String::new();
    // Five bits at the top of a byte are the first of its two characters; the other would say nothing.
    text.push_str(BASE32_NOPAD_NOCASE.encode(&[key_id << 3]).get(..1).unwrap_or_default());
    BASE32_NOPAD_NOCASE.encode_append(&mac, &mut text);
    text.make_ascii_lowercase();
    text
}

/// The payload of a text that [`seal`] made with one of the keys for the same purpose.
pub(crate) fn open<const PAYLOAD: usize, const MAC: usize>(
    keys: &Keys,
    purpose: Purpose,
    text: &str,
) -> Result<[u8; PAYLOAD], Refused> {
    let payload_chars = BASE32_NOPAD_NOCASE.encode_len(PAYLOAD);
    let bytes = text.as_bytes();
    let (payload, rest) = bytes.split_at_checked(payload_chars).ok_or(Refused::Malformed)?;
    let payload: [u8; PAYLOAD] = read(payload)?;
    check_tag::<MAC>(keys, purpose, &payload, rest).map(|()| payload)
}

/// Whether [`tag`] made this text with one of the keys for the same purpose and payload.
pub(crate) fn check_tag<const MAC: usize>(
    keys: &Keys,
    purpose: Purpose,
    payload: &[u8],
    tag: &[u8],
) -> Result<(), Refused> {
    let (key_id, mac) = tag.split_at_checked(1).ok_or(Refused::Malformed)?;
    // One character alone is no base32; with `a`, which is zero, it is one byte whose lower bits are zero.
    let [key_id] = read([key_id, b"a"].concat().as_slice())?;
    let mac: [u8; MAC] = read(mac)?;
    let sealed = keys.is_sealed(purpose, payload, key_id >> 3, &mac);
    if sealed { Ok(()) } else { Err(Refused::WrongMac) }
}

fn read<const N: usize>(text: &[u8]) -> Result<[u8; N], Refused> {
    let bytes = BASE32_NOPAD_NOCASE.decode(text).map_err(|_| Refused::Malformed)?;
    bytes.try_into().map_err(|_| Refused::Malformed)
}

/// What follows `prefix`, which is read in either case.
pub(crate) fn after_prefix<'t>(local: &'t str, prefix: &str) -> Result<&'t str, Refused> {
    let (head, rest) = local.split_at_checked(prefix.len()).ok_or(Refused::Malformed)?;
    if head.eq_ignore_ascii_case(prefix) { Ok(rest) } else { Err(Refused::Malformed) }
}

/// A notification id as payload.
pub(crate) fn id_bytes(id: NotificationId) -> [u8; ID_BYTES] {
    let mut bytes = [0; ID_BYTES];
    let (message, index) = bytes.split_at_mut(8);
    message.copy_from_slice(&id.message.0.to_be_bytes());
    index.copy_from_slice(&id.index.to_be_bytes());
    bytes
}

/// The notification id that [`id_bytes`] wrote.
pub(crate) fn id_of(bytes: [u8; ID_BYTES]) -> NotificationId {
    let [a, b, c, d, e, f, g, h, rest @ ..] = bytes;
    NotificationId { message: MessageId(u64::from_be_bytes([a, b, c, d, e, f, g, h])), index: u32::from_be_bytes(rest) }
}

/// A domain under which local parts of `local_bytes` make addresses.
#[derive(Clone, Debug)]
pub(crate) struct Domain(Box<str>);

impl Domain {
    /// Checks that the longest address fits.
    pub(crate) fn new(domain: &str, local_bytes: usize) -> Result<Self, KeysError> {
        let sample = format!("{}@{domain}", "a".repeat(local_bytes));
        let fits = sample.len() <= ADDRESS_BYTES_MAX && sample.parse::<EmailAddress>().is_ok();
        if fits { Ok(Self(domain.to_ascii_lowercase().into())) } else { Err(KeysError::Domain) }
    }

    /// The domain, in lower case.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The address of a local part that we made.
    pub(crate) fn address(&self, prefix: &str, sealed: &str) -> EmailAddress {
        let text = format!("{prefix}{sealed}@{}", self.0);
        text.parse().expect("an address of this length under this domain was parsed when the domain was checked")
    }
}
