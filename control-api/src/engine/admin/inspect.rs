//! Looking into the queue: lanes, one notification, what is in doubt.

use axum::Json;
use axum::extract::State;
use mail_model::{CarrierName, Class, NotificationId, PoolName, SiteName};
use queue::{AttemptRecord, InDoubt, Inspection, LaneShape, Place};
use serde::{Deserialize, Serialize};

use crate::engine::state::EngineState;
use crate::engine::time::shown;
use crate::http::fault::Fault;
use crate::http::query::Asked;

/// Narrows a list of lanes.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Which {
    carrier: Option<CarrierName>,
    domain: Option<SiteName>,
    pool: Option<PoolName>,
    class: Option<Class>,
    limit: Option<usize>,
}

/// Lanes with work, fullest first.
#[derive(Debug, Serialize)]
pub struct Lanes {
    /// Notifications that wait in the whole queue.
    queued: u64,
    /// Whether the counts are exact; shortly after a start they are still being taken.
    counted: bool,
    /// Stored messages.
    messages: u64,
    /// Free bytes on the queue's disk.
    disk_free_bytes: Option<u64>,
    lanes: Vec<LaneShown>,
}

#[derive(Debug, Serialize)]
struct LaneShown {
    carrier: CarrierName,
    domain: SiteName,
    pool: PoolName,
    class: Class,
    queued: u64,
    ready: u64,
    in_flight: u64,
    next_due: Option<String>,
}

impl Which {
    fn takes(&self, shape: &LaneShape) -> bool {
        let lane = &shape.lane;
        self.carrier.as_ref().is_none_or(|c| *c == lane.carrier)
            && self.domain.as_ref().is_none_or(|d| *d == lane.site)
            && self.pool.as_ref().is_none_or(|p| *p == lane.pool)
            && self.class.is_none_or(|c| c == lane.class)
            && shape.queued > 0
    }
}

/// `GET /engine/api/admin/inspect-sched-q/v1`.
pub async fn lanes(State(state): State<EngineState>, Asked(which): Asked<Which>) -> Json<Lanes> {
    let shape = state.parts.queue.shape();
    let mut wanted: Vec<LaneShape> = shape.lanes.into_iter().filter(|lane| which.takes(lane)).collect();
    wanted.sort_by_key(|lane| std::cmp::Reverse(lane.queued));
    wanted.truncate(which.limit.unwrap_or(1_000));
    let row = |LaneShape { lane, queued, ready, in_flight, next_due, .. }| LaneShown {
        carrier: lane.carrier,
        domain: lane.site,
        pool: lane.pool,
        class: lane.class,
        queued,
        ready,
        in_flight,
        next_due: next_due.and_then(shown),
    };
    Json(Lanes {
        queued: shape.queued,
        counted: shape.counted,
        messages: shape.messages,
        disk_free_bytes: shape.disk_free_bytes,
        lanes: wanted.into_iter().map(row).collect(),
    })
}

/// Which notification.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct One {
    id: NotificationId,
}

/// One notification as the queue holds it.
#[derive(Debug, Serialize)]
pub struct NotificationShown {
    id: NotificationId,
    /// `queued`, `sending` or `ended`.
    status: &'static str,
    carrier: Option<CarrierName>,
    domain: Option<SiteName>,
    pool: Option<PoolName>,
    class: Option<Class>,
    due: Option<String>,
    attempts: Option<u16>,
    last_cause: Option<&'static str>,
    in_doubt: Option<InDoubt>,
    /// Its last outcome, unless it is accepted or was never tried.
    last_failure: Option<AttemptRecord>,
}

/// `GET /engine/api/admin/inspect-message/v1?id=…`.
pub async fn message(
    State(state): State<EngineState>,
    Asked(One { id }): Asked<One>,
) -> Result<Json<NotificationShown>, Fault> {
    let queue = state.parts.queue.clone();
    // One that waits for a retry is looked for from end to end.
    let found = tokio::task::spawn_blocking(move || queue.inspect(id)).await.map_err(|_| Fault::internal())?;
    let Some(Inspection { place, in_doubt, last_failure }) = found else {
        return Err(Fault::not_found("the queue has no notification with this id, or has forgotten it"));
    };
    let ended = NotificationShown {
        id,
        status: "ended",
        carrier: None,
        domain: None,
        pool: None,
        class: None,
        due: None,
        attempts: None,
        last_cause: None,
        in_doubt,
        last_failure,
    };
    Ok(Json(match place {
        Place::Ended => ended,
        Place::Queued { lane, due, attempts, last_cause, in_flight } => NotificationShown {
            status: if in_flight { "sending" } else { "queued" },
            carrier: Some(lane.carrier),
            domain: Some(lane.site),
            pool: Some(lane.pool),
            class: Some(lane.class),
            due: shown(due),
            attempts: Some(attempts),
            last_cause: last_cause.map(mail_model::Cause::id),
            ..ended
        },
    }))
}

/// `GET /engine/api/admin/in-doubt/v1`: what may have been sent twice, oldest first.
pub async fn in_doubt(State(state): State<EngineState>) -> Json<Vec<InDoubt>> {
    Json(state.parts.queue.in_doubt())
}
