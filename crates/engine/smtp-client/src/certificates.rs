//! What a server's certificate is held against: nothing, the authorities we know, or TLSA records.

use std::sync::{Arc, OnceLock};

use aws_lc_rs::digest::{SHA256, SHA512, digest};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use tls_policy::{FailureType, Tlsa};

type Verified = Result<ServerCertVerified, Error>;
type Signed = Result<HandshakeSignatureValid, Error>;

/// Takes every certificate. Against somebody who only listens this is as good as any other; against somebody who changes
/// traffic nothing opportunistic helps, because he can remove STARTTLS from the EHLO reply.
#[derive(Debug)]
pub(crate) struct AnyCertificate(pub(crate) Vec<SignatureScheme>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Verified {
        Ok(ServerCertVerified::assertion())
    }

    // The signature is not checked either: old certificates that rustls cannot read would then fall back to clear text.
    fn verify_tls12_signature(&self, _: &[u8], _: &CertificateDer<'_>, _: &DigitallySignedStruct) -> Signed {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(&self, _: &[u8], _: &CertificateDer<'_>, _: &DigitallySignedStruct) -> Signed {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.clone()
    }
}

/// Takes every certificate and notes what the authorities we know would have said.
#[derive(Debug)]
pub(crate) struct Watching {
    /// None on a machine without root certificates.
    pub(crate) webpki: Option<Arc<WebPkiServerVerifier>>,
    pub(crate) schemes: Vec<SignatureScheme>,
    pub(crate) seen: Arc<OnceLock<FailureType>>,
}

impl Watching {
    fn note<T>(&self, verdict: impl FnOnce(&WebPkiServerVerifier) -> Result<T, Error>) {
        let failure = match &self.webpki {
            Some(webpki) => verdict(webpki).err().map(|error| FailureType::of_error(&error)),
            None => Some(FailureType::CertificateNotTrusted),
        };
        if let Some(failure) = failure {
            // The first one counts: a certificate is looked at before its signature.
            let _ = self.seen.set(failure);
        }
    }
}

impl ServerCertVerifier for Watching {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Verified {
        self.note(|webpki| webpki.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now));
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(&self, said: &[u8], of: &CertificateDer<'_>, dss: &DigitallySignedStruct) -> Signed {
        self.note(|webpki| webpki.verify_tls12_signature(said, of, dss));
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(&self, said: &[u8], of: &CertificateDer<'_>, dss: &DigitallySignedStruct) -> Signed {
        self.note(|webpki| webpki.verify_tls13_signature(said, of, dss));
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes.clone()
    }
}

/// Takes a certificate that matches one of the TLSA records (RFC 6698, RFC 7672 3).
///
/// DANE-EE: the server's own certificate or key; names and dates do not count. DANE-TA: an authority in the server's
/// chain, or given whole in the record; the chain from there must hold, in its time, for one of the names.
#[derive(Debug)]
pub(crate) struct DaneVerifier {
    pub(crate) records: Arc<[Tlsa]>,
    pub(crate) names: Arc<[String]>,
    pub(crate) algorithms: WebPkiSupportedAlgorithms,
}

impl DaneVerifier {
    /// The authorities that the DANE-TA records vouch for.
    fn anchors(&self, intermediates: &[CertificateDer<'_>]) -> RootCertStore {
        let mut anchors = RootCertStore::empty();
        for record in self.records.iter().filter(|record| record.usage == 2) {
            let whole = (record.selector == 0 && record.matching == 0).then(|| CertificateDer::from(&record.data[..]));
            let presented = intermediates.iter().filter(|certificate| matches(record, certificate)).cloned();
            for certificate in presented.chain(whole) {
                // What cannot be read vouches for nothing.
                let _ = anchors.add(certificate);
            }
        }
        anchors
    }

    fn verify_by_anchor(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        anchors: &RootCertStore,
        now: UnixTime,
    ) -> Verified {
        let certificate = ParsedCertificate::try_from(end_entity)?;
        let algorithms = self.algorithms.all;
        verify_server_cert_signed_by_trust_anchor(&certificate, anchors, intermediates, now, algorithms)?;
        let is_for = |name: &String| {
            ServerName::try_from(name.as_str()).is_ok_and(|name| verify_server_name(&certificate, &name).is_ok())
        };
        if self.names.iter().any(is_for) {
            return Ok(ServerCertVerified::assertion());
        }
        Err(Error::InvalidCertificate(CertificateError::NotValidForName))
    }
}

impl ServerCertVerifier for DaneVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Verified {
        if self.records.iter().any(|record| record.usage == 3 && matches(record, end_entity)) {
            return Ok(ServerCertVerified::assertion());
        }
        let anchors = self.anchors(intermediates);
        if anchors.is_empty() {
            return Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure));
        }
        self.verify_by_anchor(end_entity, intermediates, &anchors, now)
    }

    // Without it, whoever has a copy of the certificate could stand in for the server.
    fn verify_tls12_signature(&self, said: &[u8], of: &CertificateDer<'_>, dss: &DigitallySignedStruct) -> Signed {
        verify_tls12_signature(said, of, dss, &self.algorithms)
    }

    fn verify_tls13_signature(&self, said: &[u8], of: &CertificateDer<'_>, dss: &DigitallySignedStruct) -> Signed {
        verify_tls13_signature(said, of, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Whether a certificate is the one that a record describes, whatever the record's usage.
fn matches(record: &Tlsa, certificate: &CertificateDer<'_>) -> bool {
    let key;
    let selected: &[u8] = match record.selector {
        0 => certificate.as_ref(),
        1 => match ParsedCertificate::try_from(certificate) {
            Ok(parsed) => {
                key = parsed.subject_public_key_info();
                key.as_ref()
            }
            Err(_) => return false,
        },
        _ => return false,
    };
    match record.matching {
        0 => selected == record.data,
        1 => digest(&SHA256, selected).as_ref() == record.data,
        2 => digest(&SHA512, selected).as_ref() == record.data,
        _ => false,
    }
}
