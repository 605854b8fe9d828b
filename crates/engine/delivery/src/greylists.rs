//! Which mails are greylisted since when, and what that taught about each carrier. In memory only: after a restart a mail
//! counts as greylisted from its next refusal on, which costs it one probe.

use std::collections::HashMap;
use std::time::Duration;

use mail_model::{EgressPath, NotificationId, SiteName, UnixMs};
use parking_lot::Mutex;
use scheduler::greylist::GreyLore;

/// Mails remembered at once, at most …
const MAILS_MAX: usize = 200_000;
/// … and for how long where room is wanted.
const KEPT: Duration = Duration::from_secs(4 * 3_600);
/// Carriers and domains of which something is known, at most.
const SITES_MAX: usize = 10_000;

type Site = (String, SiteName);

#[derive(Default)]
struct Book {
    since: HashMap<NotificationId, UnixMs>,
    lore: HashMap<Site, GreyLore>,
}

/// What all sessions know of greylisting.
#[derive(Default)]
pub struct Greylists(Mutex<Book>);

fn site(path: &EgressPath) -> Site {
    (path.carrier.as_str().to_owned(), path.site.clone())
}

impl Greylists {
    /// What is known of the path's carrier, and for how long this mail has been greylisted.
    pub fn ask(&self, path: &EgressPath, id: NotificationId, now: UnixMs) -> (GreyLore, Duration) {
        let book = self.0.lock();
        let since = book.since.get(&id).copied().unwrap_or(now);
        let lore = book.lore.get(&site(path)).copied().unwrap_or_default();
        (lore, Duration::from_millis(now.since_ms(since)))
    }

    /// It was greylisted, the first time or once more.
    pub fn refused(&self, path: &EgressPath, id: NotificationId, now: UnixMs) {
        let mut book = self.0.lock();
        if book.since.len() >= MAILS_MAX {
            book.since.retain(|_, since| now < *since + KEPT);
        }
        if book.since.len() >= MAILS_MAX && !book.since.contains_key(&id) {
            return;
        }
        let since = *book.since.entry(id).or_insert(now);
        if book.lore.len() >= SITES_MAX {
            book.lore.clear();
        }
        book.lore.entry(site(path)).or_default().refused(Duration::from_millis(now.since_ms(since)));
    }

    /// The carrier got as far as taking or judging it otherwise, so its greylist let it through.
    pub fn passed(&self, path: &EgressPath, id: NotificationId, now: UnixMs) {
        let mut book = self.0.lock();
        let Some(since) = book.since.remove(&id) else { return };
        book.lore.entry(site(path)).or_default().passed(Duration::from_millis(now.since_ms(since)));
    }

    /// It has ended otherwise.
    pub fn forget(&self, id: NotificationId) {
        self.0.lock().since.remove(&id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mail_model::MessageId;

    #[test]
    fn an_age_is_counted_from_the_first_refusal_and_teaches_its_carrier_only() {
        let lists = Greylists::default();
        let path = |carrier: &str, site: &str| EgressPath {
            carrier: carrier.parse().unwrap(),
            site: SiteName::new(site).unwrap(),
            source: "s1".parse().unwrap(),
        };
        let (grey, other) = (path("other", "ume.example.jp"), path("other", "sakura.example.jp"));
        let id = |index| NotificationId { message: MessageId(1), index };
        assert_eq!(lists.ask(&grey, id(0), UnixMs(5_000)), (GreyLore::default(), Duration::ZERO));
        lists.refused(&grey, id(0), UnixMs(5_000));
        lists.refused(&grey, id(0), UnixMs(65_000));
        assert_eq!(lists.ask(&grey, id(0), UnixMs(70_000)).1, Duration::from_secs(65));
        lists.passed(&grey, id(1), UnixMs(70_000));
        assert_eq!(
            lists.ask(&grey, id(1), UnixMs(70_000)).0.passes_at(),
            None,
            "never greylisted, so it teaches nothing"
        );
        lists.passed(&grey, id(0), UnixMs(305_000));
        assert_eq!(lists.ask(&grey, id(1), UnixMs(70_000)).0.passes_at(), Some(Duration::from_secs(300)));
        assert_eq!(lists.ask(&other, id(1), UnixMs(70_000)).0.passes_at(), None);
        assert_eq!(lists.ask(&grey, id(0), UnixMs(400_000)).1, Duration::ZERO, "it has passed");
        lists.refused(&grey, id(2), UnixMs(0));
        lists.forget(id(2));
        assert_eq!(lists.ask(&grey, id(2), UnixMs(9_000)).1, Duration::ZERO);
    }
}
