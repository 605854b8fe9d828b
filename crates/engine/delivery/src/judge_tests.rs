//! What each kind of failure leads to, as a table.

use super::*;

fn schedule() -> Schedule {
    Schedule { after_s: vec![60, 120], give_up_after_s: 3_600 }
}

fn judged(carrier: &str, attempt: u16, failed: &Failure) -> Judgement {
    let (carrier, schedule) = (CarrierName::new(carrier).unwrap(), schedule());
    let now = UnixMs(10_000_000);
    let case = Case::new(&carrier, &schedule, attempt, now, now);
    failure(&case, failed, &mut Chance::seeded(1))
}

fn said(stage: Stage, scope: Scope, code: u16, words: &str) -> Failure {
    Failure { stage, scope, trouble: Trouble::Reply(Reply::new(code, words)) }
}

fn seconds_until_retry(judgement: &Judgement) -> Option<u64> {
    judgement.again.map(|due| due.since_ms(UnixMs(10_000_000)).div_ceil(1_000))
}

#[test]
fn a_refusal_says_what_it_means_for_the_mail_and_for_the_path() {
    use Cause::*;
    use Stage::{Connect, DataEnd, Mail, Rcpt};
    let blocked = Signal::Blocked { pause: None };
    let slow = Signal::Throttled { pause: None };
    let table = [
        (
            "docomo",
            said(Rcpt, Scope::Recipient, 550, "Unknown user <a@docomo.ne.jp>"),
            Outcome::Failed(AddressUnknown),
            Signal::UnknownUser,
        ),
        (
            "docomo",
            said(DataEnd, Scope::Message, 550, "Unknown user <a@docomo.ne.jp>"),
            Outcome::Failed(RecipientFiltered),
            Signal::Refused,
        ),
        (
            "docomo",
            said(DataEnd, Scope::Message, 552, "Too much mail data"),
            Outcome::Deferred(MailboxFull),
            Signal::Refused,
        ),
        (
            "docomo",
            Failure { stage: Rcpt, scope: Scope::Recipient, trouble: Trouble::NeedsSmtpUtf8 },
            Outcome::Failed(AddressUnknown),
            Signal::Refused,
        ),
        ("docomo", said(Rcpt, Scope::Recipient, 552, "Too many recipients"), Outcome::Deferred(RateLimited), slow),
        (
            "other",
            said(DataEnd, Scope::Message, 550, "5.7.1 blocked using a blocklist"),
            Outcome::Deferred(SenderBlocked),
            blocked,
        ),
        (
            "other",
            said(Mail, Scope::Session, 421, "4.7.0 too many connections from your address"),
            Outcome::Deferred(RateLimited),
            slow,
        ),
        (
            "other",
            said(Rcpt, Scope::Recipient, 450, "4.2.0 Greylisted, come back later"),
            Outcome::Deferred(RateLimited),
            Signal::Refused,
        ),
        (
            "au",
            Failure { stage: Connect, scope: Scope::Destination, trouble: Trouble::Reset },
            Outcome::Deferred(ConnectionFailed),
            Signal::ConnectReset,
        ),
        (
            "au",
            Failure { stage: Connect, scope: Scope::Destination, trouble: Trouble::TimedOut },
            Outcome::Deferred(ConnectionFailed),
            Signal::ConnectFailed,
        ),
    ];
    for (carrier, failed, outcome, signal) in table {
        let judgement = judged(carrier, 1, &failed);
        assert_eq!(judgement.outcome, outcome, "{failed:?} by {}", judgement.verdict.rule);
        assert_eq!(judgement.signal, Some(signal), "{failed:?}");
        assert_eq!(judgement.again.is_some(), matches!(outcome, Outcome::Deferred(_)), "{failed:?}");
    }
}

#[test]
fn what_is_not_the_recipients_fault_goes_by_another_path_at_once() {
    let session = said(Stage::Mail, Scope::Session, 421, "closing transmission channel");
    assert_eq!(seconds_until_retry(&judged("docomo", 1, &session)), Some(1));
    let blocked = said(Stage::DataEnd, Scope::Message, 550, "5.7.1 your IP address is on a blocklist");
    assert_eq!(seconds_until_retry(&judged("other", 1, &blocked)), Some(1));
    let full = said(Stage::Rcpt, Scope::Recipient, 452, "4.2.2 mailbox full");
    let wait = seconds_until_retry(&judged("other", 1, &full)).unwrap();
    assert!((54..=66).contains(&wait), "{wait}");
}

#[test]
fn a_block_is_tried_from_three_sources_and_then_reported() {
    let blocked = said(Stage::DataEnd, Scope::Message, 550, "5.7.1 your IP address is on a blocklist");
    let outcomes: Vec<_> = (1..=3).map(|attempt| judged("other", attempt, &blocked).outcome).collect();
    let deferred = Outcome::Deferred(Cause::SenderBlocked);
    assert_eq!(outcomes, [deferred, deferred, Outcome::Failed(Cause::SenderBlocked)]);
}

#[test]
fn a_greylisted_mail_asks_for_the_same_source_and_a_throttled_one_does_not() {
    let grey = said(Stage::Rcpt, Scope::Recipient, 450, "4.2.0 Greylisted, come back later");
    assert!(judged("other", 1, &grey).same_source);
    let slow = said(Stage::Rcpt, Scope::Recipient, 450, "4.7.28 rate limit exceeded");
    assert!(!judged("other", 1, &slow).same_source);
}

