//! Why a listener cannot be set up. What peers do is no error.

use thiserror::Error;

/// What stands against a listener. The reason for a key is not repeated: it might quote it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ServerError {
    /// The name is not one that a greeting can bear.
    #[error("the listener's name is not a host name")]
    HostName,
    /// The chain is no PEM, or holds no certificate.
    #[error("the certificate chain cannot be read: {0}")]
    Chain(String),
    /// The key is no PEM, or of a kind that TLS cannot use.
    #[error("the private key cannot be read; it must be one PEM section")]
    Key,
    /// Chain and key do not go together.
    #[error("the certificate cannot be used: {0}")]
    Certificate(String),
}
