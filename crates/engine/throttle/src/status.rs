//! What an operator sees of one path.

use mail_model::MonoUs;

use crate::gate::ClosedBecause;

/// A path as it stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PathStatus {
    /// Allowed rate, mails a minute.
    pub rate_per_min: f64,
    /// Connections allowed at once.
    pub connections_allowed: u32,
    /// The breaker.
    pub breaker: BreakerStatus,
    /// Counted failures of connections in a row; 0 unless the breaker is closed.
    pub connect_failures: u32,
    /// No connection before this time, although mail still flows on open ones.
    pub connect_after: Option<MonoUs>,
    /// Why nothing goes out, and until when. `None` while mail may flow, a probe included.
    pub shut: Option<Shut>,
}

/// A closed path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shut {
    /// Why.
    pub because: ClosedBecause,
    /// When it will be tried again.
    pub until: MonoUs,
}

/// The breaker in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerStatus {
    /// Traffic flows.
    Closed,
    /// Nothing goes out.
    Open {
        /// When a probe may go.
        until: MonoUs,
    },
    /// One connection and one mail find out.
    Probing {
        /// Why it had opened.
        because: ClosedBecause,
    },
}

impl BreakerStatus {
    /// As written in JSON and metric labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open { .. } => "open",
            Self::Probing { .. } => "probing",
        }
    }
}
