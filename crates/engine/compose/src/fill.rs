//! What differs between the recipients of one message.

use mail_model::{EmailAddress, NotificationId, UnixMs};
use minijinja::value::{Serde, Value as Filled};
use serde_json::{Map, Value};

use crate::charset::Charset;

/// One recipient's share of a mail. Nothing in it depends on the attempt, so a retry has the same bytes.
#[derive(Clone, Copy, Debug)]
pub struct Fill<'a> {
    /// Makes the `Message-ID`.
    pub id: NotificationId,
    /// The recipient.
    pub to: &'a EmailAddress,
    /// The recipient's name, shown in `To` and known to marks as `name`.
    pub name: Option<&'a str>,
    /// The recipient's own values.
    pub substitutions: &'a Map<String, Value>,
    /// Values for every recipient of the message.
    pub message_substitutions: &'a Map<String, Value>,
    /// When the message was accepted; makes `Date`.
    pub date: UnixMs,
    /// Right side of the `Message-ID`, a host name.
    pub host: &'a str,
    /// What the recipient's carrier reads. A mail that would lose a character goes out in UTF-8 all the same, and so
    /// does a content that was parsed for UTF-8 only.
    pub charset: Charset,
    /// How the recipient unsubscribes; written unless the content has a List-Unsubscribe of its own.
    pub unsubscribe: Option<Unsubscribe<'a>>,
}

/// The two ways of List-Unsubscribe (RFC 2369, RFC 8058), made for one recipient.
#[derive(Clone, Copy, Debug)]
pub struct Unsubscribe<'a> {
    /// The one-click link, https.
    pub link: Option<&'a str>,
    /// The mailbox that takes the same wish by mail.
    pub mailbox: &'a EmailAddress,
}

impl Fill<'_> {
    /// What a mark's name stands for: the recipient's own value, then `name` and `email`, then the message's value.
    /// A JSON `null` counts as not given: it would otherwise print as "none".
    pub(crate) fn find(&self, name: &str) -> Option<Filled> {
        let own = self.substitutions.get(name).filter(|value| !value.is_null());
        if let Some(value) = own {
            return Some(Filled::from(Serde(value)));
        }
        match name {
            "name" if self.name.is_some() => self.name.map(Filled::from),
            "email" => Some(Filled::from(self.to.for_people().as_ref())),
            _ => {
                let shared = self.message_substitutions.get(name).filter(|value| !value.is_null());
                shared.map(|value| Filled::from(Serde(value)))
            }
        }
    }
}
