//! Why inbound mail cannot be dealt with at all. What a mail says is no error.

use thiserror::Error;

/// Only our own machine and its configuration can be the reason.
#[derive(Debug, Error)]
pub enum InboundError {
    /// The keys or domains of return addresses.
    #[error("[returns] or [registration]: {0}")]
    Keys(#[from] return_links::KeysError),
    /// No questions can be asked.
    #[error("[dns]: {0}")]
    Dns(#[from] dns::DnsError),
    /// The resolver of SPF, DKIM and DMARC cannot be made.
    #[error("[dns]: the resolver for sender authentication cannot be made: {0}")]
    Authenticator(String),
    /// `reply_from` or the text of the answer cannot be made into a mail.
    #[error("[registration]: {0}")]
    Answer(String),
}
