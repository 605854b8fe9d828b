//! The envelope sender of one notification (VERP): a bounce to it tells which mail bounced, and that it was ours.

use std::time::Duration;

use mail_model::{EmailAddress, NotificationId, UnixMs};

use crate::keys::{Keys, KeysError, Purpose};
use crate::refused::Refused;
use crate::text::{self, Domain};

const PREFIX: &str = "b+";
const MAC_BYTES: usize = 10;
const LOCAL_BYTES: usize = 39;
/// A message id is its time in milliseconds above this many bits of a running number.
const ID_TIME_SHIFT: u32 = 20;

/// Mints and verifies return paths.
#[derive(Clone, Debug)]
pub struct ReturnPaths {
    keys: Keys,
    domain: Domain,
    window: Duration,
}

impl ReturnPaths {
    /// Return paths under `domain` that are good for `window` after their message was made.
    ///
    /// # Errors
    /// [`KeysError::Domain`] when addresses under it would be too long.
    pub fn new(keys: Keys, domain: &str, window: Duration) -> Result<Self, KeysError> {
        Ok(Self { keys, domain: Domain::new(domain, LOCAL_BYTES)?, window })
    }

    /// The domain of all return paths, lower case.
    pub fn domain(&self) -> &str {
        self.domain.as_str()
    }

    /// The envelope sender of a notification, the same on every attempt.
    pub fn mint(&self, id: NotificationId) -> EmailAddress {
        let sealed = text::seal::<MAC_BYTES>(&self.keys, Purpose::ReturnPath, &text::id_bytes(id));
        self.domain.address(PREFIX, &sealed)
    }

    /// Whose return path this local part is. The caller has compared the domain.
    ///
    /// # Errors
    /// Why it is not one of ours, or no longer good at `now`.
    pub fn verify(&self, local: &str, now: UnixMs) -> Result<NotificationId, Refused> {
        let sealed = text::after_prefix(local, PREFIX)?;
        let id = text::id_of(text::open::<12, MAC_BYTES>(&self.keys, Purpose::ReturnPath, sealed)?);
        let made = UnixMs(id.message.0 >> ID_TIME_SHIFT);
        if now > made + self.window { Err(Refused::TooOld) } else { Ok(id) }
    }
}
