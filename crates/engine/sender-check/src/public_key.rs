//! Public keys of DKIM: of our private ones, and as they stand in DNS.

pub use compose::dkim::Algorithm;
use compose::dkim::{KeyFault, Record};
use data_encoding::BASE64;

use crate::der::rsa_bits;

/// A public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    /// How it signs.
    pub algorithm: Algorithm,
    /// What `p=` holds, decoded: a SubjectPublicKeyInfo for RSA, the bare 32 bytes for Ed25519.
    pub bytes: Vec<u8>,
}

impl PublicKey {
    /// The public half of a private key, PEM (PKCS#8).
    ///
    /// # Errors
    /// Why it is no key that signs.
    pub fn of_private_pem(pem: &[u8]) -> Result<Self, KeyFault> {
        let Record { text, algorithm, .. } = Record::of(pem, "", "")?;
        let (_, letters) = text.rsplit_once("p=").ok_or(KeyFault::Unusable)?;
        let bytes = BASE64.decode(letters.as_bytes()).map_err(|_| KeyFault::Unusable)?;
        Ok(Self { algorithm, bytes })
    }

    /// The text of its record.
    pub fn record(&self) -> String {
        format!("v=DKIM1; k={}; p={}", self.algorithm.as_str(), BASE64.encode(&self.bytes))
    }

    /// Bits of an RSA key's modulus; none when it is none.
    pub fn bits(&self) -> Option<usize> {
        match self.algorithm {
            Algorithm::Rsa => rsa_bits(&self.bytes),
            Algorithm::Ed25519 => (self.bytes.len() == 32).then_some(256),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_key_and_its_record_agree() {
        let generated = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
        let key = PublicKey::of_private_pem(generated.serialize_pem().as_bytes()).unwrap();
        assert_eq!((key.algorithm, key.bits()), (Algorithm::Ed25519, Some(256)));
        assert_eq!(key.bytes, generated.public_key_raw());
        assert!(key.record().starts_with("v=DKIM1; k=ed25519; p="));
        assert!(PublicKey::of_private_pem(b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----").is_err());
        assert!(PublicKey::of_private_pem(b"").is_err());
    }
}
