//! Values that are written as text: host names, suffixes, choices, dates, and the names of `mail-model`.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use mail_model::{AddressError, CarrierName, EmailAddress, NameError, PoolName, SourceName, UnixMs};

use crate::written::document::{Node, Value};
use crate::written::setting::Kind;
use crate::written::value::{FromText, FromToml, Wrong, other_type};

/// Form of a [`HostName`].
pub(crate) const HOST_FORM: &str = "a host name such as mx1.example.jp";
/// Form of a [`DomainSuffix`].
pub(crate) const SUFFIX_FORM: &str = "a suffix with its dot, such as .ezweb.ne.jp";
/// Form of the names of sources and pools.
pub(crate) const NAME_FORM: &str = "a name of 1 to 64 letters, digits and . _ : / @ -";
/// Form of a [`TlsPolicy`].
pub(crate) const TLS_FORM: &str = "one of \"off\", \"opportunistic\", \"required\"";
/// Form of an [`IpVersion`].
pub(crate) const IP_VERSION_FORM: &str = "one of \"v4\", \"v4_v6\"";
/// Form of a [`Charset`].
pub(crate) const CHARSET_FORM: &str = "one of \"utf-8\", \"iso-2022-jp\"";
/// Form of a [`SignOnce`].
pub(crate) const SIGN_ONCE_FORM: &str = "one of \"never\", \"emergency\", \"always\"";
/// Form of an [`HttpsUrl`].
pub(crate) const URL_FORM: &str = "an address such as https://renraku.example.jp/u/";
/// Form of a [`PoolKind`].
pub(crate) const KIND_FORM: &str = "one of \"wide\", \"narrow\"";
/// Form of a [`CanaryName`].
pub(crate) const CANARY_NAME_FORM: &str = "a name of 1 to 24 lower-case letters, digits and -, such as docomo-1";
/// Form of a [`CanaryWay`].
pub(crate) const CANARY_WAY_FORM: &str = "one of \"forward\", \"webhook\"";
/// Form of a [`LogLevel`].
pub(crate) const LOG_LEVEL_FORM: &str = "one of \"error\", \"warn\", \"info\", \"debug\", \"trace\"";

/// A DNS name in lower case without the final dot, at most 253 characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostName(Box<str>);

/// The end of a DNS name, with its leading dot, in lower case: `.ezweb.ne.jp`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DomainSuffix(Box<str>);

fn is_label(label: &str) -> bool {
    let legal = label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    (1..=63).contains(&label.len()) && legal && !label.starts_with('-') && !label.ends_with('-')
}

impl HostName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl DomainSuffix {
    /// The suffix with its leading dot.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromText for HostName {
    fn from_text(text: &str) -> Result<Self, String> {
        let name = text.strip_suffix('.').unwrap_or(text);
        if name.parse::<IpAddr>().is_ok() {
            return Err(format!("{text:?} is an address and not a name"));
        }
        if name.len() > 253 || !name.split('.').all(is_label) {
            return Err(format!("{text:?} is no host name"));
        }
        Ok(Self(name.to_ascii_lowercase().into()))
    }
}

impl FromText for DomainSuffix {
    fn from_text(text: &str) -> Result<Self, String> {
        match text.strip_prefix('.').map(HostName::from_text) {
            Some(Ok(name)) => Ok(Self(format!(".{name}").into())),
            Some(Err(_)) => Err(format!("{text:?} is no suffix of host names")),
            None => Err(format!("{text:?} does not begin with a dot")),
        }
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for DomainSuffix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! choice {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal),+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$variant_doc])* $variant),+ }

        impl $name {
            /// As written in the configuration.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl FromText for $name {
            fn from_text(text: &str) -> Result<Self, String> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(format!("{text:?} is no choice here")),
                }
            }
        }
    };
}

choice!(
    /// Whether a session to a carrier is encrypted.
    TlsPolicy {
        /// Never: STARTTLS is not used even where it is offered.
        Off = "off",
        /// Where it is offered, without checking the certificate; in clear once when the handshake fails.
        Opportunistic = "opportunistic",
        /// Always: mail waits rather than going in clear.
        Required = "required"
    }
);

choice!(
    /// Which addresses of a carrier's hosts are used.
    IpVersion {
        /// IPv4 only.
        V4 = "v4",
        /// IPv4 first, then IPv6.
        V4V6 = "v4_v6"
    }
);

choice!(
    /// What a pool of sources is for.
    PoolKind {
        /// All members at once: carriers limit each address, so many carry more.
        Wide = "wide",
        /// Few steady addresses, the first ones first.
        Narrow = "narrow"
    }
);

choice!(
    /// How the texts of a mail are encoded.
    Charset {
        /// Everything can be written.
        Utf8 = "utf-8",
        /// For systems that read nothing else: what it cannot write is replaced by what is nearest, and a mail that
        /// would lose a character goes out in UTF-8.
        Iso2022Jp = "iso-2022-jp"
    }
);

choice!(
    /// For which messages one signature serves all recipients.
    SignOnce {
        /// None: every mail is signed by itself.
        Never = "never",
        /// Emergencies, whose minutes count.
        Emergency = "emergency",
        /// All.
        Always = "always"
    }
);

choice!(
    /// How we learn that a canary arrived in its mailbox.
    CanaryWay {
        /// The mailbox forwards it to an address of ours.
        Forward = "forward",
        /// A program that reads the mailbox calls us.
        Webhook = "webhook"
    }
);

