//! Notifications a second that the queue takes in one message, without HTTP.

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use clock::Clock;
use mail_model::{CampaignName, CarrierName, Class, Lane, PoolName, SiteName, TenantName};
use queue::{Begun, NewMessage, Queue, QueueSettings};

use crate::mails::{CARRIERS, Load, SENDER};

/// What a recipient's name and substitutions take when stored.
const PAYLOAD_BYTES: usize = 40;

/// `rounds` rates of a message to `count` recipients, each in a new queue below `parent`, sync included.
///
/// # Errors
/// When the queue does not open or refuses.
pub async fn queue_rates(parent: &Path, count: u32, rounds: u32) -> Result<Vec<f64>> {
    let mut rates = Vec::new();
    for _ in 0..rounds {
        rates.push(rate(parent, count).await?);
    }
    Ok(rates)
}

async fn rate(parent: &Path, count: u32) -> Result<f64> {
    let folder = tempfile::Builder::new().prefix("todoke-bench-queue-").tempdir_in(parent)?;
    let clock = Clock::system();
    let queue = Queue::open(&folder.path().join("queue"), QueueSettings::default(), clock.clone())?;
    let load = Load::of(count, 0);
    let lanes = lanes()?;
    // Made before, so that the rate is the queue's.
    let recipients: Vec<_> = load.numbers().map(|n| load.address(n)).collect::<Result<_>>()?;
    let began = clock.mono();
    let Begun::New(mut intake) = queue.begin(message()?)? else { bail!("a new message is known already") };
    for (place, address) in recipients.into_iter().enumerate() {
        intake.add(&lanes[place % lanes.len()], address, vec![b'x'; PAYLOAD_BYTES])?;
    }
    let accepted = intake.commit().await?;
    let seconds = clock.mono().since(began).as_secs_f64();
    if accepted.count != count {
        return Err(anyhow!("{} of {count} were accepted", accepted.count));
    }
    Ok(f64::from(count) / seconds)
}

fn message() -> Result<NewMessage> {
    Ok(NewMessage {
        campaign: CampaignName::new("bench").context("a campaign's name")?,
        tenant: TenantName::new("school").context("a tenant's name")?,
        class: Class::Normal,
        pool: PoolName::new("wide").context("a pool's name")?,
        not_before: None,
        at_deadline: queue::AtDeadline::default(),
        not_after: None,
        sender: Some(SENDER.parse()?),
        content: vec![b'x'; 4_096],
        idempotency: None,
    })
}

fn lanes() -> Result<Vec<Lane>> {
    let lane = |(carrier, domain): (&str, &str)| -> Result<Lane> {
        Ok(Lane {
            carrier: CarrierName::new(carrier).context("a carrier's name")?,
            site: SiteName::new(domain).context("a domain")?,
            pool: PoolName::new("wide").context("a pool's name")?,
            class: Class::Normal,
        })
    };
    CARRIERS.into_iter().map(lane).collect()
}
