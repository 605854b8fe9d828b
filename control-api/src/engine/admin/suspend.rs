//! Stop sending for a while: `suspend/v1` by campaign, tenant, domain or carrier, `suspend-ready-q/v1` by egress path.

use axum::Json;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use mail_model::{CampaignName, CarrierName, SiteName, SourceName, TenantName, UnixMs};
use serde::{Deserialize, Serialize};

use crate::engine::port::{SuspendScope, Suspension, SuspensionId};
use crate::engine::state::EngineState;
use crate::engine::time;
use crate::http::body::small;
use crate::http::fault::Fault;

/// Longest reason in characters.
const REASON_CHARS_MAX: usize = 200;

/// What `suspend/v1` takes. Without campaign, tenant, domain and carrier everything is suspended, as with KumoMTA.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SuspendCall {
    #[serde(default)]
    campaign: Option<CampaignName>,
    #[serde(default)]
    tenant: Option<TenantName>,
    #[serde(default)]
    domain: Option<SiteName>,
    #[serde(default)]
    carrier: Option<CarrierName>,
    reason: String,
    #[serde(default)]
    duration: Option<String>,
    #[serde(default)]
    expires: Option<String>,
}

/// What `suspend-ready-q/v1` takes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SuspendPathCall {
    carrier: CarrierName,
    source: SourceName,
    /// For carrier `other`, whose domains are throttled each on its own.
    #[serde(default)]
    domain: Option<SiteName>,
    reason: String,
    #[serde(default)]
    duration: Option<String>,
    #[serde(default)]
    expires: Option<String>,
}

/// The id of a suspension.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Id {
    id: SuspensionId,
}

/// A suspension in a list.
#[derive(Debug, Serialize)]
pub struct Shown {
    id: SuspensionId,
    #[serde(flatten)]
    scope: SuspendScope,
    reason: String,
    /// Seconds left.
    duration: u64,
    expires: Option<String>,
}

/// A reason on one line, so that it can stand in a list and in the log.
pub fn reason(text: &str) -> Result<String, Fault> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > REASON_CHARS_MAX || text.chars().any(char::is_control) {
        return Err(Fault::invalid("reason", format!("1 to {REASON_CHARS_MAX} characters on one line")));
    }
    Ok(text.to_owned())
}

/// `POST /engine/api/admin/suspend/v1`.
pub async fn add(State(state): State<EngineState>, headers: HeaderMap, body: Body) -> Result<Json<Id>, Fault> {
    let call: SuspendCall = small(&headers, body, &state.parts.clock).await?;
    let until = time::end(call.duration.as_deref(), call.expires.as_deref(), state.parts.clock.unix())?;
    let scope = SuspendScope {
        campaign: call.campaign,
        tenant: call.tenant,
        domain: call.domain,
        carrier: call.carrier,
        source: None,
    };
    Ok(Json(Id { id: state.parts.port.suspend(scope, reason(&call.reason)?, until) }))
}

/// `POST /engine/api/admin/suspend-ready-q/v1`.
pub async fn add_path(State(state): State<EngineState>, headers: HeaderMap, body: Body) -> Result<Json<Id>, Fault> {
    let call: SuspendPathCall = small(&headers, body, &state.parts.clock).await?;
    let until = time::end(call.duration.as_deref(), call.expires.as_deref(), state.parts.clock.unix())?;
    if call.carrier.is_other() && call.domain.is_none() {
        return Err(Fault::invalid("domain", "carrier other has one egress path for each domain; name the domain"));
    }
    let scope = SuspendScope {
        carrier: Some(call.carrier),
        source: Some(call.source),
        domain: call.domain,
        ..SuspendScope::default()
    };
    Ok(Json(Id { id: state.parts.port.suspend(scope, reason(&call.reason)?, until) }))
}

fn shown(state: &EngineState, paths: bool) -> Vec<Shown> {
    let now: UnixMs = state.parts.clock.unix();
    let listed = state.parts.port.suspensions().into_iter().filter(|s| s.scope.source.is_some() == paths);
    let shown = |Suspension { id, scope, reason, until }| Shown {
        id,
        scope,
        reason,
        duration: until.since_ms(now) / 1_000,
        expires: time::shown(until),
    };
    listed.map(shown).collect()
}

/// `GET /engine/api/admin/suspend/v1`.
pub async fn list(State(state): State<EngineState>) -> Json<Vec<Shown>> {
    Json(shown(&state, false))
}

/// `GET /engine/api/admin/suspend-ready-q/v1`.
pub async fn list_paths(State(state): State<EngineState>) -> Json<Vec<Shown>> {
    Json(shown(&state, true))
}

/// `DELETE …/suspend/v1` and `…/suspend-ready-q/v1`: the id as `?id=` or as KumoMTA's `{"id": …}`.
pub async fn remove(
    State(state): State<EngineState>,
    query: Result<Query<Id>, axum::extract::rejection::QueryRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Id>, Fault> {
    let Id { id } = match query {
        Ok(Query(id)) => id,
        Err(_) => small(&headers, body, &state.parts.clock).await?,
    };
    if state.parts.port.resume(id) {
        return Ok(Json(Id { id }));
    }
    Err(Fault::not_found("no suspension with this id is in force; it may have ended by itself"))
}
