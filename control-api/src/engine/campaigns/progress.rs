//! `GET /engine/api/campaigns/v1/{id}`.

use axum::Json;
use axum::extract::{Path, State};

use crate::engine::campaigns::deadline::{DeadlineView, deadline};
use crate::engine::campaigns::found::find;
use crate::engine::campaigns::view::{Progress, progress};
use crate::engine::estimate::live;
use crate::engine::state::EngineState;
use crate::http::fault::Fault;

/// Where the campaign stands now.
pub fn now(state: &EngineState, id: &str) -> Result<Progress, Fault> {
    let (found, queue, now) = (find(state, id)?, &state.parts.queue, state.parts.clock.unix());
    let tally = found.tally(queue);
    let shown = progress(id, &tally, live::at_once(state, id, &found, &tally), now);
    let estimated_late = shown.estimate.as_ref().map(|estimate| estimate.all.late);
    let deadline = deadline(&found, queue, now).map(|deadline| DeadlineView { estimated_late, ..deadline });
    Ok(Progress { deadline, ..shown })
}

/// The call.
pub async fn show(State(state): State<EngineState>, Path(id): Path<String>) -> Result<Json<Progress>, Fault> {
    now(&state, &id).map(Json)
}
