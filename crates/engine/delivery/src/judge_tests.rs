//! What each kind of failure leads to, as a table.

use super::*;

fn schedule() -> Schedule {
    Schedule { after_s: vec![60, 120], give_up_after_s: 3_600 }
}

fn judged(carrier: &str, attempt: u16, failed: &Failure) -> Judgement {
    let (carrier, schedule) = (CarrierName::new(carrier).unwrap(), schedule());
    let now = UnixMs(10_000_000);
    let case = Case { carrier: &carrier, schedule: &schedule, attempt, accepted_at: now, not_after: None, now };
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
        let case = Case { carrier: &carrier, schedule: &schedule, attempt, accepted_at: now, not_after: None, now };
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
        let case = Case { carrier: &carrier, schedule: &schedule, attempt, accepted_at: now, not_after: None, now };
        no_route(&case, TransportTrouble::DnsNoDomain, &mut Chance::seeded(1)).outcome
    };
    assert_eq!(outcome("docomo", 1), Outcome::Deferred(Cause::DomainUnknown));
    assert_eq!(outcome("docomo", 2), Outcome::Failed(Cause::DomainUnknown));
    assert_eq!(outcome("other", 1), Outcome::Failed(Cause::DomainUnknown));
}
