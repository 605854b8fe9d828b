//! What a session came to, in the words of RFC 8460 4.3.

use serde::Serialize;

/// What a session came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TlsResult {
    /// Encrypted, and authenticated where the policy demands it.
    Success,
    /// Not encrypted, or not as the policy demands.
    Failure(FailureType),
}

/// A result type of RFC 8460 4.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureType {
    /// The server does not offer STARTTLS, or refuses it.
    StarttlsNotSupported,
    /// The certificate is for another name.
    CertificateHostMismatch,
    /// The certificate is no longer, or not yet, valid.
    CertificateExpired,
    /// The certificate comes from nobody we trust, or was revoked.
    CertificateNotTrusted,
    /// Any other failure: no TLSA record matches, the MX is not in the policy, the handshake breaks off.
    ValidationFailure,
    /// None of the domain's TLSA records can be used.
    TlsaInvalid,
    /// No valid records came from the DNS: forged, or broken by their owner.
    DnssecInvalid,
    /// DANE is demanded and there is none. Nothing of ours demands it so; kept for completeness of the report.
    DaneRequired,
    /// There is an MTA-STS record, and its policy cannot be fetched.
    StsPolicyFetchError,
    /// The MTA-STS policy cannot be read.
    StsPolicyInvalid,
    /// The certificate of the policy's web server is not valid.
    StsWebpkiInvalid,
}

impl FailureType {
    /// As in the report: `certificate-expired`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::StarttlsNotSupported => "starttls-not-supported",
            Self::CertificateHostMismatch => "certificate-host-mismatch",
            Self::CertificateExpired => "certificate-expired",
            Self::CertificateNotTrusted => "certificate-not-trusted",
            Self::ValidationFailure => "validation-failure",
            Self::TlsaInvalid => "tlsa-invalid",
            Self::DnssecInvalid => "dnssec-invalid",
            Self::DaneRequired => "dane-required",
            Self::StsPolicyFetchError => "sts-policy-fetch-error",
            Self::StsPolicyInvalid => "sts-policy-invalid",
            Self::StsWebpkiInvalid => "sts-webpki-invalid",
        }
    }

    /// What an error of the TLS library says about the other side's certificate.
    pub fn of_error(error: &rustls::Error) -> Self {
        use rustls::CertificateError as Fault;
        let rustls::Error::InvalidCertificate(fault) = error else { return Self::ValidationFailure };
        match fault {
            Fault::Expired | Fault::ExpiredContext { .. } | Fault::NotValidYet | Fault::NotValidYetContext { .. } => {
                Self::CertificateExpired
            }
            Fault::NotValidForName | Fault::NotValidForNameContext { .. } => Self::CertificateHostMismatch,
            Fault::UnknownIssuer | Fault::Revoked | Fault::BadSignature => Self::CertificateNotTrusted,
            // A self-signed authority that stands in as a server's own certificate.
            Fault::Other(_) => Self::CertificateNotTrusted,
            _ => Self::ValidationFailure,
        }
    }
}

impl TlsResult {
    /// `success` or the failure's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure(kind) => kind.as_str(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_written_in_a_report_as_in_a_label() {
        use FailureType::*;
        let all = [
            StarttlsNotSupported,
            CertificateHostMismatch,
            CertificateExpired,
            CertificateNotTrusted,
            ValidationFailure,
            TlsaInvalid,
            DnssecInvalid,
            DaneRequired,
            StsPolicyFetchError,
            StsPolicyInvalid,
            StsWebpkiInvalid,
        ];
        for kind in all {
            assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{}\"", kind.as_str()));
        }
    }
}
