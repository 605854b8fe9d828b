//! Accepts a message, and the canaries that go along with it.

use canary::{Joining, Reserved};
use queue::{Accepted, Idempotency};

use crate::engine::inject::fill::Filled;
use crate::engine::inject::refusal;
use crate::engine::state::EngineState;
use crate::http::fault::Fault;

/// Returns once the message is durable. Canaries that cannot join keep nothing back.
pub async fn commit(
    state: &EngineState,
    reserved: Reserved,
    filled: Filled,
    idempotency: Option<Idempotency>,
) -> Result<Accepted, Fault> {
    let Filled { head, content, intake, sample, .. } = filled;
    let joined = state.parts.canaries.join(
        reserved,
        &Joining {
            main: &intake,
            campaign: &head.campaign,
            tenant: &head.tenant,
            class: head.class,
            pool: &head.pool,
            not_before: head.not_before,
            not_after: head.not_after,
            sender: head.sender.as_ref(),
            content: &content,
            stored: &head.stored,
            sample: &sample,
            idempotency,
        },
    );
    let canaries = async {
        if let Some(joined) = joined {
            joined.commit().await;
        }
    };
    // Polled in this order, so that canaries stand in their lanes before the campaign; one sync covers both.
    let ((), accepted) = tokio::join!(biased; canaries, intake.commit());
    accepted.map_err(|refusal| refusal::fault(&refusal))
}
