//! HTTP: the engine's face for operators and machines.
#![doc = include_str!("../README.md")]

pub mod engine;
pub mod http;

pub use engine::carrier_limits::{CarrierLimits, Limits, NetblockLimit, SourceLimit, SourceState, WarmUpUse};
pub use engine::limits::{CutLimits, Defaults, InjectLimits};
pub use engine::port::{
    Answer, EnginePort, PathState, Resolution, ResolvedHost, ResolvedPath, SuspendScope, Suspension, SuspensionId,
};
pub use engine::routes::{ROUTES, Route, router};
pub use engine::serve::serve;
pub use engine::state::{EngineState, Parts};
pub use http::accept::AcceptLimits;
pub use http::body::BodyLimits;
pub use http::keys::{Access, KeyError, Keys, Peer};