#[test]
fn a_domain_at_odds_with_its_hosts_makes_mail_wait_and_blames_nobody() {
    let (carrier, schedule, now) = (CarrierName::new("google").unwrap(), schedule(), UnixMs(10_000_000));
    for attempt in [1, 2] {
        let case = Case::new(&carrier, &schedule, attempt, now, now);
        let judgement = policy_unmet(&case, "mx-not-in-policy", &mut Chance::seeded(1));
        assert_eq!(judgement.outcome, Outcome::Deferred(Cause::ConnectionFailed));
        assert_eq!((&*judgement.verdict.rule, judgement.signal), ("tls-policy/mx-not-in-policy", None));
        assert!(judgement.again.is_some() && !judgement.same_source);
    }
}

#[test]
fn one_wrong_dns_answer_does_not_bounce_a_known_carriers_mail() {
    let schedule = schedule();
    let now = UnixMs(10_000_000);
    let outcome = |carrier: &str, attempt: u16| {
        let carrier = CarrierName::new(carrier).unwrap();
        let case = Case::new(&carrier, &schedule, attempt, now, now);
        no_route(&case, TransportTrouble::DnsNoDomain, &mut Chance::seeded(1)).outcome
    };
    assert_eq!(outcome("docomo", 1), Outcome::Deferred(Cause::DomainUnknown));
    assert_eq!(outcome("docomo", 2), Outcome::Failed(Cause::DomainUnknown));
    assert_eq!(outcome("other", 1), Outcome::Failed(Cause::DomainUnknown));
}

fn judged_as(case: &Case<'_>, failed: &Failure) -> Judgement {
    failure(case, failed, &mut Chance::seeded(1))
}

#[test]
fn an_unknown_user_on_a_doubted_path_is_put_off_and_in_the_end_believed() {
    let (carrier, schedule, now) = (CarrierName::new("docomo").unwrap(), schedule(), UnixMs(10_000_000));
    let unknown = said(Stage::Rcpt, Scope::Recipient, 550, "Unknown user <a@docomo.ne.jp>");
    let filtered = said(Stage::DataEnd, Scope::Message, 550, "Unknown user <a@docomo.ne.jp>");
    let (failed, deferred) = (Outcome::Failed(Cause::AddressUnknown), Outcome::Deferred(Cause::AddressUnknown));
    let table = [
        (&unknown, false, 1, failed),
        (&unknown, true, 1, deferred),
        (&unknown, true, DOUBTED_ATTEMPTS_MAX - 1, deferred),
        (&unknown, true, DOUBTED_ATTEMPTS_MAX, failed),
        (&filtered, true, 1, Outcome::Failed(Cause::RecipientFiltered)),
    ];
    for (refusal, doubts_unknown, attempt, outcome) in table {
        let case = Case { doubts_unknown, ..Case::new(&carrier, &schedule, attempt, now, now) };
        let judgement = judged_as(&case, refusal);
        assert_eq!(judgement.outcome, outcome, "attempt {attempt}, doubted: {doubts_unknown}");
        assert!(!judgement.same_source, "another path is to be asked");
        if outcome == deferred {
            assert_eq!(judgement.signal, Some(Signal::UnknownUser), "the path is told all the same");
            assert!(judgement.verdict.rule.ends_with("+doubted") && judgement.again.is_some());
        }
    }
}

#[test]
fn a_greylisted_mail_waits_as_long_as_its_carrier_is_known_to_want() {
    let (carrier, schedule, now) = (CarrierName::new("other").unwrap(), schedule(), UnixMs(10_000_000));
    let grey = said(Stage::Rcpt, Scope::Recipient, 450, "4.2.0 Greylisted, come back later");
    let mut lore = GreyLore::default();
    lore.passed(Duration::from_secs(305));
    let table = [
        (GreyLore::default(), 0, 63..=73),
        (GreyLore::default(), 64, 59..=69),
        (lore, 0, 305..=321),
        (lore, 200, 105..=115),
        (lore, 310, 50..=65),
    ];
    for (grey_lore, grey_for_s, waits_s) in table {
        let grey_for = Duration::from_secs(grey_for_s);
        let case = Case { grey: grey_lore, grey_for, ..Case::new(&carrier, &schedule, 9, now, now) };
        let judgement = judged_as(&case, &grey);
        let wait = seconds_until_retry(&judgement).unwrap();
        assert!(waits_s.contains(&wait), "{grey_for_s}: {wait}");
        assert!(judgement.same_source);
    }
}

#[test]
fn the_last_wait_ends_before_the_deadline() {
    let (carrier, schedule, now) = (CarrierName::new("other").unwrap(), schedule(), UnixMs(10_000_000));
    let grey = said(Stage::Rcpt, Scope::Recipient, 450, "4.2.0 Greylisted, come back later");
    let slow = said(Stage::Rcpt, Scope::Recipient, 450, "4.7.28 rate limit exceeded");
    let session = said(Stage::Mail, Scope::Session, 421, "closing transmission channel");
    let table = [(&grey, 45, true), (&slow, 45, true), (&session, 45, true), (&grey, 10, false), (&slow, 10, false)];
    for (refusal, left_s, again) in table {
        let not_after = Some(now + Duration::from_secs(left_s));
        let deadline = Deadline { not_after, replace_until: None };
        let case = Case { deadline, ..Case::new(&carrier, &schedule, 1, now, now) };
        let judgement = judged_as(&case, refusal);
        assert_eq!(judgement.again.is_some(), again, "{refusal:?} with {left_s} s left");
        assert!(judgement.again.is_none_or(|due| Some(due) < not_after));
        assert_eq!(matches!(judgement.outcome, Outcome::Expired(_)), !again);
    }
}
