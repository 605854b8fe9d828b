//! The shared TLS configurations and what is known of an encrypted session. aws-lc-rs is the only provider.

use std::sync::{Arc, OnceLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::{ClientConfig, ClientConnection, ConfigBuilder, RootCertStore, WantsVerifier, version};
use tls_policy::FailureType;
use tokio_rustls::TlsConnector;

use crate::certificates::{AnyCertificate, DaneVerifier, Watching};
use crate::failure::{TlsFault, Trouble};
use crate::manner::Manner;

/// TLS for all sessions: build it once, it is cheap to clone and keeps tickets for resumption.
#[derive(Clone)]
pub struct Tls {
    provider: Arc<CryptoProvider>,
    any: Result<TlsConnector, String>,
    verified: Result<TlsConnector, String>,
    webpki: Option<Arc<WebPkiServerVerifier>>,
}

/// How to shake hands, and what will have been noted on the way.
pub(crate) struct Handshake {
    pub connector: TlsConnector,
    pub seen: Option<Arc<OnceLock<FailureType>>>,
}

impl Tls {
    /// Believes the machine's root certificates. Reads a few hundred files.
    ///
    /// A machine without root certificates can do everything but what demands a verified certificate.
    pub fn new() -> Self {
        // An error concerns a file of further roots, and none is named.
        Self::with_roots(tls_policy::root_certificates(None).unwrap_or_else(|_| RootCertStore::empty()))
    }

    /// Like [`Self::new`], with the given root certificates in place of the machine's.
    pub fn with_roots(roots: impl Into<Arc<RootCertStore>>) -> Self {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let roots = roots.into();
        let schemes = provider.signature_verification_algorithms.supported_schemes();
        let any = connector(&provider, Arc::new(AnyCertificate(schemes)));
        let verified = builder(&provider).map(|builder| {
            let config = builder.with_root_certificates(Arc::clone(&roots)).with_no_client_auth();
            TlsConnector::from(Arc::new(config))
        });
        let webpki = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider)).build().ok();
        Self { provider, any, verified, webpki }
    }

    /// How to shake hands in a manner.
    pub(crate) fn handshake(&self, manner: &Manner) -> Result<Handshake, Trouble> {
        let algorithms = self.provider.signature_verification_algorithms;
        let mut seen = None;
        let connector = match manner {
            Manner::Clear | Manner::Opportunistic | Manner::Encrypted => self.any.clone(),
            Manner::Verified => self.verified.clone(),
            // Both verifiers belong to one host, and what they find to one session: a ticket of an earlier session
            // would let a certificate through that is looked at no more.
            Manner::Watched(_) => {
                let noted = Arc::new(OnceLock::new());
                seen = Some(Arc::clone(&noted));
                let (webpki, schemes) = (self.webpki.clone(), algorithms.supported_schemes());
                connector(&self.provider, Arc::new(Watching { webpki, schemes, seen: noted }))
            }
            Manner::Dane { records, names } => {
                let (records, names) = (Arc::clone(records), Arc::clone(names));
                connector(&self.provider, Arc::new(DaneVerifier { records, names, algorithms }))
            }
        };
        let connector = connector.map_err(|why| Trouble::Tls(TlsFault::other(why)))?;
        Ok(Handshake { connector, seen })
    }
}

impl Default for Tls {
    fn default() -> Self {
        Self::new()
    }
}

fn builder(provider: &Arc<CryptoProvider>) -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, String> {
    ClientConfig::builder_with_provider(Arc::clone(provider))
        .with_protocol_versions(&[&version::TLS13, &version::TLS12])
        .map_err(|error| error.to_string())
}

fn connector(provider: &Arc<CryptoProvider>, verifier: Arc<dyn ServerCertVerifier>) -> Result<TlsConnector, String> {
    let config = builder(provider)?.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// What was agreed in the handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TlsFacts {
    /// `TLSv1_3` or `TLSv1_2`.
    pub version: &'static str,
    /// `TLS13_AES_256_GCM_SHA384` and the like.
    pub cipher: &'static str,
    /// Whether the certificate was verified, by a known authority for the MX's name or by a TLSA record.
    pub is_verified: bool,
}

impl TlsFacts {
    pub(crate) fn of(connection: &ClientConnection, manner: &Manner) -> Self {
        Self {
            version: connection.protocol_version().and_then(|v| v.as_str()).unwrap_or("unknown"),
            cipher: connection.negotiated_cipher_suite().and_then(|c| c.suite().as_str()).unwrap_or("unknown"),
            is_verified: manner.authenticates(),
        }
    }
}
