//! Who sends: everything about our own side that is compared with what DNS says.

use std::net::IpAddr;

use compose::dkim::KeyFault;
use engine_config::EngineConfig;
use mail_model::UnixMs;
use thiserror::Error;

use crate::public_key::PublicKey;

/// Why there is nothing to check.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SenderError {
    /// The domain cannot be one.
    #[error("{0:?} is no domain; give it as it stands behind the @, such as school.example.jp")]
    Domain(String),
    /// A key of the configuration cannot be read.
    #[error("the DKIM key {selector} of {domain} cannot be read: {why}")]
    Key {
        /// Whose key.
        domain: String,
        /// Which key.
        selector: String,
        /// What is wrong with the file.
        why: KeyFault,
    },
}

/// An address that mail leaves from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// As carriers see it; none when the system chooses.
    pub address: Option<IpAddr>,
    /// What it calls itself, when that is known.
    pub ehlo_name: Option<String>,
}

/// A key that signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningKey {
    /// `d=` of its signatures.
    pub domain: String,
    /// Its name below `_domainkey`.
    pub selector: String,
    /// Its public half; none when only the selector is known.
    pub public: Option<PublicKey>,
    /// Whether its time has not come: its record ought to be published, and nothing is lost yet when it is not.
    pub later: bool,
}

/// The listener for what comes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// What it calls itself.
    pub host: String,
    /// Its certificate chain, PEM.
    pub certificate: Option<Vec<u8>>,
}

/// What is known of our side beyond sources and selectors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setup {
    /// Domain of return paths; none when callers name the envelope sender.
    pub returns: Option<String>,
    /// Domain of registration addresses.
    pub registration: Option<String>,
    /// The listener; none when no mail is received.
    pub listener: Option<Listener>,
}

/// Who sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender {
    /// Domain of the From line, ASCII, lower case.
    pub domain: String,
    /// Where mail leaves from.
    pub sources: Vec<Source>,
    /// Keys that sign mail of this domain now or later.
    pub keys: Vec<SigningKey>,
    /// The configuration's share; none when there is no configuration.
    pub setup: Option<Setup>,
}

impl Sender {
    /// A sender of whom only the domain is known. `text` may be a mail address or a name in Japanese letters.
    ///
    /// # Errors
    /// When `text` is no domain.
    pub fn of_domain(text: &str) -> Result<Self, SenderError> {
        let after_at = text.rsplit('@').next().unwrap_or(text).trim().trim_end_matches('.');
        let wrong = || SenderError::Domain(after_at.to_owned());
        let domain = idna::domain_to_ascii(after_at).map_err(|_| wrong())?;
        let label = |l: &str| {
            (1..=63).contains(&l.len()) && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        };
        let is_domain = domain.len() <= 253 && domain.contains('.') && domain.split('.').all(label);
        if !is_domain || domain.parse::<IpAddr>().is_ok() {
            return Err(wrong());
        }
        Ok(Self { domain, sources: Vec::new(), keys: Vec::new(), setup: None })
    }

    /// The sender that a configuration makes of a domain. Keys whose time is over are left out.
    ///
    /// # Errors
    /// When `text` is no domain, or a key file of this domain holds no key.
    pub fn of_config(text: &str, config: &EngineConfig, now: UnixMs) -> Result<Self, SenderError> {
        let mut sender = Self::of_domain(text)?;
        let sources = config.pools.sources.iter();
        sender.sources = sources
            .map(|source| Source { address: source.address, ehlo_name: Some(source.ehlo_name.as_str().to_owned()) })
            .collect();
        let keys = config.edges.dkim_keys.iter();
        for key in keys.filter(|key| key.domain.as_str() == sender.domain && key.until.is_none_or(|until| until > now))
        {
            let (domain, selector) = (key.domain.as_str().to_owned(), key.selector.as_str().to_owned());
            let public = PublicKey::of_private_pem(key.key.bytes()).map_err(|why| SenderError::Key {
                domain: domain.clone(),
                selector: selector.clone(),
                why,
            })?;
            let later = key.since.is_some_and(|since| since > now);
            sender.keys.push(SigningKey { domain, selector, public: Some(public), later });
        }
        let inbound = &config.edges.inbound;
        let listener = (!inbound.listen.is_empty()).then(|| Listener {
            host: inbound.host_name.as_str().to_owned(),
            certificate: inbound.certificate.as_ref().map(|own| own.chain.clone()),
        });
        sender.setup = Some(Setup {
            returns: config.edges.returns.as_ref().map(|returns| returns.domain.as_str().to_owned()),
            registration: config.edges.registration.as_ref().map(|own| own.domain.as_str().to_owned()),
            listener,
        });
        Ok(sender)
    }

