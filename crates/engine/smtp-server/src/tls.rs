//! The certificate that STARTTLS shows; it can be replaced while sessions run.

use std::sync::Arc;

use parking_lot::RwLock;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::error::ServerError;

/// TLS for all sessions. Clones share one certificate; [`Self::replace`] counts for every handshake that begins later.
///
/// TLS 1.2 and 1.3. Clients are not asked for certificates: whatever they would show proves nothing about a mail.
#[derive(Clone)]
pub struct Tls(Arc<RwLock<Arc<ServerConfig>>>);

impl Tls {
    /// From a PEM chain, the host's own certificate first, and its PEM key (PKCS #8, PKCS #1 or SEC 1).
    pub fn new(chain_pem: &[u8], key_pem: &[u8]) -> Result<Self, ServerError> {
        Ok(Self(Arc::new(RwLock::new(configured(chain_pem, key_pem)?))))
    }

    /// Shows another certificate from now on. On an error the old one stays.
    pub fn replace(&self, chain_pem: &[u8], key_pem: &[u8]) -> Result<(), ServerError> {
        let fresh = configured(chain_pem, key_pem)?;
        *self.0.write() = fresh;
        Ok(())
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.0.read()))
    }
}

fn configured(chain_pem: &[u8], key_pem: &[u8]) -> Result<Arc<ServerConfig>, ServerError> {
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(chain_pem)
        .collect::<Result<_, _>>()
        .map_err(|error| ServerError::Chain(error.to_string()))?;
    if chain.is_empty() {
        return Err(ServerError::Chain("it holds no certificate".to_owned()));
    }
    let key = PrivateKeyDer::from_pem_slice(key_pem).map_err(|_| ServerError::Key)?;
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| ServerError::Certificate(error.to_string()))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| ServerError::Certificate(error.to_string()))?;
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_that_cannot_be_used_is_refused_and_the_old_one_stays() {
        let make = || rcgen::generate_simple_self_signed(vec!["mx.example.jp".to_owned()]).unwrap();
        let (first, second) = (make(), make());
        let (chain, key) = (first.cert.pem(), first.signing_key.serialize_pem());
        let other = second.signing_key.serialize_pem();
        let tls = Tls::new(chain.as_bytes(), key.as_bytes()).unwrap();
        let before = Arc::clone(&tls.0.read());
        assert!(matches!(tls.replace(b"", key.as_bytes()), Err(ServerError::Chain(_))));
        assert!(matches!(tls.replace(chain.as_bytes(), b"no key"), Err(ServerError::Key)));
        assert!(matches!(tls.replace(chain.as_bytes(), other.as_bytes()), Err(ServerError::Certificate(_))));
        assert!(Arc::ptr_eq(&before, &tls.0.read()));
        assert_eq!(tls.replace(second.cert.pem().as_bytes(), other.as_bytes()), Ok(()));
        assert!(!Arc::ptr_eq(&before, &tls.0.read()));
    }
}
