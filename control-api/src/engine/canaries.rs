//! Mails to our own mailboxes: which arrived, and the call by which a program that reads such a mailbox says so.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use canary::{Alarm, Report, Seen};
use mail_model::{CampaignName, UnixMs};
use queue::Write;
use serde::{Deserialize, Serialize};

use crate::engine::state::EngineState;
use crate::engine::time::{instant, shown};
use crate::http::body::small;
use crate::http::fault::Fault;
use crate::http::query::Asked;

/// Most canaries of one answer.
const LISTED_MAX: usize = 1_000;

/// Whose canaries.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Of {
    #[serde(default)]
    campaign: Option<CampaignName>,
    #[serde(default)]
    limit: Option<usize>,
}

/// What a program saw in a mailbox.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Arrived {
    /// The mail's `Message-ID`.
    #[serde(default)]
    message_id: Option<String>,
    /// Its return path, or the token of its List-Unsubscribe.
    #[serde(default)]
    token: Option<String>,
    /// When, RFC 3339; now when left out.
    #[serde(default)]
    at: Option<String>,
}

/// All that is known.
#[derive(Debug, Serialize)]
pub struct Canaries {
    arrive_within_s: u64,
    alarms: Vec<ShownAlarm>,
    canaries: Vec<ShownCanary>,
}

/// A carrier that accepts and does not deliver, as far as we see.
#[derive(Debug, Serialize)]
struct ShownAlarm {
    carrier: String,
    missing: u64,
    mailboxes: u64,
    since: Option<String>,
    campaign: String,
    text: String,
}

/// One canary.
#[derive(Debug, Serialize)]
pub struct ShownCanary {
    id: String,
    campaign: String,
    carrier: String,
    mailbox: String,
    /// `queued`, `accepted`, `arrived`, `late`, `missing`, `refused`, `withheld` or `forgotten`.
    state: &'static str,
    from: Option<String>,
    accepted_at: Option<String>,
    arrived_at: Option<String>,
    missing_since: Option<String>,
    /// Seconds from its acceptance to its arrival, or to now.
    since_accepted_s: Option<f64>,
    cause: Option<&'static str>,
    label_ja: Option<&'static str>,
}

impl ShownAlarm {
    fn of(alarm: &Alarm) -> Self {
        Self {
            carrier: alarm.carrier.to_string(),
            missing: alarm.missing,
            mailboxes: alarm.mailboxes,
            since: shown(alarm.since),
            campaign: alarm.campaign.to_string(),
            text: alarm.words(),
        }
    }
}

impl ShownCanary {
    fn of(seen: Seen, now: UnixMs) -> Self {
        let since = seen.accepted_at.map(|at| seen.arrived_at.unwrap_or(now).since_ms(at));
        Self {
            id: seen.id.to_string(),
            campaign: seen.campaign.to_string(),
            carrier: seen.carrier.to_string(),
            mailbox: seen.mailbox,
            state: seen.standing,
            from: shown(seen.from),
            accepted_at: seen.accepted_at.and_then(shown),
            arrived_at: seen.arrived_at.and_then(shown),
            missing_since: seen.missing_since.and_then(shown),
            // A week of milliseconds is far below 2^53.
            since_accepted_s: since.map(|ms| ms as f64 / 1_000.0),
            cause: seen.cause,
            label_ja: seen.label_ja,
        }
    }
}

/// `GET /engine/api/canaries?campaign=…`: alarms of all campaigns, and canaries, last ones first.
pub async fn list(State(state): State<EngineState>, Asked(Of { campaign, limit }): Asked<Of>) -> Json<Canaries> {
    let limit = limit.unwrap_or(LISTED_MAX).clamp(1, LISTED_MAX);
    let Report { arrive_within_s, alarms, canaries } = state.parts.canaries.report(campaign.as_ref(), limit);
    let now = state.parts.clock.unix();
    Json(Canaries {
        arrive_within_s,
        alarms: alarms.iter().map(ShownAlarm::of).collect(),
        canaries: canaries.into_iter().map(|seen| ShownCanary::of(seen, now)).collect(),
    })
}

/// `POST /engine/api/canaries/arrived`: answered when it is on disk. Said again, it is answered as the first time.
pub async fn arrived(
    State(state): State<EngineState>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<ShownCanary>, Fault> {
    let Arrived { message_id, token, at } = small(&headers, body, &state.parts.clock).await?;
    let (canaries, now) = (&state.parts.canaries, state.parts.clock.unix());
    let (field, text) = match (message_id, token) {
        (Some(text), None) => ("message_id", text),
        (None, Some(text)) => ("token", text),
        _ => return Err(Fault::invalid("message_id", "give message_id or token, one of the two")),
    };
    let at = match at.as_deref().map(instant) {
        None => now,
        Some(Some(at)) => at,
        Some(None) => return Err(Fault::invalid("at", "a time like 2026-09-01T08:30:00+09:00")),
    };
    let id = canaries.named(&text);
    let id =
        id.ok_or_else(|| Fault::invalid(field, "no Message-ID, return path or unsubscribe token of this engine"))?;
    let unknown = || Fault::not_found("no canary of this id is under way or was lately");
    let arrival = canaries.arrival(id, None, at).ok_or_else(unknown)?;
    state.parts.queue.write(arrival.amend(Write::new()));
    state.parts.queue.synced().await;
    canaries.seen(id).map(|seen| Json(ShownCanary::of(seen, now))).ok_or_else(unknown)
}
