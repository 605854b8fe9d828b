//! The name server, asked as a resolver asks it.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use hickory_proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{Name, RData, RecordType};
use testkit::{DnsAnswer, DnsData, DnsRecord, DnsRule, MxPlan, World, WorldPlan, demo_world};
use tokio::net::UdpSocket;
use tokio::time::timeout;

/// A reply that takes longer has been swallowed.
const PATIENCE: Duration = Duration::from_secs(20);

async fn ask(world: &World, name: &str, record_type: RecordType) -> Option<Message> {
    ask_within(PATIENCE, world, name, record_type).await
}

async fn ask_within(patience: Duration, world: &World, name: &str, record_type: RecordType) -> Option<Message> {
    let mut query = Message::new(7, MessageType::Query, OpCode::Query);
    query.metadata.recursion_desired = true;
    query.add_query(Query::query(Name::from_ascii(name).unwrap(), record_type));
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    socket.send_to(&query.to_vec().unwrap(), world.dns().address()).await.unwrap();
    let mut bytes = [0; 4096];
    let (length, _) = timeout(patience, socket.recv_from(&mut bytes)).await.ok()?.unwrap();
    Some(Message::from_vec(&bytes[..length]).unwrap())
}

fn data(reply: &Message) -> Vec<String> {
    let text = |data: &RData| match data {
        RData::MX(mx) if mx.exchange.is_root() => format!("{} .", mx.preference),
        RData::MX(mx) => format!("{} {}", mx.preference, mx.exchange).trim_end_matches('.').to_owned(),
        RData::A(a) => a.to_string(),
        RData::AAAA(a) => a.to_string(),
        other => format!("{other:?}"),
    };
    reply.answers.iter().map(|record| text(&record.data)).collect()
}

#[tokio::test]
async fn the_carriers_of_a_world_are_found_by_their_domains() {
    let world = World::start(demo_world(1)).await.unwrap();
    let table = [
        ("docomo.ne.jp.", RecordType::MX, "10 mfsmax.docomo.ne.jp"),
        ("mfsmax.docomo.ne.jp.", RecordType::A, "127.0.0.11"),
        ("t8.ezweb.ne.jp.", RecordType::MX, "10 lsean.ezweb.ne.jp"),
        ("GMAIL.com.", RecordType::MX, "10 gmail-smtp-in.l.google.com"),
        ("hoshimi-denki.example.jp.", RecordType::MX, "10 mx.other.example.jp"),
        ("mx.other.example.jp.", RecordType::A, "127.0.0.20"),
    ];
    for (name, record_type, answer) in table {
        let reply = ask(&world, name, record_type).await.unwrap();
        assert_eq!((reply.metadata.id, reply.metadata.response_code), (7, ResponseCode::NoError), "{name}");
        assert_eq!(data(&reply), [answer], "{name}");
        assert_eq!(reply.answers[0].ttl, 300);
    }
    let none = ask(&world, "mfsmax.docomo.ne.jp.", RecordType::AAAA).await.unwrap();
    assert_eq!(
        (none.metadata.response_code, none.answers.len(), none.authorities.len()),
        (ResponseCode::NoError, 0, 1)
    );
}

#[tokio::test]
async fn names_misbehave_as_told_and_behave_again() {
    let rule = DnsRule { name: "docmo.ne.jp".to_owned(), answer: DnsAnswer::NoDomain };
    let mut plan = demo_world(1);
    plan.dns.rules.push(rule);
    plan.dns.ttl_s = 5;
    let world = World::start(plan).await.unwrap();
    let code = async |name: &str| ask(&world, name, RecordType::MX).await.map(|reply| reply.metadata.response_code);
    assert_eq!(code("docmo.ne.jp.").await, Some(ResponseCode::NXDomain));

    world.dns().set("au.com", DnsAnswer::ServerFailure);
    assert_eq!(code("au.com.").await, Some(ResponseCode::ServFail));
    world.dns().set("au.com", DnsAnswer::Silence);
    let silence = ask_within(Duration::from_millis(300), &world, "au.com.", RecordType::MX).await;
    assert!(silence.is_none());
    world.dns().unset("au.com");
    assert_eq!(code("au.com.").await, Some(ResponseCode::NoError));

    let host = |host: &str, preference| MxPlan { preference, host: host.to_owned() };
    let v6: IpAddr = "::1".parse().unwrap();
    let table = [
        (DnsAnswer::NullMx, RecordType::MX, vec!["0 ."]),
        (DnsAnswer::NoRecords, RecordType::MX, vec![]),
        (DnsAnswer::PrivateMx, RecordType::MX, vec!["10 mx.private.invalid"]),
        (DnsAnswer::Addresses(vec![Ipv4Addr::new(127, 0, 0, 12).into(), v6]), RecordType::MX, vec![]),
        (DnsAnswer::Addresses(vec![Ipv4Addr::new(127, 0, 0, 12).into(), v6]), RecordType::A, vec!["127.0.0.12"]),
        (DnsAnswer::Addresses(vec![Ipv4Addr::new(127, 0, 0, 12).into(), v6]), RecordType::AAAA, vec!["::1"]),
        (DnsAnswer::Mx(vec![host("b.test", 20), host("a.test", 10)]), RecordType::MX, vec!["20 b.test", "10 a.test"]),
    ];
    for (answer, record_type, expected) in table {
        world.dns().set("x.test", answer.clone());
        let reply = ask(&world, "x.test.", record_type).await.unwrap();
        assert_eq!(data(&reply), expected, "{answer:?} {record_type}");
        assert!(reply.answers.iter().all(|record| record.ttl == 5));
    }
    assert_eq!(data(&ask(&world, "mx.private.invalid.", RecordType::A).await.unwrap()), ["10.0.0.25"]);
}

