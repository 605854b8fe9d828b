//! Whom we believe a certificate: the machine's authorities, and further ones of the operator's.

use std::path::Path;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::error::TlsPolicyError;

/// The machine's root certificates, and those of a PEM file. A machine without any gives an empty store: mail whose
/// policy demands a verified certificate then waits, and all other mail flows.
///
/// Reads a few hundred files: call it once, at the start.
///
/// # Errors
/// When the file cannot be read or holds no certificate.
pub fn root_certificates(file: Option<&Path>) -> Result<RootCertStore, TlsPolicyError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let Some(path) = file else { return Ok(roots) };
    let refuse = |why: String| TlsPolicyError::RootsFile { path: path.to_owned(), why };
    let certificates = CertificateDer::pem_file_iter(path).map_err(|error| refuse(error.to_string()))?;
    let certificates: Vec<_> = certificates.collect::<Result<_, _>>().map_err(|error| refuse(error.to_string()))?;
    if certificates.is_empty() {
        return Err(refuse("it holds no certificate".to_owned()));
    }
    for certificate in certificates {
        roots.add(certificate).map_err(|error| refuse(error.to_string()))?;
    }
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn further_roots_are_added_and_a_file_without_any_is_an_error() {
        let machine = root_certificates(None).unwrap().len();
        let made = rcgen::generate_simple_self_signed(vec!["ca.example.jp".to_owned()]).unwrap();
        let mut file = tempfile::NamedTempFile::new().unwrap();
        assert!(root_certificates(Some(file.path())).unwrap_err().to_string().contains("holds no certificate"));
        file.write_all(made.cert.pem().as_bytes()).unwrap();
        assert_eq!(root_certificates(Some(file.path())).unwrap().len(), machine + 1);
        assert!(root_certificates(Some("no-such-file".as_ref())).is_err());
    }
}
