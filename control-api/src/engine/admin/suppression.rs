//! Addresses that get no mail: why, and letting mail go there again, with a reason that stays on record.
//!
//! The address stands in the body, never in the path: paths end up in logs.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use bounce::{AddressHistory, Reason, Wish};
use mail_model::EmailAddress;
use queue::{AuditEntry, Write};
use serde::{Deserialize, Serialize};

use crate::engine::state::EngineState;
use crate::http::body::small;
use crate::http::fault::Fault;

/// Most addresses of one answer.
const LISTED_MAX: usize = 1_000;
/// Longest reason in characters; the queue keeps a thousand bytes.
const REASON_CHARS_MAX: usize = 300;

/// Which address.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Whose {
    email: EmailAddress,
}

/// Which address to free, and why.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Freeing {
    email: EmailAddress,
    /// In words that somebody understands in a year: who confirmed the address, and how.
    reason: String,
}

/// Where a list goes on.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct From {
    #[serde(default)]
    after: Option<EmailAddress>,
    #[serde(default)]
    limit: Option<usize>,
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

/// One line of the list.
#[derive(Debug, Serialize)]
pub struct Suppressed {
    email: EmailAddress,
    #[serde(flatten)]
    why: Suppression,
}

impl Suppression {
    fn of(history: &AddressHistory) -> Self {
        let reason = history.reason();
        Self {
            suppressed: reason.is_some(),
            cause: reason.map(Reason::as_str),
            label_ja: reason.map(label_ja),
            advice_ja: reason.map(advice_ja),
        }
    }
}

fn label_ja(reason: Reason) -> &'static str {
    match reason {
        Reason::Bounced(cause) => cause.label_ja(),
        Reason::Wished(Wish::Complained) => "受信者が迷惑メールとして申告",
        Reason::Wished(Wish::Unsubscribed) => "受信者が配信の停止を希望",
    }
}

fn advice_ja(reason: Reason) -> &'static str {
    match reason {
        Reason::Bounced(cause) => cause.advice_ja(),
        Reason::Wished(_) => "受信者の意思で送信を停止しています。再開の希望を確認してから解除してください。",
    }
}

/// `POST /engine/api/admin/suppression/v1`.
pub async fn look(
    State(state): State<EngineState>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Suppression>, Fault> {
    let Whose { email } = small(&headers, body, &state.parts.clock).await?;
    // Bounces are noted before they suffice to suppress.
    let history = AddressHistory::decode(state.parts.queue.suppression(&email).as_deref());
    Ok(Json(Suppression::of(&history)))
}

/// `POST /engine/api/admin/suppressions/v1`: all of them, in the order of the addresses.
pub async fn list(
    State(state): State<EngineState>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Vec<Suppressed>>, Fault> {
    let From { after, limit } = small(&headers, body, &state.parts.clock).await?;
    let limit = limit.unwrap_or(LISTED_MAX).clamp(1, LISTED_MAX);
    let queue = state.parts.queue.clone();
    let read = move || {
        let (mut found, mut after) = (Vec::new(), after);
        // Addresses with a bounce that does not suppress yet are read over.
        loop {
            let part = queue.suppressions(after.as_ref(), LISTED_MAX);
            let Some((last, _)) = part.last() else { return found };
            after = Some(last.clone());
            for (email, noted) in part {
                let why = Suppression::of(&AddressHistory::decode(Some(&noted)));
                if why.suppressed {
                    found.push(Suppressed { email, why });
                }
                if found.len() >= limit {
                    return found;
                }
            }
        }
    };
    tokio::task::spawn_blocking(read).await.map(Json).map_err(|_| Fault::internal())
}

/// `DELETE /engine/api/admin/suppression/v1`: somebody corrected or confirmed the address. Who freed it and why is written
/// with it, or neither is.
pub async fn lift(
    State(state): State<EngineState>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Suppression>, Fault> {
    let Freeing { email, reason } = small(&headers, body, &state.parts.clock).await?;
    let reason: String = reason.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let reason = reason.trim();
    if reason.is_empty() || reason.chars().count() > REASON_CHARS_MAX {
        let message = format!("say in 1 to {REASON_CHARS_MAX} characters who confirmed the address, and how");
        return Err(Fault::invalid("reason", message));
    }
    let entry = AuditEntry {
        at: state.parts.clock.unix(),
        actor: state.parts.keys.caller(&headers).to_owned(),
        action: "suppression.lift".to_owned(),
        subject: email.to_string(),
        reason: reason.to_owned(),
    };
    state.parts.queue.write(Write::new().lift_suppression(&email).audit(entry));
    Ok(Json(Suppression::of(&AddressHistory::default())))
}
