//! What one host must show before it gets mail for one domain.

use std::sync::Arc;

use dns::Tlsa;

/// What a host must show before it gets mail for a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Demand {
    /// Nothing: the carrier's own setting decides.
    Nothing,
    /// Its name is in the policy and its certificate is valid for its name (MTA-STS, `enforce`).
    Authenticated(MxMatch),
    /// Like `Authenticated`, but a host that fails is reported and gets its mail (MTA-STS, `testing`).
    Testing(MxMatch),
    /// Its certificate matches a TLSA record (DANE, RFC 7672).
    Dane {
        /// The usable records.
        records: Arc<[Tlsa]>,
        /// Names that a certificate under DANE-TA may be for; the first is for SNI (RFC 7672 3.2.2). Never empty.
        names: Arc<[String]>,
    },
    /// It encrypts; any certificate will do. There are TLSA records and none can be used (RFC 7672 2.2).
    Encrypted,
    /// Nothing it could show is enough: the mail waits until the DNS is in order.
    Unusable(WhyUnusable),
}

/// Why a domain's signed records forbid sending for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WhyUnusable {
    /// Signatures are wrong or missing where they must be: forged, or broken by the owner.
    Bogus,
    /// A question about a signed zone remained without an answer.
    NoAnswer,
    /// The domain's MX records are signed, and the host is not among them.
    HostNotSigned,
}

impl WhyUnusable {
    /// `dnssec-bogus`, `dnssec-no-answer` or `host-not-in-signed-mx`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bogus => "dnssec-bogus",
            Self::NoAnswer => "dnssec-no-answer",
            Self::HostNotSigned => "host-not-in-signed-mx",
        }
    }
}

impl Demand {
    /// Whether mail may go in clear, or to whomever answers, when the demand is not met.
    pub fn is_optional(&self) -> bool {
        matches!(self, Self::Nothing | Self::Testing(_))
    }

    /// Whether a host of this name may be connected to at all.
    pub fn admits(&self, mx_host: &str) -> bool {
        match self {
            Self::Authenticated(names) => names.admits(mx_host),
            Self::Unusable(_) => false,
            Self::Nothing | Self::Testing(_) | Self::Dane { .. } | Self::Encrypted => true,
        }
    }

    /// `none`, `sts` or `dane`.
    pub fn policy(&self) -> &'static str {
        match self {
            Self::Nothing => "none",
            Self::Authenticated(_) | Self::Testing(_) => "sts",
            Self::Dane { .. } | Self::Encrypted | Self::Unusable(_) => "dane",
        }
    }
}

/// The `mx` names of an MTA-STS policy: whole, or with `*` for exactly one first label (RFC 8461 4.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MxMatch(Arc<[Box<str>]>);

impl MxMatch {
    /// Takes names in lower case without the final dot.
    pub fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        Self(names.into_iter().map(Box::from).collect())
    }

    /// Whether a host is named.
    pub fn admits(&self, mx_host: &str) -> bool {
        let host = mx_host.strip_suffix('.').unwrap_or(mx_host).to_ascii_lowercase();
        let parent = host.split_once('.').map(|(_, parent)| parent);
        self.0.iter().any(|name| match name.strip_prefix("*.") {
            Some(end) => parent == Some(end),
            None => **name == host,
        })
    }

    /// The names as written in the policy.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(AsRef::as_ref)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_exactly_one_label() {
        let names = MxMatch::new(["mx1.example.jp", "*.mail.example.jp"]);
        let table = [
            ("mx1.example.jp", true),
            ("MX1.Example.JP.", true),
            ("mx2.example.jp", false),
            ("a.mail.example.jp", true),
            ("mail.example.jp", false),
            ("a.b.mail.example.jp", false),
            ("xmail.example.jp", false),
            ("", false),
        ];
        for (host, is_named) in table {
            assert_eq!(names.admits(host), is_named, "{host}");
        }
    }
}
