//! A name server on UDP that says what its zone says, counts what it was asked, and can be told to misbehave.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use hickory_proto::op::{Message, MessageType, Query, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, MX, PTR, SOA, TLSA, TXT};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use parking_lot::{Mutex, RwLock};
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

use crate::record::{DnsData, DnsRecord};
use crate::zone::{DnsAnswer, PRIVATE_HOST, Zone};

/// Largest query that is read; resolvers stay far below.
const QUERY_BYTES_MAX: usize = 4096;
/// Longest string of a TXT record (RFC 1035 3.3).
const TXT_STRING_BYTES_MAX: usize = 255;

/// A running name server; it stops when dropped.
#[derive(Debug)]
pub struct FakeDns {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    zone: RwLock<Zone>,
    asked: Mutex<BTreeMap<(String, String), u64>>,
}

impl FakeDns {
    /// Listens on `listen`, or on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// When no socket can be had.
    pub(crate) async fn start(zone: Zone, listen: Option<SocketAddr>) -> io::Result<Self> {
        let socket = UdpSocket::bind(listen.unwrap_or_else(|| (Ipv4Addr::LOCALHOST, 0).into())).await?;
        let address = socket.local_addr()?;
        let shared = Arc::new(Shared { zone: RwLock::new(zone), asked: Mutex::default() });
        let server = tokio::spawn(serve(socket, Arc::clone(&shared)));
        Ok(Self { address, shared, server })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Gives a name (exact, `*.suffix` or `*`) another answer from now on. Resolvers may still hold the old one.
    pub fn set(&self, name: &str, answer: DnsAnswer) {
        self.shared.zone.write().set(name, answer);
    }

    /// Takes back what [`Self::set`] or the plan's rules said of a name.
    pub fn unset(&self, name: &str) {
        self.shared.zone.write().unset(name);
    }

    /// Adds a record beside what else is said of its name.
    pub fn add(&self, record: DnsRecord) {
        self.shared.zone.write().add(record);
    }

    /// Takes back all that [`Self::add`] or the plan's records said of a name.
    pub fn remove_records(&self, name: &str) {
        self.shared.zone.write().remove_records(name);
    }

    /// Changes the time to live of later answers.
    pub fn set_ttl_s(&self, ttl_s: u32) {
        self.shared.zone.write().ttl_s = ttl_s;
    }

    /// Queries so far.
    pub fn queries(&self) -> u64 {
        self.shared.asked.lock().values().sum()
    }

    /// Queries so far for one name and type (`MX`, `A`, `TXT` …).
    pub fn queries_for(&self, name: &str, record_type: &str) -> u64 {
        let key = (name.trim_end_matches('.').to_ascii_lowercase(), record_type.to_owned());
        self.shared.asked.lock().get(&key).copied().unwrap_or(0)
    }
}

impl Drop for FakeDns {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(socket: UdpSocket, shared: Arc<Shared>) {
    let mut bytes = vec![0; QUERY_BYTES_MAX];
    loop {
        // A client that closed its socket makes the next receive fail with ECONNREFUSED; that is no reason to stop.
        let Ok((length, client)) = socket.recv_from(&mut bytes).await else { continue };
        let Some(query) = bytes.get(..length) else { continue };
        if let Some(reply) = shared.reply(query) {
            let _ = socket.send_to(&reply, client).await;
        }
    }
}

impl Shared {
    /// The reply to one datagram; none when the zone says silence or the datagram is no query.
    fn reply(&self, datagram: &[u8]) -> Option<Vec<u8>> {
        let query = Message::from_vec(datagram).ok().filter(|m| m.metadata.message_type == MessageType::Query)?;
        let question = query.queries.first()?.clone();
        let name = question.name().to_ascii().trim_end_matches('.').to_ascii_lowercase();
        *self.asked.lock().entry((name.clone(), question.query_type().to_string())).or_default() += 1;
        let zone = self.zone.read();
        let ((answer, beside), ttl_s) = (zone.answer(&name), zone.ttl_s);
        let mut reply = Message::response(query.metadata.id, query.metadata.op_code);
        reply.metadata.recursion_desired = query.metadata.recursion_desired;
        reply.metadata.recursion_available = true;
        reply.metadata.authoritative = true;
        let (code, records) = match answer {
            DnsAnswer::Silence => return None,
            DnsAnswer::ServerFailure => (ResponseCode::ServFail, Vec::new()),
            DnsAnswer::NoDomain => (ResponseCode::NXDomain, Vec::new()),
            other => (ResponseCode::NoError, records(&question, &other, beside, ttl_s)),
        };
        reply.metadata.response_code = code;
        if records.is_empty() && code != ResponseCode::ServFail {
            reply.add_authorities(authority(ttl_s));
        }
        reply.add_answers(records);
        reply.add_query(question);
        reply.to_vec().ok()
    }
}

fn records(question: &Query, answer: &DnsAnswer, beside: &[DnsData], ttl_s: u32) -> Vec<Record> {
    let mx = |preference, host: &str| Name::from_ascii(host).ok().map(|host| RData::MX(MX::new(preference, host)));
    let data: Vec<RData> = match (question.query_type(), answer) {
        (RecordType::MX, DnsAnswer::NullMx) => vec![RData::MX(MX::new(0, Name::root()))],
        (RecordType::MX, DnsAnswer::Mx(hosts)) => hosts.iter().filter_map(|h| mx(h.preference, &h.host)).collect(),
        (RecordType::MX, DnsAnswer::PrivateMx) => mx(10, PRIVATE_HOST.0).into_iter().collect(),
        (RecordType::A, DnsAnswer::Addresses(all)) => {
            let v4 = |address: &IpAddr| if let IpAddr::V4(v4) = address { Some(RData::A(A(*v4))) } else { None };
            all.iter().filter_map(v4).collect()
        }
        (RecordType::AAAA, DnsAnswer::Addresses(all)) => {
            let v6 = |address: &IpAddr| if let IpAddr::V6(v6) = address { Some(RData::AAAA(AAAA(*v6))) } else { None };
            all.iter().filter_map(v6).collect()
        }
        _ => Vec::new(),
    };
    let beside = beside.iter().filter_map(|data| wire(data).filter(|wire| wire.record_type() == question.query_type()));
    data.into_iter().chain(beside).map(|data| Record::from_rdata(question.name().clone(), ttl_s, data)).collect()
}

/// A record in the wire's form; none for a host name that is none.
fn wire(data: &DnsData) -> Option<RData> {
    Some(match data {
        DnsData::Txt(text) => {
            let strings: Vec<&[u8]> = text.as_bytes().chunks(TXT_STRING_BYTES_MAX).collect();
            RData::TXT(TXT::from_bytes(strings))
        }
        DnsData::Ptr(host) => RData::PTR(PTR(Name::from_ascii(host).ok()?)),
        DnsData::Address(IpAddr::V4(v4)) => RData::A(A(*v4)),
        DnsData::Address(IpAddr::V6(v6)) => RData::AAAA(AAAA(*v6)),
        DnsData::Tlsa { usage, selector, matching, data } => {
            RData::TLSA(TLSA::new((*usage).into(), (*selector).into(), (*matching).into(), data.clone()))
        }
    })
}

/// The SOA that lets a resolver keep a negative answer, RFC 2308.
fn authority(ttl_s: u32) -> Option<Record> {
    let server = Name::from_ascii("ns.testkit.invalid.").ok()?;
    let owner = Name::from_ascii("hostmaster.testkit.invalid.").ok()?;
    let retry_s = i32::try_from(ttl_s).unwrap_or(i32::MAX);
    let soa = SOA::new(server, owner, 1, retry_s, retry_s, retry_s, ttl_s);
    Some(Record::from_rdata(Name::root(), ttl_s, RData::SOA(soa)))
}
