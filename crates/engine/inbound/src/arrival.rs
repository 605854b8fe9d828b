//! Which canary a mail is that a mailbox of our own forwarded.

use mail_model::NotificationId;
use queue::ReceivedMail;

use crate::desk::Desk;
use crate::ending::Ending;
use crate::header::Header;
use crate::quoted;

/// Fields in which a forwarded mail still names the one that it was.
const FIELDS: [&str; 5] = ["Message-ID", "Resent-Message-ID", "X-Original-Message-ID", "References", "In-Reply-To"];
/// Ids of one field that are looked at: a long thread ends soon enough.
const IDS_MAX: usize = 20;

/// Notes the arrival, to be written with the rest of the ending.
///
/// Nothing here needs a MAC of its own: only the mailbox's forwarding knows the address that the mail came to, which has
/// one, and whoever knows it can tell nothing but that a mail of ours to this one mailbox arrived there.
pub(crate) fn noted(desk: &Desk, ending: &mut Ending, place: usize, mail: &ReceivedMail) {
    let Some(mailbox) = desk.addresses.canary_mailbox(place) else { return };
    let arrival = |id| desk.canaries.arrival(id, Some(mailbox), mail.received_at);
    match names(desk, mail).find_map(arrival) {
        Some(arrival) => ending.amend(|write| arrival.amend(write)),
        // Whatever else comes to such a mailbox is forwarded, too.
        None => ending.handled("canary_unknown", None),
    }
}

/// The notifications that a mail can be meant to be, the surest first: by the sender that forwarding kept, by what it
/// carries that we signed, by its Message-ID.
fn names(desk: &Desk, mail: &ReceivedMail) -> impl Iterator<Item = NotificationId> {
    let sender = mail.sender.as_ref().and_then(|sender| desk.canaries.named(sender.as_str()));
    let signed = || quoted::notification(&mail.content, &desk.addresses, mail.received_at);
    let header = Header::read(&mail.content);
    let values: Vec<String> = FIELDS.iter().flat_map(|field| header.values(field).collect::<Vec<_>>()).collect();
    let by_id = move || {
        let ids = values.iter().flat_map(|value| value.split_whitespace().take(IDS_MAX));
        ids.filter_map(|id| desk.canaries.named(id)).collect::<Vec<_>>()
    };
    sender.into_iter().chain(std::iter::once_with(signed).flatten()).chain(std::iter::once_with(by_id).flatten())
}
