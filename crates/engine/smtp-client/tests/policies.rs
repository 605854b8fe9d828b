//! Certificates under what a domain demands: MTA-STS and DANE.

#[path = "../../tls-policy/tests/authority/mod.rs"]
mod authority;
mod carrier;

use authority::{Authority, Identity, Life};
use aws_lc_rs::digest::{SHA256, SHA512, digest};
use carrier::{MX, PLAIN, STARTTLS, greet_in_tls, plan, serve};
use mail_model::Stage;
use smtp_client::{ConnectPlan, Demand, Failure, Scope, Session, Tls, TlsPolicy, connect};
use tls_policy::{FailureType, MxMatch, TlsResult, Tlsa, WhyUnusable};
use tokio_rustls::TlsAcceptor;

const DOMAIN: &str = "school.example.jp";

fn names(name: &str) -> MxMatch {
    MxMatch::new([name])
}

fn record(usage: u8, selector: u8, matching: u8, data: &[u8]) -> Tlsa {
    let data = match matching {
        1 => digest(&SHA256, data).as_ref().to_vec(),
        2 => digest(&SHA512, data).as_ref().to_vec(),
        _ => data.to_vec(),
    };
    Tlsa { usage, selector, matching, data }
}

fn dane(records: Vec<Tlsa>) -> Demand {
    Demand::Dane { records: records.into(), names: vec![MX.to_owned(), DOMAIN.to_owned()].into() }
}

/// A session with a server that shows `acceptor`'s certificate.
async fn session(acceptor: TlsAcceptor, demand: Demand, authority: &Authority) -> Result<Session, Failure> {
    let (remote, server) = serve(|carrier| async move { greet_in_tls(&carrier, &acceptor).await }).await;
    let plan = ConnectPlan { demand, ..plan(remote) };
    let result = connect(&plan, &Tls::with_roots(authority.roots())).await;
    let peer = server.await.unwrap();
    assert_eq!(result.is_ok(), peer.is_some());
    result
}

/// What a session came to: whether the server is known, or the failure's type.
fn shown(result: &Result<Session, Failure>) -> Result<(bool, TlsResult), FailureType> {
    match result {
        Ok(session) => Ok((session.tls().unwrap().is_verified, session.tls_result().unwrap())),
        Err(failure) => {
            assert_eq!((failure.stage, failure.scope), (Stage::StartTls, Scope::Destination));
            Err(failure.tls_failure().unwrap())
        }
    }
}

#[tokio::test]
async fn a_certificate_is_judged_by_what_the_domain_demands() {
    use FailureType::{CertificateExpired, CertificateHostMismatch, CertificateNotTrusted, ValidationFailure};
    let authority = Authority::new("Test Authority");
    let table = [
        ("valid", authority.signs(MX, Life::Valid), None),
        ("expired", authority.signs(MX, Life::Expired), Some(CertificateExpired)),
        ("for another name", authority.signs("another.name.example", Life::Valid), Some(CertificateHostMismatch)),
        ("self-signed", Identity::self_signed(MX, Life::Valid), Some(CertificateNotTrusted)),
        ("nothing right", Identity::self_signed("another.name.example", Life::Expired), Some(CertificateExpired)),
    ];
    let stranger = Identity::self_signed(MX, Life::Valid);
    for (certificate, identity, fault) in table {
        let enforced = fault.map_or(Ok((true, TlsResult::Success)), Err);
        let tested = Ok((false, fault.map_or(TlsResult::Success, TlsResult::Failure)));
        let anything = Ok((false, TlsResult::Success));
        let own = record(3, 1, 1, &identity.public_key());
        let other = record(3, 1, 1, &stranger.public_key());
        let demands = [
            ("nothing", Demand::Nothing, anything),
            ("enforce", Demand::Authenticated(names(MX)), enforced),
            ("testing", Demand::Testing(names(MX)), tested),
            ("testing, not named", Demand::Testing(names("mx9.example.jp")), {
                Ok((false, TlsResult::Failure(ValidationFailure)))
            }),
            ("dane", dane(vec![own.clone()]), Ok((true, TlsResult::Success))),
            ("dane of another key", dane(vec![other.clone()]), Err(ValidationFailure)),
            ("dane, rolling over", dane(vec![other, own]), Ok((true, TlsResult::Success))),
            ("dane without usable records", Demand::Encrypted, anything),
        ];
        for (name, demand, expected) in demands {
            let result = session(identity.acceptor(), demand, &authority).await;
            assert_eq!(shown(&result), expected, "{certificate} under {name}");
        }
    }
}

