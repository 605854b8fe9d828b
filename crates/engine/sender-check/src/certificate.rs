//! A certificate's names and dates, read far enough to say whether it is in force. Nothing is verified.

use data_encoding::BASE64;
use mail_model::UnixMs;

use crate::der::{BIT_STRING, Elements, GENERALIZED_TIME, INTEGER, OBJECT, OCTET_STRING, SEQUENCE, UTC_TIME};

/// `id-ce-subjectAltName`, 2.5.29.17.
const ALTERNATIVE_NAMES: &[u8] = &[0x55, 0x1d, 0x11];
/// `dNSName` in a GeneralName.
const DNS_NAME: u8 = 0x82;
/// The version and the extensions of a certificate.
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;

/// What a certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Certificate {
    /// When it begins, in seconds since 1970.
    pub from_s: u64,
    /// When it ends.
    pub until_s: u64,
    /// Host names it is for, in lower case.
    pub names: Vec<String>,
}

impl Certificate {
    /// Reads the first certificate of a PEM file: the host's own, before those of its authorities.
    pub fn of_pem(pem: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(pem);
        pem_blocks(&text, "CERTIFICATE").next().as_deref().and_then(Self::read)
    }

    /// Reads DER; none when it is no certificate.
    pub fn read(der: &[u8]) -> Option<Self> {
        let mut certificate = Elements::of(Elements::of(der).required(SEQUENCE)?);
        let mut fields = Elements::of(certificate.required(SEQUENCE)?);
        certificate.required(SEQUENCE)?;
        certificate.required(BIT_STRING)?;
        fields.optional(VERSION);
        fields.required(INTEGER)?;
        fields.required(SEQUENCE)?; // algorithm
        fields.required(SEQUENCE)?; // issuer
        let mut dates = Elements::of(fields.required(SEQUENCE)?);
        let from_s = time(dates.next()?)?;
        let until_s = time(dates.next()?)?;
        let extensions = fields.find(|field| field.tag == EXTENSIONS).map(|field| field.inside);
        Some(Self { from_s, until_s, names: extensions.map(alternative_names).unwrap_or_default() })
    }

    /// Whether it is for this host: by name, or by a wildcard for its first label (RFC 6125 6.4.3).
    pub fn is_for(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        let parent = host.split_once('.').map(|(_, parent)| parent);
        self.names
            .iter()
            .any(|name| *name == host || (name.strip_prefix("*.").is_some_and(|rest| Some(rest) == parent)))
    }
}

/// When the first certificate of a chain (PEM) ends; none when it cannot be read.
pub fn certificate_ends(chain: &[u8]) -> Option<UnixMs> {
    Certificate::of_pem(chain).map(|certificate| UnixMs(certificate.until_s.saturating_mul(1_000)))
}

/// The blocks of this label in a PEM text, RFC 7468; those whose Base64 is broken are left out.
fn pem_blocks<'a>(text: &'a str, label: &'a str) -> impl Iterator<Item = Vec<u8>> + 'a {
    let (begin, end) = (format!("-----BEGIN {label}-----"), format!("-----END {label}-----"));
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            let (_, after) = rest.split_once(begin.as_str())?;
            let (inside, behind) = after.split_once(end.as_str())?;
            rest = behind;
            let letters: String = inside.chars().filter(|c| !c.is_whitespace()).collect();
            if let Ok(der) = BASE64.decode(letters.as_bytes()) {
                return Some(der);
            }
        }
    })
}

fn alternative_names(extensions: &[u8]) -> Vec<String> {
    let Some(list) = Elements::of(extensions).required(SEQUENCE) else { return Vec::new() };
    let of = |extension: &[u8]| -> Option<Vec<String>> {
        let mut parts = Elements::of(extension);
        parts.required(OBJECT).filter(|id| *id == ALTERNATIVE_NAMES)?;
        let value = parts.find(|part| part.tag == OCTET_STRING)?;
        let names = Elements::of(Elements::of(value.inside).required(SEQUENCE)?);
        let text = |name: &[u8]| String::from_utf8_lossy(name).to_ascii_lowercase();
        Some(names.filter(|name| name.tag == DNS_NAME).map(|name| text(name.inside)).collect())
    };
    Elements::of(list).find_map(|extension| of(extension.inside)).unwrap_or_default()
}

