//! One private key: read from PEM, made anew, and what it signs.

use std::fmt;

use aws_lc_rs::digest::Digest;
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use data_encoding::BASE64;
use thiserror::Error;

const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";
/// Characters of a line of PEM, RFC 7468 2.
const PEM_LINE: usize = 64;

/// Why a text is no key that signs. Nothing of the text is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum KeyFault {
    /// No PEM, or no private key in it.
    #[error("it holds no PEM block `{BEGIN}`; `todoke dkim new` makes one")]
    NoPem,
    /// PKCS#1, as older OpenSSL writes it.
    #[error("it is an RSA key in the older form PKCS#1; convert it with `openssl pkcs8 -topk8 -nocrypt`")]
    Pkcs1,
    /// Behind a passphrase.
    #[error("it is encrypted; decrypt it with `openssl pkcs8` and protect the file by its mode 0400")]
    Encrypted,
    /// What the PEM holds is no such key.
    #[error("it is neither an RSA key of 2048 to 8192 bits nor an Ed25519 key")]
    Unusable,
}

/// The kind of a key, `k=` of its DNS record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// RSA with SHA-256: what every verifier knows.
    Rsa,
    /// Ed25519 with SHA-256, RFC 8463: small and quick, known to few verifiers yet, ignored by the others.
    Ed25519,
}

impl Algorithm {
    /// As in a DNS record.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rsa => "rsa",
            Self::Ed25519 => "ed25519",
        }
    }

    /// `a=` of a signature.
    pub(crate) fn of_signature(self) -> &'static str {
        match self {
            Self::Rsa => "rsa-sha256",
            Self::Ed25519 => "ed25519-sha256",
        }
    }
}

/// A private key.
pub(crate) enum PrivateKey {
    Rsa(Box<RsaKeyPair>),
    Ed25519(Box<Ed25519KeyPair>),
}

impl PrivateKey {
    /// Reads an unencrypted PKCS#8 key from PEM.
    pub fn from_pem(pem: &[u8]) -> Result<Self, KeyFault> {
        let der = der_of(pem)?;
        if let Ok(key) = Ed25519KeyPair::from_pkcs8(&der) {
            return Ok(Self::Ed25519(Box::new(key)));
        }
        RsaKeyPair::from_pkcs8(&der).map(|key| Self::Rsa(Box::new(key))).map_err(|_| KeyFault::Unusable)
    }

    pub fn algorithm(&self) -> Algorithm {
        match self {
            Self::Rsa(_) => Algorithm::Rsa,
            Self::Ed25519(_) => Algorithm::Ed25519,
        }
    }

    /// Length of a signature.
    pub fn signature_bytes(&self) -> usize {
        match self {
            Self::Rsa(key) => key.public_modulus_len(),
            Self::Ed25519(_) => 64,
        }
    }

    /// Signs a SHA-256 digest. RSA pads it by PKCS#1 v1.5, Ed25519 takes its bytes as the message (RFC 8463 3); both
    /// give the same signature every time. `None` only when the machine has no memory left.
    pub fn sign(&self, digest: &Digest) -> Option<Vec<u8>> {
        match self {
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign_digest(&RSA_PKCS1_SHA256, digest, &mut signature).ok()?;
                Some(signature)
            }
            Self::Ed25519(key) => Some(key.try_sign(digest.as_ref()).ok()?.as_ref().to_vec()),
        }
    }

    /// `p=` of its DNS record: for RSA the SubjectPublicKeyInfo, as everybody publishes it, for Ed25519 the 32 bytes.
    pub fn public(&self) -> Option<String> {
        match self {
            Self::Rsa(key) => {
                let der: PublicKeyX509Der<'_> = key.public_key().as_der().ok()?;
                Some(BASE64.encode(der.as_ref()))
            }
            Self::Ed25519(key) => Some(BASE64.encode(key.public_key().as_ref())),
        }
    }
}

/// Shows its kind and nothing of it.
impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.algorithm().as_str())
    }
}

/// A new key as PEM (PKCS#8), from the machine's own randomness; RSA with 2048 bits. `None` when the machine has none
/// to give.
pub fn new_key(algorithm: Algorithm) -> Option<String> {
    let der: Pkcs8V1Der<'_> = match algorithm {
        Algorithm::Rsa => RsaKeyPair::generate(KeySize::Rsa2048).ok()?.as_der().ok()?,
        Algorithm::Ed25519 => Ed25519KeyPair::generate().ok()?.as_der().ok()?,
    };
    let text = BASE64.encode(der.as_ref());
    let mut pem = format!("{BEGIN}\n");
    for line in text.as_bytes().chunks(PEM_LINE) {
        pem.extend(line.iter().map(|b| char::from(*b)));
        pem.push('\n');
    }
    pem.push_str(END);
    pem.push('\n');
    Some(pem)
}

fn der_of(pem: &[u8]) -> Result<Vec<u8>, KeyFault> {
    let text = std::str::from_utf8(pem).map_err(|_| KeyFault::NoPem)?;
    let Some((_, rest)) = text.split_once(BEGIN) else {
        return Err(match text {
            _ if text.contains("-----BEGIN RSA PRIVATE KEY-----") => KeyFault::Pkcs1,
            _ if text.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----") => KeyFault::Encrypted,
            _ => KeyFault::NoPem,
        });
    };
    let (body, _) = rest.split_once(END).ok_or(KeyFault::NoPem)?;
    let digits: Vec<u8> = body.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    BASE64.decode(&digits).map_err(|_| KeyFault::NoPem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_key_is_named_with_its_remedy() {
        let block = |name: &str| format!("-----BEGIN {name}-----\nQUJD\n-----END {name}-----\n");
        let table = [
            (String::new(), KeyFault::NoPem),
            ("\u{e9}".to_owned(), KeyFault::NoPem),
            (block("CERTIFICATE"), KeyFault::NoPem),
            (block("RSA PRIVATE KEY"), KeyFault::Pkcs1),
            (block("ENCRYPTED PRIVATE KEY"), KeyFault::Encrypted),
            (block("PRIVATE KEY"), KeyFault::Unusable),
            (format!("{BEGIN}\nQUJD\n"), KeyFault::NoPem),
            (format!("{BEGIN}\n!!\n{END}\n"), KeyFault::NoPem),
        ];
        for (pem, fault) in table {
            assert_eq!(PrivateKey::from_pem(pem.as_bytes()).map(|_| ()), Err(fault), "{pem}");
        }
    }

    #[test]
    fn a_new_key_reads_back() {
        for algorithm in [Algorithm::Rsa, Algorithm::Ed25519] {
            let pem = new_key(algorithm).unwrap();
            assert!(pem.lines().all(|line| line.len() <= PEM_LINE));
            let key = PrivateKey::from_pem(pem.as_bytes()).unwrap();
            assert_eq!(key.algorithm(), algorithm);
            let again = PrivateKey::from_pem(pem.replace('\n', "\r\n").as_bytes()).unwrap();
            assert_eq!(key.public(), again.public());
            assert_eq!(format!("{key:?}"), algorithm.as_str());
        }
    }
}
