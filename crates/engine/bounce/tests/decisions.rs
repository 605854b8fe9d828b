//! What follows from a cause: try again or not, send to the address again or not.

use bounce::{AddressHistory, Disposition, TransportTrouble, classify_trouble, disposition};
use mail_model::{Cause, Reply, Stage, UnixMs};

use Disposition::{GiveUp, Retry};

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;
/// 2026-04-06T00:00:00+09:00, a Monday, in the middle of no UTC day.
const MONDAY_JST: u64 = 1_775_401_200_000;

#[test]
fn the_class_of_the_reply_and_the_cause_decide_whether_a_mail_is_tried_again() {
    // cause, after 4xx, after 5xx at the first attempt, after 5xx at the third, without a reply
    let table = [
        (Cause::AddressUnknown, Retry, GiveUp, GiveUp, GiveUp),
        (Cause::DomainUnknown, Retry, GiveUp, GiveUp, GiveUp),
        (Cause::MailboxDisabled, Retry, GiveUp, GiveUp, Retry),
        (Cause::MailboxFull, Retry, Retry, Retry, Retry),
        (Cause::RecipientFiltered, Retry, GiveUp, GiveUp, Retry),
        (Cause::ContentRejected, Retry, GiveUp, GiveUp, Retry),
        (Cause::SenderBlocked, Retry, Retry, GiveUp, Retry),
        (Cause::AuthFailed, Retry, GiveUp, GiveUp, Retry),
        (Cause::RateLimited, Retry, Retry, Retry, Retry),
        (Cause::MessageTooLarge, Retry, GiveUp, GiveUp, Retry),
        (Cause::ConnectionFailed, Retry, Retry, Retry, Retry),
        (Cause::ServerError, Retry, GiveUp, GiveUp, Retry),
        (Cause::Other, Retry, GiveUp, GiveUp, Retry),
    ];
    let (transient, permanent) = (Reply::new(451, "4.0.0 later"), Reply::new(550, "5.0.0 no"));
    for (cause, after_4xx, after_5xx, after_third_5xx, without_reply) in table {
        for attempts in [1, 2, 3, 40, u16::MAX] {
            assert_eq!(disposition(cause, Some(&transient), attempts), after_4xx, "{cause} 4xx {attempts}");
            assert_eq!(disposition(cause, None, attempts), without_reply, "{cause} no reply {attempts}");
            let expected = if attempts < 3 { after_5xx } else { after_third_5xx };
            assert_eq!(disposition(cause, Some(&permanent), attempts), expected, "{cause} 5xx {attempts}");
        }
    }
    assert_eq!(table.map(|row| row.0), Cause::ALL);
}

#[test]
fn a_failure_without_a_reply_has_a_cause_and_names_its_step() {
    let table = [
        (TransportTrouble::TimedOut, Cause::ConnectionFailed, "trouble/timed-out/end-of-data"),
        (TransportTrouble::Closed, Cause::ConnectionFailed, "trouble/closed/end-of-data"),
        (TransportTrouble::Reset, Cause::ConnectionFailed, "trouble/reset/end-of-data"),
        (TransportTrouble::Refused, Cause::ConnectionFailed, "trouble/refused/end-of-data"),
        (TransportTrouble::Unreachable, Cause::ConnectionFailed, "trouble/unreachable/end-of-data"),
        (TransportTrouble::Tls, Cause::AuthFailed, "trouble/tls/end-of-data"),
        (TransportTrouble::Protocol, Cause::ServerError, "trouble/protocol/end-of-data"),
        (TransportTrouble::DnsNoDomain, Cause::DomainUnknown, "trouble/no-such-domain/end-of-data"),
        (TransportTrouble::DnsNoMx, Cause::DomainUnknown, "trouble/domain-takes-no-mail/end-of-data"),
        (TransportTrouble::DnsFailed, Cause::ConnectionFailed, "trouble/dns-failed/end-of-data"),
        (TransportTrouble::AddressRefused, Cause::ServerError, "trouble/private-address/end-of-data"),
        (TransportTrouble::SourceUnusable, Cause::ConnectionFailed, "trouble/source-unusable/end-of-data"),
    ];
    for (trouble, cause, rule) in table {
        let verdict = classify_trouble(trouble, Stage::DataEnd);
        assert_eq!((verdict.cause, &*verdict.rule), (cause, rule));
    }
    assert_eq!(classify_trouble(TransportTrouble::Reset, Stage::Connect).rule, "trouble/reset/connect");
}

