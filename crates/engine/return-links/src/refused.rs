//! Why an address or a token that came back is not taken.

use thiserror::Error;

/// Why an address or a token that came back is not taken. For counters and logs; whoever sent it hears one answer for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Refused {
    /// Not of the form that we mint.
    #[error("not of our form")]
    Malformed,
    /// Of our form, and not made with any of our keys for this purpose.
    #[error("not made by us")]
    WrongMac,
    /// Made by us, too long ago.
    #[error("too old")]
    TooOld,
}

impl Refused {
    /// As written in labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::WrongMac => "wrong_mac",
            Self::TooOld => "too_old",
        }
    }
}
