//! Is it alive, and what does it count: `/healthz`, `check-liveness`, `/metrics`.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use crate::engine::state::EngineState;
use crate::http::fault::Fault;

/// 200 when mail can be taken, 503 with the reason when it cannot.
pub async fn liveness(State(state): State<EngineState>) -> Result<&'static str, Fault> {
    match state.parts.port.ready() {
        Ok(()) => Ok("OK"),
        Err(reason) => Err(Fault::unavailable(reason, 5)),
    }
}

/// Prometheus' text format.
pub async fn metrics(State(state): State<EngineState>) -> Response {
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (kind, state.parts.port.metrics()).into_response()
}
