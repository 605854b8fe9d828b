//! The policy as it stands on the web server (RFC 8461 3.2).

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::demand::MxMatch;

/// Longest life, RFC 8461 3.2: about a year. A longer one is cut to this.
const MAX_AGE_S_MAX: u64 = 31_557_600;
/// Shortest life. A policy that lives for seconds would be fetched for every session.
const MAX_AGE_S_MIN: u64 = 300;
/// `mx` lines; nobody has more than a dozen.
const NAMES_MAX: usize = 256;

/// What becomes of mail that the policy does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mode {
    /// It waits.
    Enforce,
    /// It goes out, and is reported.
    Testing,
    /// There is no policy any more.
    None,
}

impl Mode {
    fn as_str(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Testing => "testing",
            Self::None => "none",
        }
    }
}

/// A policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StsPolicy {
    pub(crate) mode: Mode,
    pub(crate) mx: MxMatch,
    /// For how long it holds after it was fetched.
    pub(crate) max_age_s: u64,
}

/// Why a text is no policy. The text is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum PolicyFault {
    #[error("the policy is no text")]
    NoText,
    #[error("a line of the policy has no colon")]
    NoColon,
    #[error("the policy's version is not STSv1")]
    Version,
    #[error("the policy's mode is none of enforce, testing, none")]
    Mode,
    #[error("the policy's max_age is no number of seconds")]
    MaxAge,
    #[error("an mx of the policy is no host name")]
    Mx,
    #[error("the policy names no mx")]
    NoMx,
    #[error("the policy names more than {NAMES_MAX} mx")]
    ManyMx,
}

impl StsPolicy {
    /// Reads a policy. Lines may end in CRLF or LF; unknown keys are ignored; of a key said twice the first counts.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, PolicyFault> {
        let text = std::str::from_utf8(bytes).map_err(|_| PolicyFault::NoText)?;
        let (mut version, mut mode, mut max_age, mut mx) = (None, None, None, Vec::new());
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (key, value) = line.split_once(':').ok_or(PolicyFault::NoColon)?;
            let value = value.trim();
            match key.trim() {
                "version" => _ = version.get_or_insert(value),
                "mode" => _ = mode.get_or_insert(value),
                "max_age" => _ = max_age.get_or_insert(value),
                "mx" => mx.push(host_pattern(value)?),
                _ => {}
            }
            if mx.len() > NAMES_MAX {
                return Err(PolicyFault::ManyMx);
            }
        }
        if version != Some("STSv1") {
            return Err(PolicyFault::Version);
        }
        let mode = match mode {
            Some("enforce") => Mode::Enforce,
            Some("testing") => Mode::Testing,
            Some("none") => Mode::None,
            _ => return Err(PolicyFault::Mode),
        };
        let max_age_s = seconds(max_age.unwrap_or_default()).ok_or(PolicyFault::MaxAge)?;
        if mx.is_empty() && mode != Mode::None {
            return Err(PolicyFault::NoMx);
        }
        Ok(Self { mode, mx: MxMatch::new(mx.iter().map(String::as_str)), max_age_s })
    }

    /// Its lines, for a report.
    pub(crate) fn lines(&self) -> Vec<String> {
        let head = ["version: STSv1".to_owned(), format!("mode: {}", self.mode.as_str())];
        let names = self.mx.names().map(|name| format!("mx: {name}"));
        head.into_iter().chain(names).chain([format!("max_age: {}", self.max_age_s)]).collect()
    }
}

fn seconds(text: &str) -> Option<u64> {
    let plain = (1..=10).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    let seconds: u64 = plain.then(|| text.parse().ok()).flatten()?;
    Some(seconds.clamp(MAX_AGE_S_MIN, MAX_AGE_S_MAX))
}

