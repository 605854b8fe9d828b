//! `[http]`: the listener of the API, its limits and its keys.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::written::section::Section;
use crate::written::setting::{settings, text, whole};
use crate::written::value::At;

/// Shortest API key. 16 random letters and digits are 95 bits; whoever has a key can mail every family.
const KEY_BYTES_MIN: usize = 16;

settings! {
    /// The listener of the API, its limits and its keys.
    pub(crate) struct HttpWritten in "http" {
        /// Where the API listens. Other than on a loopback address only together with api_keys_file.
        listen: At<SocketAddr> = "127.0.0.1:8025", text("an address with its port, such as 127.0.0.1:8025");
        /// File of API keys, one `name:key` a line; lines that begin with # are comments. A relative path begins at
        /// the configuration file. Without it nobody is asked for a key.
        api_keys_file: Option<At<PathBuf>> = none, text("a path");
        /// Largest request body. A hundred thousand recipients with substitutions take about 20 MB.
        body_bytes_max: u64 = 268_435_456, whole(1_024, 4_294_967_296, "bytes");
        /// Recipients of one request.
        recipients_max: u32 = 1_000_000, whole(1, 10_000_000, "recipients");
        /// Connections at once. Beyond it new ones wait unaccepted.
        connections_max: u32 = 512, whole(1, 65_536, "connections");
        /// Patience with a request's head. Slow senders must not hold all connections.
        head_timeout_ms: u64 = 10_000, whole(100, 120_000, "ms");
        /// Patience with a request's body.
        body_timeout_s: u64 = 300, whole(1, 3_600, "seconds");
    }
}

/// The listener of the API.
#[derive(Clone, Debug)]
pub struct HttpConfig {
    /// Where it listens; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// Who may call. Empty: everybody who reaches the (loopback) listener.
    pub api_keys: Vec<ApiKey>,
    /// Largest request body.
    pub body_bytes_max: u64,
    /// Recipients of one request.
    pub recipients_max: u32,
    /// Connections at once.
    pub connections_max: u32,
    /// Patience with a request's head.
    pub head_timeout_ms: u64,
    /// Patience with a request's body.
    pub body_timeout_s: u64,
}

/// A key of the API and the name under which its use is logged.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Who calls.
    pub name: String,
    secret: Box<str>,
}

impl ApiKey {
    /// The key itself. To be compared in constant time, never logged.
    pub fn secret(&self) -> &str {
        &self.secret
    }
}

/// Shows the name only.
impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey({})", self.name)
    }
}

impl HttpWritten {
    /// Reads the keys and checks that an open listener has some.
    pub(crate) fn usable(self, section: &Section<'_>, base: &Path) -> HttpConfig {
        let api_keys = self.api_keys_file.as_ref().map(|file| read_keys(section, file, base)).unwrap_or_default();
        let listen = self.listen.value;
        if !listen.ip().is_loopback() && self.api_keys_file.is_none() {
            let what = format!("{listen} can be reached by others, and there is no api_keys_file");
            section.fault_at(self.listen.line, "listen", what, "name a file of keys, or listen on 127.0.0.1");
        }
        HttpConfig {
            listen,
            api_keys,
            body_bytes_max: self.body_bytes_max,
            recipients_max: self.recipients_max,
            connections_max: self.connections_max,
            head_timeout_ms: self.head_timeout_ms,
            body_timeout_s: self.body_timeout_s,
        }
    }
}

fn read_keys(section: &Section<'_>, file: &At<PathBuf>, base: &Path) -> Vec<ApiKey> {
    let path = base.join(&file.value);
    match std::fs::read_to_string(&path) {
        Ok(text) => keys_of(section, &path, &text),
        Err(error) => {
            let what = format!("{} cannot be read ({error})", path.display());
            section.fault_at(file.line, "api_keys_file", what, "make the file, one `name:key` a line");
            Vec::new()
        }
    }
}

/// The keys of a file. Faults name the line of that file and show nothing of it: whoever
/// swaps name and key would find the key in a log.
fn keys_of(section: &Section<'_>, path: &Path, text: &str) -> Vec<ApiKey> {
    let origin = path.display().to_string();
    let (mut keys, mut any): (Vec<ApiKey>, bool) = (Vec::new(), false);
    let fault = |line: u32, what: String, remedy: &str| section.reading.fault(&origin, Some(line), "", what, remedy);
    for (line, entry) in (1..).zip(text.lines()) {
        let entry = entry.trim();
        if entry.is_empty() || entry.starts_with('#') {
            continue;
        }
        any = true;
        let Some((name, secret)) = entry.split_once(':') else {
            fault(line, "there is no colon".to_owned(), "write `name:key`");
            continue;
        };
        let printable = secret.bytes().all(|b| b.is_ascii_graphic());
        let named = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        if !named {
            fault(line, "the name is no name".to_owned(), "use letters, digits and . _ - before the colon");
        } else if keys.iter().any(|key| key.name == name) {
            fault(line, "this name has a key already".to_owned(), "give each key its own name");
        } else if secret.len() < KEY_BYTES_MIN || !printable {
            let what = "the key is too short or has spaces";
            fault(line, what.to_owned(), "use at least 16 letters and digits, as `openssl rand -hex 16` makes them");
        } else {
            keys.push(ApiKey { name: name.to_owned(), secret: secret.into() });
        }
    }
    if !any {
        section.reading.fault(&origin, None, "", "there is no key in it", "write at least one `name:key`");
    }
    keys
}
