//! After a burst of "unknown": suppressions that were made on its word are taken back.

use std::sync::Arc;
use std::time::Duration;

use bounce::AddressHistory;
use mail_model::EmailAddress;
use queue::{Queue, Write};
use scheduler::Burst;
use telemetry::{OperatorAlarm, SuppressionsLifted};

use crate::consequence::Alarm;
use crate::desk::Desk;

/// Sessions have outcomes in hand that are written after the first look.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(60);
/// Addresses read at once.
const PAGE: usize = 1_000;

/// Takes back, for every burst, until it is cancelled.
pub(crate) async fn mend(desk: Arc<Desk>) {
    let mut again = tokio::time::interval(LOOK_AGAIN_AFTER);
    let (mut newer, mut older): (Vec<Burst>, Vec<Burst>) = (vec![], vec![]);
    loop {
        tokio::select! {
            () = desk.scheduler.doubts().notified() => {
                let bursts = desk.scheduler.take_bursts();
                for burst in &bursts {
                    OperatorAlarm { carrier: &burst.carrier, reason: Alarm::UnknownBurst.as_str() }.emit();
                }
                lift_all(&desk, &bursts).await;
                newer.extend(bursts);
            }
            _ = again.tick() => {
                lift_all(&desk, &std::mem::replace(&mut older, std::mem::take(&mut newer))).await;
            }
        }
    }
}

async fn lift_all(desk: &Arc<Desk>, bursts: &[Burst]) {
    for burst in bursts {
        let (desk, burst) = (desk.clone(), burst.clone());
        let lifted = tokio::task::spawn_blocking(move || {
            let count = lift(&desk.queue, &burst);
            SuppressionsLifted { carrier: &burst.carrier, count }.emit();
        });
        lifted.await.ok();
    }
}

/// Takes back what a burst condemned; gives how many. Reads all suppressions: not for an async thread.
pub(crate) fn lift(queue: &Queue, burst: &Burst) -> u64 {
    let (mut lifted, mut after) = (0, None::<EmailAddress>);
    loop {
        let page = queue.suppressions(after.as_ref(), PAGE);
        let Some((last, _)) = page.last() else { return lifted };
        after = Some(last.clone());
        for (address, stored) in &page {
            if !is_covered(&AddressHistory::decode(Some(stored)), burst) {
                continue;
            }
            // Looked at once more when it is written: the page was read a moment ago.
            let burst = burst.clone();
            queue.write(Write::new().change_suppression(address, move |stored| {
                let mut history = AddressHistory::decode(stored);
                if is_covered(&history, &burst) {
                    history.doubt();
                }
                Some(history.encode())
            }));
            lifted += 1;
        }
    }
}

fn is_covered(history: &AddressHistory, burst: &Burst) -> bool {
    history.said_unknown().is_some_and(|said| burst.covers(said))
}
