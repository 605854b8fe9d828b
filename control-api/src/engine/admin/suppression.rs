//! Addresses that get no mail because of earlier bounces: why, and letting mail go there again.
//!
//! The address stands in the body, never in the path: paths end up in logs.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use bounce::AddressHistory;
use mail_model::{Cause, EmailAddress};
use queue::Write;
use serde::{Deserialize, Serialize};

use crate::engine::state::EngineState;
use crate::http::body::small;
use crate::http::fault::Fault;

/// Which address.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Whose {
    email: EmailAddress,
}

/// Whether an address gets mail, and why not.
#[derive(Debug, Serialize)]
pub struct Suppression {
    suppressed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    label_ja: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice_ja: Option<&'static str>,
}

impl Suppression {
    fn by(cause: Option<Cause>) -> Self {
        Self {
            suppressed: cause.is_some(),
            cause: cause.map(Cause::id),
            label_ja: cause.map(Cause::label_ja),
            advice_ja: cause.map(Cause::advice_ja),
        }
    }
}

/// `POST /engine/api/admin/suppression/v1`.
pub async fn look(
    State(state): State<EngineState>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Suppression>, Fault> {
    let Whose { email } = small(&headers, body, &state.parts.clock).await?;
    let noted = state.parts.queue.suppression(&email);
    // Bounces are noted before they suffice to suppress. The form is that in which `delivery` notes them.
    let history = noted.and_then(|bytes| serde_json::from_slice::<AddressHistory>(&bytes).ok());
    let cause = history.and_then(|history| history.suppressed_by());
    Ok(Json(Suppression::by(cause)))
}

/// `DELETE /engine/api/admin/suppression/v1`: somebody corrected or confirmed the address.
pub async fn lift(
    State(state): State<EngineState>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Suppression>, Fault> {
    let Whose { email } = small(&headers, body, &state.parts.clock).await?;
    state.parts.queue.write(Write::new().lift_suppression(&email));
    Ok(Json(Suppression::by(None)))
}
