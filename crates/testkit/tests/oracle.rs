//! The reconciler on small journals made by hand: every class can be found, and nothing else is.

use std::net::Ipv4Addr;

use mail_model::{CarrierName, Cause, EmailAddress, MessageId, NotificationId, Outcome, UnixMs, Withheld};
use testkit::{
    CarrierCounts, Contradiction, Drain, Entry, Intent, LedgerLine, Loss, Lost, Moment, Phantom, Reconciliation,
    Refusal, Snapshot, recipient_hash, reconcile,
};

const SOURCE: Ipv4Addr = Ipv4Addr::new(127, 0, 1, 1);
const CLOSED: Outcome = Outcome::Deferred(Cause::ConnectionFailed);

fn id(index: u32) -> NotificationId {
    NotificationId { message: MessageId(1), index }
}

fn address(index: u32) -> EmailAddress {
    format!("g{index}@docomo.ne.jp").parse().unwrap()
}

fn intent(index: u32) -> Intent {
    Intent::new(id(index), &address(index))
}

fn line(index: u32, attempt: u16, outcome: Outcome) -> LedgerLine {
    LedgerLine { id: id(index), attempt, outcome, in_doubt: false }
}

fn doubtful(index: u32, attempt: u16, outcome: Outcome) -> LedgerLine {
    LedgerLine { in_doubt: true, ..line(index, attempt, outcome) }
}

/// A copy whose reply was withheld; `.answered()` makes it a good one.
fn copy(index: u32, at_ms: u64) -> Entry {
    Entry::new(Some(id(index)), 0, SOURCE, recipient_hash(&address(index)), UnixMs(at_ms))
}

fn journal(entries: Vec<Entry>) -> Snapshot {
    Snapshot { carriers: vec![CarrierName::new("docomo").unwrap()], entries, refusals: Vec::new() }
}

fn one(lines: Vec<LedgerLine>, copies: Vec<Entry>) -> Reconciliation {
    reconcile([intent(1)], lines, &journal(copies), Drain::Done)
}

#[test]
fn a_run_without_faults_is_clean_and_counted() {
    let outcomes = [
        Outcome::Accepted,
        Outcome::Failed(Cause::AddressUnknown),
        Outcome::Expired(Cause::RateLimited),
        Outcome::Withheld(Withheld::Suppressed),
    ];
    let lines = (0..).zip(outcomes).map(|(index, outcome)| line(index, 1, outcome));
    let mut journal = journal(vec![copy(0, 5).answered().dropped()]);
    let refusal = |moment, code, count| Refusal { carrier: 0, moment, code, count };
    let refusals = [(Moment::Rcpt, 550, 3), (Moment::DataEnd, 552, 2), (Moment::Rcpt, 450, 4), (Moment::Connect, 0, 5)];
    journal.refusals.extend(refusals.map(|(moment, code, count)| refusal(moment, code, count)));
    let found = reconcile((0..4).map(intent), lines, &journal, Drain::Done);
    assert!(found.is_clean(), "{found}");
    assert_eq!((found.recipients, found.settled(), found.accepted, found.withheld), (4, 4, 1, 1));
    assert_eq!(found.failed[&Cause::AddressUnknown], 1);
    assert_eq!(found.expired[&Cause::RateLimited], 1);
    assert_eq!((found.copies, found.copies_dropped, found.source_count()), (1, 1, 1));
    let docomo = CarrierCounts { copies: 1, refused_finally: 5, put_off: 4, turned_away: 5 };
    assert_eq!(found.by_carrier["docomo"], docomo);
    assert_eq!(found.sources_used[&SOURCE], 1);
}

