//! One mail from the inbox to its end.

use queue::{InboxId, ReceivedMail};

use crate::arrival;
use crate::desk::Desk;
use crate::ending::Ending;
use crate::late::{self, Early};
use crate::quoted;
use crate::recognise::{Matter, recognise};
use crate::registration::{Asked, Job};
use crate::stop;

/// What became of a mail.
pub(crate) enum Step {
    /// It left the inbox, with everything that follows from it.
    Done,
    /// To be looked at again in a moment; nothing is written.
    Early,
    /// Somebody wants to register: DNS must be asked, so the rest is not for this thread.
    Register(Box<Job>),
}

/// Whose is it, what is it, what follows, one write. Blocks: not for an async thread.
pub(crate) fn handle(desk: &Desk, id: InboxId, mail: ReceivedMail) -> Step {
    let report = bounce::read_report(&mail.content);
    let mut ending = Ending::new();
    let mut asked = Vec::new();
    for address in &mail.recipients {
        let Some(whose) = desk.addresses.whose(address, mail.received_at) else {
            ending.handled("no_longer_ours", None);
            ending.keep("postmaster", "its recipient is no address of ours any more");
            continue;
        };
        let matter = recognise(whose, report.kind);
        ending.handled(matter.as_str(), whose.notification());
        let done = match matter {
            Matter::Bounced(notification) => late::bounced(desk, &mut ending, notification, &mail, &report),
            Matter::Complained(notification) => stop::complained(desk, &mut ending, notification, &mail, &report),
            Matter::ComplaintToUs => match quoted::notification(&mail.content, &desk.addresses, mail.received_at) {
                Some(notification) => stop::complained(desk, &mut ending, notification, &mail, &report),
                None => {
                    ending.keep("complaint", "it quotes no address of ours, so nobody can tell whose mail it means");
                    Ok(())
                }
            },
            Matter::Unsubscribe(notification) => {
                stop::unsubscribed(desk, &mut ending, notification);
                Ok(())
            }
            Matter::Registration { school, generation } => {
                asked.push(Asked { school, generation });
                Ok(())
            }
            Matter::Canary(place) => {
                arrival::noted(desk, &mut ending, place, &mail);
                Ok(())
            }
            Matter::Keep(kind) => {
                ending.keep(kind, report.rule.as_ref());
                Ok(())
            }
            Matter::Count(_) => Ok(()),
        };
        if let Err(Early) = done {
            return Step::Early;
        }
    }
    if !asked.is_empty() {
        return Step::Register(Box::new(Job { id, mail, content: report.kind, asked, ending }));
    }
    match ending.finish(&desk.queue, &desk.scheduler, id) {
        Ok(()) => Step::Done,
        Err(_) => Step::Early,
    }
}
