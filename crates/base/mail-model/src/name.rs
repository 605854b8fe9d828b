//! Short names that are safe in a metric label, a log line, a key and a URL.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Longest name, in bytes.
pub const NAME_BYTES_MAX: usize = 64;

/// Why a text is no name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NameError {
    /// Nothing was given.
    #[error("a name is empty; give 1 to {NAME_BYTES_MAX} characters")]
    Empty,
    /// Longer than [`NAME_BYTES_MAX`].
    #[error("the name is {0} bytes long; at most {NAME_BYTES_MAX} are allowed")]
    TooLong(usize),
    /// A character outside `[A-Za-z0-9._:/@-]`.
    #[error("the name holds {0:?}; letters, digits and . _ : / @ - are allowed")]
    BadCharacter(char),
}

fn check(text: &str, may_be_empty: bool) -> Result<(), NameError> {
    if text.is_empty() && !may_be_empty {
        return Err(NameError::Empty);
    }
    if text.len() > NAME_BYTES_MAX {
        return Err(NameError::TooLong(text.len()));
    }
    let bad = |c: &char| !(c.is_ascii_alphanumeric() || "._:/@-".contains(*c));
    text.chars().find(bad).map_or(Ok(()), |c| Err(NameError::BadCharacter(c)))
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, may_be_empty = $empty:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks and takes a name.
            pub fn new(text: &str) -> Result<Self, NameError> {
                check(text, $empty).map(|()| Self(text.into()))
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                Self::new(&text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0.to_string()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }
    };
}

name!(
    /// Whose mail system it is: `docomo`, `au`, … or `other`.
    CarrierName,
    may_be_empty = false
);
name!(
    /// Which system of a carrier: a recipient's domain. Empty in the egress path of a carrier that has a profile.
    SiteName,
    may_be_empty = true
);
name!(
    /// One source IP address with its EHLO name.
    SourceName,
    may_be_empty = false
);
name!(
    /// A set of weighted sources.
    PoolName,
    may_be_empty = false
);
name!(
    /// What the caller counts together, usually one notice.
    CampaignName,
    may_be_empty = false
);
name!(
    /// Whose notice it is, usually a school's code.
    TenantName,
    may_be_empty = false
);

impl CarrierName {
    /// The carrier of every domain that no profile claims.
    pub fn other() -> Self {
        Self("other".into())
    }

    /// Whether this is [`CarrierName::other`].
    pub fn is_other(&self) -> bool {
        &*self.0 == "other"
    }
}

impl PoolName {
    /// No pool in particular: each mail leaves by the pool of its carrier's profile.
    pub fn auto() -> Self {
        Self("auto".into())
    }

    /// Whether this is [`PoolName::auto`].
    pub fn is_auto(&self) -> bool {
        &*self.0 == "auto"
    }
}

impl SiteName {
    /// The site in the egress path of a carrier that has a profile.
    pub fn none() -> Self {
        Self("".into())
    }
}

impl SourceName {
    /// Stands where a claim needs a source and nothing is sent.
    pub fn nowhere() -> Self {
        Self("-".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_could_break_a_label_or_a_key_is_refused() {
        let table = [
            ("docomo", None),
            ("school-13:notice/7", None),
            ("", Some(NameError::Empty)),
            ("a b", Some(NameError::BadCharacter(' '))),
            ("a\"b", Some(NameError::BadCharacter('"'))),
            ("学校", Some(NameError::BadCharacter('学'))),
        ];
        for (text, error) in table {
            assert_eq!(CarrierName::new(text).err(), error, "{text:?}");
        }
        assert_eq!(PoolName::new(&"a".repeat(65)).err(), Some(NameError::TooLong(65)));
        assert!(SiteName::new("").is_ok());
    }
}
