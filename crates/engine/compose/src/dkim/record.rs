//! The DNS record by which a key's signatures are verified.

use std::fmt;

use crate::dkim::key::{Algorithm, KeyFault, PrivateKey};

/// Longest string of a TXT record, RFC 1035 3.3.14.
const STRING_BYTES_MAX: usize = 255;

/// The TXT record of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its name, with the final dot.
    pub name: String,
    /// Its text, to be cut into strings; see [`Record::strings`].
    pub text: String,
    /// What the key is.
    pub algorithm: Algorithm,
}

impl Record {
    /// The record of a private key in PEM (PKCS#8).
    ///
    /// # Errors
    /// Why it is no key that signs.
    pub fn of(pem: &[u8], domain: &str, selector: &str) -> Result<Self, KeyFault> {
        let key = PrivateKey::from_pem(pem)?;
        let algorithm = key.algorithm();
        let public = key.public().ok_or(KeyFault::Unusable)?;
        let text = format!("v=DKIM1; k={}; p={public}", algorithm.as_str());
        Ok(Self { name: format!("{selector}._domainkey.{domain}."), text, algorithm })
    }

    /// The text in strings of at most 255 bytes; a verifier joins them without anything in between.
    pub fn strings(&self) -> impl Iterator<Item = &str> {
        // The text is ASCII, so every place is between two characters.
        (0..self.text.len()).step_by(STRING_BYTES_MAX).filter_map(|start| {
            let end = self.text.len().min(start + STRING_BYTES_MAX);
            self.text.get(start..end)
        })
    }
}

/// As a line of a zone file.
impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} IN TXT (", self.name)?;
        for string in self.strings() {
            write!(f, " \"{string}\"")?;
        }
        f.write_str(" )")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8463 A.2: the private key as PKCS#8, and its record.
    const SEED: &str = "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g";

    #[test]
    fn the_key_of_rfc_8463_has_the_record_of_rfc_8463() {
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{SEED}\n-----END PRIVATE KEY-----\n");
        let record = Record::of(pem.as_bytes(), "football.example.com", "brisbane").unwrap();
        let line = "brisbane._domainkey.football.example.com. IN TXT ( \
            \"v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\" )";
        assert_eq!(record.to_string(), line);
    }

    #[test]
    fn the_record_of_an_rsa_key_is_cut_into_strings_that_dns_takes() {
        let pem = crate::dkim::key::new_key(Algorithm::Rsa).unwrap();
        let record = Record::of(pem.as_bytes(), "example.jp", "s1").unwrap();
        let strings: Vec<&str> = record.strings().collect();
        assert_eq!(strings.len(), 2);
        assert!(strings.iter().all(|string| string.len() <= STRING_BYTES_MAX));
        assert_eq!(strings.concat(), record.text);
        assert!(record.text.starts_with("v=DKIM1; k=rsa; p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA"));
    }
}
