//! Egress paths and where mail to a domain goes: `ready-q-states`, `inspect-ready-q`, `resolve-egress-path`.

use axum::Json;
use axum::extract::State;
use mail_model::{CarrierName, PoolName, SiteName, SourceName};
use serde::{Deserialize, Serialize};

use crate::engine::port::{PathState, Resolution};
use crate::engine::state::EngineState;
use crate::http::fault::Fault;
use crate::http::query::Asked;

/// Narrows a list of paths.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Which {
    carrier: Option<CarrierName>,
    source: Option<SourceName>,
}

/// The paths, with KumoMTA's name of each.
#[derive(Debug, Serialize)]
pub struct Paths {
    paths: Vec<Named>,
}

#[derive(Debug, Serialize)]
struct Named {
    /// `source->carrier` or `source->domain`.
    name: String,
    #[serde(flatten)]
    state: PathState,
}

/// `GET /engine/api/admin/ready-q-states/v1` and `inspect-ready-q/v1`.
pub async fn states(State(state): State<EngineState>, Asked(which): Asked<Which>) -> Json<Paths> {
    let wanted = |path: &PathState| {
        which.carrier.as_ref().is_none_or(|c| *c == path.carrier)
            && which.source.as_ref().is_none_or(|s| *s == path.source)
    };
    let named = |state: PathState| {
        let site = if state.site.as_str().is_empty() { state.carrier.as_str() } else { state.site.as_str() };
        Named { name: format!("{}->{site}", state.source), state }
    };
    Json(Paths { paths: state.parts.port.paths().into_iter().filter(wanted).map(named).collect() })
}

/// What to resolve.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Where {
    domain: SiteName,
    pool: Option<PoolName>,
}

/// `GET /engine/api/admin/resolve-egress-path/v1?domain=docomo.ne.jp&pool=wide`.
pub async fn resolve(
    State(state): State<EngineState>,
    Asked(Where { domain, pool }): Asked<Where>,
) -> Result<Json<Resolution>, Fault> {
    let pool = pool.unwrap_or_else(|| state.parts.defaults.pool.clone());
    if domain.as_str().is_empty() {
        return Err(Fault::invalid("domain", "required"));
    }
    if !state.parts.pools.contains(&pool) {
        return Err(Fault::invalid("pool", "there is no pool of this name in the configuration"));
    }
    Ok(Json(state.parts.port.resolve(&domain, &pool).await))
}
