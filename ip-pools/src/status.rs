//! What an operator sees of the sources.

use mail_model::{CarrierName, PoolName, SourceName, UnixMs};

use crate::warmup::WarmUp;

/// One source as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceStatus {
    /// Its name.
    pub source: SourceName,
    /// The pools it is in.
    pub pools: Vec<PoolName>,
    /// Where it stands in its warm-up.
    pub warm_up: WarmUp,
    /// Mails of the last hour, to all carriers.
    pub sent_this_hour: u32,
    /// When it is below its cap again; `None` when it is not at its cap.
    pub below_cap_at: Option<UnixMs>,
    /// The carriers it has sent to or rests at, by name.
    pub carriers: Vec<AtCarrier>,
}

/// One source at one carrier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AtCarrier {
    /// Whose mail system.
    pub carrier: CarrierName,
    /// Mails of the last hour.
    pub sent_this_hour: u32,
    /// It is blocked there and rests until then.
    pub resting_until: Option<UnixMs>,
}
