//! What a scenario file may say.

use std::time::Duration;

use serde::Deserialize;
use throttle::{PathLimits, UnknownLimits};

/// One file of `tests/scenarios`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    pub title: String,
    pub duration_s: u64,
    #[serde(default)]
    pub limits: Limits,
    pub unknown: Option<Unknown>,
    #[serde(default)]
    pub client: Client,
    pub carrier: Vec<Behaviour>,
    pub expect: Expect,
}

/// Limits that differ from the default.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    pub connections_max: Option<u32>,
    pub connections_step_per_min: Option<u32>,
    pub messages_per_connection_max: Option<u32>,
    pub rate_start_per_min: Option<f64>,
    pub rate_max_per_min: Option<f64>,
    pub rate_step_per_min: Option<f64>,
    pub pause_default_s: Option<u64>,
    pub pause_max_s: Option<u64>,
}

impl Limits {
    pub fn path(&self) -> PathLimits {
        let mut path = PathLimits::default();
        let seconds = |s: Option<u64>, default| s.map_or(default, Duration::from_secs);
        path.connections_max = self.connections_max.unwrap_or(path.connections_max);
        path.connections_step_per_min = self.connections_step_per_min.unwrap_or(path.connections_step_per_min);
        path.messages_per_connection_max = self.messages_per_connection_max.unwrap_or(path.messages_per_connection_max);
        path.rate_start_per_min = self.rate_start_per_min.unwrap_or(path.rate_start_per_min);
        path.rate_max_per_min = self.rate_max_per_min.unwrap_or(path.rate_max_per_min);
        path.rate_step_per_min = self.rate_step_per_min.unwrap_or(path.rate_step_per_min);
        path.pause_default = seconds(self.pause_default_s, path.pause_default);
        path.pause_max = seconds(self.pause_max_s, path.pause_max);
        path
    }
}

/// The guard on unknown users, where the scenario has one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unknown {
    pub warn_ratio: f64,
    pub stop_ratio: f64,
    pub window: u32,
    pub sample_min: u32,
    pub pause_s: u64,
}

impl Unknown {
    pub fn limits(&self) -> UnknownLimits {
        UnknownLimits {
            warn_ratio: self.warn_ratio,
            stop_ratio: self.stop_ratio,
            window: self.window,
            sample_min: self.sample_min,
            pause: Duration::from_secs(self.pause_s),
        }
    }
}

/// The sending side.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Client {
    /// From command to reply, and from SYN to greeting.
    pub latency_ms: u64,
    /// Timers fire on multiples of this.
    pub tick_us: u64,
    /// Mails to send; without it there is always another one.
    pub mails: Option<u64>,
    /// Until `trickle_until_s` only this many mails a minute are there to be sent.
    pub trickle_per_min: u64,
    pub trickle_until_s: u64,
}

impl Default for Client {
    fn default() -> Self {
        Self { latency_ms: 200, tick_us: 1_000, mails: None, trickle_per_min: 0, trickle_until_s: 0 }
    }
}

/// What the carrier does from a moment on.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Behaviour {
    pub from_s: u64,
    /// More than this in a minute is answered with 421.
    pub accepts_per_min: Option<u64>,
    /// Whether minutes are counted from the first mail on (`sliding`) or by the clock (`fixed`).
    #[serde(default)]
    pub counting: Counting,
    /// The pause that the profile attaches to the 421.
    pub pause_s: Option<u64>,
    /// More than this many mails refused with 421 within a minute earn a ban.
    pub ban_after_excess: Option<usize>,
    #[serde(default)]
    pub ban_s: u64,
    /// Connections beyond this number are refused.
    pub connections: Option<u32>,
    #[serde(default)]
    pub at_connect: AtConnect,
    /// Every mail is answered `550 5.7.1`.
    #[serde(default)]
    pub blocks: bool,
    /// The pause that the profile attaches to a block.
    pub block_pause_s: Option<u64>,
    #[serde(default)]
    pub unknown_ratio: f64,
}

impl Behaviour {
    /// Mails a minute that an oracle would get through; 0 while nothing gets through.
    pub fn allowed_per_min(&self, rate_max_per_min: f64) -> f64 {
        match self.at_connect {
            AtConnect::Takes if !self.blocks => {
                self.accepts_per_min.map_or(rate_max_per_min, |n| (n as f64).min(rate_max_per_min))
            }
            _ => 0.0,
        }
    }
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counting {
    #[default]
    Sliding,
    Fixed,
}

#[derive(Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AtConnect {
    #[default]
    Takes,
    Refuses,
    Resets,
}

/// What must come out.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Expect {
    /// Least share of what the carrier allows, from `share_from_s` to the end.
    pub share_min: Option<f64>,
    pub share_from_s: u64,
    pub bans_max: usize,
    /// Mails refused for exceeding the rate.
    pub excess_max: Option<usize>,
    pub connections_max: Option<u32>,
    pub connect_attempts_max: Option<usize>,
    pub mails_in_1s_max: Option<usize>,
    /// First accepted mail after the last change of behaviour.
    pub recovers_within_s: Option<u64>,
    /// All mails done within this multiple of an oracle's time.
    pub oracle_factor_max: Option<f64>,
    pub guard_stops_min: usize,
    pub guard_stops_max: usize,
    /// Spans of time and the mails sent in them.
    pub spans: Vec<Span>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Span {
    pub from_s: u64,
    pub to_s: u64,
    #[serde(default)]
    pub sent_min: usize,
    pub sent_max: usize,
}
