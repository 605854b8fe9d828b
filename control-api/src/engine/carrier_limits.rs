//! What the engine knows of the carriers' limits, as operators see it.

use mail_model::{CarrierName, SiteName, SourceName, UnixMs};
use serde::{Serialize, Serializer};

use crate::engine::time::shown;

/// Everything that is known.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Limits {
    /// Carriers with mail or knowledge, by name.
    pub carriers: Vec<CarrierLimits>,
    /// Young sources with their caps, in the order of the configuration.
    pub warm_up: Vec<WarmUpUse>,
}

/// One carrier, or one domain of `other`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CarrierLimits {
    /// Whose mail system.
    pub carrier: CarrierName,
    /// The domain for carrier `other`, else empty.
    pub domain: SiteName,
    /// Notifications that wait for it.
    pub waiting: u64,
    /// What may go now, all sources together, mails a minute.
    pub rate_per_min: f64,
    /// The netblocks of our sources there.
    pub netblocks: Vec<NetblockLimit>,
    /// Our sources there.
    pub sources: Vec<SourceLimit>,
}

/// All sources of one netblock together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NetblockLimit {
    /// Which.
    pub netblock: String,
    /// The sum at which the carrier takes no more, where it is known; mails a minute.
    pub limit_per_min: Option<f64>,
    /// When that was learned or proved last.
    #[serde(serialize_with = "time")]
    pub learned_at: Option<UnixMs>,
    /// Recipients among the last answered ones that were unknown, and these; the carrier is left alone above a share.
    pub unknown: u32,
    /// See `unknown`.
    pub recipients: u32,
    /// Until when it is left alone.
    #[serde(serialize_with = "time")]
    pub paused_until: Option<UnixMs>,
}

/// One source at one carrier.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SourceLimit {
    /// Which.
    pub source: SourceName,
    /// Its netblock.
    pub netblock: String,
    /// How it stands.
    pub state: SourceState,
    /// Why it sends nothing, in one word of the throttle's.
    pub why: Option<&'static str>,
    /// Until when it sends nothing.
    #[serde(serialize_with = "time")]
    pub until: Option<UnixMs>,
    /// What may go now, mails a minute.
    pub rate_per_min: f64,
    /// The rate at which the carrier takes no more, where it is known; mails a minute.
    pub limit_per_min: Option<f64>,
    /// Whether that was measured; otherwise it is inherited, old, or from one refusal only.
    pub sure: bool,
    /// The highest rate that was carried without a sign against it, mails a minute; 0 when there was none.
    pub proven_per_min: f64,
    /// When that was learned or proved last.
    #[serde(serialize_with = "time")]
    pub learned_at: Option<UnixMs>,
    /// Sessions open.
    pub sessions: u32,
    /// Sessions allowed.
    pub sessions_allowed: u32,
    /// Sessions that the carrier was found to take at once.
    pub sessions_limit: Option<u32>,
    /// Mails after which the carrier was found to end a session.
    pub session_mails_limit: Option<u32>,
    /// Mails of the last hour; of carrier `other` all domains together.
    pub sent_this_hour: u32,
}

/// How a source stands at a carrier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceState {
    /// Sessions are open.
    Sending,
    /// It may send and has nothing to.
    Idle,
    /// The carrier asked for less; it keeps still for a moment.
    Paused,
    /// Blocked or unreachable; it is left alone.
    Resting,
    /// One mail finds out whether it may send again.
    Probing,
    /// The hour of its warm-up is used up.
    Capped,
    /// It has not been used since the start; what is shown was learned before.
    Unused,
}

/// How much of its cap a young source has used.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WarmUpUse {
    /// Which.
    pub source: SourceName,
    /// Its day of warm-up, from 1.
    pub day: usize,
    /// Mails within any hour that it may send.
    pub cap: u32,
    /// Mails of the last hour.
    pub sent: u32,
    /// When it may go on, if it is at its cap.
    #[serde(serialize_with = "time")]
    pub below_cap_at: Option<UnixMs>,
}

#[expect(clippy::ref_option, reason = "serde asks for a reference to the field")]
fn time<S: Serializer>(time: &Option<UnixMs>, to: S) -> Result<S::Ok, S::Error> {
    time.and_then(shown).serialize(to)
}