/// `YYMMDDhhmmssZ` or `YYYYMMDDhhmmssZ`, RFC 5280 4.1.2.5, in seconds since 1970.
fn time(element: crate::der::Element<'_>) -> Option<u64> {
    let text = std::str::from_utf8(element.inside).ok()?.strip_suffix('Z')?;
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (year, rest) = match element.tag {
        UTC_TIME => {
            let (year, rest) = text.split_at_checked(2)?;
            let year: u64 = year.parse().ok()?;
            (if year < 50 { 2000 + year } else { 1900 + year }, rest)
        }
        GENERALIZED_TIME => {
            let (year, rest) = text.split_at_checked(4)?;
            (year.parse().ok()?, rest)
        }
        _ => return None,
    };
    let pairs: Vec<u64> =
        rest.as_bytes().chunks(2).filter_map(|pair| std::str::from_utf8(pair).ok()?.parse().ok()).collect();
    let [month, day, hour, minute, second] = pairs.as_slice() else { return None };
    let days = days_since_1970(year, *month, *day)?;
    Some(days * 86_400 + hour * 3_600 + minute * 60 + second)
}

/// Days of the Gregorian calendar. Counting from March puts the leap day at the end of a year.
fn days_since_1970(year: u64, month: u64, day: u64) -> Option<u64> {
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (century, rest) = (year / 400, year % 400);
    let days = (153 * month + 2) / 5 + day - 1;
    let count = century * 146_097 + rest * 365 + rest / 4 - rest / 100 + days;
    // Days from 1 March of the year 0 to 1 January 1970.
    count.checked_sub(719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_read_as_it_was_made() {
        let mut parameters = rcgen::CertificateParams::new(vec!["mx.a.jp".to_owned(), "*.b.jp".to_owned()]).unwrap();
        parameters.not_before = rcgen::date_time_ymd(2026, 11, 1);
        parameters.not_after = rcgen::date_time_ymd(2060, 2, 29);
        let key = rcgen::KeyPair::generate().unwrap();
        let made = parameters.self_signed(&key).unwrap();
        let read = Certificate::read(made.der()).unwrap();
        assert_eq!(read.from_s, 1_793_491_200);
        assert_eq!(read.until_s, 2_845_238_400);
        assert_eq!(read.names, ["mx.a.jp", "*.b.jp"]);
        for (host, is_for) in
            [("MX.a.jp", true), ("x.b.jp", true), ("b.jp", false), ("x.y.b.jp", false), ("a.jp", false)]
        {
            assert_eq!(read.is_for(host), is_for, "{host}");
        }
        assert_eq!(certificate_ends(made.pem().as_bytes()), Some(UnixMs(2_845_238_400_000)));
        for cut in 0..made.der().len() {
            assert_eq!(Certificate::read(&made.der()[..cut]), None, "cut at {cut}");
        }
    }

    #[test]
    fn days_are_counted_over_leap_years() {
        let table = [((1970, 1, 1), 0), ((2000, 2, 29), 11_016), ((2000, 3, 1), 11_017), ((2026, 11, 1), 20_758)];
        for ((year, month, day), days) in table {
            assert_eq!(days_since_1970(year, month, day), Some(days), "{year}-{month}-{day}");
        }
        assert_eq!(days_since_1970(1969, 12, 31), None);
    }

    #[test]
    fn blocks_of_another_label_and_broken_ones_are_left_out() {
        let text = "x-----BEGIN A-----\nAQ==\n-----END A-----\n-----BEGIN B-----\nAg==\n-----END B-----\
                    -----BEGIN A-----\n!\n-----END A----------BEGIN A-----Aw==-----END A-----";
        assert_eq!(pem_blocks(text, "A").collect::<Vec<_>>(), [vec![1], vec![3]]);
    }
}