#[tokio::test]
async fn every_way_to_write_a_dane_ee_record_matches_its_certificate_only() {
    let authority = Authority::new("Test Authority");
    let (identity, other) = (Identity::self_signed(MX, Life::Valid), Identity::self_signed(MX, Life::Valid));
    for (selector, matching) in [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)] {
        let of = |identity: &Identity| match selector {
            0 => identity.certificate().to_vec(),
            _ => identity.public_key(),
        };
        let demand = |identity: &Identity| dane(vec![record(3, selector, matching, &of(identity))]);
        let result = session(identity.acceptor(), demand(&identity), &authority).await;
        assert_eq!(shown(&result), Ok((true, TlsResult::Success)), "3 {selector} {matching}");
        let result = session(identity.acceptor(), demand(&other), &authority).await;
        assert_eq!(shown(&result), Err(FailureType::ValidationFailure), "3 {selector} {matching}");
    }
}

#[tokio::test]
async fn a_dane_ta_record_vouches_for_a_chain_in_its_time_and_for_its_name() {
    use FailureType::{CertificateExpired, CertificateHostMismatch, ValidationFailure};
    let root = Authority::new("Root");
    let issuer = root.below("Issuer");
    let chained = |name: &str, life| {
        let mut identity = issuer.signs(name, life);
        identity.chain.push(root.certificate().clone());
        identity
    };
    let alone = |name: &str| {
        let mut identity = root.signs(name, Life::Valid);
        identity.chain.truncate(1);
        identity
    };
    let whole_root = || record(2, 0, 0, root.certificate());
    let good = Ok((true, TlsResult::Success));
    let table = [
        ("the root's certificate", chained(MX, Life::Valid), record(2, 0, 1, root.certificate()), good),
        ("the root's key", chained(MX, Life::Valid), record(2, 1, 2, &root.public_key()), good),
        ("the issuer", chained(MX, Life::Valid), record(2, 0, 1, issuer.certificate()), good),
        ("the recipient's domain", chained(DOMAIN, Life::Valid), record(2, 1, 1, &root.public_key()), good),
        ("a whole certificate that is not shown", alone(MX), whole_root(), good),
        ("a hash of one that is not shown", alone(MX), record(2, 1, 1, &root.public_key()), Err(ValidationFailure)),
        ("another name", chained("a.example", Life::Valid), whole_root(), Err(CertificateHostMismatch)),
        ("an expired certificate", chained(MX, Life::Expired), whole_root(), Err(CertificateExpired)),
    ];
    let nobody = Authority::new("Nobody");
    for (what, identity, record, expected) in table {
        let result = session(identity.acceptor(), dane(vec![record]), &nobody).await;
        assert_eq!(shown(&result), expected, "{what}");
    }
}

#[tokio::test]
async fn a_copy_of_the_certificate_without_its_key_is_worth_nothing() {
    let authority = Authority::new("Test Authority");
    let (identity, thief) = (authority.signs(MX, Life::Valid), Identity::self_signed(MX, Life::Valid));
    for demand in [dane(vec![record(3, 1, 1, &identity.public_key())]), Demand::Authenticated(names(MX))] {
        let result = session(identity.acceptor_with_the_key_of(&thief), demand, &authority).await;
        assert_eq!(shown(&result), Err(FailureType::CertificateNotTrusted));
    }
    let tested = session(identity.acceptor_with_the_key_of(&thief), Demand::Testing(names(MX)), &authority).await;
    assert_eq!(shown(&tested), Ok((false, TlsResult::Failure(FailureType::CertificateNotTrusted))));
}

