//! The shared TLS configurations and what is known of an encrypted session. aws-lc-rs is the only provider.

use std::sync::Arc;

use mail_send::smtp::tls::build_tls_connector;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, ConfigBuilder, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls::{WantsVerifier, version};
use tokio_rustls::TlsConnector;

use crate::failure::Trouble;
use crate::plan::TlsPolicy;

/// TLS for all sessions: build it once, it is cheap to clone and keeps tickets for resumption.
#[derive(Clone)]
pub struct Tls {
    any: Result<TlsConnector, String>,
    verified: Result<TlsConnector, String>,
}

impl Tls {
    /// Any certificate for opportunistic sessions, the machine's root certificates for required ones.
    ///
    /// A machine without root certificates can do everything but [`TlsPolicy::Required`]. If the process has no default
    /// provider for rustls yet, aws-lc-rs becomes it: mail-send builds its verifier with the default one.
    pub fn new() -> Self {
        if CryptoProvider::get_default().is_none() {
            // Another thread may have been faster; then there is one now, which is all we want.
            let _ = aws_lc_rs::default_provider().install_default();
        }
        Self { any: accepting_any(), verified: build_tls_connector(false) }
    }

    /// Like [`Self::new`], with the given root certificates in place of the machine's.
    pub fn with_roots(roots: RootCertStore) -> Self {
        let verified = builder().map(|builder| builder.with_root_certificates(roots).with_no_client_auth());
        Self { any: accepting_any(), verified: verified.map(|config| TlsConnector::from(Arc::new(config))) }
    }

    /// How to shake hands under `policy`.
    pub(crate) fn connector(&self, policy: TlsPolicy) -> Result<&TlsConnector, Trouble> {
        match policy {
            TlsPolicy::Required => self.verified.as_ref().map_err(|why| Trouble::Tls(why.clone())),
            TlsPolicy::Opportunistic | TlsPolicy::Off => self.any.as_ref().map_err(|why| Trouble::Tls(why.clone())),
        }
    }
}

impl Default for Tls {
    fn default() -> Self {
        Self::new()
    }
}

fn builder() -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, String> {
    ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&version::TLS13, &version::TLS12])
        .map_err(|error| error.to_string())
}

fn accepting_any() -> Result<TlsConnector, String> {
    let verifier = AnyCertificate(aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes());
    let config = builder()?.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// Takes every certificate. Against somebody who only listens this is as good as any other; against somebody who changes
/// traffic nothing opportunistic helps, because he can remove STARTTLS from the EHLO reply.
#[derive(Debug)]
struct AnyCertificate(Vec<SignatureScheme>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    // The signature is not checked either: old certificates that rustls cannot read would then fall back to clear text.
    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.clone()
    }
}

/// What was agreed in the handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TlsFacts {
    /// `TLSv1_3` or `TLSv1_2`.
    pub version: &'static str,
    /// `TLS13_AES_256_GCM_SHA384` and the like.
    pub cipher: &'static str,
    /// Whether the certificate was verified against the MX's name.
    pub is_verified: bool,
}

impl TlsFacts {
    pub(crate) fn of(connection: &ClientConnection, policy: TlsPolicy) -> Self {
        Self {
            version: connection.protocol_version().and_then(|v| v.as_str()).unwrap_or("unknown"),
            cipher: connection.negotiated_cipher_suite().and_then(|c| c.suite().as_str()).unwrap_or("unknown"),
            is_verified: policy == TlsPolicy::Required,
        }
    }
}
