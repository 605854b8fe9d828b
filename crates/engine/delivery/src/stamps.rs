//! What a mail carries of ours: a return path of its own, a way to unsubscribe, signatures.

use std::time::Duration;

use compose::dkim::{KeyFile, Signers, Signing, SigningError};
use engine_config::{EdgesConfig, HttpsUrl, ReturnsConfig, Secret, SignOnce};
use mail_model::{Class, EmailAddress, NotificationId};
use queue::StoredMessage;
use return_links::{Keys, KeysError, ReturnPaths, UnsubscribeLinks};
use thiserror::Error;
use tls_policy::TlsPolicyError;

/// Why an engine cannot start to send.
#[derive(Debug, Error)]
pub enum DeliveryError {
    /// `[[dkim_keys]]`.
    #[error("[[dkim_keys]]")]
    Signing(#[from] SigningError),
    /// `[returns]`.
    #[error("[returns]")]
    Returns(#[from] KeysError),
    /// `[tls]`.
    #[error(transparent)]
    Tls(#[from] TlsPolicyError),
}

/// The keys of `[[dkim_keys]]`, read.
///
/// # Errors
/// The first key that cannot sign.
pub fn signers(edges: &EdgesConfig) -> Result<Signers, SigningError> {
    Signers::new(edges.dkim_keys.iter().map(|key| KeyFile {
        domain: key.domain.as_str(),
        selector: key.selector.as_str(),
        pem: key.key.bytes(),
        since: key.since,
        until: key.until,
    }))
}

/// What every mail of this engine is stamped with.
pub(crate) struct Stamps {
    signers: Signers,
    sign_once: SignOnce,
    ways_back: Option<WaysBack>,
    unsubscribe_url: Option<HttpsUrl>,
}

/// What needs the key of `[returns]`.
struct WaysBack {
    return_paths: ReturnPaths,
    unsubscribe: UnsubscribeLinks,
}

/// How one recipient unsubscribes.
pub(crate) struct Leaving {
    pub(crate) link: Option<String>,
    pub(crate) mailbox: EmailAddress,
}

impl Stamps {
    pub(crate) fn new(edges: &EdgesConfig) -> Result<Self, DeliveryError> {
        Ok(Self {
            signers: signers(edges)?,
            sign_once: edges.dkim.sign_once,
            ways_back: edges.returns.as_ref().map(WaysBack::new).transpose()?,
            unsubscribe_url: edges.unsubscribe.url.clone(),
        })
    }

    /// The return path of one notification, in place of its message's sender. A message from nobody (`<>`) stays from
    /// nobody: an answer to a bounce or to an empty mail must not be bounced to us.
    pub(crate) fn return_path(&self, message: &StoredMessage, id: NotificationId) -> Option<EmailAddress> {
        message.sender.as_ref()?;
        Some(self.ways_back.as_ref()?.return_paths.mint(id))
    }

    /// How the recipient leaves. Nobody leaves an answer that he asked for.
    pub(crate) fn leaving(&self, message: &StoredMessage, id: NotificationId) -> Option<Leaving> {
        let links = &self.ways_back.as_ref()?.unsubscribe;
        (message.class != Class::Transactional).then(|| {
            let link = self.unsubscribe_url.as_ref().map(|url| format!("{}{}", url.as_str(), links.token(id)));
            Leaving { link, mailbox: links.mailbox(id) }
        })
    }

    /// How the mails of a message are signed: by the keys of the time for which it was meant, not of the attempt.
    pub(crate) fn signing(&self, message: &StoredMessage) -> Signing<'_> {
        let may_sign_once = match self.sign_once {
            SignOnce::Never => false,
            SignOnce::Emergency => message.class == Class::Emergency,
            SignOnce::Always => true,
        };
        let at = message.not_before.unwrap_or_default().max(message.accepted_at);
        Signing { signers: &self.signers, at, may_sign_once }
    }

    /// Whether mail is signed at all; if it is not, an unsigned mail is nothing to tell.
    pub(crate) fn signs(&self) -> bool {
        !self.signers.is_empty()
    }
}

impl WaysBack {
    fn new(config: &ReturnsConfig) -> Result<Self, KeysError> {
        let keys = Keys::new(config.key.bytes(), config.old_keys.iter().map(Secret::bytes))?;
        let window = Duration::from_secs(u64::from(config.window_days) * 86_400);
        let domain = config.domain.as_str();
        Ok(Self {
            return_paths: ReturnPaths::new(keys.clone(), domain, window)?,
            unsubscribe: UnsubscribeLinks::new(keys, domain)?,
        })
    }
}