#[tokio::test]
async fn records_stand_beside_what_else_is_said_of_a_name() {
    let long = format!("v=DKIM1; k=rsa; p={}", "A".repeat(400));
    let v4: IpAddr = "127.0.3.11".parse().unwrap();
    let tlsa = DnsData::Tlsa { usage: 3, selector: 1, matching: 1, data: vec![0xab, 0xcd] };
    let mut plan = demo_world(1);
    plan.dns.records = vec![
        DnsRecord::txt("docomo.ne.jp", "v=spf1 ip4:127.0.3.11 ~all"),
        DnsRecord::txt("docomo.ne.jp", "v=spf1 ip4:127.0.3.11 ~all"),
        DnsRecord::txt("t1._domainkey.docomo.ne.jp", &long),
        DnsRecord::ptr(v4, "out1.docomo.ne.jp"),
        DnsRecord::address("out1.docomo.ne.jp", v4),
        DnsRecord { name: "_25._tcp.mfsmax.docomo.ne.jp".to_owned(), data: tlsa },
    ];
    let world = World::start(plan).await.unwrap();
    let one = async |name: &str, record_type| {
        let reply = ask(&world, name, record_type).await.unwrap();
        assert_eq!((reply.metadata.response_code, reply.answers.len()), (ResponseCode::NoError, 1), "{name}");
        reply.answers[0].data.to_string().trim_end_matches('.').to_owned()
    };
    assert_eq!(one("docomo.ne.jp.", RecordType::TXT).await, "v=spf1 ip4:127.0.3.11 ~all");
    assert_eq!(one("DOCOMO.ne.jp.", RecordType::MX).await, "10 mfsmax.docomo.ne.jp");
    assert_eq!(one("11.3.0.127.in-addr.arpa.", RecordType::PTR).await, "out1.docomo.ne.jp");
    assert_eq!(one("out1.docomo.ne.jp.", RecordType::A).await, "127.0.3.11");
    assert_eq!(one("_25._tcp.mfsmax.docomo.ne.jp.", RecordType::TLSA).await, "3 1 1 abcd");
    let key = ask(&world, "t1._domainkey.docomo.ne.jp.", RecordType::TXT).await.unwrap();
    let RData::TXT(text) = &key.answers[0].data else { panic!("{key:?}") };
    assert_eq!(text.txt_data.concat(), long.as_bytes());
    assert!(text.txt_data.len() > 1, "longer than one string");

    world.dns().add(DnsRecord::txt("_dmarc.docomo.ne.jp", "v=DMARC1; p=none"));
    assert_eq!(one("_dmarc.docomo.ne.jp.", RecordType::TXT).await, "v=DMARC1; p=none");
    world.dns().set("docomo.ne.jp", DnsAnswer::ServerFailure);
    let failed = ask(&world, "docomo.ne.jp.", RecordType::TXT).await.unwrap();
    assert_eq!(failed.metadata.response_code, ResponseCode::ServFail, "a rule spoils the records, too");
}

#[tokio::test]
async fn queries_are_counted_by_name_and_type_and_rubbish_is_not_answered() {
    let world = World::start(WorldPlan::default()).await.unwrap();
    for _ in 0..3 {
        ask(&world, "Nowhere.Test.", RecordType::MX).await;
    }
    ask(&world, "nowhere.test.", RecordType::A).await;
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    socket.send_to(b"rubbish", world.dns().address()).await.unwrap();
    ask(&world, "nowhere.test.", RecordType::A).await;
    assert_eq!((world.dns().queries_for("nowhere.test", "MX"), world.dns().queries_for("nowhere.test", "A")), (3, 2));
    assert_eq!(world.dns().queries(), 5);
}
