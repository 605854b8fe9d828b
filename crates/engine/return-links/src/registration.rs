//! Where a guardian sends an empty mail to register: one address per school and generation, on letters and in QR codes.

use mail_model::EmailAddress;

use crate::keys::{Keys, KeysError, Purpose};
use crate::refused::Refused;
use crate::text::{self, Domain};

const PREFIX: &str = "r-";
const MAC_BYTES: usize = 8;
const LOCAL_BYTES: usize = 24;

/// Mints and verifies registration addresses.
#[derive(Clone, Debug)]
pub struct RegistrationAddresses {
    keys: Keys,
    domain: Domain,
}

impl RegistrationAddresses {
    /// Registration addresses under `domain`.
    ///
    /// # Errors
    /// [`KeysError::Domain`] when addresses under it would be too long.
    pub fn new(keys: Keys, domain: &str) -> Result<Self, KeysError> {
        Ok(Self { keys, domain: Domain::new(domain, LOCAL_BYTES)? })
    }

    /// The domain of all registration addresses, lower case.
    pub fn domain(&self) -> &str {
        self.domain.as_str()
    }

    /// The address of school `number` in its `generation`, the same at every call as long as the key is in force.
    pub fn mint(&self, number: u32, generation: u8) -> EmailAddress {
        let [a, b, c, d] = number.to_be_bytes();
        let sealed = text::seal::<MAC_BYTES>(&self.keys, Purpose::Registration, &[a, b, c, d, generation]);
        self.domain.address(PREFIX, &sealed)
    }

    /// The school's number and the generation of this local part. The caller has compared the domain, and decides
    /// whether the generation is in force. Digits that base32 does not have are read as the letters they look like.
    ///
    /// # Errors
    /// Why it is not one of ours.
    pub fn verify(&self, local: &str) -> Result<(u32, u8), Refused> {
        let typed: String = text::after_prefix(local, PREFIX)?.chars().map(meant).collect();
        let [a, b, c, d, generation] = text::open::<5, MAC_BYTES>(&self.keys, Purpose::Registration, &typed)?;
        Ok((u32::from_be_bytes([a, b, c, d]), generation))
    }
}

/// What somebody meant who typed a digit that base32 does not have.
fn meant(typed: char) -> char {
    match typed {
        '0' => 'o',
        '1' => 'l',
        '8' => 'b',
        other => other,
    }
}
