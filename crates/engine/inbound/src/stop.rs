//! The owner of an address wants no more mail: a complaint, or List-Unsubscribe by mail or by link.

use bounce::{AddressHistory, Noted, Report, Wish};
use mail_model::{NotificationId, Outcome, UnixMs};
use queue::{AttemptRecord, AuditEntry, Queue, ReceivedMail, Write};
use telemetry::SuppressionNoted;

use crate::consequence::Alarm;
use crate::desk::Desk;
use crate::ending::Ending;
use crate::late::{self, Early, Standing};

/// A recipient reported a notification as spam: its outcome, no more mail to the address, and operators hear of it.
pub(crate) fn complained(
    desk: &Desk,
    ending: &mut Ending,
    id: NotificationId,
    mail: &ReceivedMail,
    report: &Report,
) -> Result<(), Early> {
    let (Standing::Accepted(last) | Standing::Ended(last)) = late::standing(desk, id, mail)? else {
        ending.handled("complaint_forgotten", Some(id));
        ending.keep("complaint", "it is about a notification that is not known any more");
        return Ok(());
    };
    let now = desk.clock.unix();
    let record = late::record(&last, Outcome::Complained, report.recipients.first(), report, now);
    let history = ending.history(&desk.queue, &last.address);
    if history.reason() == Some(bounce::Reason::Wished(Wish::Complained)) {
        ending.handled("complaint_repeated", Some(id));
        ending.amend(|write| write.late(&record));
        return Ok(());
    }
    ending.note(&desk.queue, &last.address, &last.carrier, Noted::Wish(Wish::Complained));
    ending.amend(|write| write.late(&record).audit(entry(&last, Wish::Complained, "complaint report", now)));
    ending.alarm(&last.carrier, Alarm::Complaint);
    ending.outcome(id, &last.carrier, Outcome::Complained, &record.rule);
    Ok(())
}

/// Somebody wrote to the unsubscribe address of a notification.
pub(crate) fn unsubscribed(desk: &Desk, ending: &mut Ending, id: NotificationId) {
    let Some(last) = desk.queue.last_attempt(id) else {
        ending.handled("unsubscribe_forgotten", Some(id));
        ending.keep("unsubscribe", "it is about a notification that is not known any more");
        return;
    };
    if is_unwanted(&ending.history(&desk.queue, &last.address)) {
        ending.handled("unsubscribe_repeated", Some(id));
        return;
    }
    ending.note(&desk.queue, &last.address, &last.carrier, Noted::Wish(Wish::Unsubscribed));
    let now = desk.clock.unix();
    ending.amend(|write| write.audit(entry(&last, Wish::Unsubscribed, "List-Unsubscribe by mail", now)));
}

/// What became of a one-click link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsubscribed {
    /// The address gets no more mail.
    Now,
    /// It got none before.
    Before,
    /// The notification is not known any more, so nobody knows the address.
    Forgotten,
}

/// Suppresses the address of a notification by its owner's request, audited. The caller has verified the token. Durable
/// within milliseconds; wait for `Queue::synced` before it is acknowledged. Blocks: not for an async thread.
pub fn unsubscribe(queue: &Queue, id: NotificationId, now: UnixMs) -> Unsubscribed {
    let Some(last) = queue.last_attempt(id) else { return Unsubscribed::Forgotten };
    if is_unwanted(&AddressHistory::decode(queue.suppression(&last.address).as_deref())) {
        return Unsubscribed::Before;
    }
    let wish = |stored: Option<&[u8]>| Some(AddressHistory::noted(stored, &Noted::Wish(Wish::Unsubscribed)));
    let entry = entry(&last, Wish::Unsubscribed, "List-Unsubscribe by link", now);
    queue.write(Write::new().change_suppression(&last.address, wish).audit(entry));
    SuppressionNoted { carrier: &last.carrier, reason: "unsubscribed" }.emit();
    Unsubscribed::Now
}

fn is_unwanted(history: &AddressHistory) -> bool {
    matches!(history.reason(), Some(bounce::Reason::Wished(_)))
}

fn entry(last: &AttemptRecord, wish: Wish, reason: &str, at: UnixMs) -> AuditEntry {
    let action = match wish {
        Wish::Complained => "suppression.complaint",
        Wish::Unsubscribed => "suppression.request",
    };
    AuditEntry {
        at,
        actor: "recipient".to_owned(),
        action: action.to_owned(),
        subject: last.address.as_str().to_owned(),
        reason: format!("{reason}, notification {}", last.id),
    }
}
