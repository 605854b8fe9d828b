//! Answers of a DNS server on loopback, and what DNSSEC proves of them.

mod fake_dns;

use std::io::Write;

use dns::{Dns, DnsError, Mx, Proof, Records, Tlsa};
use engine_config::{DnsConfig, EngineConfig, IpVersion};
use fake_dns::{Behaviour, FakeDns, a, cname, mx, tlsa, txt};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::rdata::PTR;
use hickory_proto::rr::{Name, RData, RecordType};

fn config(server: &FakeDns) -> DnsConfig {
    let text = format!(
        "[engine]\nnode_name = \"mail.example.jp\"\n[dns]\nservers = [\"{}\"]\nretries = 0\ntimeout_ms = 10000\n",
        server.address
    );
    EngineConfig::from_toml(&text, "test.toml").unwrap_or_else(|faults| panic!("{faults}")).dns
}

/// A signed `jp` with a signed and an unsigned zone below it.
async fn signed_world() -> (FakeDns, Dns) {
    let server = FakeDns::start().await;
    for apex in ["jp", "signed.jp"] {
        server.sign_zone(apex);
    }
    server.unsigned_zone("plain.jp");
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(server.trust_anchor("jp").as_bytes()).unwrap();
    let dns = Dns::with_trust_anchors(&config(&server), Some(file.path())).unwrap();
    for zone in ["signed.jp", "plain.jp"] {
        server.records(zone, vec![mx(10, &format!("mx.{zone}"))]);
        server.records(&format!("mx.{zone}"), vec![a("203.0.113.1")]);
        server.records(&format!("_25._tcp.mx.{zone}"), vec![tlsa(3, 1, 1, &[7; 32])]);
    }
    (server, dns)
}

#[tokio::test]
async fn every_kind_of_record_is_read() {
    let server = FakeDns::start().await;
    let dns = Dns::new(&config(&server)).unwrap();
    server.records("a.jp", vec![mx(10, "MX.a.jp"), mx(0, "."), a("203.0.113.1"), a("2001:db8::1"), txt("v=spf1 -all")]);
    let arpa = |text: &str| RData::PTR(PTR(Name::from_ascii(text).unwrap()));
    server.records("1.113.0.203.in-addr.arpa", vec![arpa("Mail.a.jp.")]);
    let found = |records| Records::Found { records, ttl_s: 300 };
    let mut hosts = dns.mx("a.jp").await.found().to_vec();
    hosts.sort_by_key(|mx| mx.preference);
    assert_eq!(hosts, [Mx { preference: 0, host: String::new() }, Mx { preference: 10, host: "mx.a.jp".to_owned() }]);
    let (v4, v6) = ("203.0.113.1".parse().unwrap(), "2001:db8::1".parse().unwrap());
    assert_eq!(dns.addresses("a.jp", IpVersion::V4).await, found(vec![v4]));
    assert_eq!(dns.addresses("A.jp.", IpVersion::V4V6).await, found(vec![v4, v6]));
    assert_eq!(dns.txt("a.jp").await, Records::Found { records: vec!["v=spf1 -all".to_owned()], ttl_s: 300 });
    assert_eq!(dns.ptr(v4).await, Records::Found { records: vec!["mail.a.jp".to_owned()], ttl_s: 300 });
}

#[tokio::test]
async fn what_is_not_there_and_what_fails_are_told_apart() {
    let server = FakeDns::start().await;
    let dns = Dns::new(&config(&server)).unwrap();
    server.records("empty.jp", vec![]);
    server.set("broken.jp", Behaviour::Code(ResponseCode::ServFail));
    assert_eq!(dns.txt("empty.jp").await, Records::NoData { ttl_s: Some(300) });
    assert_eq!(dns.txt("missing.jp").await, Records::NoName { ttl_s: Some(300) });
    assert_eq!(dns.txt("broken.jp").await, Records::Failed);
    assert_eq!(dns.txt("a name with blanks").await, Records::NoName { ttl_s: None });
    assert_eq!(dns.txt(&"long.".repeat(60)).await, Records::NoName { ttl_s: None });
}

