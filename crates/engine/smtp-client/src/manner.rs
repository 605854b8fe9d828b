//! How a session is to be encrypted: the carrier's setting and the domain's demand in one.

use std::sync::Arc;

use tls_policy::{Demand, FailureType, MxMatch, Tlsa};

use crate::failure::TlsFault;
use crate::plan::{ConnectPlan, TlsPolicy};

/// How a session is to be encrypted.
#[derive(Clone, Debug)]
pub(crate) enum Manner {
    /// Not at all.
    Clear,
    /// When the server offers it, with any certificate.
    Opportunistic,
    /// Like `Opportunistic`; what a policy would have said is noted.
    Watched(MxMatch),
    /// With any certificate, or there is no session.
    Encrypted,
    /// With a certificate for the MX's name from a known authority, or there is no session.
    Verified,
    /// With a certificate that matches a TLSA record, or there is no session.
    Dane { records: Arc<[Tlsa]>, names: Arc<[String]> },
}

impl Manner {
    /// The stricter of setting and demand. An error when the demand lets nobody connect.
    pub(crate) fn of(plan: &ConnectPlan) -> Result<Self, TlsFault> {
        let fault = |result, why: &str| TlsFault { result, why: why.to_owned() };
        Ok(match (&plan.demand, plan.tls) {
            (Demand::Unusable(why), _) => return Err(fault(FailureType::DnssecInvalid, why.as_str())),
            (Demand::Authenticated(names), _) if !names.admits(&plan.mx_host) => {
                return Err(fault(FailureType::ValidationFailure, "mx-not-in-policy"));
            }
            (Demand::Dane { records, names }, _) => {
                Self::Dane { records: Arc::clone(records), names: Arc::clone(names) }
            }
            (Demand::Authenticated(_), _) | (_, TlsPolicy::Required) => Self::Verified,
            (Demand::Encrypted, _) => Self::Encrypted,
            (_, TlsPolicy::Off) => Self::Clear,
            (Demand::Testing(names), TlsPolicy::Opportunistic) => Self::Watched(names.clone()),
            (Demand::Nothing, TlsPolicy::Opportunistic) => Self::Opportunistic,
        })
    }

    /// Whether mail may go in clear when there is no TLS to be had.
    pub(crate) fn may_go_clear(&self) -> bool {
        matches!(self, Self::Clear | Self::Opportunistic | Self::Watched(_))
    }

    /// Whether who answers is known when the handshake is over.
    pub(crate) fn authenticates(&self) -> bool {
        matches!(self, Self::Verified | Self::Dane { .. })
    }
}
