//! One outbound session over smtp-wire; mail-send connects, binds the source address and upgrades to TLS.
#![doc = include_str!("../README.md")]

mod certificates;
mod connect;
mod envelope;
mod failure;
mod line;
mod manner;
mod plan;
mod session;
mod stream;
mod tls;

pub use connect::connect;
pub use envelope::{Envelope, EnvelopeResult, Exchange};
pub use failure::{Failure, Scope, TlsFault, Trouble};
pub use plan::{ConnectPlan, Timeouts, TlsPolicy};
pub use session::Session;
pub use tls::{Tls, TlsFacts};
pub use tls_policy::Demand;
