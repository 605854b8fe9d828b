//! Certificates made for a test: an authority, servers it has signed, and ones it has not. `smtp-client` includes this
//! by its path.
#![allow(dead_code)] // each test file uses its part

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, PublicKeyData, date_time_ymd,
};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;

/// An authority.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A server's certificate with its chain and key.
pub struct Identity {
    pub chain: Vec<CertificateDer<'static>>,
    key: KeyPair,
}

/// Whether a certificate is in its time.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Life {
    Valid,
    Expired,
}

impl Authority {
    pub fn new(name: &str) -> Self {
        Self(CertifiedIssuer::self_signed(authority(name), KeyPair::generate().unwrap()).unwrap())
    }

    /// An authority below this one.
    pub fn below(&self, name: &str) -> Self {
        Self(CertifiedIssuer::signed_by(authority(name), KeyPair::generate().unwrap(), &self.0).unwrap())
    }

    pub fn certificate(&self) -> &CertificateDer<'static> {
        self.0.der()
    }

    pub fn public_key(&self) -> Vec<u8> {
        self.0.key().subject_public_key_info()
    }

    pub fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate().clone()).unwrap();
        roots
    }

    /// A server's certificate; the authority's own stands behind it in the chain.
    pub fn signs(&self, name: &str, life: Life) -> Identity {
        let key = KeyPair::generate().unwrap();
        let certificate = server(name, life).signed_by(&key, &self.0).unwrap();
        Identity { chain: vec![certificate.der().clone(), self.certificate().clone()], key }
    }
}

impl Identity {
    /// A certificate that nobody but its server has signed.
    pub fn self_signed(name: &str, life: Life) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = server(name, life).self_signed(&key).unwrap();
        Self { chain: vec![certificate.der().clone()], key }
    }

    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.chain[0]
    }

    pub fn public_key(&self) -> Vec<u8> {
        self.key.subject_public_key_info()
    }

    pub fn acceptor(&self) -> TlsAcceptor {
        self.acceptor_with_the_key_of(self)
    }

    /// A server that has this certificate and somebody else's key.
    pub fn acceptor_with_the_key_of(&self, other: &Self) -> TlsAcceptor {
        let key = PrivateKeyDer::Pkcs8(other.key.serialize_der().into());
        let key = aws_lc_rs::sign::any_supported_type(&key).unwrap();
        let shown = SingleCertAndKey::from(CertifiedKey::new(self.chain.clone(), key));
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(shown));
        TlsAcceptor::from(Arc::new(config))
    }
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

fn server(name: &str, life: Life) -> CertificateParams {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    if life == Life::Expired {
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2020, 12, 31);
    }
    params
}
