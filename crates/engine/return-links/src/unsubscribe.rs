//! The token of List-Unsubscribe (RFC 2369, RFC 8058): in a mailto address and in a one-click link.

use mail_model::{EmailAddress, NotificationId};

use crate::keys::{Keys, KeysError, Purpose};
use crate::refused::Refused;
use crate::text::{self, Domain};

const PREFIX: &str = "u+";
const MAC_BYTES: usize = 16;
const LOCAL_BYTES: usize = 49;

/// Mints and verifies unsubscribe tokens.
#[derive(Clone, Debug)]
pub struct UnsubscribeLinks {
    keys: Keys,
    domain: Domain,
}

impl UnsubscribeLinks {
    /// Mailto addresses stand under `domain`, the domain of return paths.
    ///
    /// # Errors
    /// [`KeysError::Domain`] when addresses under it would be too long.
    pub fn new(keys: Keys, domain: &str) -> Result<Self, KeysError> {
        Ok(Self { keys, domain: Domain::new(domain, LOCAL_BYTES)? })
    }

    /// The domain of the mailto addresses, lower case.
    pub fn domain(&self) -> &str {
        self.domain.as_str()
    }

    /// The token of a notification's recipient: 47 letters and digits, safe in a path of a URL.
    pub fn token(&self, id: NotificationId) -> String {
        text::seal::<MAC_BYTES>(&self.keys, Purpose::Unsubscribe, &text::id_bytes(id))
    }

    /// The address for `List-Unsubscribe: <mailto:…>`.
    pub fn mailbox(&self, id: NotificationId) -> EmailAddress {
        self.domain.address(PREFIX, &self.token(id))
    }

    /// Whose token this is.
    ///
    /// # Errors
    /// Why it is not one of ours.
    pub fn verify(&self, token: &str) -> Result<NotificationId, Refused> {
        text::open::<12, MAC_BYTES>(&self.keys, Purpose::Unsubscribe, token).map(text::id_of)
    }

    /// Whose mailto address this local part is. The caller has compared the domain.
    ///
    /// # Errors
    /// Why it is not one of ours.
    pub fn verify_local(&self, local: &str) -> Result<NotificationId, Refused> {
        self.verify(text::after_prefix(local, PREFIX)?)
    }
}
