//! The table of `causes.json` for mails that come back, cell by cell.

use super::*;
use mail_model::SiteName;

const NOW: UnixMs = UnixMs(1_795_359_600_000);
const DAY_MS: u64 = 86_400_000;

fn path() -> EgressPath {
    EgressPath { carrier: "docomo".parse().unwrap(), site: SiteName::none(), source: "tokyo-1".parse().unwrap() }
}

fn known(cause: Cause, path: &EgressPath) -> Known<'_> {
    Known {
        cause,
        is_transient: false,
        history: AddressHistory::default(),
        path: Some(path),
        is_doubted: false,
        is_elsewhere: false,
        again: 0,
        deadline: UnixMs(NOW.0 + 3 * DAY_MS),
        received_at: NOW,
        now: NOW,
    }
}

/// The history as it stands after what is noted.
fn after(mut history: AddressHistory, follows: &Consequences) -> AddressHistory {
    if let Some(noted) = &follows.noted {
        history.note(noted);
    }
    history
}

fn hours(due: Option<UnixMs>) -> Option<u64> {
    due.map(|due| due.since_ms(NOW) / 3_600_000)
}

#[test]
fn each_cause_has_the_consequences_of_causes_json() {
    use Cause::*;
    let slower = Signal::Throttled { pause: None };
    let rest = Signal::Blocked { pause: None };
    // (cause, 4xx, suppressed at once, again after … hours, the path is told, operators are told)
    let table = [
        (AddressUnknown, false, true, None, Some(Signal::UnknownUser), None),
        (DomainUnknown, false, true, None, None, None),
        (MailboxDisabled, false, false, None, None, None),
        (MailboxFull, false, false, Some(6), None, None),
        (MailboxFull, true, false, Some(6), None, None),
        (RecipientFiltered, false, false, None, None, None),
        (ContentRejected, false, false, None, None, Some(Alarm::Content)),
        (SenderBlocked, false, false, None, Some(rest), Some(Alarm::Delist)),
        (AuthFailed, false, false, Some(6), None, Some(Alarm::Authentication)),
        (RateLimited, false, false, Some(1), Some(slower), None),
        (MessageTooLarge, false, false, None, None, None),
        (ConnectionFailed, false, false, Some(1), None, None),
        (ServerError, true, false, Some(1), None, None),
        (ServerError, false, false, None, None, Some(Alarm::CarrierFault)),
        (Other, false, false, None, None, Some(Alarm::Review)),
    ];
    let path = path();
    for (cause, is_transient, suppressed, again, signal, alarm) in table {
        let follows = consequences(&Known { is_transient, ..known(cause, &path) });
        let history = after(AddressHistory::default(), &follows);
        assert_eq!(history.reason().is_some(), suppressed, "{cause}");
        assert_eq!(hours(follows.again), again, "{cause}");
        assert_eq!((follows.signal, follows.alarm), (signal, alarm), "{cause}");
    }
}

#[test]
fn a_disabled_mailbox_is_suppressed_on_the_second_day_and_a_full_one_by_the_fifth_time() {
    let path = path();
    for (cause, times) in [(Cause::MailboxDisabled, 2), (Cause::MailboxFull, 5)] {
        let mut history = AddressHistory::default();
        for time in 1..=times {
            let at = UnixMs(NOW.0 + time * DAY_MS);
            let follows =
                consequences(&Known { history: history.clone(), received_at: at, now: at, ..known(cause, &path) });
            history = after(history, &follows);
            assert_eq!(history.suppressed_by().is_some(), time == times, "{cause} {time}");
            assert!(history.suppressed_by().is_none() || follows.again.is_none(), "not again to a suppressed address");
        }
    }
}

#[test]
fn a_mail_is_sent_again_twice_at_most_and_only_before_its_deadline() {
    let path = path();
    let hour = 3_600_000;
    // (cause, sent again already, hours to the deadline, again after … hours)
    let table = [
        (Cause::MailboxFull, 0, 72, Some(6)),
        (Cause::MailboxFull, 1, 72, Some(24)),
        (Cause::MailboxFull, 2, 72, None),
        (Cause::MailboxFull, 0, 6, None),
        (Cause::MailboxFull, 1, 24, None),
        (Cause::ConnectionFailed, 1, 72, Some(4)),
        (Cause::ConnectionFailed, 0, 1, None),
        (Cause::ConnectionFailed, 200, 72, None),
    ];
    for (cause, again, left, expected) in table {
        let deadline = UnixMs(NOW.0 + left * hour);
        let follows = consequences(&Known { again, deadline, ..known(cause, &path) });
        assert_eq!(hours(follows.again), expected, "{cause} {again} {left}");
    }
}

#[test]
fn a_path_that_is_not_believed_condemns_nobody() {
    let path = path();
    let follows = consequences(&Known { is_doubted: true, ..known(Cause::AddressUnknown, &path) });
    assert_eq!(after(AddressHistory::default(), &follows).reason(), None);
    assert!(follows.noted.is_some(), "the day is noted");
    assert_eq!(follows.signal, Some(Signal::UnknownUser), "it is counted all the same");
}

#[test]
fn somebody_behind_a_forwarding_condemns_neither_the_address_nor_the_path() {
    let path = path();
    for cause in [Cause::AddressUnknown, Cause::DomainUnknown, Cause::MailboxDisabled, Cause::MailboxFull] {
        let follows = consequences(&Known { is_elsewhere: true, ..known(cause, &path) });
        assert_eq!((follows.noted, follows.signal), (None, None), "{cause}");
    }
}

#[test]
fn old_news_tells_the_path_nothing_and_is_remembered_of_the_address() {
    let path = path();
    let received_at = UnixMs(NOW.0 - 601_000);
    for cause in [Cause::AddressUnknown, Cause::SenderBlocked, Cause::RateLimited] {
        assert_eq!(consequences(&Known { received_at, ..known(cause, &path) }).signal, None, "{cause}");
    }
    let follows = consequences(&Known { received_at, ..known(Cause::AddressUnknown, &path) });
    assert!(after(AddressHistory::default(), &follows).reason().is_some());
}

#[test]
fn a_notification_that_left_by_no_path_still_condemns_its_address() {
    let path = path();
    let follows = consequences(&Known { path: None, ..known(Cause::AddressUnknown, &path) });
    assert!(after(AddressHistory::default(), &follows).reason().is_some());
}
