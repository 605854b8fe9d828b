//! `POST /engine/api/estimate/v1`: when a list would be through, if it were sent now.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use mail_model::{Class, EmailAddress, PoolName};
use serde::Deserialize;

use crate::engine::estimate::audience;
use crate::engine::estimate::shown::{Shown, shown};
use crate::engine::state::EngineState;
use crate::engine::time::instant;
use crate::http::body::{BodyLimits, bounded};
use crate::http::fault::Fault;

/// A list of ten thousand domains, or of as many addresses. Larger lists are counted by domain.
const BODY: BodyLimits = BodyLimits { bytes_max: 1 << 20, within: Duration::from_secs(30) };
/// More than any list has.
const COUNT_MAX: u64 = 100_000_000;

/// A list that is only thought of.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thought {
    /// How many recipients each domain has.
    #[serde(default)]
    domains: BTreeMap<String, u64>,
    /// Recipients one by one; only their domains are looked at.
    #[serde(default)]
    recipients: Vec<EmailAddress>,
    #[serde(default)]
    class: Option<Class>,
    #[serde(default)]
    pool: Option<PoolName>,
    #[serde(default)]
    not_after: Option<String>,
}

/// The call. Nothing is sent and nothing kept.
pub async fn estimate(State(state): State<EngineState>, headers: HeaderMap, body: Body) -> Result<Json<Shown>, Fault> {
    let thought: Thought = bounded(&headers, body, BODY, &state.parts.clock).await?;
    let now = state.parts.clock.unix();
    let class = thought.class.unwrap_or(Class::Normal);
    let pool = thought.pool.unwrap_or_else(|| state.parts.defaults.pool.clone());
    if !state.parts.pools.contains(&pool) {
        return Err(Fault::invalid("pool", "there is no pool of this name in the configuration"));
    }
    let not_after = match thought.not_after.as_deref().map(instant) {
        Some(None) => return Err(Fault::invalid("not_after", "a time like 2026-09-01T08:30:00+09:00")),
        Some(end) => end,
        None => None,
    };
    let mut counts = BTreeMap::new();
    for (domain, count) in &thought.domains {
        // By way of an address, so that a domain is written and read in one form only.
        let Ok(email) = format!("x@{domain}").parse::<EmailAddress>() else {
            return Err(Fault::invalid("domains", "a name is no domain of a mail address"));
        };
        *counts.entry(state.lane(&email, &pool, class)).or_default() += count.min(&COUNT_MAX);
    }
    for email in &thought.recipients {
        *counts.entry(state.lane(email, &pool, class)).or_default() += 1;
    }
    if counts.values().all(|count| *count == 0) {
        return Err(Fault::invalid("domains", "give how many recipients each domain has, or recipients"));
    }
    let audience = audience::before(&state.parts.queue, counts, not_after, now);
    match state.parts.port.forecast(&audience) {
        Some(estimate) => Ok(Json(shown(&estimate, &state.parts.directory))),
        None => Err(Fault::unavailable("this engine makes no estimates", 60)),
    }
}
