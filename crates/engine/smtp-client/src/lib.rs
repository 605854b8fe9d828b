//! One outbound session over smtp-wire; mail-send connects, binds the source address and upgrades to TLS.
#![doc = include_str!("../README.md")]

mod connect;
mod envelope;
mod failure;
mod line;
mod plan;
mod session;
mod stream;
mod tls;

pub use connect::connect;
pub use envelope::{Envelope, EnvelopeResult, Exchange};
pub use failure::{Failure, Scope, Trouble};
pub use plan::{ConnectPlan, Timeouts, TlsPolicy};
pub use session::Session;
pub use tls::{Tls, TlsFacts};
