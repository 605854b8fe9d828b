//! Keys that a child engine signs with, and the records by which others find their public halves.

use rcgen::{KeyPair, PKCS_ED25519, PKCS_RSA_SHA256, PublicKeyData, RsaKeySize};

use crate::base64::base64;
use crate::error::KitError;
use crate::record::DnsRecord;

/// One key of a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DkimKey {
    /// The domain that it signs for.
    pub domain: String,
    /// Its name below `_domainkey`.
    pub selector: String,
    /// The private key, PEM (PKCS#8).
    pub pem: String,
    published: String,
}

impl DkimKey {
    /// A new RSA key of 2048 bits.
    ///
    /// # Errors
    /// When the library refuses.
    pub fn rsa(domain: &str, selector: &str) -> Result<Self, KitError> {
        let made = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).map_err(fault)?;
        let public = base64(&made.subject_public_key_info());
        Ok(Self::new(domain, selector, &made, format!("v=DKIM1; k=rsa; p={public}")))
    }

    /// A new Ed25519 key (RFC 8463).
    ///
    /// # Errors
    /// When the library refuses.
    pub fn ed25519(domain: &str, selector: &str) -> Result<Self, KitError> {
        let made = KeyPair::generate_for(&PKCS_ED25519).map_err(fault)?;
        let public = base64(made.public_key_raw());
        Ok(Self::new(domain, selector, &made, format!("v=DKIM1; k=ed25519; p={public}")))
    }

    fn new(domain: &str, selector: &str, made: &KeyPair, published: String) -> Self {
        let (domain, selector) = (domain.to_owned(), selector.to_owned());
        Self { domain, selector, pem: made.serialize_pem(), published }
    }

    /// What stands in DNS.
    pub fn record(&self) -> DnsRecord {
        DnsRecord::txt(&format!("{}._domainkey.{}", self.selector, self.domain), &self.published)
    }

    /// Its file beside the configuration.
    pub(crate) fn file_name(&self) -> String {
        format!("{}.{}.pem", self.selector, self.domain)
    }
}

fn fault(error: rcgen::Error) -> KitError {
    KitError::Certificate(error.to_string())
}