#[test]
fn what_has_no_final_state_is_lost_after_the_drain_and_waiting_before_it() {
    let lines = [line(2, 1, Outcome::Deferred(Cause::MailboxFull))];
    let nothing = journal(Vec::new());
    let done = reconcile([intent(1), intent(2)], lines, &nothing, Drain::Done);
    assert_eq!(done.lost, [1, 2].map(|n| Lost { id: id(n), why: Loss::NoFinalState }));
    let waiting = reconcile([intent(1), intent(2)], lines, &nothing, Drain::UnderWay);
    assert!(waiting.is_clean());
    assert_eq!((waiting.queued, waiting.deferred[&Cause::MailboxFull]), (1, 1));
}

#[test]
fn accepted_without_a_copy_is_lost() {
    let found = one(vec![line(1, 1, Outcome::Accepted)], Vec::new());
    assert_eq!(found.lost, [Lost { id: id(1), why: Loss::AcceptedWithoutCopy }]);
    assert!(!found.is_clean());
}

#[test]
fn a_second_copy_is_avoidable_unless_every_earlier_reply_went_unread() {
    let accepted = |attempt| line(1, attempt, Outcome::Accepted);
    let (answered, withheld) = (|at| copy(1, at).answered(), |at| copy(1, at));
    // lines, copies, superfluous copies that are avoidable, and in doubt
    let table = [
        ("sent twice for no reason", vec![accepted(1)], vec![answered(1), answered(2)], 1, 0),
        ("the reply was withheld", vec![doubtful(1, 1, CLOSED), accepted(2)], vec![withheld(1), answered(2)], 0, 1),
        ("withheld, and no mark was kept", vec![accepted(2)], vec![withheld(1), answered(2)], 0, 1),
        (
            "killed before it read the reply",
            vec![doubtful(1, 1, CLOSED), accepted(2)],
            vec![answered(1), answered(2)],
            0,
            1,
        ),
        (
            "killed, and the attempt keeps its number",
            vec![doubtful(1, 1, CLOSED), accepted(1)],
            vec![answered(1), answered(2)],
            0,
            1,
        ),
        ("read, and tried again", vec![accepted(1), accepted(2)], vec![answered(1), answered(2)], 1, 0),
        (
            "read, and tried again with a mark",
            vec![accepted(1), doubtful(1, 2, CLOSED), accepted(3)],
            vec![answered(1), answered(2)],
            1,
            0,
        ),
        (
            "one mark excuses one copy",
            vec![doubtful(1, 1, CLOSED), accepted(2)],
            vec![answered(1), answered(2), answered(3)],
            1,
            1,
        ),
        (
            "a withheld reply uses its mark up",
            vec![doubtful(1, 1, CLOSED), accepted(2)],
            vec![withheld(1), answered(2), answered(3)],
            1,
            1,
        ),
        (
            "twice in doubt",
            vec![doubtful(1, 1, CLOSED), doubtful(1, 2, CLOSED), accepted(3)],
            vec![withheld(1), answered(2), answered(3)],
            0,
            2,
        ),
        (
            "a repeated mark is one mark",
            vec![doubtful(1, 1, CLOSED), doubtful(1, 1, CLOSED), accepted(2)],
            vec![answered(1), answered(2), answered(3)],
            1,
            1,
        ),
        ("a mark without a copy", vec![doubtful(1, 1, CLOSED), accepted(2)], vec![answered(1)], 0, 0),
    ];
    for (what, lines, copies, avoidable, in_doubt) in table {
        let found = one(lines, copies);
        assert_eq!((found.copies_avoidable, found.copies_in_doubt), (avoidable, in_doubt), "{what}");
        assert_eq!(found.duplicates_avoidable.len(), usize::from(avoidable > 0), "{what}");
        assert_eq!(found.duplicates_in_doubt.len(), usize::from(avoidable == 0 && in_doubt > 0), "{what}");
        assert_eq!(found.is_clean(), avoidable == 0, "{what}");
        assert!(found.lost.is_empty(), "{what}");
    }
}

#[test]
fn the_order_of_copies_is_that_of_time() {
    let lines = vec![doubtful(1, 1, CLOSED), line(1, 2, Outcome::Accepted)];
    let found = one(lines, vec![copy(1, 9).answered(), copy(1, 3)]);
    assert_eq!((found.copies_avoidable, found.copies_in_doubt), (0, 1));
}

