//! What every session shares.

use std::sync::Arc;

use clock::Clock;
use tokio_util::sync::CancellationToken;

use crate::settings::Settings;
use crate::tls::Tls;

/// What every session shares.
pub(crate) struct House<D, S> {
    pub settings: Arc<Settings>,
    pub doors: Arc<D>,
    pub store: Arc<S>,
    pub tls: Option<Tls>,
    pub clock: Clock,
    /// Cancelled when the listener is to end.
    pub stop: CancellationToken,
}
