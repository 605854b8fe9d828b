//! What we would tell the domains that we send to about their TLS (RFC 8460).

use axum::Json;
use axum::extract::State;
use mail_model::UnixMs;
use serde::Deserialize;
use serde_json::Value;

use crate::engine::state::EngineState;
use crate::http::query::Asked;

const DAY_MS: u64 = 86_400_000;

/// Which day.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Day {
    /// So far.
    #[default]
    Today,
    /// The whole of it.
    Yesterday,
}

/// Which day, in UTC.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Which {
    #[serde(default)]
    day: Day,
}

/// `GET /engine/api/admin/tls-reports/v1?day=today|yesterday`: one report a domain, in the form of RFC 8460 4.4.
pub async fn reports(State(state): State<EngineState>, Asked(Which { day }): Asked<Which>) -> Json<Value> {
    let now = state.parts.clock.unix();
    let at = match day {
        Day::Today => now,
        Day::Yesterday => UnixMs(now.0.saturating_sub(DAY_MS)),
    };
    Json(state.parts.port.tls_reports(at))
}
