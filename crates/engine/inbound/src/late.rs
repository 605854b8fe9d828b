//! A notification came back: its outcome, and what follows for its address, its path and the operator.

use bounce::{RecipientReport, Report};
use mail_model::{Cause, NotificationId, Outcome, UnixMs};
use queue::{AttemptRecord, ReceivedMail};

use crate::consequence::{Known, consequences};
use crate::desk::Desk;
use crate::ending::Ending;
use crate::told;

/// How long a report may wait for the outcome of its own mail: it can be faster than our note of the carrier's 250.
const EARLY_MS: u64 = 60_000;
/// How long it is remembered that a notification was sent again.
const AGAIN_KEPT_MS: u64 = 30 * 86_400_000;

/// The report came before its mail was settled: to be looked at again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Early;

/// Where a notification stands when something comes back of it.
pub(crate) enum Standing {
    /// Handed over; the word that comes is the first.
    Accepted(Box<AttemptRecord>),
    /// Returned, complained of or failed before.
    Ended(Box<AttemptRecord>),
    /// Not known any more.
    Forgotten,
}

/// Looks a notification up. `Early` while it may be on its way to the carrier in this moment.
pub(crate) fn standing(desk: &Desk, id: NotificationId, mail: &ReceivedMail) -> Result<Standing, Early> {
    let young = desk.clock.unix().since_ms(mail.received_at) < EARLY_MS;
    match desk.queue.last_attempt(id) {
        Some(record) if record.outcome.is_handed_over() => Ok(Standing::Accepted(Box::new(record))),
        Some(record) if record.outcome.is_final() => Ok(Standing::Ended(Box::new(record))),
        Some(_) if young => Err(Early),
        Some(record) => Ok(Standing::Ended(Box::new(record))),
        None if young && desk.queue.message(id.message).is_some() => Err(Early),
        None => Ok(Standing::Forgotten),
    }
}

/// Records that a notification came back, with everything that follows.
pub(crate) fn bounced(
    desk: &Desk,
    ending: &mut Ending,
    id: NotificationId,
    mail: &ReceivedMail,
    report: &Report,
) -> Result<(), Early> {
    let last = match standing(desk, id, mail)? {
        Standing::Accepted(last) => last,
        Standing::Ended(_) => {
            ending.handled("bounce_repeated", Some(id));
            return Ok(());
        }
        Standing::Forgotten => {
            ending.handled("bounce_forgotten", Some(id));
            ending.keep("bounce", "it is about a notification that is not known any more");
            return Ok(());
        }
    };
    let told = told::about(&report.recipients, &last.address);
    let cause = told.map_or(Cause::Other, |told| told.cause);
    let now = desk.clock.unix();
    let path = Desk::path_of(&last);
    let again = again_so_far(desk, id);
    let follows = consequences(&Known {
        cause,
        is_transient: told.is_some_and(told::is_transient),
        history: ending.history(&desk.queue, &last.address),
        is_doubted: path.as_ref().is_some_and(|path| desk.scheduler.doubts_unknown(path)),
        path: path.as_ref(),
        is_elsewhere: told.is_some_and(|told| told::is_elsewhere(told, &last.address, &desk.directory)),
        again,
        deadline: desk.deadline(&last),
        received_at: mail.received_at,
        now,
    });
    let record = record(&last, Outcome::Bounced(cause), told, report, now);
    ending.amend(|write| write.late(&record));
    if let Some(due) = follows.again {
        let expires = UnixMs(now.0.saturating_add(AGAIN_KEPT_MS));
        ending.amend(|write| write.revive(id, due).remember(&again_key(id), &[again + 1], expires));
    }
    if let Some(noted) = follows.noted {
        ending.note(&desk.queue, &last.address, &last.carrier, noted);
    }
    if let (Some(path), Some(signal)) = (path, follows.signal) {
        ending.signal(path, signal);
    }
    if let Some(alarm) = follows.alarm {
        ending.alarm(&last.carrier, alarm);
    }
    ending.outcome(id, &last.carrier, record.outcome, &record.rule);
    Ok(())
}

/// The record of what came back: carrier, site and source are those of the mail as it left.
pub(crate) fn record(
    last: &AttemptRecord,
    outcome: Outcome,
    told: Option<&RecipientReport>,
    report: &Report,
    at: UnixMs,
) -> AttemptRecord {
    let rule = told.map_or(&report.rule, |told| &told.rule);
    AttemptRecord {
        seq: 0,
        outcome,
        at,
        mx_host: told.and_then(|told| told.remote_host.clone()).unwrap_or_default(),
        stage: told.and_then(|told| told.stage),
        reply: told.and_then(told::reply),
        rule: rule.clone().into_owned(),
        ..last.clone()
    }
}

fn again_key(id: NotificationId) -> Vec<u8> {
    format!("again/{id}").into_bytes()
}

fn again_so_far(desk: &Desk, id: NotificationId) -> u8 {
    desk.queue.remembered(&again_key(id)).and_then(|value| value.first().copied()).unwrap_or(0)
}
