//! A mail address as Japan uses them: RFC 5321, and the irregular local parts that docomo and au handed out.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Longest local part in octets, RFC 5321 4.5.3.1.1.
pub const LOCAL_BYTES_MAX: usize = 64;
/// Longest domain in octets, RFC 5321 4.5.3.1.2.
pub const DOMAIN_BYTES_MAX: usize = 255;

/// Why a text is no mail address. The text itself is not repeated: errors are logged, addresses are not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AddressError {
    /// No `@`, or nothing on one side of it.
    #[error("the address needs a name, '@' and a domain")]
    NoAt,
    /// The part before `@` is too long.
    #[error("the part before '@' is longer than {LOCAL_BYTES_MAX} bytes")]
    LocalTooLong,
    /// A character that no mailbox has, or that could end an SMTP command.
    #[error("the part before '@' holds a character that mail addresses cannot have")]
    LocalCharacter,
    /// The part after `@` is not a host name.
    #[error("the part after '@' is not a domain name")]
    Domain,
}

/// A mail address that is safe to stand in an SMTP command.
///
/// Accepts RFC 5321 dot-strings and quoted strings, and the dot-strings with leading, trailing or doubled dots that
/// docomo and au issued until 2009 (`a..b@docomo.ne.jp`). Domains are ASCII; the domain is kept in lower case.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EmailAddress {
    text: Box<str>,
    at: usize,
}

impl EmailAddress {
    /// The part before `@`, as given, without quotes added.
    pub fn local(&self) -> &str {
        &self.text[..self.at]
    }

    /// The part after `@`, lower case.
    pub fn domain(&self) -> &str {
        &self.text[self.at + 1..]
    }

    /// The whole address.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the local part breaks RFC 5321 by its dots and would need quotes to be legal.
    pub fn is_irregular(&self) -> bool {
        let local = self.local();
        !local.starts_with('"') && (local.starts_with('.') || local.ends_with('.') || local.contains(".."))
    }

    /// The form for `RCPT TO:<…>`. With `quote_irregular`, `a..b@docomo.ne.jp` becomes `"a..b"@docomo.ne.jp`.
    pub fn wire(&self, quote_irregular: bool) -> Cow<'_, str> {
        if quote_irregular && self.is_irregular() {
            Cow::Owned(format!("\"{}\"@{}", self.local(), self.domain()))
        } else {
            Cow::Borrowed(&self.text)
        }
    }
}

fn local_is_dot_string(local: &str) -> bool {
    local.bytes().all(|b| b.is_ascii_alphanumeric() || b".!#$%&'*+-/=?^_`{|}~".contains(&b))
}

fn local_is_quoted(local: &str) -> bool {
    let Some(inner) = local.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return false;
    };
    let mut escaped = false;
    for b in inner.bytes() {
        match b {
            // Spaces and angle brackets are legal inside quotes but no carrier has them, and they make commands ambiguous.
            b' ' | b'<' | b'>' | 0..=0x1f | 0x7f.. => return false,
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return false,
            _ => {}
        }
    }
    !escaped && !inner.is_empty()
}

fn domain_is_host_name(domain: &str) -> bool {
    let label = |l: &str| {
        (1..=63).contains(&l.len())
            && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && !l.starts_with('-')
            && !l.ends_with('-')
    };
    domain.len() <= DOMAIN_BYTES_MAX && domain.split('.').all(label)
}

impl FromStr for EmailAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let at = text.rfind('@').ok_or(AddressError::NoAt)?;
        let (local, domain) = (&text[..at], &text[at + 1..]);
        if local.is_empty() || domain.is_empty() {
            return Err(AddressError::NoAt);
        }
        if local.len() > LOCAL_BYTES_MAX {
            return Err(AddressError::LocalTooLong);
        }
        if !local_is_dot_string(local) && !local_is_quoted(local) {
            return Err(AddressError::LocalCharacter);
        }
        if !domain_is_host_name(domain) {
            return Err(AddressError::Domain);
        }
        Ok(Self { text: format!("{local}@{}", domain.to_ascii_lowercase()).into(), at })
    }
}

impl TryFrom<String> for EmailAddress {
    type Error = AddressError;
    fn try_from(text: String) -> Result<Self, AddressError> {
        text.parse()
    }
}

impl From<EmailAddress> for String {
    fn from(address: EmailAddress) -> Self {
        address.text.into()
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Shows the domain only, so that a `{:?}` in a log line gives nobody away.
impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EmailAddress(…@{})", self.domain())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn japanese_addresses_are_taken_and_dangerous_ones_are_not() {
        let good = [
            "taro@docomo.ne.jp",
            "a..b@docomo.ne.jp",
            "a.@ezweb.ne.jp",
            ".a@ezweb.ne.jp",
            "-everyone..-_-..annoyed-@docomo.ne.jp",
            "o'brien+school@Example.COM",
            "\"a..b\"@docomo.ne.jp",
            "a/b?c@au.com",
        ];
        for text in good {
            assert!(text.parse::<EmailAddress>().is_ok(), "{text}");
        }
        let bad = [
            ("taro", AddressError::NoAt),
            ("@docomo.ne.jp", AddressError::NoAt),
            ("taro@", AddressError::NoAt),
            ("a\r\nRCPT TO:<x@y>@docomo.ne.jp", AddressError::LocalCharacter),
            ("a b@docomo.ne.jp", AddressError::LocalCharacter),
            ("a>b@docomo.ne.jp", AddressError::LocalCharacter),
            ("\"a b\"@docomo.ne.jp", AddressError::LocalCharacter),
            ("\"a\"b\"@docomo.ne.jp", AddressError::LocalCharacter),
            ("太郎@docomo.ne.jp", AddressError::LocalCharacter),
            ("a@docomo .ne.jp", AddressError::Domain),
            ("a@docomo..jp", AddressError::Domain),
            ("a@ドコモ.jp", AddressError::Domain),
            ("a@[127.0.0.1]", AddressError::Domain),
            ("a@docomo.ne.jp.", AddressError::Domain),
        ];
        for (text, error) in bad {
            assert_eq!(text.parse::<EmailAddress>(), Err(error), "{text:?}");
        }
        let long = format!("{}@au.com", "a".repeat(65));
        assert_eq!(long.parse::<EmailAddress>(), Err(AddressError::LocalTooLong));
    }

    #[test]
    fn only_irregular_local_parts_are_quoted_on_the_wire() {
        let table = [
            ("a..b@docomo.ne.jp", "\"a..b\"@docomo.ne.jp"),
            (".a@docomo.ne.jp", "\".a\"@docomo.ne.jp"),
            ("a.b@docomo.ne.jp", "a.b@docomo.ne.jp"),
            ("\"a..b\"@docomo.ne.jp", "\"a..b\"@docomo.ne.jp"),
        ];
        for (given, wire) in table {
            let address: EmailAddress = given.parse().unwrap();
            assert_eq!(address.wire(true), wire);
            assert_eq!(address.wire(false), given);
        }
    }

    #[test]
    fn debug_output_does_not_give_the_mailbox_away() {
        let address: EmailAddress = "taro.yamada@Docomo.NE.jp".parse().unwrap();
        assert_eq!(format!("{address:?}"), "EmailAddress(…@docomo.ne.jp)");
    }
}