#[test]
fn an_unknown_address_or_domain_is_suppressed_at_once() {
    for cause in [Cause::AddressUnknown, Cause::DomainUnknown] {
        let mut history = AddressHistory::default();
        history.record(cause, UnixMs(MONDAY_JST));
        assert_eq!(history.suppressed_by(), Some(cause));
    }
}

#[test]
fn a_disabled_mailbox_is_suppressed_on_the_second_japanese_day() {
    // 23:59 and 00:01 in Japan are two days although they are one in UTC; 00:01 and 23:59 are one day.
    let table = [
        (vec![0, HOUR_MS, 23 * HOUR_MS], None),
        (vec![0, DAY_MS], Some(Cause::MailboxDisabled)),
        (vec![DAY_MS - 60_000, DAY_MS + 60_000], Some(Cause::MailboxDisabled)),
        (vec![60_000, DAY_MS - 60_000], None),
        (vec![90 * DAY_MS, 0], Some(Cause::MailboxDisabled)),
    ];
    for (times, expected) in table {
        let mut history = AddressHistory::default();
        for time in &times {
            history.record(Cause::MailboxDisabled, UnixMs(MONDAY_JST + time));
        }
        assert_eq!(history.suppressed_by(), expected, "{times:?}");
    }
}

#[test]
fn a_full_mailbox_is_suppressed_by_the_fifth_bounce_within_thirty_days() {
    let table = [
        (vec![0, 1, 2, 3], None),
        (vec![0, 1, 2, 3, 4], Some(Cause::MailboxFull)),
        (vec![0, 7, 15, 22, 30], Some(Cause::MailboxFull)),
        (vec![0, 7, 15, 22, 31], None),
        (vec![0, 10, 20, 31, 40, 50, 55], None),
        (vec![0, 10, 31, 32, 33, 34, 35], Some(Cause::MailboxFull)),
        (vec![30, 22, 15, 7, 0], Some(Cause::MailboxFull)),
    ];
    for (days, expected) in table {
        let mut history = AddressHistory::default();
        for day in &days {
            history.record(Cause::MailboxFull, UnixMs(MONDAY_JST + day * DAY_MS));
        }
        assert_eq!(history.suppressed_by(), expected, "{days:?}");
    }
}

#[test]
fn nothing_else_ever_suppresses_a_filter_least_of_all() {
    let counted = [Cause::AddressUnknown, Cause::DomainUnknown, Cause::MailboxDisabled, Cause::MailboxFull];
    for cause in Cause::ALL.into_iter().filter(|cause| !counted.contains(cause)) {
        let mut history = AddressHistory::default();
        for day in 0..1000 {
            history.record(cause, UnixMs(MONDAY_JST + day * DAY_MS));
        }
        assert_eq!(history, AddressHistory::default(), "{cause}");
    }
}

#[test]
fn a_dead_address_replaces_a_softer_reason_and_forgiving_forgets_all() {
    let mut history = AddressHistory::default();
    history.record(Cause::MailboxDisabled, UnixMs(MONDAY_JST));
    history.record(Cause::MailboxDisabled, UnixMs(MONDAY_JST + DAY_MS));
    history.record(Cause::AddressUnknown, UnixMs(MONDAY_JST + 2 * DAY_MS));
    assert_eq!(history.suppressed_by(), Some(Cause::AddressUnknown));
    history.record(Cause::MailboxDisabled, UnixMs(MONDAY_JST + 3 * DAY_MS));
    assert_eq!(history.suppressed_by(), Some(Cause::AddressUnknown));
    history.forgive();
    assert_eq!(history, AddressHistory::default());
}

#[test]
fn a_history_reads_back_from_json_and_stays_small() {
    let mut history = AddressHistory::default();
    for time in [0, u64::MAX, 5, u64::MAX - 1] {
        history.record(Cause::MailboxFull, UnixMs(time));
        history.record(Cause::MailboxDisabled, UnixMs(time));
    }
    let json = serde_json::to_string(&history).unwrap();
    assert!(json.len() < 256, "{json}");
    assert_eq!(serde_json::from_str::<AddressHistory>(&json).unwrap(), history);
    assert_eq!(serde_json::from_str::<AddressHistory>("{}").unwrap(), AddressHistory::default());
}
