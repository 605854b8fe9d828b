//! What sessions came to, in the shape of RFC 8460.

mod authority;
#[path = "../../dns/tests/fake_dns/mod.rs"]
mod fake_dns;
mod policy_host;

use std::time::Duration;

use policy_host::{NOON, World, ok, policy};
use serde_json::json;
use tls_policy::{Demand, FailureType, Session, TlsResult, Tlsa, WhyUnusable};

#[tokio::test]
async fn a_days_sessions_become_one_report_for_each_domain() {
    let world = World::new().await;
    world.publish("b.jp", "1", ok(&policy("enforce", "*.b.jp", 86_400)));
    let sts = world.demand("b.jp").await;
    let record = Tlsa { usage: 3, selector: 1, matching: 1, data: vec![0xc0, 0xff, 0xee] };
    let dane = Demand::Dane { records: vec![record].into(), names: vec!["mx.a.jp".to_owned()].into() };
    let count = |domain, mx_host, demand: &Demand, result| {
        let (ours, theirs) = ("192.0.2.1".parse().ok(), "192.0.2.2".parse().ok());
        world.policies.report(&Session { domain, mx_host, demand, sending_ip: ours, receiving_ip: theirs, result });
    };
    let failed = |kind| TlsResult::Failure(kind);
    count("b.jp", "mx.b.jp", &sts, TlsResult::Success);
    count("b.jp", "mx.b.jp", &sts, TlsResult::Success);
    count("b.jp", "mx.b.jp", &sts, failed(FailureType::CertificateExpired));
    count("b.jp", "mx.b.jp", &sts, failed(FailureType::CertificateExpired));
    count("b.jp", "mx.evil.jp", &sts, failed(FailureType::ValidationFailure));
    count("a.jp", "mx.a.jp", &dane, TlsResult::Success);
    count("a.jp", "mx.a.jp", &Demand::Unusable(WhyUnusable::Bogus), failed(FailureType::DnssecInvalid));
    count("c.jp", "mx.c.jp", &Demand::Nothing, failed(FailureType::StarttlsNotSupported));

    let shown = serde_json::to_value(world.policies.reports(NOON)).unwrap();
    let detail = |kind: &str, host: &str, count: u64| {
        json!({
            "result-type": kind, "sending-mta-ip": "192.0.2.1", "receiving-mx-hostname": host,
            "receiving-ip": "192.0.2.2", "failed-session-count": count,
        })
    };
    let mut misplaced = detail("validation-failure", "mx.evil.jp", 1);
    misplaced["failure-reason-code"] = json!("mx-not-in-policy");
    let mut forged = detail("dnssec-invalid", "mx.a.jp", 1);
    forged["failure-reason-code"] = json!("dnssec-bogus");
    let policies = |n: usize| shown[n]["policies"].clone();
    assert_eq!(shown.as_array().unwrap().len(), 3);
    assert_eq!(shown[1]["organization-name"], "mail.example.jp");
    assert_eq!(shown[1]["contact-info"], "postmaster@mail.example.jp");
    assert_eq!(shown[1]["report-id"], "2026-01-05T00:00:00Z-b.jp@mail.example.jp");
    let range = json!({"start-datetime": "2026-01-05T00:00:00Z", "end-datetime": "2026-01-05T23:59:59Z"});
    assert_eq!(shown[1]["date-range"], range);
    let lines = ["version: STSv1", "mode: enforce", "mx: *.b.jp", "max_age: 86400"];
    assert_eq!(
        policies(1),
        json!([{
            "policy": {"policy-type": "sts", "policy-string": lines, "policy-domain": "b.jp", "mx-host": ["*.b.jp"]},
            "summary": {"total-successful-session-count": 2, "total-failure-session-count": 3},
            "failure-details": [detail("certificate-expired", "mx.b.jp", 2), misplaced],
        }])
    );
    let unsigned = json!({"policy-type": "tlsa", "policy-string": [], "policy-domain": "a.jp"});
    let signed = json!({"policy-type": "tlsa", "policy-string": ["3 1 1 c0ffee"], "policy-domain": "a.jp"});
    assert_eq!((&policies(0)[0]["policy"], &policies(0)[1]["policy"]), (&unsigned, &signed));
    assert_eq!(policies(0)[0]["failure-details"], json!([forged]));
    assert_eq!(policies(2)[0]["policy"]["policy-type"], "no-policy-found");

    world.clock.advance(Duration::from_secs(86_400));
    assert!(world.policies.reports(world.clock.unix()).is_empty());
    assert_eq!(world.policies.reports(NOON).len(), 3);
}
