//! Where in the outbox the acceptances of a message stand: found by reading it once, kept for the messages asked about
//! last.
//!
//! Nothing is written for it while mail is sent. Bounces come for few of many mails, so whoever asks pays: one walk from
//! the message's acceptance on, which ends as soon as each of its notifications has ended.

use mail_model::{MessageId, NotificationId, Outcome};

use crate::fatal::StoreFault;
use crate::keys::{Family, read_u64};
use crate::record::line::Line;
use crate::record::wire::Corrupt;
use crate::store::Store;

/// Messages kept, at most …
const PAGES: usize = 64;
/// … and notifications of all of them, at most; one message always fits. Four bytes each.
const PLACES: usize = 2 << 20;

/// Not found yet.
const OPEN: u32 = 0;
/// Ended without an acceptance.
const ENDED: u32 = u32::MAX;

/// One message.
struct Page {
    message: MessageId,
    /// The first number that counts; places count from it.
    base: u64,
    /// The first number that was not read.
    next: u64,
    /// Notifications that were found to have ended.
    ended: usize,
    /// By recipient: [`OPEN`], [`ENDED`], or the number of the acceptance less `base`, plus one.
    places: Vec<u32>,
}

impl Page {
    fn new(message: MessageId, count: u32, base: u64) -> Self {
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        Self { message, base, next: base, ended: 0, places: vec![OPEN; count] }
    }

    fn place(&self, index: u32) -> u32 {
        usize::try_from(index).ok().and_then(|at| self.places.get(at)).copied().unwrap_or(ENDED)
    }

    fn read_on(&mut self, store: &Store, upto: u64) -> Result<(), StoreFault> {
        let past = upto.saturating_add(1);
        let mut scan = store.scan(Family::Outbox, &self.next.to_be_bytes(), Some(past.to_be_bytes().to_vec()));
        while self.ended < self.places.len()
            && let Some((key, value)) = scan.try_next()?
        {
            let fault = |corrupt: Corrupt| StoreFault::new(Family::Outbox.name(), corrupt);
            let seq = read_u64(key).ok_or(Corrupt::Key).map_err(fault)?;
            self.next = seq.saturating_add(1);
            if Line::peek_message(value) == Some(self.message.0) {
                let record = Line::decode_record(key, value).map_err(fault)?;
                self.note(record.id.index, seq, record.outcome);
            }
        }
        if self.ended < self.places.len() {
            self.next = past.max(self.next);
        }
        Ok(())
    }

    fn note(&mut self, index: u32, seq: u64, outcome: Outcome) {
        let Some(place) = usize::try_from(index).ok().and_then(|at| self.places.get_mut(at)) else { return };
        if !outcome.is_final() {
            return;
        }
        self.ended += usize::from(*place == OPEN);
        // Four thousand million attempts later: nobody looks for a bounce of that age.
        let at = u32::try_from(seq.saturating_sub(self.base)).unwrap_or(ENDED).saturating_add(1);
        // What corrects an acceptance does not hide where it stands.
        if outcome.is_handed_over() || *place == OPEN {
            *place = if outcome.is_handed_over() { at } else { ENDED };
        }
    }
}

/// The messages asked about last, the last one at the end.
#[derive(Default)]
pub struct Index {
    pages: Vec<Page>,
}

impl Index {
    /// The outbox number of the notification's acceptance; when it was accepted more than once, one of them. `count` and
    /// `from`: how many notifications the message has, and the first number that may be one of theirs. `written` gives
    /// the last number that is written, with all before it.
    pub fn acceptance(
        &mut self,
        store: &Store,
        id: NotificationId,
        count: u32,
        from: u64,
        written: impl FnOnce() -> u64,
    ) -> Result<Option<u64>, StoreFault> {
        let known = self.pages.iter().position(|page| page.message == id.message);
        let mut page = match known {
            Some(at) => self.pages.remove(at),
            None => Page::new(id.message, count, from),
        };
        if page.place(id.index) == OPEN {
            page.read_on(store, written())?;
        }
        let place = page.place(id.index);
        let found = (place != OPEN && place != ENDED).then(|| page.base + u64::from(place) - 1);
        self.pages.push(page);
        let mut places: usize = self.pages.iter().map(|page| page.places.len()).sum();
        while self.pages.len() > 1 && (self.pages.len() > PAGES || places > PLACES) {
            places -= self.pages.remove(0).places.len();
        }
        Ok(found)
    }

    /// Forgets everything: what it points to may be gone.
    pub fn clear(&mut self) {
        self.pages.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mail_model::Cause;

    #[test]
    fn a_page_knows_the_acceptance_also_after_it_was_corrected() {
        let mut page = Page::new(MessageId(1), 3, 100);
        let found = |page: &Page| page.places.clone();
        page.note(0, 100, Outcome::Deferred(Cause::MailboxFull));
        page.note(0, 104, Outcome::Accepted);
        page.note(1, 105, Outcome::Failed(Cause::AddressUnknown));
        assert_eq!((found(&page), page.ended), (vec![5, ENDED, OPEN], 2));
        page.note(0, 106, Outcome::Bounced(Cause::MailboxFull));
        page.note(0, 107, Outcome::Deferred(Cause::MailboxFull));
        page.note(1, 108, Outcome::Complained);
        assert_eq!((found(&page), page.ended), (vec![5, ENDED, OPEN], 2));
        page.note(0, 109, Outcome::Accepted);
        page.note(2, 110, Outcome::Bounced(Cause::Other));
        page.note(9, 111, Outcome::Accepted);
        assert_eq!((found(&page), page.ended), (vec![10, ENDED, ENDED], 3));
        assert_eq!((page.place(0), page.place(7)), (10, ENDED));
    }
}
