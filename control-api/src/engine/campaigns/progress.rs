//! `GET /engine/api/campaigns/v1/{id}`.

use axum::Json;
use axum::extract::{Path, State};

use crate::engine::campaigns::found::find;
use crate::engine::campaigns::view::{Progress, progress};
use crate::engine::state::EngineState;
use crate::http::fault::Fault;

/// Where the campaign stands now.
pub fn now(state: &EngineState, id: &str) -> Result<Progress, Fault> {
    let tally = find(state, id)?.tally(&state.parts.queue);
    Ok(progress(id, &tally, state.parts.port.estimate(&tally), state.parts.clock.unix()))
}

/// The call.
pub async fn show(State(state): State<EngineState>, Path(id): Path<String>) -> Result<Json<Progress>, Fault> {
    now(&state, &id).map(Json)
}