#[test]
fn copies_that_should_not_exist_are_phantoms() {
    let at = UnixMs(7);
    let stranger = Entry::new(None, 0, SOURCE, 1, at).answered();
    let wrong = Entry::new(Some(id(1)), 0, SOURCE, recipient_hash(&address(2)), at).answered();
    let good = copy(1, 7).answered();
    let accepted = || vec![line(1, 1, Outcome::Accepted)];
    let withheld = |why| vec![line(1, 1, Outcome::Withheld(why))];
    let table = [
        ("none of ours", accepted(), vec![good, stranger], vec![Phantom::NotOurs { at }]),
        ("never asked for", accepted(), vec![good, copy(9, 7)], vec![Phantom::NoIntent { id: id(9), at }]),
        ("another address", accepted(), vec![wrong], vec![Phantom::WrongRecipient { id: id(1), at }]),
        ("suppressed", withheld(Withheld::Suppressed), vec![good], vec![Phantom::Suppressed { id: id(1), at }]),
        ("cancelled", withheld(Withheld::Cancelled), vec![good], vec![Phantom::Cancelled { id: id(1), at }]),
        ("cancelled while in doubt", withheld(Withheld::Cancelled), vec![copy(1, 7)], vec![]),
    ];
    for (what, lines, copies, phantoms) in table {
        let found = one(lines, copies);
        assert_eq!(found.phantoms, phantoms, "{what}");
        assert_eq!(found.is_clean(), phantoms.is_empty(), "{what}");
    }
}

#[test]
fn a_copy_after_the_confirmed_cancellation_is_a_phantom_and_one_before_it_is_not() {
    let cancelled = Intent { cancelled_at: Some(UnixMs(10)), ..intent(1) };
    for (at_ms, phantoms) in [(9, 0), (10, 0), (11, 1)] {
        let lines = [line(1, 1, Outcome::Accepted)];
        let found = reconcile([cancelled], lines, &journal(vec![copy(1, at_ms).answered()]), Drain::Done);
        assert_eq!(found.phantoms.len(), phantoms, "at {at_ms}");
    }
}

#[test]
fn a_ledger_that_the_journal_contradicts_is_named() {
    let invented = one(vec![line(1, 1, Outcome::Accepted)], vec![copy(1, 1)]);
    assert_eq!(invented.contradictions, [Contradiction::AcceptedUnanswered { id: id(1) }]);
    let failed = Outcome::Failed(Cause::ServerError);
    let denied = one(vec![line(1, 1, failed)], vec![copy(1, 1).answered()]);
    assert_eq!(denied.contradictions, [Contradiction::RefusedButTaken { id: id(1) }]);
    let unknowing = one(vec![doubtful(1, 1, CLOSED), line(1, 2, failed)], vec![copy(1, 1).answered()]);
    assert!(unknowing.is_clean(), "an attempt in doubt explains the copy");
}

#[test]
fn work_that_nobody_asked_for_is_named_and_repeated_lines_are_harmless() {
    let lines = [line(1, 1, Outcome::Accepted), line(8, 1, Outcome::Accepted), line(1, 1, Outcome::Accepted)];
    let found = reconcile([intent(1)], lines, &journal(vec![copy(1, 1).answered()]), Drain::Done);
    assert_eq!((found.unasked.as_slice(), found.accepted), ([id(8)].as_slice(), 1));
    assert!(!found.is_clean() && found.lost.is_empty() && found.duplicates_avoidable.is_empty());
}

#[test]
fn the_report_names_ids_and_no_address() {
    let report =
        one(vec![line(1, 1, Outcome::Accepted)], vec![copy(1, 1).answered(), copy(1, 2).answered()]).to_string();
    assert!(report.contains("duplicates, avoidable") && report.contains("docomo"), "{report}");
    assert!(!report.contains('@'), "{report}");
}
