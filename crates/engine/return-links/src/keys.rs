//! The keys that authenticate what comes back: one in force, and those of before.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac::{self, HMAC_SHA256};
use thiserror::Error;

/// Shortest key in bytes: as long as the strength of its MACs.
const KEY_BYTES_MIN: usize = 32;

/// What a MAC is made for. Its words stand in front of the payload and never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    ReturnPath,
    Unsubscribe,
    Registration,
    Canary,
    KeyId,
}

impl Purpose {
    fn words(self) -> &'static [u8] {
        match self {
            Self::ReturnPath => b"todoke return path\0",
            Self::Unsubscribe => b"todoke unsubscribe\0",
            Self::Registration => b"todoke registration\0",
            Self::Canary => b"todoke canary\0",
            Self::KeyId => b"todoke key id\0",
        }
    }
}

/// Why these are no keys, or no domain for addresses made with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum KeysError {
    /// A key of too few bytes.
    #[error("a key for what comes back has fewer than {KEY_BYTES_MIN} bytes")]
    TooShort,
    /// With this domain an address is none, or longer than RFC 5321 4.5.3.1.3 allows.
    #[error("the domain for what comes back is too long or no domain")]
    Domain,
}

struct Key {
    id: u8,
    hmac: hmac::Key,
}

impl Key {
    fn new(bytes: &[u8]) -> Result<Self, KeysError> {
        if bytes.len() < KEY_BYTES_MIN {
            return Err(KeysError::TooShort);
        }
        let hmac = hmac::Key::new(HMAC_SHA256, bytes);
        let id = mac(&hmac, Purpose::KeyId, &[]).as_ref().first().map_or(0, |byte| byte & 0x1f);
        Ok(Self { id, hmac })
    }
}

fn mac(key: &hmac::Key, purpose: Purpose, payload: &[u8]) -> hmac::Tag {
    let mut context = hmac::Context::with_key(key);
    context.update(purpose.words());
    context.update(payload);
    context.sign()
}

/// The key in force and those of before, whose addresses are still out there. Cheap to clone.
#[derive(Clone)]
pub struct Keys(Arc<Ring>);

struct Ring {
    current: Key,
    old: Vec<Key>,
}

impl Keys {
    /// `current` mints and verifies, `old` only verify. Each has at least 32 bytes, taken as they are.
    ///
    /// # Errors
    /// [`KeysError::TooShort`].
    pub fn new<'k>(current: &[u8], old: impl IntoIterator<Item = &'k [u8]>) -> Result<Self, KeysError> {
        let old = old.into_iter().map(Key::new).collect::<Result<_, _>>()?;
        Ok(Self(Arc::new(Ring { current: Key::new(current)?, old })))
    }

    /// Id of the key in force (5 bits) and its MAC of `N` bytes, at most 32.
    pub(crate) fn seal<const N: usize>(&self, purpose: Purpose, payload: &[u8]) -> (u8, [u8; N]) {
        let Ring { current, .. } = &*self.0;
        let tag = mac(&current.hmac, purpose, payload);
        let mut cut = [0; N];
        for (to, from) in cut.iter_mut().zip(tag.as_ref()) {
            *to = *from;
        }
        (current.id, cut)
    }

    /// Whether a key of this id made the MAC.
    pub(crate) fn is_sealed(&self, purpose: Purpose, payload: &[u8], key_id: u8, given: &[u8]) -> bool {
        let Ring { current, old } = &*self.0;
        std::iter::once(current).chain(old).filter(|key| key.id == key_id).any(|key| {
            let tag = mac(&key.hmac, purpose, payload);
            tag.as_ref().get(..given.len()).is_some_and(|cut| verify_slices_are_equal(cut, given).is_ok())
        })
    }
}

/// Shows how many there are and nothing of them.
impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys(1 + {})", self.0.old.len())
    }
}
