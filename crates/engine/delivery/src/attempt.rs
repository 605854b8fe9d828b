//! One session from its first mail to QUIT. The journey of a mail through the engine reads here, top to bottom.

use smtp_client::{EnvelopeResult, Session};

use crate::desk::{Desk, Prepared};

/// Sends mail after mail until there is none, or the session ends.
///
/// While the content of one mail goes out, the envelope of the next is pipelined behind its final dot (RFC 2920 3.1),
/// so a mail costs one round trip. `ready` has its 354 and waits for its content; `next` is about to say MAIL FROM.
pub(crate) async fn attempt(desk: &mut Desk, session: &mut Session, mut next: Option<Prepared>) {
    let mut ready: Option<Prepared> = None;
    loop {
        if next.is_none() {
            next = desk.fetch(ready.is_none()).await;
        }
        if next.is_none() && ready.is_none() {
            break;
        }
        desk.record(ready.as_ref());
        if let Some(mail) = &mut next {
            desk.leaves(mail);
        }
        let body = ready.as_ref().map(|mail| &mail.body);
        let envelope = next.as_ref().map(|mail| desk.envelope(mail));
        let exchange = session.exchange(body, envelope).await;

        if let Some(mail) = ready.take() {
            match exchange.data_end {
                Some(Ok(reply)) => desk.accepted(mail, reply),
                Some(Err(failure)) => desk.refused(mail, &failure),
                None => desk.give_back(mail),
            }
        }
        if let Some(mail) = next.take() {
            match exchange.envelope {
                Some(EnvelopeResult::Ready) => ready = Some(mail),
                Some(EnvelopeResult::Refused(failure)) => desk.refused(mail, &failure),
                Some(EnvelopeResult::NotTried) | None => desk.give_back(mail),
            }
        }
        if !session.is_open() {
            break;
        }
    }
    if let Some(mail) = ready {
        desk.give_back(mail);
    }
    desk.record(None);
}