    /// Adds a key of which only the selector is known.
    pub fn add_selector(&mut self, selector: &str) {
        let known = self.keys.iter().any(|key| key.selector.eq_ignore_ascii_case(selector));
        if !known {
            let (domain, selector) = (self.domain.clone(), selector.to_ascii_lowercase());
            self.keys.push(SigningKey { domain, selector, public: None, later: false });
        }
    }

    /// Replaces the sources by addresses as carriers see them: behind NAT the configuration holds others. An address
    /// without a name takes the one that the configuration gives it, else the configuration's only one.
    pub fn replace_sources(&mut self, given: Vec<Source>) {
        let mut names: Vec<String> = self.sources.iter().filter_map(|source| source.ehlo_name.clone()).collect();
        names.dedup();
        let only = if let [name] = names.as_slice() { Some(name.clone()) } else { None };
        let named = |source: Source| {
            let same = self.sources.iter().find(|known| known.address == source.address);
            let known = same.and_then(|known| known.ehlo_name.clone()).or_else(|| only.clone());
            Source { ehlo_name: source.ehlo_name.or(known), ..source }
        };
        self.sources = given.into_iter().map(named).collect();
    }

    /// Addresses that carriers can see.
    pub(crate) fn public_addresses(&self) -> Vec<IpAddr> {
        let mut addresses: Vec<IpAddr> = self.sources.iter().filter_map(|source| source.address).collect();
        addresses.retain(|address| is_seen_outside(*address));
        addresses
    }

    /// Domain of the return path; the From domain when that is all that is known.
    pub(crate) fn return_domain(&self) -> &str {
        let returns = self.setup.as_ref().and_then(|setup| setup.returns.as_deref());
        returns.unwrap_or(&self.domain)
    }
}

/// Whether an address is seen from outside as it is. Those of documentation count: nobody has them, and examples use
/// them.
pub(crate) fn is_seen_outside(address: IpAddr) -> bool {
    dns::is_public(address)
        || match address {
            IpAddr::V4(v4) => v4.is_documentation(),
            IpAddr::V6(v6) => matches!(v6.segments(), [0x2001, 0xdb8, ..]),
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_read_from_an_address_and_from_japanese_letters() {
        let table = [
            ("School.Example.JP.", Some("school.example.jp")),
            ("notice@school.example.jp", Some("school.example.jp")),
            ("江東区.example.jp", Some("xn--dkr538bfsd.example.jp")),
            ("localhost", None),
            ("192.0.2.1", None),
            ("a..jp", None),
            ("a b.jp", None),
            ("", None),
        ];
        for (text, expected) in table {
            assert_eq!(Sender::of_domain(text).ok().map(|sender| sender.domain).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn addresses_given_by_hand_keep_the_names_of_the_configuration() {
        let source = |address: &str, name: Option<&str>| Source {
            address: address.parse().ok(),
            ehlo_name: name.map(str::to_owned),
        };
        let mut sender = Sender::of_domain("a.jp").unwrap();
        sender.sources = vec![source("10.0.0.1", Some("mx.a.jp"))];
        sender.replace_sources(vec![source("192.0.2.1", None), source("192.0.2.2", Some("mx2.a.jp"))]);
        assert_eq!(sender.sources, [source("192.0.2.1", Some("mx.a.jp")), source("192.0.2.2", Some("mx2.a.jp"))]);
    }

    #[test]
    fn addresses_inside_networks_are_not_public() {
        for (address, public) in [
            ("192.0.2.25", true),
            ("2001:db8::25", true),
            ("10.1.2.3", false),
            ("127.0.0.1", false),
            ("100.64.0.1", false),
            ("169.254.1.1", false),
            ("fd00::1", false),
            ("::1", false),
            ("::ffff:10.0.0.1", false),
        ] {
            assert_eq!(is_seen_outside(address.parse().unwrap()), public, "{address}");
        }
    }
}
