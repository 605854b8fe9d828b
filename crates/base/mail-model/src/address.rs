//! A mail address as Japan uses them: RFC 5321, the irregular local parts that docomo and au handed out, and letters
//! of any script (RFC 6531).

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use icu_normalizer::ComposingNormalizerBorrowed;
use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
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
/// docomo and au issued until 2009 (`a..b@docomo.ne.jp`). The domain is kept in lower case and in ASCII: `例え.jp` as
/// `xn--r8jz45g.jp`, by UTS 46. A local part may have letters of any script, kept in NFC; only servers that announce
/// SMTPUTF8 take such an address, see [`Self::needs_smtputf8`].
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

    /// The address as people write it: `taro@例え.jp`. Reports show this form, so that it is found in the list it came from.
    pub fn for_people(&self) -> Cow<'_, str> {
        // "xn--" begins every label of another script, and nothing else (RFC 5890 2.3.1).
        if !self.domain().contains("xn--") {
            return Cow::Borrowed(&self.text);
        }
        let (domain, _) = idna::domain_to_unicode(self.domain());
        Cow::Owned(format!("{}@{domain}", self.local()))
    }

    /// Whether it can be spoken only to a server that announces SMTPUTF8, RFC 6531: its local part is not ASCII.
    pub fn needs_smtputf8(&self) -> bool {
        !self.local().is_ascii()
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

/// The dot-string of RFC 6531 3.3: any letter beyond ASCII, and none that cannot be seen or that was not meant.
fn local_is_international(local: &str) -> bool {
    local.chars().all(|c| if c.is_ascii() { local_is_dot_string(c.encode_utf8(&mut [0; 4])) } else { is_letter(c) })
}

/// Refused are white space, what has no shape of its own (two addresses would look the same), and the full-width forms:
/// `ｔａｒｏ` is a slip of the keyboard and no mailbox.
fn is_letter(c: char) -> bool {
    let has_no_shape = matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff0}'..='\u{ffff}' | '\u{e0000}'..='\u{10ffff}');
    let is_private = ('\u{e000}'..='\u{f8ff}').contains(&c);
    let is_full_or_half_width = ('\u{ff00}'..='\u{ffef}').contains(&c);
    !c.is_control() && !c.is_whitespace() && !has_no_shape && !is_private && !is_full_or_half_width
}

/// The local part as it is kept.
fn local_form(local: &str) -> Result<Cow<'_, str>, AddressError> {
    // NFC makes a text shorter by a third at most; what is far too long is not normalised first.
    if local.len() > 4 * LOCAL_BYTES_MAX {
        return Err(AddressError::LocalTooLong);
    }
    let is_ascii = local.is_ascii();
    let kept = if is_ascii { Cow::Borrowed(local) } else { ComposingNormalizerBorrowed::new_nfc().normalize(local) };
    if kept.len() > LOCAL_BYTES_MAX {
        return Err(AddressError::LocalTooLong);
    }
    let is_good = match is_ascii {
        true => local_is_dot_string(&kept) || local_is_quoted(&kept),
        false => local_is_international(&kept),
    };
    if is_good { Ok(kept) } else { Err(AddressError::LocalCharacter) }
}

/// The domain as it is kept.
fn domain_form(domain: &str) -> Result<Cow<'_, str>, AddressError> {
    let mut kept = match domain.is_ascii() {
        true => Cow::Borrowed(domain),
        false if domain.len() > 4 * DOMAIN_BYTES_MAX => return Err(AddressError::Domain),
        false => {
            // Lengths are checked below, as for every domain.
            let (hyphens, length) = (Hyphens::CheckFirstLast, DnsLength::Ignore);
            let ascii = Uts46::new().to_ascii(domain.as_bytes(), AsciiDenyList::URL, hyphens, length);
            ascii.map_err(|_| AddressError::Domain)?
        }
    };
    if !domain_is_host_name(&kept) {
        return Err(AddressError::Domain);
    }
    if kept.bytes().any(|b| b.is_ascii_uppercase()) {
        kept.to_mut().make_ascii_lowercase();
    }
    Ok(kept)
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
        let (local, domain) = (local_form(local)?, domain_form(domain)?);
        Ok(Self { text: format!("{local}@{domain}").into(), at: local.len() })
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
            ("ｔａｒｏ@docomo.ne.jp", AddressError::LocalCharacter),
            ("ta\u{200b}ro@docomo.ne.jp", AddressError::LocalCharacter),
            ("太　郎@docomo.ne.jp", AddressError::LocalCharacter),
            ("太 郎@docomo.ne.jp", AddressError::LocalCharacter),
            ("太\r\n郎@docomo.ne.jp", AddressError::LocalCharacter),
            ("\"太郎\"@docomo.ne.jp", AddressError::LocalCharacter),
            ("a@docomo .ne.jp", AddressError::Domain),
            ("a@docomo..jp", AddressError::Domain),
            ("a@例 え.jp", AddressError::Domain),
            ("a@例え..jp", AddressError::Domain),
            ("a@例え.jp.", AddressError::Domain),
            ("a@-例え.jp", AddressError::Domain),
            ("a@xn--.jp\u{ad}", AddressError::Domain),
            ("a@[127.0.0.1]", AddressError::Domain),
            ("a@docomo.ne.jp.", AddressError::Domain),
        ];
        for (text, error) in bad {
            assert_eq!(text.parse::<EmailAddress>(), Err(error), "{text:?}");
        }
        for long in [format!("{}@au.com", "a".repeat(65)), format!("{}@au.com", "あ".repeat(22))] {
            assert_eq!(long.parse::<EmailAddress>(), Err(AddressError::LocalTooLong));
        }
    }

    #[test]
    fn an_international_address_is_kept_in_one_form_only() {
        let table = [
            ("taro@例え.jp", "taro@xn--r8jz45g.jp", false),
            ("taro@例え。JP", "taro@xn--r8jz45g.jp", false),
            ("taro@XN--R8JZ45G.jp", "taro@xn--r8jz45g.jp", false),
            ("taro@ｄｏｃｏｍｏ．ｎｅ．ｊｐ", "taro@docomo.ne.jp", false),
            ("太郎@例え.jp", "太郎@xn--r8jz45g.jp", true),
            ("か\u{3099}っこう@example.jp", "がっこう@example.jp", true),
            ("josé..x@example.jp", "josé..x@example.jp", true),
        ];
        for (given, kept, needs_smtputf8) in table {
            let address: EmailAddress = given.parse().unwrap();
            assert_eq!((address.as_str(), address.needs_smtputf8()), (kept, needs_smtputf8), "{given}");
            assert_eq!(format!("{}@{}", address.local(), address.domain()), kept);
            assert_eq!(kept.parse::<EmailAddress>().as_ref(), Ok(&address), "{given}");
            assert_eq!(address.for_people().parse::<EmailAddress>().as_ref(), Ok(&address), "{given}");
            assert!(!address.for_people().contains("xn--"), "{given}");
        }
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
