//! `GET /engine/api/campaigns/v1/{id}/estimate`, and the estimate in a campaign's progress.

use axum::Json;
use axum::extract::{Path, State};
use queue::Tally;

use crate::engine::campaigns::found::{Found, find};
use crate::engine::estimate::audience;
use crate::engine::estimate::shown::{Shown, shown};
use crate::engine::estimate::snapshot::Snapshot;
use crate::engine::state::EngineState;
use crate::http::fault::Fault;

fn estimate(state: &EngineState, tally: &Tally, snapshot: &Snapshot) -> Option<Shown> {
    let audience = audience::live(&state.parts.queue, tally, snapshot, state.parts.clock.unix());
    let estimate = state.parts.port.forecast(&audience)?;
    Some(shown(&estimate, &state.parts.directory))
}

/// What can be said at once. Where the lanes have not been looked at for a while that is begun, and the next call has it.
pub fn at_once(state: &EngineState, id: &str, found: &Found, tally: &Tally) -> Option<Shown> {
    if tally.queued() == 0 {
        return None;
    }
    let (last, should_read) = state.snapshots.look(id, tally.count, state.parts.clock.mono());
    if should_read {
        let (state, id, found) = (state.clone(), id.to_owned(), found.clone());
        tokio::task::spawn_blocking(move || {
            let queue = &state.parts.queue;
            state.snapshots.read(&id, queue, found.messages(queue), &state.parts.clock);
        });
    }
    estimate(state, tally, last.as_deref()?)
}

/// The call. For a campaign that has ended it says how long it took.
pub async fn show(State(state): State<EngineState>, Path(id): Path<String>) -> Result<Json<Shown>, Fault> {
    let found = find(&state, &id)?;
    let reading = {
        let (state, id, found) = (state.clone(), id.clone(), found.clone());
        move || {
            let queue = &state.parts.queue;
            state.snapshots.read(&id, queue, found.messages(queue), &state.parts.clock)
        }
    };
    let tally = found.tally(&state.parts.queue);
    let snapshot = match state.snapshots.look(&id, tally.count, state.parts.clock.mono()) {
        (_, true) | (None, false) => tokio::task::spawn_blocking(reading).await.map_err(|_| Fault::internal())?,
        (Some(last), false) => last,
    };
    match estimate(&state, &tally, &snapshot) {
        Some(shown) => Ok(Json(shown)),
        None => Err(Fault::unavailable("this engine makes no estimates", 60)),
    }
}
