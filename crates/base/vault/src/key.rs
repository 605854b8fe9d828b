//! One key: it seals and opens values.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use zeroize::Zeroizing;

use crate::error::Unopened;
use crate::place::Place;

/// AES-256-GCM-SIV with a random nonce in front.
const SUITE: u8 = 1;
const TAG_BYTES: usize = 16;
/// Length of a key.
pub(crate) const KEY_BYTES: usize = 32;

/// A key of the tree, opened. Overwritten when dropped; shows nothing of itself.
#[derive(Clone)]
pub struct Key {
    bytes: Zeroizing<[u8; KEY_BYTES]>,
}

impl Key {
    /// A new random key.
    ///
    /// # Panics
    /// When the system has no randomness to give; nothing may be sealed then.
    pub fn generate() -> Self {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        fill(bytes.as_mut());
        Self { bytes }
    }

    pub(crate) fn of(bytes: &[u8]) -> Option<Self> {
        Some(Self { bytes: Zeroizing::new(bytes.try_into().ok()?) })
    }

    pub(crate) fn bytes(&self) -> &[u8; KEY_BYTES] {
        &self.bytes
    }

    /// Seals a value for its place. 29 bytes longer than the value.
    ///
    /// # Panics
    /// When the system has no randomness to give, or the value is longer than 64 GiB.
    pub fn seal(&self, place: &Place<'_>, value: &[u8]) -> Vec<u8> {
        let mut nonce = [0; NONCE_LEN];
        fill(&mut nonce);
        let mut sealed = Vec::with_capacity(1 + NONCE_LEN + value.len() + TAG_BYTES);
        sealed.push(SUITE);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(value);
        let (_, text) = sealed.split_at_mut(1 + NONCE_LEN);
        let aad = Aad::from(place.bytes());
        let tag = self.aead().seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), aad, text);
        let tag = tag.unwrap_or_else(|_| panic!("a value is too long to be sealed"));
        sealed.extend_from_slice(tag.as_ref());
        sealed
    }

    /// Opens what [`Key::seal`] made for this place.
    ///
    /// # Errors
    /// [`Unopened::Form`] for what no seal ever was, [`Unopened::Refused`] for another key or place or changed bytes.
    pub fn open(&self, place: &Place<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unopened> {
        let (&suite, rest) = sealed.split_first().ok_or(Unopened::Form)?;
        if suite != SUITE || rest.len() < NONCE_LEN + TAG_BYTES {
            return Err(Unopened::Form);
        }
        let (nonce, text) = rest.split_at(NONCE_LEN);
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| Unopened::Form)?;
        let mut text = Zeroizing::new(text.to_vec());
        let opened = self.aead().open_in_place(nonce, Aad::from(place.bytes()), &mut text);
        let value_bytes = opened.map_err(|_| Unopened::Refused)?.len();
        text.truncate(value_bytes);
        Ok(text)
    }

    fn aead(&self) -> LessSafeKey {
        // The length is fixed by the type, so there is nothing that could be wrong.
        let key = UnboundKey::new(&AES_256_GCM_SIV, self.bytes.as_slice());
        LessSafeKey::new(key.unwrap_or_else(|_| panic!("a key of {KEY_BYTES} bytes is refused")))
    }
}

pub(crate) fn fill(bytes: &mut [u8]) {
    aws_lc_rs::rand::fill(bytes).unwrap_or_else(|_| panic!("the system has no randomness to give"));
}

/// Shows that there is one.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NAME: Place<'static> = Place::new("contacts", "name", b"7");

    #[test]
    fn a_value_opens_only_under_its_key_and_at_its_place() {
        let key = Key::generate();
        let sealed = key.seal(&NAME, "佐藤 花子".as_bytes());
        assert_eq!(sealed.len(), "佐藤 花子".len() + 29);
        assert_eq!(&**key.open(&NAME, &sealed).unwrap(), "佐藤 花子".as_bytes());
        assert_eq!(Key::generate().open(&NAME, &sealed), Err(Unopened::Refused));
        for elsewhere in [
            Place::new("contacts", "name", b"8"),
            Place::new("contacts", "kana", b"7"),
            Place::new("children", "name", b"7"),
        ] {
            assert_eq!(key.open(&elsewhere, &sealed), Err(Unopened::Refused), "{elsewhere:?}");
        }
    }

    #[test]
    fn equal_values_look_different_and_nothing_of_them_is_seen() {
        let key = Key::generate();
        let (one, two) = (key.seal(&NAME, b"hanako@docomo.ne.jp"), key.seal(&NAME, b"hanako@docomo.ne.jp"));
        assert_ne!(one, two);
        assert!(!one.windows(6).any(|part| part == b"hanako"));
        assert_eq!(format!("{key:?}"), "Key(…)");
    }

    #[test]
    fn what_is_no_sealed_value_is_said_to_be_none() {
        let key = Key::generate();
        let sealed = key.seal(&NAME, b"");
        for cut in 0..sealed.len() {
            assert_eq!(key.open(&NAME, &sealed[..cut]), Err(Unopened::Form), "{cut} bytes");
        }
        let mut other_suite = sealed;
        other_suite[0] = 9;
        assert_eq!(key.open(&NAME, &other_suite), Err(Unopened::Form));
    }

    proptest! {
        #[test]
        fn every_changed_bit_is_noticed(value in prop::collection::vec(any::<u8>(), 0..80), at in any::<usize>(), bit in 0..8u8) {
            let key = Key::generate();
            let mut sealed = key.seal(&NAME, &value);
            prop_assert_eq!(&**key.open(&NAME, &sealed).unwrap(), &value);
            let at = at % sealed.len();
            sealed[at] ^= 1 << bit;
            prop_assert!(key.open(&NAME, &sealed).is_err());
        }
    }
}
