//! Every setting: type, unit, default, bounds, reason; carrier profiles as TOML.
#![doc = include_str!("../README.md")]

pub mod fault;
pub mod reference;
mod usable;
mod written;

pub use fault::{Fault, Faults};
pub use reference::reference;
pub use usable::canaries::{CanariesConfig, CanaryMailbox};
pub use usable::carrier::{CarrierProfile, CarriersConfig};
pub use usable::config::EngineConfig;
pub use usable::dns::DnsConfig;
pub use usable::edges::EdgesConfig;
pub use usable::engine::{EngineSection, TelemetryConfig, TlsConfig};
pub use usable::http::{ApiKey, HttpConfig};
pub use usable::inbound::{CertificateConfig, InboundConfig};
pub use usable::pools::{PoolConfig, PoolMember, PoolsConfig, SourceConfig, WarmupConfig};
pub use usable::queue::QueueConfig;
pub use usable::registration::{RegistrationConfig, RegistrationSchool};
pub use usable::returns::{ReturnsConfig, UnsubscribeConfig};
pub use usable::routes::{RouteDomain, RouteTarget, StaticRoute};
pub use usable::secret::Secret;
pub use usable::signing::{DkimConfig, DkimKeyConfig};
pub use usable::text::{
    CanaryName, CanaryWay, Charset, DomainSuffix, HostName, HttpsUrl, IpVersion, LogLevel, PoolKind, SignOnce,
    TlsPolicy,
};
