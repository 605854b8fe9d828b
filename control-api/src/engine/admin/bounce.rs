//! Take mail out of the queue for good: `POST /engine/api/admin/bounce/v1`.
//!
//! KumoMTA without a filter empties the whole queue. Here at least one field of the filter is required.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use mail_model::{CampaignName, MessageId, SiteName, TenantName};
use queue::Filter;
use serde::{Deserialize, Serialize};

use crate::engine::admin::suspend::reason;
use crate::engine::state::EngineState;
use crate::http::body::small;
use crate::http::fault::Fault;

/// What to take out: mail that matches every field given.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BounceCall {
    #[serde(default)]
    campaign: Option<CampaignName>,
    #[serde(default)]
    tenant: Option<TenantName>,
    #[serde(default)]
    domain: Option<SiteName>,
    #[serde(default)]
    message_id: Option<MessageId>,
    reason: String,
}

/// How much was taken out.
#[derive(Debug, Serialize)]
pub struct Bounced {
    /// Notifications withheld now. Those being sent at this moment end as they end.
    total_bounced: u64,
}

/// The call.
pub async fn sweep(State(state): State<EngineState>, headers: HeaderMap, body: Body) -> Result<Json<Bounced>, Fault> {
    let call: BounceCall = small(&headers, body, &state.parts.clock).await?;
    let why = reason(&call.reason)?;
    let domain = call.domain.map(|domain| domain.as_str().to_ascii_lowercase()).filter(|domain| !domain.is_empty());
    let filter = Filter { campaign: call.campaign, tenant: call.tenant, domain, message: call.message_id };
    if filter == Filter::default() {
        return Err(Fault::invalid("campaign", "give at least one of campaign, tenant, domain, message_id"));
    }
    let (queue, canaries) = (state.parts.queue.clone(), state.parts.canaries.clone());
    let sweep = move || {
        // Canaries end with their campaign, and are counted nowhere: nobody but us waited for them.
        for message in canaries.messages_of(filter.campaign.as_ref(), filter.message) {
            queue.sweep(&Filter { campaign: None, message: Some(message), ..filter.clone() });
        }
        queue.sweep(&filter)
    };
    let total = tokio::task::spawn_blocking(sweep).await.map_err(|_| Fault::internal())?;
    // Who looks at the log in a year wants to know why, and an operator's reason holds no address.
    tracing::warn!(
        target: "todoke::admin",
        total = total,
        reason = why.as_str(),
        "type" = "AdminBounce",
        "mail was taken out of the queue"
    );
    Ok(Json(Bounced { total_bounced: total }))
}
