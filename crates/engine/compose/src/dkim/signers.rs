//! All keys, and which of them are in force for a domain at a time.

use std::collections::HashMap;
use std::sync::Arc;

use mail_model::UnixMs;
use thiserror::Error;

use crate::dkim::key::{Algorithm, KeyFault, PrivateKey};

/// A key as the configuration names it.
#[derive(Clone, Copy, Debug)]
pub struct KeyFile<'a> {
    /// `d=`: the domain of the From addresses that it signs.
    pub domain: &'a str,
    /// `s=`: its name below `_domainkey`.
    pub selector: &'a str,
    /// The private key, PEM (PKCS#8).
    pub pem: &'a [u8],
    /// When it begins to sign; `None`: it always did.
    pub since: Option<UnixMs>,
    /// When it does not sign any more; `None`: never.
    pub until: Option<UnixMs>,
}

/// A key that cannot sign.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the DKIM key {selector} of {domain} cannot be used: {fault}")]
pub struct SigningError {
    /// The key's domain.
    pub domain: String,
    /// The key's selector.
    pub selector: String,
    /// What is wrong with it.
    pub fault: KeyFault,
}

/// One key with its name and its time.
#[derive(Debug)]
pub struct Signer {
    pub(crate) key: PrivateKey,
    domain: Box<str>,
    selector: Box<str>,
    since: Option<UnixMs>,
    until: Option<UnixMs>,
}

impl Signer {
    /// `d=`.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// `s=`.
    pub fn selector(&self) -> &str {
        &self.selector
    }

    /// What the key is.
    pub fn algorithm(&self) -> Algorithm {
        self.key.algorithm()
    }

    fn is_in_force(&self, at: UnixMs) -> bool {
        self.since.is_none_or(|since| since <= at) && self.until.is_none_or(|until| at < until)
    }

    /// More than its signature field takes: the names of all fields that are signed, twice, and the folds included.
    fn bytes_max(&self) -> usize {
        800 + self.domain.len() + self.selector.len() + self.key.signature_bytes() * 3 / 2
    }
}

/// The keys that sign one mail: at most one of each algorithm.
#[derive(Clone, Copy, Debug, Default)]
pub struct InForce<'s> {
    /// The RSA key.
    pub rsa: Option<&'s Arc<Signer>>,
    /// The Ed25519 key.
    pub ed25519: Option<&'s Arc<Signer>>,
}

impl<'s> InForce<'s> {
    /// Whether nothing signs.
    pub fn is_empty(&self) -> bool {
        self.rsa.is_none() && self.ed25519.is_none()
    }

    /// The keys, RSA first: its signature stands on top, where verifiers that stop after the first one look.
    pub fn iter(&self) -> impl Iterator<Item = &'s Arc<Signer>> + use<'s> {
        [self.rsa, self.ed25519].into_iter().flatten()
    }
}

/// Every key of a configuration.
#[derive(Debug, Default)]
pub struct Signers {
    /// In each domain the newest first.
    domains: HashMap<Box<str>, Vec<Arc<Signer>>>,
    bytes_max: usize,
}

impl Signers {
    /// Reads all keys. Of two that begin at the same time the later one goes before.
    ///
    /// # Errors
    /// The first key that is none.
    pub fn new<'k>(keys: impl IntoIterator<Item = KeyFile<'k>>) -> Result<Self, SigningError> {
        let mut signers = Self::default();
        for KeyFile { domain, selector, pem, since, until } in keys {
            let domain = domain.to_ascii_lowercase();
            let key = PrivateKey::from_pem(pem).map_err(|fault| SigningError {
                domain: domain.clone(),
                selector: selector.to_owned(),
                fault,
            })?;
            let signer = Signer { key, domain: domain.as_str().into(), selector: selector.into(), since, until };
            signers.bytes_max = signers.bytes_max.max(2 * signer.bytes_max());
            signers.domains.entry(domain.into()).or_default().insert(0, Arc::new(signer));
        }
        for keys in signers.domains.values_mut() {
            keys.sort_by_key(|key| std::cmp::Reverse(key.since));
        }
        Ok(signers)
    }

    /// Whether there is no key at all: nothing is signed and nothing is missed.
    pub fn is_empty(&self) -> bool {
        self.domains.is_empty()
    }

    /// The keys that sign mail from `domain` at a time: of each algorithm the one with the latest beginning. Sub-domains
    /// have keys of their own.
    pub fn for_domain(&self, domain: &str, at: UnixMs) -> InForce<'_> {
        let keys = self.domains.get(domain).map_or(&[][..], Vec::as_slice);
        let newest = |algorithm| keys.iter().find(|key| key.algorithm() == algorithm && key.is_in_force(at));
        InForce { rsa: newest(Algorithm::Rsa), ed25519: newest(Algorithm::Ed25519) }
    }

    /// More bytes than the signatures of any mail take.
    pub(crate) fn bytes_max(&self) -> usize {
        self.bytes_max
    }
}

/// How a mail is signed.
#[derive(Clone, Copy, Debug)]
pub struct Signing<'s> {
    /// All keys.
    pub signers: &'s Signers,
    /// At which time a key must be in force. A time that belongs to the message and not to the attempt, so that a retry
    /// after a change of keys has the same bytes; the record of the key before stays in DNS for that long.
    pub at: UnixMs,
    /// Whether one signature may serve all recipients. It leaves out To and Message-ID.
    pub may_sign_once: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dkim::key::new_key;

    #[test]
    fn the_newest_key_in_force_of_each_algorithm_signs() {
        let pem = [Algorithm::Rsa, Algorithm::Ed25519].map(|algorithm| new_key(algorithm).unwrap());
        let key = |selector, algorithm: usize, since: Option<u64>, until: Option<u64>| KeyFile {
            domain: "Example.JP",
            selector,
            pem: pem[algorithm].as_bytes(),
            since: since.map(UnixMs),
            until: until.map(UnixMs),
        };
        let keys = [
            key("r1", 0, None, None),
            key("r3", 0, Some(300), Some(400)),
            key("r2", 0, Some(200), None),
            key("e1", 1, Some(100), Some(250)),
            key("e0", 1, Some(100), Some(200)),
        ];
        let signers = Signers::new(keys).unwrap();
        let table = [
            (0, Some("r1"), None),
            (100, Some("r1"), Some("e0")),
            (199, Some("r1"), Some("e0")),
            (200, Some("r2"), Some("e1")),
            (250, Some("r2"), None),
            (300, Some("r3"), None),
            (400, Some("r2"), None),
        ];
        for (at, rsa, ed25519) in table {
            let keys = signers.for_domain("example.jp", UnixMs(at));
            let selector = |signer: Option<&Arc<Signer>>| signer.map(|signer| signer.selector().to_owned());
            assert_eq!(selector(keys.rsa).as_deref(), rsa, "{at}");
            assert_eq!(selector(keys.ed25519).as_deref(), ed25519, "{at}");
        }
        assert!(signers.for_domain("a.example.jp", UnixMs(0)).is_empty());
        assert!(!signers.is_empty() && Signers::default().is_empty());
    }

    #[test]
    fn a_key_that_is_none_is_named() {
        let key = KeyFile { domain: "example.jp", selector: "s1", pem: b"x", since: None, until: None };
        let said = Signers::new([key]).unwrap_err().to_string();
        assert!(said.starts_with("the DKIM key s1 of example.jp cannot be used: it holds no PEM block"), "{said}");
    }
}