#[tokio::test]
async fn nothing_goes_in_clear_while_there_is_a_demand() {
    let demands = [Demand::Authenticated(names(MX)), Demand::Encrypted, dane(vec![record(3, 1, 1, b"key")])];
    for demand in demands {
        for (ehlo, answer, kind) in [
            (PLAIN, "", FailureType::StarttlsNotSupported),
            (STARTTLS, "454 4.7.0 not now\r\n", FailureType::StarttlsNotSupported),
            (STARTTLS, "", FailureType::ValidationFailure),
            (STARTTLS, "220 go\r\n", FailureType::ValidationFailure),
        ] {
            let (remote, server) = serve(move |carrier| async move {
                let mut peer = carrier.greet(ehlo).await;
                if ehlo == STARTTLS {
                    peer.hear("STARTTLS").await;
                    peer.say(answer).await;
                }
                // Nobody is greeted a second time: another connection would wait for ever.
                carrier
            })
            .await;
            let failure = connect(&ConnectPlan { demand: demand.clone(), ..plan(remote) }, &Tls::new()).await;
            assert_eq!(failure.unwrap_err().tls_failure(), Some(kind), "{demand:?} {answer:?}");
            server.await.unwrap();
        }
        let authority = Authority::new("Test Authority");
        let acceptor = authority.signs(MX, Life::Valid).acceptor();
        let (remote, server) = serve(|carrier| async move { greet_in_tls(&carrier, &acceptor).await.is_some() }).await;
        let plan = ConnectPlan { tls: TlsPolicy::Off, demand: demand.clone(), ..plan(remote) };
        let result = connect(&plan, &Tls::with_roots(authority.roots())).await;
        assert_eq!(result.is_ok(), server.await.unwrap(), "{demand:?}");
        assert!(result.map_or(true, |session| session.tls().is_some()), "off does not turn a demand off");
    }
}

#[tokio::test]
async fn a_host_that_may_not_have_the_mail_is_not_connected_to() {
    let remote = carrier::closed_port().await;
    let table = [
        (Demand::Authenticated(names("*.elsewhere.example.jp")), FailureType::ValidationFailure, "mx-not-in-policy"),
        (Demand::Unusable(WhyUnusable::Bogus), FailureType::DnssecInvalid, "dnssec-bogus"),
        (Demand::Unusable(WhyUnusable::HostNotSigned), FailureType::DnssecInvalid, "host-not-in-signed-mx"),
    ];
    for (demand, kind, words) in table {
        // A connection would fail at an earlier step.
        let failure = connect(&ConnectPlan { demand, ..plan(remote) }, &Tls::new()).await.unwrap_err();
        assert_eq!((failure.stage, failure.tls_failure()), (Stage::StartTls, Some(kind)));
        assert!(failure.to_string().contains(words), "{failure}");
    }
}

#[tokio::test]
async fn a_policy_that_is_only_tested_stops_nothing() {
    let demand = Demand::Testing(names(MX));
    for (ehlo, answer) in [(PLAIN, ""), (STARTTLS, "454 4.7.0 not now\r\n")] {
        let (remote, server) = serve(move |carrier| async move {
            let mut peer = carrier.greet(ehlo).await;
            if ehlo == STARTTLS {
                peer.hear("STARTTLS").await;
                peer.say(answer).await;
            }
            peer
        })
        .await;
        let session = connect(&ConnectPlan { demand: demand.clone(), ..plan(remote) }, &Tls::new()).await.unwrap();
        let unsupported = TlsResult::Failure(FailureType::StarttlsNotSupported);
        assert_eq!((session.tls(), session.tls_result()), (None, Some(unsupported)));
        drop(server.await.unwrap());
    }
}

#[tokio::test]
async fn no_name_of_a_certificate_stands_in_a_text() {
    let authority = Authority::new("Test Authority");
    let identity = authority.signs("taro-yamada.example", Life::Valid);
    let result = session(identity.acceptor(), Demand::Authenticated(names(MX)), &authority).await;
    let text = result.unwrap_err().to_string();
    assert!(text.contains("certificate-host-mismatch") && !text.contains("taro"), "{text}");
}