#[tokio::test]
async fn a_signed_answer_is_secure_and_an_unsigned_zone_is_provably_unsigned() {
    let (_server, dns) = signed_world().await;
    for (zone, proof) in [("signed.jp", Proof::Secure), ("plain.jp", Proof::Insecure)] {
        let hosts = dns.mx_secured(zone).await;
        assert_eq!((hosts.records.found().len(), hosts.proof), (1, proof), "{zone}");
        let host = format!("mx.{zone}");
        let addresses = dns.addresses_secured(&host, IpVersion::V4V6).await;
        assert_eq!((addresses.records.found().len(), addresses.proof), (1, proof), "{zone}");
        let records = dns.tlsa(&host, 25).await;
        let expected = Tlsa { usage: 3, selector: 1, matching: 1, data: vec![7; 32] };
        assert_eq!((records.records.found(), records.proof), (&[expected][..], proof), "{zone}");
    }
}

#[tokio::test]
async fn absence_is_proved_as_well() {
    let (_server, dns) = signed_world().await;
    for (zone, proof) in [("signed.jp", Proof::Secure), ("plain.jp", Proof::Insecure)] {
        let none = dns.tlsa(&format!("other.{zone}"), 25).await;
        assert!(!matches!(none.records, Records::Failed | Records::Found { .. }), "{zone} {none:?}");
        assert_eq!(none.proof, proof, "{zone}");
        let no_mx = dns.mx_secured(&format!("mx.{zone}")).await;
        assert_eq!((no_mx.records.found(), no_mx.proof), (&[][..], proof), "{zone}");
    }
}

#[tokio::test]
async fn a_damaged_signature_is_bogus_and_gives_no_records() {
    let (server, dns) = signed_world().await;
    server.break_signature("_25._tcp.mx.signed.jp", RecordType::TLSA);
    server.break_signature("signed.jp", RecordType::MX);
    let records = dns.tlsa("mx.signed.jp", 25).await;
    assert_eq!((records.records, records.proof), (Records::Failed, Proof::Bogus));
    let hosts = dns.mx_secured("signed.jp").await;
    assert_eq!((hosts.records, hosts.proof), (Records::Failed, Proof::Bogus));
    // Whoever does not ask for proof hears the same as before.
    assert_eq!(dns.mx("signed.jp").await.found().len(), 1);
}

#[tokio::test]
async fn a_denial_with_a_damaged_signature_is_no_denial() {
    let (server, dns) = signed_world().await;
    server.break_signature("_25._tcp.other.signed.jp", RecordType::NSEC);
    let records = dns.tlsa("other.signed.jp", 25).await;
    assert_eq!((records.records, records.proof), (Records::Failed, Proof::Bogus));
}

#[tokio::test]
async fn stripped_signatures_are_bogus_and_not_unsigned() {
    let (server, dns) = signed_world().await;
    server.strip();
    for zone in ["signed.jp", "plain.jp"] {
        let hosts = dns.mx_secured(zone).await;
        assert_eq!(hosts.records, Records::Failed, "{zone}");
        assert_ne!(hosts.proof, Proof::Insecure, "{zone}");
    }
}

#[tokio::test]
async fn an_alias_is_as_safe_as_its_weakest_link() {
    let (server, dns) = signed_world().await;
    server.records("alias.signed.jp", vec![cname("mx.signed.jp")]);
    server.records("out.signed.jp", vec![cname("mx.plain.jp")]);
    server.records("in.plain.jp", vec![cname("mx.signed.jp")]);
    let table = [
        ("alias.signed.jp", "mx.signed.jp", Proof::Secure),
        ("out.signed.jp", "mx.plain.jp", Proof::Insecure),
        ("in.plain.jp", "mx.signed.jp", Proof::Insecure),
    ];
    for (asked, name, proof) in table {
        let found = dns.addresses_secured(asked, IpVersion::V4).await;
        assert_eq!((found.records.found().len(), found.name.as_str(), found.proof), (1, name, proof), "{asked}");
    }
}

#[test]
fn a_missing_file_of_trust_anchors_is_an_error() {
    let text = "[engine]\nnode_name = \"a.example.jp\"\n[dns]\nservers = [\"127.0.0.1:53\"]\n";
    let config = EngineConfig::from_toml(text, "test.toml").unwrap().dns;
    let made = Dns::with_trust_anchors(&config, Some("no-such-file".as_ref()));
    assert!(matches!(made.err(), Some(DnsError::TrustAnchors(_))));
    assert!(dns::mail_authenticator(&config).is_ok());
}
