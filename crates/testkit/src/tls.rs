//! The certificate a carrier shows after STARTTLS: self-signed, made anew for every world.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::TlsAcceptor;

use crate::error::KitError;

/// Makes an acceptor for `host`; its certificate chains to nobody, as those of many real MX hosts do.
pub(crate) fn acceptor(host: &str) -> Result<TlsAcceptor, KitError> {
    let fault = |error: &dyn std::fmt::Display| KitError::Certificate(error.to_string());
    let made = rcgen::generate_simple_self_signed(vec![host.to_owned()]).map_err(|e| fault(&e))?;
    let certificate = CertificateDer::from(made.cert.der().to_vec());
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| fault(&e))?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .map_err(|e| fault(&e))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
