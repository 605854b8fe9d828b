//! One struct per thing that happens; owns its log record, metric names and labels.
#![doc = include_str!("../README.md")]

mod attempt;
mod engine;
mod install;
mod meters;
mod metrics_table;
mod path;
mod redact;
mod request;
mod sample;
mod session;
mod share;
mod store;

pub use attempt::AttemptFinished;
pub use engine::{EngineStarted, EngineStopped, EngineStopping, LimitReached, StopSlow};
pub use install::{MetricsHandle, TelemetryError, init_logging, install_metrics};
pub use meters::PathMeters;
pub use metrics_table::{METRICS, Metric, MetricKind};
pub use path::{BlockReason, PathBlocked, PathReopened, PathThrottled};
pub use redact::without_addresses;
pub use request::{ConnectionDenied, HttpRequest, InjectionRefused, MessageAccepted};
pub use sample::{DiskSample, MemorySample, PathSample, QueueSample, process_memory_bytes};
pub use session::{SessionClosed, SessionFailed, SessionOpened, SessionPanicked};
pub use store::{ExpiredWaiting, InDoubtRecovered, RecipientSuppressed, StoreSynced};
