//! Who may ask: keys, compared without telling by the time taken how much of one was right.

use std::fmt;
use std::net::IpAddr;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use axum::http::{HeaderMap, StatusCode, header};
use thiserror::Error;

use crate::http::fault::Fault;
use crate::http::name::ErrorName;

/// Shortest key in bytes; the same as `engine-config` asks for. 16 random letters and digits are 95 bits.
pub const KEY_BYTES_MIN: usize = 16;

/// Who may call a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everybody: the answer tells nothing but that we live.
    Open,
    /// Callers on this machine; others with a key.
    Watch,
    /// Callers with a key; when no key is configured, callers on this machine.
    Operate,
}

/// Why a list of keys is not usable.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KeyError {
    /// Too short to be random enough.
    #[error("API key {0:?} is shorter than {KEY_BYTES_MIN} characters; make one with `openssl rand -base64 30`")]
    TooShort(String),
    /// A character that cannot stand in an `Authorization` header.
    #[error("API key {0:?} holds a space or a character outside ASCII")]
    Character(String),
    /// Two keys of one name, or one key under two names: an audit could not tell the callers apart.
    #[error("API key {0:?} is given twice")]
    Twice(String),
}

/// The keys of this node: name and SHA-256 of each. The keys themselves are not kept.
#[derive(Clone, Default)]
pub struct Keys {
    known: Vec<(String, [u8; 32])>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.known.iter().map(|(name, _)| name)).finish()
    }
}

/// The caller's network address, put into each request by the accept loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest(&SHA256, bytes).as_ref());
    out
}

impl Keys {
    /// Takes pairs of name and key, as the keys file lists them.
    pub fn new<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Result<Self, KeyError> {
        let mut known: Vec<(String, [u8; 32])> = Vec::new();
        for (name, key) in pairs {
            if key.len() < KEY_BYTES_MIN {
                return Err(KeyError::TooShort(name));
            }
            if !key.bytes().all(|b| b.is_ascii_graphic()) {
                return Err(KeyError::Character(name));
            }
            let hash = sha256(key.as_bytes());
            if known.iter().any(|(n, h)| *n == name || *h == hash) {
                return Err(KeyError::Twice(name));
            }
            known.push((name, hash));
        }
        Ok(Self { known })
    }

    /// Whether no key is configured.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// The name under which a key is known. Every known key is compared, the right one not earlier than the others.
    pub fn name_of(&self, key: &str) -> Option<&str> {
        let hash = sha256(key.as_bytes());
        let mut found = None;
        for (name, known) in &self.known {
            if verify_slices_are_equal(known, &hash).is_ok() {
                found = Some(name.as_str());
            }
        }
        found
    }

    /// The name to be written beside what the caller does: that of the key, or `local` where none is asked for.
    pub fn caller(&self, headers: &HeaderMap) -> &str {
        bearer(headers).and_then(|key| self.name_of(key)).unwrap_or("local")
    }

    /// Lets a request pass or says why not.
    pub fn admit(&self, access: Access, headers: &HeaderMap, peer: Option<Peer>) -> Result<(), Fault> {
        if access == Access::Open {
            return Ok(());
        }
        if let Some(key) = bearer(headers) {
            return self.name_of(key).map(|_| ()).ok_or_else(|| refused("the API key is not known"));
        }
        let here = is_local(headers, peer);
        if here && (access == Access::Watch || self.is_empty()) {
            return Ok(());
        }
        Err(refused(if self.is_empty() {
            "no API key is configured, so only callers on this machine are served"
        } else {
            "give an API key: 'Authorization: Bearer <key>'"
        }))
    }
}

fn refused(message: &str) -> Fault {
    Fault::new(StatusCode::UNAUTHORIZED, ErrorName::AuthError, message)
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, key) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

/// On this machine, and neither sent on by a proxy nor by a web page that gave this machine a name of its own
/// (DNS rebinding): then the `Host` header is not one of loopback's.
fn is_local(headers: &HeaderMap, peer: Option<Peer>) -> bool {
    let forwarded = headers.contains_key(header::FORWARDED) || headers.contains_key("x-forwarded-for");
    let host_is_local = match headers.get(header::HOST) {
        None => true,
        Some(host) => host.to_str().is_ok_and(host_is_loopback),
    };
    peer.is_some_and(|Peer(ip)| ip.to_canonical().is_loopback()) && !forwarded && host_is_local
}

fn host_is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    const KEY: &str = "abcdefghijklmnopqrstuvwxyz";

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(k, v)| (k.parse().unwrap(), HeaderValue::from_static(v))).collect()
    }

    #[test]
    fn a_route_is_open_to_whom_its_policy_says() {
        let here = Some(Peer([127, 0, 0, 1].into()));
        let there = Some(Peer([192, 0, 2, 1].into()));
        let right = [("authorization", "Bearer abcdefghijklmnopqrstuvwxyz")];
        let wrong = [("authorization", "Bearer zbcdefghijklmnopqrstuvwxyz")];
        let proxied = [("x-forwarded-for", "192.0.2.1")];
        let rebound = [("host", "evil.example:8000")];
        // access, headers, peer, passes with a key configured, passes without
        let table: [(Access, &[(&'static str, &'static str)], Option<Peer>, bool, bool); 12] = [
            (Access::Open, &[], there, true, true),
            (Access::Open, &wrong, None, true, true),
            (Access::Watch, &[], here, true, true),
            (Access::Watch, &[], there, false, false),
            (Access::Watch, &right, there, true, false),
            (Access::Watch, &proxied, here, false, false),
            (Access::Operate, &[], here, false, true),
            (Access::Operate, &[], None, false, false),
            (Access::Operate, &right, there, true, false),
            (Access::Operate, &wrong, here, false, false),
            (Access::Operate, &proxied, here, false, false),
            (Access::Operate, &rebound, here, false, false),
        ];
        let keyed = Keys::new([("desk".to_owned(), KEY.to_owned())]).unwrap();
        for (access, given, peer, with, without) in table {
            let given = headers(given);
            assert_eq!(keyed.admit(access, &given, peer).is_ok(), with, "{access:?} {given:?} {peer:?}");
            assert_eq!(Keys::default().admit(access, &given, peer).is_ok(), without, "{access:?} {given:?} {peer:?}");
        }
    }

    #[test]
    fn a_host_header_is_local_only_when_it_names_loopback() {
        let table = [
            ("localhost", true),
            ("LOCALHOST:8000", true),
            ("127.0.0.1:8000", true),
            ("127.0.0.2", true),
            ("[::1]:8000", true),
            ("localhost.evil.example", false),
            ("10.0.0.1:8000", false),
            ("", false),
        ];
        for (host, local) in table {
            assert_eq!(host_is_loopback(host), local, "{host:?}");
        }
    }

    #[test]
    fn keys_that_are_short_or_repeated_are_refused_and_never_shown() {
        let pair = |name: &str, key: &str| (name.to_owned(), key.to_owned());
        assert_eq!(Keys::new([pair("a", "short")]).unwrap_err(), KeyError::TooShort("a".into()));
        let spaced = format!("{KEY} {KEY}");
        assert_eq!(Keys::new([pair("a", &spaced)]).unwrap_err(), KeyError::Character("a".into()));
        assert_eq!(Keys::new([pair("a", KEY), pair("b", KEY)]).unwrap_err(), KeyError::Twice("b".into()));
        let keys = Keys::new([pair("desk", KEY)]).unwrap();
        assert_eq!(keys.name_of(KEY), Some("desk"));
        assert_eq!(format!("{keys:?}"), "[\"desk\"]");
    }
}
