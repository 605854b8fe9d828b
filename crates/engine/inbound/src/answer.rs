//! An answer to a registration on its way into the queue.

use std::time::Duration;

use compose::{Dialect, StoredContent};
use mail_model::{CampaignName, Class, EmailAddress, Lane, PoolName, TenantName};
use queue::{Begun, Idempotency, NewMessage, Refusal};

use crate::answer_mail::{message_id, spec};
use crate::desk::{Desk, Hash, hash};

/// Who waits longer has looked elsewhere.
const DEADLINE: Duration = Duration::from_secs(15 * 60);

/// An answer on its way.
pub(crate) struct Answer<'a> {
    pub(crate) to: &'a EmailAddress,
    pub(crate) school: u32,
    pub(crate) subject: &'a str,
    pub(crate) text: &'a str,
    /// The mail it answers.
    pub(crate) mail: &'a [u8],
    /// What stands for that mail: it is answered once.
    pub(crate) digest: &'a Hash,
}

/// Hands the answer to the queue. Returns when it is durable; a second call for the same mail does nothing.
pub(crate) async fn send(desk: &Desk, from: &str, answer: &Answer<'_>) -> Result<(), Refusal> {
    let (Ok(campaign), Ok(tenant)) =
        (CampaignName::new("registration"), TenantName::new(&format!("school-{}", answer.school)))
    else {
        return Ok(());
    };
    let content = spec(from, answer.subject, answer.text, message_id(answer.mail).as_deref());
    let stored =
        StoredContent { content, substitutions: serde_json::Map::new(), replacement: None, dialect: Dialect::Static };
    let key: String = answer.digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let begun = desk.queue.begin(NewMessage {
        campaign,
        tenant,
        class: Class::Transactional,
        pool: PoolName::auto(),
        not_before: None,
        at_deadline: queue::AtDeadline::default(),
        not_after: Some(desk.clock.unix() + DEADLINE),
        // RFC 3834 3.3: an answer to the answer goes nowhere.
        sender: None,
        content: stored.encode(),
        idempotency: Some(Idempotency {
            key: format!("registration/{key}"),
            digest: hash(&[answer.to.as_str().as_bytes(), answer.digest]),
        }),
    })?;
    let Begun::New(mut intake) = begun else { return Ok(()) };
    let (carrier, site) = desk.directory.lane_site(answer.to.domain());
    let pool = desk.directory.profile(&carrier).pool.clone();
    let lane = Lane { carrier, site, pool, class: Class::Transactional };
    intake.add(&lane, answer.to.clone(), Vec::new())?;
    intake.commit().await.map(|_| ())
}
