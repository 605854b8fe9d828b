//! What a domain demands of TLS to its hosts: MTA-STS, DANE; counters for TLS-RPT.
#![doc = include_str!("../README.md")]

mod dane;
mod demand;
mod error;
mod fetch;
#[doc(hidden)]
pub mod fuzzing;
mod policies;
mod policies_file;
mod report;
mod result;
mod roots;
mod settings;
mod shelf;
mod sts;
mod sts_policy;
mod sts_record;
mod tally;

pub use demand::{Demand, MxMatch, WhyUnusable};
pub use dns::Tlsa;
pub use error::TlsPolicyError;
pub use policies::{Session, TlsPolicies};
pub use report::{DateRange, FailureDetails, PolicyReport, PolicySummary, Report, ReportedPolicy};
pub use result::{FailureType, TlsResult};
pub use roots::root_certificates;
pub use settings::Settings;
