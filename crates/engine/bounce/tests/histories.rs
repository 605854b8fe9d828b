//! What one path's word about an address is worth, what its owner's word does, and what is kept of both.

use bounce::{AddressHistory, Reason, Wish};
use mail_model::{Cause, EgressPath, SiteName, UnixMs};

const DAY_MS: u64 = 86_400_000;
const HOUR_MS: u64 = 3_600_000;
/// 2026-11-23 00:00 in Japan.
const MONDAY_JST: u64 = 1_795_359_600_000;

fn path() -> EgressPath {
    EgressPath { carrier: "docomo".parse().unwrap(), site: SiteName::none(), source: "tokyo-1".parse().unwrap() }
}

fn at(ms: u64) -> UnixMs {
    UnixMs(MONDAY_JST + ms)
}

#[test]
fn an_unknown_address_is_suppressed_at_once_with_the_path_that_said_so() {
    let mut history = AddressHistory::default();
    history.record_from(Cause::AddressUnknown, at(5), &path(), false);
    assert_eq!(history.reason(), Some(Reason::Bounced(Cause::AddressUnknown)));
    let said = history.said_unknown().unwrap();
    assert_eq!((said.at, said.carrier.as_str(), said.source.as_str()), (at(5), "docomo", "tokyo-1"));
}

#[test]
fn a_path_that_is_not_believed_condemns_nobody_on_one_day_and_somebody_on_two() {
    // (hours at which a doubted path says unknown, suppressed in the end)
    let table: [(&[u64], bool); 5] =
        [(&[0], false), (&[0, 1, 23], false), (&[0, 24], true), (&[23, 25], true), (&[30, 0], true)];
    for (hours, suppressed) in table {
        let mut history = AddressHistory::default();
        for hour in hours {
            history.record_from(Cause::AddressUnknown, at(hour * HOUR_MS), &path(), true);
        }
        assert_eq!(history.reason().is_some(), suppressed, "{hours:?}");
        assert!(history.said_unknown().is_none(), "what was said on two days is not taken back");
    }
}

#[test]
fn what_a_path_said_can_be_taken_back_once() {
    let mut history = AddressHistory::default();
    history.record_from(Cause::AddressUnknown, at(0), &path(), false);
    history.doubt();
    assert_eq!((history.reason(), history.said_unknown()), (None, None));
    history.record_from(Cause::AddressUnknown, at(HOUR_MS), &path(), false);
    assert_eq!(history.suppressed_by(), Some(Cause::AddressUnknown), "believed again when the path is believed");
    history.doubt();
    assert_eq!(history.reason(), None, "the same day: one voice");
    history.record_from(Cause::AddressUnknown, at(DAY_MS), &path(), true);
    history.doubt();
    assert!(history.said_unknown().is_none() && history.reason().is_some(), "two days: for good");
}

#[test]
fn what_suppressed_an_address_before_comes_back_with_doubt() {
    let mut history = AddressHistory::default();
    for day in 0..5 {
        history.record_from(Cause::MailboxFull, at(day * DAY_MS), &path(), false);
    }
    history.record_from(Cause::AddressUnknown, at(5 * DAY_MS), &path(), false);
    assert_eq!(history.suppressed_by(), Some(Cause::AddressUnknown));
    history.doubt();
    assert_eq!(history.suppressed_by(), Some(Cause::MailboxFull));
}

#[test]
fn doubt_takes_back_nothing_but_unknown() {
    let mut history = AddressHistory::default();
    history.record_from(Cause::DomainUnknown, at(0), &path(), true);
    history.doubt();
    assert_eq!(history.suppressed_by(), Some(Cause::DomainUnknown), "DNS said it, not the path");
    history.record_from(Cause::AddressUnknown, at(1), &path(), true);
    assert_eq!(history.suppressed_by(), Some(Cause::AddressUnknown));
    let mut filtered = AddressHistory::default();
    filtered.record_from(Cause::RecipientFiltered, at(0), &path(), false);
    assert_eq!(filtered, AddressHistory::default(), "a filter leaves no trace");
}

#[test]
fn a_wish_outlives_everything_but_forgiving() {
    for (wish, word) in [(Wish::Complained, "complained"), (Wish::Unsubscribed, "unsubscribed")] {
        let mut history = AddressHistory::default();
        history.record_from(Cause::AddressUnknown, at(0), &path(), false);
        history.record_wish(wish);
        history.doubt();
        assert_eq!(history.reason().map(Reason::as_str), Some(word));
        assert_eq!(history.suppressed_by(), None, "its bounces no longer do");
        history.forgive();
        assert_eq!(history.reason(), None);
    }
}

#[test]
fn a_history_reads_back_and_one_of_an_older_release_still_means_the_same() {
    let mut history = AddressHistory::default();
    history.record_from(Cause::AddressUnknown, at(0), &path(), false);
    history.record_wish(Wish::Unsubscribed);
    assert_eq!(AddressHistory::decode(Some(&history.encode())), history);
    assert!(history.encode().len() < 300);
    let old = br#"{"suppressed":"mailbox_full","disabled_day":null,"full_at":[1,2,3,4,5]}"#;
    assert_eq!(AddressHistory::decode(Some(old)).suppressed_by(), Some(Cause::MailboxFull));
    assert_eq!(AddressHistory::decode(Some(b"\x02 from the future")), AddressHistory::default());
    assert_eq!(AddressHistory::decode(None), AddressHistory::default());
}
