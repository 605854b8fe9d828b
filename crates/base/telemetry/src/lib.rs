//! One struct per thing that happens; owns its log record, metric names and labels.
#![doc = include_str!("../README.md")]

mod attempt;
mod canary;
mod certificate;
mod deadline;
mod engine;
mod inbound;
mod install;
mod limits;
mod meters;
mod metrics_table;
mod path;
mod redact;
mod request;
mod sample;
mod session;
mod share;
mod signing;
mod smtp_server;
mod store;
mod tls_policy;

pub use attempt::AttemptFinished;
pub use canary::{CanariesJoined, CanaryFared, CanaryFate, CanarySample};
pub use certificate::{CertificateRead, CertificateUnusable};
pub use deadline::{DeadlineNear, ForeseenLateSample};
pub use engine::{EngineStarted, EngineStopped, EngineStopping, LimitReached, StopSlow};
pub use inbound::{
    InboundHandled, InboxSample, LateOutcome, OperatorAlarm, RegistrationEnded, SuppressionNoted, SuppressionsLifted,
};
pub use install::{MetricsHandle, TelemetryError, init_logging, install_metrics};
pub use limits::{LimitsIgnored, LimitsRecalled, NetblockSample, PathSample, WarmUpSample};
pub use meters::PathMeters;
pub use metrics_table::{METRICS, Metric, MetricKind};
pub use path::{BlockReason, PathBlocked, PathReopened, PathThrottled};
pub use redact::without_addresses;
pub use request::{ConnectionDenied, HttpRequest, InjectionRefused, MessageAccepted};
pub use sample::{DiskSample, MemorySample, QueueSample, TimeLeftSample, process_memory_bytes};
pub use session::{SessionClosed, SessionFailed, SessionOpened, SessionPanicked};
pub use signing::MailUnsigned;
pub use smtp_server::{
    InboundAcceptFailed, InboundMailKept, InboundMailRefused, InboundRecipientRefused, InboundSessionClosed,
    InboundSessionOpened, InboundSessionPanicked, InboundTlsFailed, InboundTurnedAway,
};
pub use store::{ExpiredWaiting, InDoubtRecovered, RecipientSuppressed, StoreSynced};
pub use tls_policy::{StsFileUnusable, StsPoliciesHeld, StsPolicyFetched, TlsPolicyUnmet, TlsSessionCounted};
