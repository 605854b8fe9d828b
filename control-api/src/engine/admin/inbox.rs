//! Received mail that a person should read: to postmaster and abuse, replies, and what nobody could make out.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use queue::{InboxId, KeptMail};
use serde::{Deserialize, Serialize};

use crate::engine::state::EngineState;
use crate::engine::time::shown;
use crate::http::fault::Fault;
use crate::http::query::Asked;

/// Most mails of one answer; their contents are read with them.
const LISTED_MAX: usize = 200;

/// Where the list goes on.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Since {
    #[serde(default)]
    after: Option<u64>,
    #[serde(default)]
    limit: Option<usize>,
}

/// One kept mail, without its content.
#[derive(Debug, Serialize)]
pub struct Shown {
    /// Text, because it is greater than what JavaScript's numbers hold exactly.
    id: String,
    received_at: Option<String>,
    kind: String,
    note: String,
    sender: Option<String>,
    recipients: Vec<String>,
    peer: String,
    bytes: usize,
}

/// `GET /engine/api/admin/inbox/v1?after=…`: what is kept and how much still waits to be looked at, oldest first.
pub async fn list(
    State(state): State<EngineState>,
    Asked(Since { after, limit }): Asked<Since>,
) -> Result<Json<Vec<Shown>>, Fault> {
    let limit = limit.unwrap_or(LISTED_MAX).clamp(1, LISTED_MAX);
    let queue = state.parts.queue.clone();
    let read = tokio::task::spawn_blocking(move || queue.kept(after.map(InboxId), limit)).await;
    let show = |KeptMail { id, kind, note, mail, .. }| Shown {
        id: id.to_string(),
        received_at: shown(mail.received_at),
        kind,
        note,
        sender: mail.sender.as_ref().map(ToString::to_string),
        recipients: mail.recipients.iter().map(ToString::to_string).collect(),
        peer: mail.peer.to_string(),
        bytes: mail.content.len(),
    };
    Ok(Json(read.map_err(|_| Fault::internal())?.into_iter().map(show).collect()))
}

/// `GET /engine/api/admin/inbox/v1/{id}`: the mail as it came.
pub async fn one(State(state): State<EngineState>, Path(id): Path<u64>) -> Result<Response, Fault> {
    let queue = state.parts.queue.clone();
    let before = id.checked_sub(1).map(InboxId);
    let read = tokio::task::spawn_blocking(move || queue.kept(before, 1)).await.map_err(|_| Fault::internal())?;
    let found = read.into_iter().find(|kept| kept.id == InboxId(id));
    let mail = found.ok_or_else(|| Fault::not_found("no kept mail has this number"))?.mail;
    // A download, whatever the mail says it is: a browser must not run what a stranger sent.
    let heads = [
        (header::CONTENT_TYPE, "application/octet-stream"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"mail.eml\""),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((heads, mail.content).into_response())
}
