//! What was done by hand, by whom and why.

use axum::Json;
use axum::extract::State;
use queue::AuditEntry;
use serde::{Deserialize, Serialize};

use crate::engine::state::EngineState;
use crate::engine::time::shown;
use crate::http::fault::Fault;
use crate::http::query::Asked;

/// Most entries of one answer.
const LISTED_MAX: usize = 1_000;

/// Where the list goes on.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Since {
    #[serde(default)]
    after: u64,
    #[serde(default)]
    limit: Option<usize>,
}

/// One entry.
#[derive(Debug, Serialize)]
pub struct Shown {
    seq: u64,
    at: Option<String>,
    actor: String,
    action: String,
    subject: String,
    reason: String,
}

/// `GET /engine/api/admin/audit/v1?after=…`: from behind a number on, oldest first.
pub async fn list(
    State(state): State<EngineState>,
    Asked(Since { after, limit }): Asked<Since>,
) -> Result<Json<Vec<Shown>>, Fault> {
    let limit = limit.unwrap_or(LISTED_MAX).clamp(1, LISTED_MAX);
    let queue = state.parts.queue.clone();
    let read = tokio::task::spawn_blocking(move || queue.audit(after, limit)).await;
    let show = |(seq, AuditEntry { at, actor, action, subject, reason })| Shown {
        seq,
        at: shown(at),
        actor,
        action,
        subject,
        reason,
    };
    Ok(Json(read.map_err(|_| Fault::internal())?.into_iter().map(show).collect()))
}