fn host_pattern(text: &str) -> Result<String, PolicyFault> {
    let name = text.to_ascii_lowercase();
    let host = name.strip_prefix("*.").unwrap_or(&name);
    let label = |label: &str| {
        (1..=63).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    if host.len() <= 253 && host.split('.').all(label) { Ok(name) } else { Err(PolicyFault::Mx) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_read_with_either_line_end_and_unknown_keys() {
        let text = "version: STSv1\r\nmode: enforce\r\nmx: MX1.example.jp\r\nmx: *.example.jp\r\nmax_age: 604800\r\n";
        let policy = StsPolicy::parse(text.as_bytes()).unwrap();
        assert_eq!((policy.mode, policy.max_age_s), (Mode::Enforce, 604_800));
        assert_eq!(policy.mx.names().collect::<Vec<_>>(), ["mx1.example.jp", "*.example.jp"]);
        assert_eq!(
            policy.lines().join("\n"),
            text.to_lowercase().replace("\r\n", "\n").trim().replace("stsv1", "STSv1")
        );
        let text = "mode:testing\nmax_age:86400\nversion:STSv1\n\nsurprise: yes\nmx:a.jp\nmode: enforce";
        assert_eq!(StsPolicy::parse(text.as_bytes()).unwrap().mode, Mode::Testing);
        assert_eq!(StsPolicy::parse(b"version: STSv1\nmode: none\nmax_age: 86400").unwrap().mode, Mode::None);
    }

    #[test]
    fn the_life_of_a_policy_stays_within_bounds() {
        for (written, max_age_s) in
            [("0", 300), ("86400", 86_400), ("31557600", 31_557_600), ("9999999999", 31_557_600)]
        {
            let text = format!("version: STSv1\nmode: testing\nmx: a.jp\nmax_age: {written}");
            assert_eq!(StsPolicy::parse(text.as_bytes()).unwrap().max_age_s, max_age_s);
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused() {
        let good = b"version: STSv1\r\nmode: enforce\r\nmx: *.a.jp\r\nmax_age: 604800\r\n";
        let mut chance = clock::Chance::seeded(7);
        let mut below = |bound: usize| usize::try_from(chance.below(bound as u64)).unwrap();
        for _ in 0..50_000 {
            let mut bytes = good.to_vec();
            for _ in 0..=below(6) {
                let at = below(bytes.len());
                match below(3) {
                    0 => bytes[at] = u8::try_from(below(256)).unwrap(),
                    1 => drop(bytes.drain(at..)),
                    _ => bytes.extend_from_within(at..),
                }
                bytes.push(b":\n*."[below(4)]);
            }
            if let Ok(policy) = StsPolicy::parse(&bytes) {
                assert!((MAX_AGE_S_MIN..=MAX_AGE_S_MAX).contains(&policy.max_age_s));
                assert!(policy.mode == Mode::None || policy.mx.names().count() > 0);
            }
        }
    }

    #[test]
    fn what_is_no_policy_is_refused_as_a_whole() {
        let good = "version: STSv1\nmode: enforce\nmx: a.jp\nmax_age: 600";
        let many = format!("{good}\n{}", "mx: b.jp\n".repeat(NAMES_MAX));
        let table = [
            ("", PolicyFault::Version),
            ("<html>not found</html>", PolicyFault::NoColon),
            (&good.replace("STSv1", "STSv2"), PolicyFault::Version),
            (&good.replace("enforce", "Enforce"), PolicyFault::Mode),
            (&good.replace("600", "-1"), PolicyFault::MaxAge),
            (&good.replace("max_age: 600", ""), PolicyFault::MaxAge),
            (&good.replace("mx: a.jp", ""), PolicyFault::NoMx),
            (&good.replace("a.jp", "*.*.jp"), PolicyFault::Mx),
            (&good.replace("a.jp", "a..jp"), PolicyFault::Mx),
            (&many, PolicyFault::ManyMx),
        ];
        for (text, fault) in table {
            assert_eq!(StsPolicy::parse(text.as_bytes()), Err(fault), "{text}");
        }
        assert_eq!(StsPolicy::parse(b"version: \xff"), Err(PolicyFault::NoText));
    }
}
