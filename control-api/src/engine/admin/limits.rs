//! What was learned about the carriers' limits, and forgetting it: `limits/v1`.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use mail_model::{CarrierName, SourceName};
use queue::AuditEntry;
use serde::{Deserialize, Serialize};

use crate::engine::admin::suspend::reason;
use crate::engine::carrier_limits::Limits;
use crate::engine::state::EngineState;
use crate::http::body::small;
use crate::http::fault::Fault;
use crate::http::query::Asked;

/// Narrows the list.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Which {
    carrier: Option<CarrierName>,
    source: Option<SourceName>,
}

/// What to forget, and why.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Forgetting {
    carrier: CarrierName,
    /// All sources when left out.
    #[serde(default)]
    source: Option<SourceName>,
    /// In words that somebody understands in a year.
    reason: String,
}

/// What was forgotten.
#[derive(Debug, Serialize)]
pub struct Forgotten {
    /// Paths and netblocks of which something was known.
    forgotten: usize,
}

/// `GET /engine/api/limits/v1?carrier=…&source=…`.
pub async fn show(State(state): State<EngineState>, Asked(which): Asked<Which>) -> Json<Limits> {
    let mut limits = state.parts.port.limits();
    limits.carriers.retain(|row| which.carrier.as_ref().is_none_or(|carrier| *carrier == row.carrier));
    if let Some(source) = which.source {
        for row in &mut limits.carriers {
            row.sources.retain(|one| one.source == source);
        }
        limits.carriers.retain(|row| !row.sources.is_empty());
        limits.warm_up.retain(|one| one.source == source);
    }
    Json(limits)
}

/// `DELETE /engine/api/limits/v1`: sending to the carrier begins anew with the start values, and whoever rests there is
/// woken. Who did it and why is written with it, or neither is.
pub async fn forget(
    State(state): State<EngineState>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Forgotten>, Fault> {
    let call: Forgetting = small(&headers, body, &state.parts.clock).await?;
    let entry = AuditEntry {
        at: state.parts.clock.unix(),
        actor: state.parts.keys.caller(&headers).to_owned(),
        action: "limits.forget".to_owned(),
        subject: call
            .source
            .as_ref()
            .map_or_else(|| call.carrier.to_string(), |source| format!("{source}->{}", call.carrier)),
        reason: reason(&call.reason)?,
    };
    let forgotten = state.parts.port.forget_limits(&call.carrier, call.source.as_ref(), entry);
    Ok(Json(Forgotten { forgotten }))
}
