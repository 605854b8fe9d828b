//! `GET /engine/api/campaigns/v1/{id}/events`: progress as server-sent events.
//!
//! `progress` comes at once and then whenever something changed, at most once a second; `finished` is the last one.
//! A comment line every 15 seconds keeps proxies from closing a quiet stream.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};

use crate::engine::campaigns::progress::now;
use crate::engine::campaigns::view::Progress;
use crate::engine::state::EngineState;
use crate::http::fault::Fault;

const PACE: Duration = Duration::from_secs(1);
const QUIET_PACES_MAX: u32 = 15;

fn event(name: &str, progress: &Progress) -> Bytes {
    // Numbers and strings only: cannot fail. JSON of serde_json has no line feed, so one `data:` line holds it.
    let json = serde_json::to_string(progress).unwrap_or_default();
    format!("event: {name}\ndata: {json}\n\n").into()
}

/// Whether anything changed that somebody looking on would call progress. Rate and time left change with the clock.
fn moved(before: &Progress, after: &Progress) -> bool {
    (before.count, before.queued, &before.counts) != (after.count, after.queued, &after.counts)
}

/// The call. An id that is not known is a 404 before the stream begins.
pub async fn follow(State(state): State<EngineState>, Path(id): Path<String>) -> Result<Response, Fault> {
    let first = now(&state, &id)?;
    let stream = async_stream::stream! {
        let mut shown = first;
        let mut quiet = 0;
        yield Ok::<_, Infallible>(event("progress", &shown));
        while !shown.finished {
            tokio::select! {
                () = state.stop.asked() => return,
                () = tokio::time::sleep(PACE) => {}
            }
            // A campaign that has been forgotten meanwhile ends the stream.
            let Ok(next) = now(&state, &id) else { return };
            quiet += 1;
            if moved(&shown, &next) {
                yield Ok(event("progress", &next));
                quiet = 0;
            } else if quiet >= QUIET_PACES_MAX {
                yield Ok(Bytes::from_static(b": still here\n\n"));
                quiet = 0;
            }
            shown = next;
        }
        yield Ok(event("finished", &shown));
    };
    let kind = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store")];
    Ok((kind, Body::from_stream(stream)).into_response())
}
