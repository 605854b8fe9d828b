//! Where a mailbox of our own forwards its mail, so that we see what arrives there: one address per mailbox.

use mail_model::EmailAddress;

use crate::keys::{Keys, KeysError, Purpose};
use crate::refused::Refused;
use crate::text::{self, Domain};

const PREFIX: &str = "canary+";
const MAC_BYTES: usize = 10;
/// With the longest name that a mailbox may have, 24 bytes.
const LOCAL_BYTES: usize = 49;

/// Mints and verifies the addresses to which canary mailboxes forward.
///
/// The address is fixed, since a mailbox's forwarding is set up once by hand; which mail arrived, the mail tells. Only
/// those who set up the forwarding know the address, and nobody can make one up.
#[derive(Clone, Debug)]
pub struct CanaryAddresses {
    keys: Keys,
    domain: Domain,
}

impl CanaryAddresses {
    /// Addresses under `domain`, the domain of return paths.
    ///
    /// # Errors
    /// [`KeysError::Domain`] when addresses under it would be too long.
    pub fn new(keys: Keys, domain: &str) -> Result<Self, KeysError> {
        Ok(Self { keys, domain: Domain::new(domain, LOCAL_BYTES)? })
    }

    /// The domain of all these addresses, lower case.
    pub fn domain(&self) -> &str {
        self.domain.as_str()
    }

    /// The address for the mailbox of this name, the same as long as the key is in force. `None` for a name that is
    /// longer than 24 bytes or has other characters than lower-case letters, digits and `-`.
    pub fn mint(&self, mailbox: &str) -> Option<EmailAddress> {
        let tag = text::tag::<MAC_BYTES>(&self.keys, Purpose::Canary, mailbox.as_bytes()).to_ascii_lowercase();
        let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let fits = (1..=24).contains(&mailbox.len()) && mailbox.bytes().all(legal);
        fits.then(|| self.domain.address(PREFIX, &format!("{mailbox}.{tag}")))
    }

    /// The name of the mailbox that this local part was minted for. The caller has compared the domain, and knows
    /// whether there is such a mailbox still.
    ///
    /// # Errors
    /// Why it is not one of ours.
    pub fn verify(&self, local: &str) -> Result<String, Refused> {
        let (mailbox, tag) = text::after_prefix(local, PREFIX)?.rsplit_once('.').ok_or(Refused::Malformed)?;
        // Some systems write local parts in upper case.
        let mailbox = mailbox.to_ascii_lowercase();
        text::check_tag::<MAC_BYTES>(&self.keys, Purpose::Canary, mailbox.as_bytes(), tag.as_bytes())?;
        Ok(mailbox)
    }
}
