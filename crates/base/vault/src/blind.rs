//! Exact look-up of a sealed value by its index.

use std::fmt;

use aws_lc_rs::hmac::{self, HMAC_SHA256};

use crate::key::Key;

/// Length of an index: two of 2^32 values share one with a chance of 2^-65.
const INDEX_BYTES: usize = 16;

/// What stands beside a sealed value so that it can be found: equal for equal values, and without the key as good as
/// random. Whoever has the key can only ask whether a value he already knows is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlindIndex([u8; INDEX_BYTES]);

impl BlindIndex {
    /// Its bytes, as stored.
    pub fn as_bytes(&self) -> &[u8; INDEX_BYTES] {
        &self.0
    }
}

/// Makes indexes. One for the whole service: one contact stands for children of several schools.
#[derive(Clone)]
pub struct IndexKey(hmac::Key);

impl IndexKey {
    /// From a key of kind [`KeyKind::Index`](crate::KeyKind::Index).
    pub fn new(key: &Key) -> Self {
        Self(hmac::Key::new(HMAC_SHA256, key.bytes()))
    }

    /// The index of a value. `purpose` keeps equal values of different columns apart; it holds no NUL. Whoever
    /// calls has normalised the value: letter case of a domain, width of digits.
    pub fn index(&self, purpose: &'static str, normalised: &[u8]) -> BlindIndex {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(purpose.as_bytes());
        context.update(&[0]);
        context.update(normalised);
        let mut bytes = [0; INDEX_BYTES];
        for (to, from) in bytes.iter_mut().zip(context.sign().as_ref()) {
            *to = *from;
        }
        BlindIndex(bytes)
    }
}

/// Shows that there is one.
impl fmt::Debug for IndexKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IndexKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_meet_and_others_do_not() {
        let index = IndexKey::new(&Key::generate());
        let mail = |value: &str| index.index("mail", value.as_bytes());
        assert_eq!(mail("a..b@docomo.ne.jp"), mail("a..b@docomo.ne.jp"));
        assert_ne!(mail("a..b@docomo.ne.jp"), mail("a.b@docomo.ne.jp"));
        assert_ne!(mail("0312345678"), index.index("phone", b"0312345678"));
        assert_ne!(mail("x"), IndexKey::new(&Key::generate()).index("mail", b"x"));
    }
}
