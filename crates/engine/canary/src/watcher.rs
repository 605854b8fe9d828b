//! Looks at the canaries every second: what the ledger says, what is missing, what is to follow.

use std::time::Duration;

use telemetry::{CanaryFared, CanarySample};
use tokio::task::JoinHandle;

use crate::canaries::Canaries;
use crate::fate::Handed;
use crate::watch::News;

/// Between two looks: what an alarm is late at most.
const LOOK: Duration = Duration::from_secs(1);

impl Canaries {
    /// Looks after the canaries until the handle is aborted.
    pub fn watch(&self) -> JoinHandle<()> {
        let canaries = self.clone();
        tokio::spawn(async move {
            let mut every_second = tokio::time::interval(LOOK);
            every_second.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                every_second.tick().await;
                canaries.look().await;
            }
        })
    }

    /// One look: hears the ledger, tells what is new, lets canaries follow.
    pub async fn look(&self) {
        let canaries = self.clone();
        let looking = tokio::task::spawn_blocking(move || {
            canaries.hear();
            canaries.tell();
            canaries.follow()
        });
        for joined in looking.await.unwrap_or_default() {
            joined.commit().await;
        }
    }

    fn tell(&self) {
        let now = self.0.clock.unix();
        let (news, alarms) = {
            let mut watch = self.0.watch.lock();
            (watch.news(now), watch.alarms(now))
        };
        for News { id, canary, campaign, fate } in &news {
            let until = canary.arrived_at.unwrap_or(now);
            let cause = match canary.handed {
                Handed::Refused { cause, .. } => Some(cause.id()),
                Handed::Withheld(why) => Some(why),
                _ => None,
            };
            CanaryFared {
                id: *id,
                carrier: &canary.carrier,
                mailbox: &canary.mailbox,
                campaign,
                fate: *fate,
                since_accepted: canary.accepted_at().map(|at| Duration::from_millis(until.since_ms(at))),
                cause,
            }
            .emit();
        }
        let mut carriers: Vec<_> = self.0.config.mailboxes.iter().map(|mailbox| &mailbox.carrier).collect();
        carriers.sort_unstable();
        carriers.dedup();
        for carrier in carriers {
            let missing = alarms.iter().find(|alarm| alarm.carrier == *carrier).map_or(0, |alarm| alarm.missing);
            CanarySample { carrier, missing }.emit();
        }
    }
}
