//! Ids: one per message, and one per notification (that message to one address).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why a text is no id.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("not an id: a message id is 16 hex digits, a notification id is 16 hex digits, '-', 8 hex digits")]
pub struct IdError;

/// One content handed in by one call. Ordered by time of acceptance; unique within a queue directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MessageId(pub u64);

/// A message to one address. The same on every retry; it makes the `Message-ID` header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NotificationId {
    /// The message.
    pub message: MessageId,
    /// The recipient's place in the message's list, from 0.
    pub index: u32,
}

fn hex(text: &str, digits: usize) -> Result<u64, IdError> {
    let plain = text.len() == digits && text.bytes().all(|b| b.is_ascii_hexdigit());
    if !plain {
        return Err(IdError);
    }
    u64::from_str_radix(text, 16).map_err(|_| IdError)
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for MessageId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        hex(text, 16).map(Self)
    }
}

impl fmt::Display for NotificationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:08x}", self.message, self.index)
    }
}

impl FromStr for NotificationId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let (message, index) = text.split_once('-').ok_or(IdError)?;
        let index = u32::try_from(hex(index, 8)?).map_err(|_| IdError)?;
        Ok(Self { message: message.parse()?, index })
    }
}

macro_rules! as_text {
    ($id:ident) => {
        impl TryFrom<String> for $id {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                text.parse()
            }
        }
        impl From<$id> for String {
            fn from(id: $id) -> Self {
                id.to_string()
            }
        }
    };
}
as_text!(MessageId);
as_text!(NotificationId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_as_it_was_written() {
        let id = NotificationId { message: MessageId(0x0193_5a2b_0000_0001), index: 41_999 };
        assert_eq!(id.to_string(), "01935a2b00000001-0000a40f");
        assert_eq!(id.to_string().parse(), Ok(id));
        for bad in [
            "",
            "1",
            "01935a2b00000001",
            "01935a2b00000001-1",
            "+1935a2b00000001-0000a40f",
            "zz935a2b00000001-0000a40f",
        ] {
            assert_eq!(bad.parse::<NotificationId>(), Err(IdError), "{bad:?}");
        }
    }
}
