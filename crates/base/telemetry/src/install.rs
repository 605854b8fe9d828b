//! Puts the recorder and the log in place, once per process.

use metrics::{describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use thiserror::Error;
use tracing_subscriber::EnvFilter;

use crate::metrics_table::{METRICS, MetricKind};
use crate::share::publish_share;

/// Why telemetry could not start.
#[derive(Debug, Error)]
pub enum TelemetryError {
    /// A recorder or a log is already there.
    #[error("{0} is already installed in this process; install it once, in main")]
    AlreadyInstalled(&'static str),
    /// The level is none.
    #[error("'{level}' is no log level; write error, warn, info, debug or trace, or module=level,… ({reason})")]
    BadLevel {
        /// What was given.
        level: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A row of the table has an empty set of buckets.
    #[error("the buckets of {0} are empty")]
    NoBuckets(&'static str),
}

/// Reads the metrics out. Cheap to clone.
#[derive(Clone)]
pub struct MetricsHandle(PrometheusHandle);

impl MetricsHandle {
    /// The text that Prometheus scrapes.
    pub fn render(&self) -> String {
        publish_share();
        self.0.render()
    }

    /// Folds the samples of histograms into their buckets. Until then each takes 8 bytes, so call this every few
    /// seconds whether anybody scrapes or not.
    pub fn upkeep(&self) {
        self.0.run_upkeep();
    }
}

/// Makes this process record metrics. There is no listener here: `control-api` serves [`MetricsHandle::render`].
pub fn install_metrics() -> Result<MetricsHandle, TelemetryError> {
    let recorder = builder()?.build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).map_err(|_| TelemetryError::AlreadyInstalled("a metrics recorder"))?;
    describe();
    Ok(MetricsHandle(handle))
}

/// Without its own buckets a histogram would be exported as a summary, which cannot be added up over nodes.
fn builder() -> Result<PrometheusBuilder, TelemetryError> {
    METRICS.iter().try_fold(PrometheusBuilder::new(), |builder, metric| match metric.kind {
        MetricKind::Seconds(buckets) => builder
            .set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), buckets)
            .map_err(|_| TelemetryError::NoBuckets(metric.name)),
        MetricKind::Counter | MetricKind::Gauge => Ok(builder),
    })
}

fn describe() {
    for metric in METRICS {
        match metric.kind {
            MetricKind::Counter => describe_counter!(metric.name, metric.help),
            MetricKind::Gauge => describe_gauge!(metric.name, metric.help),
            MetricKind::Seconds(_) => describe_histogram!(metric.name, metrics::Unit::Seconds, metric.help),
        }
    }
}

/// Writes log records to stderr from now on, one line each, as JSON or for reading.
///
/// `level` is a level (`info`) or a list (`info,queue=debug`). Per-attempt records of accepted mails are at `debug`.
pub fn init_logging(level: &str, json: bool) -> Result<(), TelemetryError> {
    let bad = |reason: String| TelemetryError::BadLevel { level: level.to_owned(), reason };
    let filter = EnvFilter::try_new(level).map_err(|e| bad(e.to_string()))?;
    let format = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let installed = if json {
        format.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init()
    } else {
        format.with_ansi(false).try_init()
    };
    installed.map_err(|_| TelemetryError::AlreadyInstalled("a log"))
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
