//! The numbers a path starts from and the bounds it stays in.

use std::time::Duration;

/// Fastest rate, mails a minute. One mail each microsecond; beyond it whole nanoseconds are too coarse for pacing.
pub const RATE_PER_MIN_MAX: f64 = 60_000_000.0;

/// Slowest rate, mails a minute: one an hour. Slower is a pause, and a pause belongs to the breaker.
pub const RATE_PER_MIN_MIN: f64 = 1.0 / 60.0;

/// A published pause from which on a refusal is dear.
const DEAR: Duration = Duration::from_secs(60);

/// Start values and backstops of one egress path. No Japanese carrier publishes a limit, so the start values are where
/// the controller begins, and the greatest ones only where it gives up looking. The defaults are those of the carrier
/// profiles' `[defaults]`.
#[derive(Clone, Debug, PartialEq)]
pub struct PathLimits {
    /// Connections at once at the beginning; at least 1, at most `connections_max`.
    pub connections_start: u32,
    /// Connections at once that are never exceeded; at least 1.
    pub connections_max: u32,
    /// Mails on one connection before it is closed; at least 1. The owner of the connection counts.
    pub messages_per_connection_max: u32,
    /// Age at which a connection is closed. The owner of the connection looks.
    pub connection_lifetime_max: Duration,
    /// Rate of a path nothing is known about, mails a minute.
    pub rate_start_per_min: f64,
    /// Rate that is never exceeded, mails a minute, up to [`RATE_PER_MIN_MAX`].
    pub rate_max_per_min: f64,
    /// Added after each clean minute where rates do not grow by factors, mails a minute.
    pub rate_step_per_min: f64,
    /// Lowest rate that halving may reach, mails a minute, down to [`RATE_PER_MIN_MIN`].
    pub rate_floor_per_min: f64,
    /// Within this time after a reaction, further signs of the same kind that do not tell when their mail was sent are
    /// not answered again. Longer than a usual reply takes.
    pub reaction_window: Duration,
    /// A pause that the carrier has published for "slow down"; each such signal names it too.
    pub pause_on_throttle: Option<Duration>,
    /// First pause after a block when the signal names none; doubled with every failed probe.
    pub pause_default: Duration,
    /// Longest pause of the path's own. A pause named by a signal is not cut.
    pub pause_max: Duration,
    /// First pause after a reset connection; `None` treats a reset like any failed connection.
    pub pause_on_reset: Option<Duration>,
    /// Failed connections in a row that open the breaker; at least 1.
    pub connect_failures_max: u32,
}

impl Default for PathLimits {
    fn default() -> Self {
        Self {
            connections_start: 2,
            connections_max: 10,
            messages_per_connection_max: 20,
            connection_lifetime_max: Duration::from_secs(300),
            rate_start_per_min: 30.0,
            rate_max_per_min: 6_000.0,
            rate_step_per_min: 10.0,
            rate_floor_per_min: 1.0,
            reaction_window: Duration::from_secs(5),
            pause_on_throttle: None,
            pause_default: Duration::from_secs(300),
            pause_max: Duration::from_secs(3_600),
            pause_on_reset: Some(Duration::from_secs(300)),
            connect_failures_max: 5,
        }
    }
}

impl PathLimits {
    /// For a carrier that sets no limit: own relays, load tests. Only the number of connections holds it back.
    pub fn unlimited(connections_max: u32) -> Self {
        Self {
            connections_start: connections_max,
            connections_max,
            messages_per_connection_max: u32::MAX,
            rate_start_per_min: RATE_PER_MIN_MAX,
            rate_max_per_min: RATE_PER_MIN_MAX,
            ..Self::default()
        }
    }

    /// Whether a refusal costs minutes, by a pause that the carrier has published.
    pub(crate) fn is_dear(&self) -> bool {
        self.pause_on_throttle.is_some_and(|pause| pause >= DEAR)
    }

    /// The same with every number inside its bounds. What was written by people is judged in `engine-config`, with a
    /// message; here a wrong number must only do no harm.
    #[expect(clippy::manual_clamp, reason = "`f64::max` also turns NaN into the bound")]
    pub(crate) fn bounded(&self) -> Self {
        let max = self.rate_max_per_min.max(RATE_PER_MIN_MIN).min(RATE_PER_MIN_MAX);
        let floor = self.rate_floor_per_min.max(RATE_PER_MIN_MIN).min(max);
        let connections_max = self.connections_max.max(1);
        Self {
            connections_start: self.connections_start.clamp(1, connections_max),
            connections_max,
            messages_per_connection_max: self.messages_per_connection_max.max(1),
            rate_start_per_min: self.rate_start_per_min.max(floor).min(max),
            rate_max_per_min: max,
            rate_step_per_min: self.rate_step_per_min.max(0.0).min(RATE_PER_MIN_MAX),
            rate_floor_per_min: floor,
            connect_failures_max: self.connect_failures_max.max(1),
            ..self.clone()
        }
    }
}

/// When the share of unknown users at one carrier becomes a danger for the whole netblock.
#[derive(Clone, Debug, PartialEq)]
pub struct UnknownLimits {
    /// Share of unknown users that an operator should see, 0–1.
    pub warn_ratio: f64,
    /// Share that stops the netblock, 0–1: two thirds of it are never taken for it. Vendors report blocks from 4–5 %.
    pub stop_ratio: f64,
    /// Recipients looked back on for the share that operators see.
    pub window: u32,
    /// How long the carrier is left alone after a stop.
    pub pause: Duration,
}

impl Default for UnknownLimits {
    fn default() -> Self {
        Self { warn_ratio: 0.01, stop_ratio: 0.03, window: 500, pause: Duration::from_secs(1_800) }
    }
}
