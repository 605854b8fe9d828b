//! How a child engine hears what comes back: return paths, its listener, registration addresses, as TOML and key files.

use std::fmt::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use crate::error::KitError;

/// The key of return paths and registration addresses of every child engine. A test mints addresses with it, too.
pub const RETURN_KEY: &[u8] = b"key of the return paths of tests";

const KEY_FILE: &str = "returns.key";
const CERTIFICATE_FILE: &str = "inbound.pem";
const CERTIFICATE_KEY_FILE: &str = "inbound.key";

/// What a child engine takes in.
#[derive(Clone, Debug, PartialEq)]
pub struct InboundSettings {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Its name in the greeting.
    pub host_name: String,
    /// Domain of return paths.
    pub returns_domain: String,
    /// Domain of registration addresses.
    pub registration_domain: String,
    /// Who answers registrations.
    pub reply_from: String,
    /// Shortest time between two answers to one address.
    pub reply_interval_s: u64,
    /// The schools; their numbers are 1, 2 …
    pub schools: Vec<String>,
    /// Offers STARTTLS with a certificate that chains to nobody.
    pub starttls: bool,
    /// More lines of `[inbound]`.
    pub more: String,
}

impl InboundSettings {
    /// One school, on a port of 127.0.0.1 that was free a moment ago.
    ///
    /// # Errors
    /// When there is no free port.
    pub fn new() -> Result<Self, KitError> {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let taken = TcpListener::bind(any).and_then(|listener| listener.local_addr());
        Ok(Self::at(taken.map_err(|source| KitError::Listen { address: any, source })?))
    }

    /// One school, at this address.
    pub fn at(listen: SocketAddr) -> Self {
        Self {
            listen,
            host_name: "mx.todoke.test".to_owned(),
            returns_domain: "bounce.school.todoke.test".to_owned(),
            registration_domain: "entry.school.todoke.test".to_owned(),
            reply_from: "さくら小学校 <entry@school.todoke.test>".to_owned(),
            reply_interval_s: 600,
            schools: vec!["さくら小学校".to_owned()],
            starttls: false,
            more: String::new(),
        }
    }

    pub(crate) fn write(&self, toml: &mut String) -> std::fmt::Result {
        writeln!(toml, "[returns]\ndomain = \"{}\"\nkey_file = \"{KEY_FILE}\"\n", self.returns_domain)?;
        writeln!(toml, "[inbound]\nlisten = [\"{}\"]\nhost_name = \"{}\"", self.listen, self.host_name)?;
        if self.starttls {
            writeln!(toml, "certificate_file = \"{CERTIFICATE_FILE}\"")?;
            writeln!(toml, "certificate_key_file = \"{CERTIFICATE_KEY_FILE}\"")?;
        }
        writeln!(toml, "{}\n", self.more)?;
        writeln!(toml, "[registration]\ndomain = \"{}\"", self.registration_domain)?;
        writeln!(toml, "reply_from = \"{}\"\nreply_interval_s = {}\n", self.reply_from, self.reply_interval_s)?;
        for (number, name) in (1..).zip(&self.schools) {
            writeln!(toml, "[[registration_schools]]\nnumber = {number}\nname = \"{name}\"\n")?;
        }
        Ok(())
    }

    /// The files that the configuration names, readable by their owner only.
    pub(crate) fn files(&self) -> Result<Vec<(String, Vec<u8>)>, KitError> {
        let mut files = vec![(KEY_FILE.to_owned(), RETURN_KEY.to_vec())];
        if self.starttls {
            let made = rcgen::generate_simple_self_signed(vec![self.host_name.clone()]);
            let made = made.map_err(|error| KitError::Certificate(error.to_string()))?;
            files.push((CERTIFICATE_FILE.to_owned(), made.cert.pem().into_bytes()));
            files.push((CERTIFICATE_KEY_FILE.to_owned(), made.signing_key.serialize_pem().into_bytes()));
        }
        Ok(files)
    }
}
