//! A DNS server on loopback that answers from a table, counts questions, can fall silent, and signs zones. Crates above
//! this one include it by its path.
#![allow(dead_code)] // each test file uses its part

mod signed;

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use hickory_proto::op::{Edns, Message, OpCode, ResponseCode};
use hickory_proto::rr::rdata::tlsa::{CertUsage, Matching, Selector};
use hickory_proto::rr::rdata::{CNAME, MX, SOA, TLSA, TXT};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use tokio::net::UdpSocket;

use signed::Zones;

/// What the server does with one name.
#[derive(Clone, Debug)]
pub enum Behaviour {
    /// Answers with the records of the type asked for; none of that type is NODATA.
    Records(Vec<RData>),
    /// Answers NXDOMAIN.
    NoName,
    /// Answers with an error code.
    Code(ResponseCode),
    /// Does not answer.
    Silent,
}

/// The server; it stops with the runtime of its test.
#[derive(Clone)]
pub struct FakeDns {
    pub address: SocketAddr,
    table: Arc<Mutex<HashMap<String, Behaviour>>>,
    asked: Arc<Mutex<HashMap<(String, RecordType), usize>>>,
    zones: Arc<Mutex<Zones>>,
    ttl_s: u32,
}

pub fn mx(preference: u16, host: &str) -> RData {
    RData::MX(MX::new(preference, name(host)))
}

pub fn a(address: &str) -> RData {
    RData::from(address.parse::<IpAddr>().unwrap())
}

pub fn cname(to: &str) -> RData {
    RData::CNAME(CNAME(name(to)))
}

pub fn txt(text: &str) -> RData {
    RData::TXT(TXT::new(vec![text.to_owned()]))
}

pub fn tlsa(usage: u8, selector: u8, matching: u8, data: &[u8]) -> RData {
    let (usage, selector, matching) = (CertUsage::from(usage), Selector::from(selector), Matching::from(matching));
    RData::TLSA(TLSA::new(usage, selector, matching, data.to_vec()))
}

fn name(text: &str) -> Name {
    let mut name = Name::from_ascii(text).unwrap();
    name.set_fqdn(true);
    name
}

impl FakeDns {
    pub async fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            address: socket.local_addr().unwrap(),
            table: Arc::default(),
            asked: Arc::default(),
            zones: Arc::default(),
            ttl_s: 300,
        };
        tokio::spawn(server.clone().serve(socket));
        server
    }

    /// Signs a zone from now on. A zone inside a signed one is delegated by a DS record; an outermost one is proved by
    /// [`Self::trust_anchor`].
    pub fn sign_zone(&self, apex: &str) {
        self.zones.lock().unwrap().sign(apex);
    }

    /// Delegates a zone inside a signed one without a DS record: provably unsigned.
    pub fn unsigned_zone(&self, apex: &str) {
        self.zones.lock().unwrap().leave_unsigned(apex);
    }

    /// The outermost signed zone's key as the text of a trust anchor file.
    pub fn trust_anchor(&self, apex: &str) -> String {
        self.zones.lock().unwrap().trust_anchor(apex)
    }

    /// Damages every signature of one name and type from now on.
    pub fn break_signature(&self, domain: &str, kind: RecordType) {
        self.zones.lock().unwrap().broken.insert((domain.to_owned(), kind));
    }

    /// From now on no answer has a DNSSEC record, as behind a forwarder that knows none.
    pub fn strip(&self) {
        self.zones.lock().unwrap().is_stripping = true;
    }

    pub fn set(&self, domain: &str, behaviour: Behaviour) {
        self.table.lock().unwrap().insert(domain.to_owned(), behaviour);
    }

    pub fn records(&self, domain: &str, records: Vec<RData>) {
        self.set(domain, Behaviour::Records(records));
    }

    /// How often a name was asked for.
    pub fn asked(&self, domain: &str, kind: RecordType) -> usize {
        self.asked.lock().unwrap().get(&(domain.to_owned(), kind)).copied().unwrap_or(0)
    }

    /// How many questions came in all.
    pub fn asked_in_all(&self) -> usize {
        self.asked.lock().unwrap().values().sum()
    }

    async fn serve(self, socket: UdpSocket) {
        let mut buffer = [0u8; 4096];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            let Ok(query) = Message::from_vec(&buffer[..length]) else { continue };
            if let Some(reply) = self.reply(&query) {
                socket.send_to(&reply.to_vec().unwrap(), from).await.unwrap();
            }
        }
    }

    fn reply(&self, query: &Message) -> Option<Message> {
        let question = query.queries.first()?.clone();
        let domain = question.name().to_ascii().trim_end_matches('.').to_lowercase();
        *self.asked.lock().unwrap().entry((domain.clone(), question.query_type())).or_default() += 1;
        let behaviour = self.table.lock().unwrap().get(&domain).cloned().unwrap_or(Behaviour::NoName);

        let mut reply = Message::response(query.metadata.id, OpCode::Query);
        reply.metadata.recursion_desired = true;
        reply.metadata.recursion_available = true;
        reply.add_query(question.clone());
        let records = match behaviour {
            Behaviour::Silent => return None,
            Behaviour::Code(code) => {
                reply.metadata.response_code = code;
                return Some(reply);
            }
            Behaviour::NoName => None,
            Behaviour::Records(records) => Some(records),
        };
        if query.edns.as_ref().is_some_and(|edns| edns.flags().dnssec_ok) {
            let mut edns = Edns::new();
            edns.set_dnssec_ok(true);
            reply.set_edns(edns);
            if self.zones.lock().unwrap().answer(&mut reply, &question, records.as_deref(), self.ttl_s) {
                return Some(reply);
            }
        }
        let wanted = |data: &&RData| [question.query_type(), RecordType::CNAME].contains(&data.record_type());
        for data in records.iter().flatten().filter(wanted) {
            reply.add_answer(Record::from_rdata(question.name().clone(), self.ttl_s, data.clone()));
        }
        if records.is_none() {
            reply.metadata.response_code = ResponseCode::NXDomain;
        }
        if reply.answers.is_empty() {
            reply.add_authority(soa("example.jp", self.ttl_s));
        }
        Some(reply)
    }
}

fn soa(apex: &str, ttl_s: u32) -> Record {
    let soa = SOA::new(name("ns.example.jp"), name("root.example.jp"), 1, 60, 60, 60, ttl_s);
    Record::from_rdata(name(apex), ttl_s, RData::SOA(soa))
}