choice!(
    /// How much is logged.
    LogLevel {
        /// What needs hands.
        Error = "error",
        /// What may need hands.
        Warn = "warn",
        /// What an operator wants to know.
        Info = "info",
        /// One line a session.
        Debug = "debug",
        /// One line a command.
        Trace = "trace"
    }
);

/// The name of a canary mailbox: it is part of a mail address, so it is short and knows no upper case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CanaryName(Box<str>);

impl CanaryName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromText for CanaryName {
    fn from_text(text: &str) -> Result<Self, String> {
        let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let fits = (1..=24).contains(&text.len()) && text.bytes().all(legal);
        if fits { Ok(Self(text.into())) } else { Err(format!("{text:?} is no such name")) }
    }
}

impl fmt::Display for CanaryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromText for EmailAddress {
    fn from_text(text: &str) -> Result<Self, String> {
        text.parse().map_err(|error: AddressError| error.to_string())
    }
}

/// An https link that other text is put behind: ends in a slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpsUrl(Box<str>);

impl HttpsUrl {
    /// The link, with its final slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromText for HttpsUrl {
    fn from_text(text: &str) -> Result<Self, String> {
        let rest = text.strip_prefix("https://").ok_or_else(|| format!("{text:?} does not begin with https://"))?;
        let host = rest.split(['/', ':']).next().unwrap_or_default();
        HostName::from_text(host)?;
        let plain = rest.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~/:".contains(&b));
        if !plain || !rest.ends_with('/') || rest.len() > 200 {
            return Err(format!("{text:?} does not end in a slash, or holds ?, # or other signs"));
        }
        Ok(Self(text.into()))
    }
}

impl FromText for IpAddr {
    fn from_text(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| format!("{text:?} is no IP address"))
    }
}

impl FromText for SocketAddr {
    fn from_text(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| match text.parse::<IpAddr>() {
            Ok(_) => format!("{text:?} has no port"),
            Err(_) => format!("{text:?} is no address with a port"),
        })
    }
}

macro_rules! model_name {
    ($($name:ident),+) => {$(
        impl FromText for $name {
            fn from_text(text: &str) -> Result<Self, String> {
                Self::new(text).map_err(|error: NameError| error.to_string())
            }
        }
    )+};
}
model_name!(CarrierName, PoolName, SourceName);

/// Midnight in Japan at the beginning of a date. Operators of this program live there; a date has no zone of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct JapanDay(pub UnixMs);

impl FromToml for JapanDay {
    fn from_toml(node: &Node, kind: &Kind) -> Result<Self, Vec<Wrong>> {
        let (Value::Moment(date) | Value::Text(date)) = &node.value else { return Err(other_type(node, kind)) };
        japan_midnight(date).map(Self).ok_or_else(|| {
            let what = format!("{date:?} is no date");
            vec![Wrong { line: node.line, what, remedy: format!("give {}", kind.wanted()) }]
        })
    }
}

/// `2026-11-01` to 2026-10-31T15:00:00Z. None before 1971, after 2200, and for days that no month has.
fn japan_midnight(date: &str) -> Option<UnixMs> {
    const DAY_MS: u64 = 86_400_000;
    const JAPAN_AHEAD_MS: u64 = 9 * 3_600_000;
    let mut parts = date.split('-').map(|part| part.parse::<u64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let february = if leap { 29 } else { 28 };
    let months = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let before = usize::try_from(month).ok()?.checked_sub(1)?;
    let sane = parts.next().is_none() && (1971..=2200).contains(&year) && date.len() == 10;
    if !sane || day == 0 || day > *months.get(before)? {
        return None;
    }
    // Leap days from 1970 to the end of the year before; 477 are counted up to the end of 1969.
    let last = year - 1;
    let leap_days = last / 4 - last / 100 + last / 400 - 477;
    let days = (year - 1970) * 365 + leap_days + months.iter().take(before).sum::<u64>() + day - 1;
    Some(UnixMs(days * DAY_MS - JAPAN_AHEAD_MS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_names_are_kept_in_lower_case_without_the_final_dot() {
        let table = [
            ("MX1.Example.JP.", Some("mx1.example.jp")),
            ("localhost", Some("localhost")),
            ("_dmarc.example.jp", Some("_dmarc.example.jp")),
            ("", None),
            ("a..b", None),
            ("-a.jp", None),
            ("127.0.0.1", None),
            ("ドコモ.jp", None),
            ("a b.jp", None),
        ];
        for (text, expected) in table {
            assert_eq!(HostName::from_text(text).ok().as_ref().map(HostName::as_str), expected, "{text:?}");
        }
        assert_eq!(DomainSuffix::from_text(".Ezweb.ne.jp").unwrap().as_str(), ".ezweb.ne.jp");
        assert!(DomainSuffix::from_text("ezweb.ne.jp").is_err());
    }

    #[test]
    fn a_date_begins_at_midnight_in_japan() {
        let table = [
            ("2026-11-01", Some(1_793_458_800_000)),
            ("2024-02-29", Some(1_709_132_400_000)),
            ("2000-03-01", Some(951_836_400_000)),
            ("2023-02-29", None),
            ("2026-13-01", None),
            ("2026-00-10", None),
            ("2026-11-31", None),
            ("2026-11-01T10:00:00", None),
            ("26-11-01", None),
            ("soon", None),
        ];
        for (date, expected) in table {
            assert_eq!(japan_midnight(date).map(|at| at.0), expected, "{date}");
        }
    }
}
