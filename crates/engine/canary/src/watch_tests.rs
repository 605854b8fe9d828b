//! What alarms stand after which arrivals.

use compose::StoredRecipient;
use mail_model::Cause;

use super::*;
use crate::fate::Handed;
use crate::flight::Roster;

const WITHIN: Duration = Duration::from_secs(45);

/// A flight at second `at` with one canary for each mailbox: (mailbox, accepted after s, arrived after s).
fn flight(number: u64, at: u64, canaries: &[(&str, Option<u64>, Option<u64>)]) -> Flight {
    let mut roster = Roster::first(format!("c{number}").parse().unwrap(), MessageId(900), StoredRecipient::default());
    (roster.id, roster.from, roster.number) = (MessageId(number), UnixMs(at * 1_000), u32::try_from(number).unwrap());
    let carrier = |mailbox: &str| mailbox.split('-').next().unwrap().parse().unwrap();
    roster.mailboxes = canaries.iter().map(|(name, ..)| ((*name).to_owned(), carrier(name))).collect();
    let mut flight = Flight::new(roster);
    for (canary, (_, accepted, arrived)) in flight.canaries.iter_mut().zip(canaries) {
        let time = |after: u64| UnixMs((at + after) * 1_000);
        canary.handed = accepted.map_or(Handed::Waiting(None), |after| Handed::Accepted(time(after)));
        canary.arrived_at = arrived.map(time);
    }
    flight
}

fn watch(flights: Vec<Flight>) -> Watch {
    let mailboxes = ["docomo-1", "au-1", "au-2", "au-3"].map(str::to_owned);
    let mut watch = Watch::new(WITHIN, mailboxes.into_iter());
    watch.flights.extend(flights.into_iter().map(|flight| (flight.roster.id, flight)));
    watch
}

fn words(watch: &Watch, now_s: u64) -> Vec<String> {
    watch.alarms(UnixMs(now_s * 1_000)).iter().map(Alarm::words).collect()
}

#[test]
fn an_alarm_stands_for_the_carrier_that_drops_and_for_no_other() {
    let ok = Some(3);
    let only = "au accepted mail that has not arrived at our only mailbox";
    let one = "au accepted mail that has not arrived at one of our two mailboxes";
    let both = "au accepted mail that has not arrived at both of our mailboxes";
    let three = "au accepted mail that has not arrived at 2 of our 3 mailboxes";
    let first = |canaries: &[(&str, Option<u64>, Option<u64>)]| vec![flight(1, 0, canaries)];
    let table: Vec<(&str, Vec<Flight>, u64, Vec<&str>)> = vec![
        ("all arrive", first(&[("docomo-1", ok, ok), ("au-1", ok, Some(9))]), 300, vec![]),
        ("not yet late", first(&[("au-1", Some(1), None)]), 45, vec![]),
        ("late now", first(&[("docomo-1", ok, ok), ("au-1", Some(1), None)]), 46, vec![only]),
        ("it came late", first(&[("au-1", Some(1), Some(200))]), 300, vec![]),
        ("one of two", first(&[("au-1", ok, None), ("au-2", ok, ok)]), 60, vec![one]),
        ("both", first(&[("au-1", ok, None), ("au-2", ok, None)]), 60, vec![both]),
        ("three", first(&[("au-1", ok, None), ("au-2", ok, None), ("au-3", ok, ok)]), 60, vec![three]),
        ("a mailbox that was given up", first(&[("au-9", ok, None)]), 60, vec![]),
        ("never handed over", first(&[("au-1", None, None)]), 9_999, vec![]),
        ("a day later", first(&[("au-1", Some(1), None)]), 86_400, vec![]),
        (
            "a later one arrived",
            vec![flight(1, 0, &[("au-1", ok, None)]), flight(2, 600, &[("au-1", ok, ok)])],
            700,
            vec![],
        ),
        (
            "an earlier one arrives at last: what came after it is still out",
            vec![flight(1, 0, &[("au-1", ok, Some(650))]), flight(2, 600, &[("au-1", ok, None)])],
            700,
            vec![only],
        ),
    ];
    for (name, flights, now_s, expected) in table {
        assert_eq!(words(&watch(flights), now_s), expected, "{name}");
    }
}

#[test]
fn an_alarm_names_the_campaign_whose_canary_is_missed_longest() {
    let flights = vec![flight(1, 0, &[("au-1", Some(1), None)]), flight(2, 100, &[("au-2", Some(1), None)])];
    let alarms = watch(flights).alarms(UnixMs(300_000));
    let [alarm] = alarms.as_slice() else { panic!("{alarms:?}") };
    assert_eq!((alarm.since, alarm.campaign.as_str(), alarm.missing, alarm.mailboxes), (UnixMs(46_000), "c1", 2, 2));
}

#[test]
fn a_refused_canary_raises_no_alarm_and_is_told_once() {
    let mut refused = flight(1, 0, &[("au-1", None, None)]);
    refused.canaries[0].handed = Handed::Refused { at: UnixMs(5), cause: Cause::SenderBlocked, outcome: "failed" };
    let mut watch = watch(vec![refused]);
    let fates: Vec<CanaryFate> = watch.news(UnixMs(1_000)).iter().map(|news| news.fate).collect();
    assert_eq!(fates, [CanaryFate::Refused]);
    assert!(watch.news(UnixMs(2_000)).is_empty() && watch.alarms(UnixMs(999_000)).is_empty());
    assert!(watch.open(UnixMs(2_000)).is_empty(), "the ledger has said its last word");
}

#[test]
fn the_last_flight_of_a_campaign_is_followed_while_there_are_ids() {
    let with_ids = |number, at, ids: &[u64]| {
        let mut flight = flight(number, at, &[("au-1", Some(1), Some(2))]);
        flight.roster.reserved = ids.iter().map(|id| MessageId(*id)).collect();
        flight
    };
    let after = Duration::from_secs(600);
    // (flights, now, who is followed)
    let table = [
        (vec![with_ids(1, 0, &[2])], 599, None),
        (vec![with_ids(1, 0, &[2])], 600, Some(1)),
        (vec![with_ids(1, 0, &[2, 3]), with_ids(2, 600, &[3])], 1_199, None),
        (vec![with_ids(1, 0, &[2, 3]), with_ids(2, 600, &[3])], 1_200, Some(2)),
        (vec![with_ids(1, 0, &[2]), with_ids(2, 600, &[])], 9_999, None),
    ];
    for (flights, now_s, expected) in table {
        let followed = watch(flights).to_be_followed(UnixMs(now_s * 1_000), after);
        assert_eq!(followed, expected.map(MessageId).into_iter().collect::<Vec<_>>(), "{now_s}");
    }
}

#[test]
fn what_is_old_or_too_much_is_forgotten() {
    let mut many = watch((1..=600).map(|n| flight(n, n, &[("au-1", None, None)])).collect());
    assert!(many.forget(UnixMs(700_000)));
    assert_eq!((many.flights.len(), many.flights.keys().next()), (FLIGHTS_MAX, Some(&MessageId(89))));
    assert!(!many.forget(UnixMs(700_000)));
    assert_eq!(many.nearest("au-1", UnixMs(999_000)), Some(UnixMs(600_000)));
    assert_eq!(many.nearest("au-1", UnixMs(300_400)), Some(UnixMs(300_000)));
    assert_eq!(many.nearest("au-2", UnixMs(0)), None);
    assert!(many.forget(UnixMs(700_000) + KEPT) && many.flights.is_empty());
}
