//! Signed zones: keys, delegations, signatures, denials. A denial is made for the name asked for (RFC 9824), so that no
//! zone has to be known whole.

use std::collections::{BTreeMap, HashSet};

use hickory_proto::dnssec::crypto::EcdsaSigningKey;
use hickory_proto::dnssec::rdata::{DNSKEY, DNSSECRData, DS, NSEC, RRSIG, SigInput};
use hickory_proto::dnssec::{Algorithm, DigestType, PublicKey, SigningKey, TBS};
use hickory_proto::op::{Message, Query};
use hickory_proto::rr::rdata::NS;
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType, SerialNumber};

use super::{name, soa};

#[derive(Default)]
pub struct Zones {
    /// Apexes; without a key where the zone is delegated unsigned.
    apexes: BTreeMap<String, Option<Key>>,
    pub broken: HashSet<(String, RecordType)>,
    pub is_stripping: bool,
}

struct Key {
    secret: EcdsaSigningKey,
    public: DNSKEY,
}

impl Key {
    fn new() -> Self {
        let algorithm = Algorithm::ECDSAP256SHA256;
        let pkcs8 = EcdsaSigningKey::generate_pkcs8(algorithm).unwrap();
        let secret = EcdsaSigningKey::from_pkcs8(&pkcs8, algorithm).unwrap();
        let public = DNSKEY::from_key(&secret.to_public_key().unwrap());
        Self { secret, public }
    }
}

fn text(name: &Name) -> String {
    name.to_lowercase().to_ascii().trim_end_matches('.').to_owned()
}

impl Zones {
    pub fn sign(&mut self, apex: &str) {
        self.apexes.insert(apex.to_owned(), Some(Key::new()));
    }

    pub fn leave_unsigned(&mut self, apex: &str) {
        self.apexes.insert(apex.to_owned(), None);
    }

    pub fn trust_anchor(&self, apex: &str) -> String {
        let key = self.apexes[apex].as_ref().unwrap();
        format!(
            "{apex}. 3600 IN DNSKEY {} 3 13 {}\n",
            key.public.flags(),
            base64(key.public.public_key().public_bytes())
        )
    }

    /// The zone that answers for a name; for `above`, the zone that delegates it.
    fn zone_of(&self, domain: &str, above: bool) -> Option<(&str, Option<&Key>)> {
        let mut rest = if above { domain.split_once('.')?.1 } else { domain };
        loop {
            if let Some((apex, key)) = self.apexes.get_key_value(rest) {
                return Some((apex, key.as_ref()));
            }
            rest = rest.split_once('.')?.1;
        }
    }

    /// Fills in the answer to a question with signatures; `false` when the zone has none.
    pub fn answer(&self, reply: &mut Message, question: &Query, table: Option<&[RData]>, ttl_s: u32) -> bool {
        let (owner, kind) = (question.name().clone(), question.query_type());
        let domain = text(&owner);
        let Some((apex, key)) = self.zone_of(&domain, kind == RecordType::DS) else { return false };
        let own = self.at_apex(&domain, kind);
        let table = table.unwrap_or_default();
        let all = own.into_iter().chain(table.iter().cloned());
        let wanted: Vec<Record> = all
            .filter(|data| [kind, RecordType::CNAME].contains(&data.record_type()))
            .map(|data| Record::from_rdata(owner.clone(), ttl_s, data))
            .collect();
        let Some(key) = key.filter(|_| !self.is_stripping) else {
            // Behind a forwarder that strips, keys and delegations are gone and everything else is there.
            if wanted.is_empty() || kind == RecordType::DNSKEY || kind == RecordType::DS {
                reply.add_authority(soa(apex, ttl_s));
            } else {
                reply.add_answers(wanted);
            }
            return true;
        };
        if !wanted.is_empty() {
            reply.add_answer(self.signature(&wanted, apex, key));
            reply.add_answers(wanted);
            return true;
        }
        for records in [vec![soa(apex, ttl_s)], vec![self.denial(&owner, &domain, kind, table, ttl_s)]] {
            reply.add_authority(self.signature(&records, apex, key));
            reply.add_authorities(records);
        }
        true
    }

    /// Records that a name has because it is a zone's apex: asked for at the zone itself or, for DS, above it.
    fn at_apex(&self, domain: &str, kind: RecordType) -> Vec<RData> {
        let Some(key) = self.apexes.get(domain) else { return Vec::new() };
        match (kind, key) {
            (RecordType::NS, _) => vec![RData::NS(NS(name("ns.example.jp")))],
            (RecordType::DNSKEY, Some(key)) => vec![RData::DNSSEC(DNSSECRData::DNSKEY(key.public.clone()))],
            (RecordType::DS, Some(key)) => {
                let public = key.secret.to_public_key().unwrap();
                let ds = DS::from_key(&public, &name(domain), DigestType::SHA256).unwrap();
                vec![RData::DNSSEC(DNSSECRData::DS(ds))]
            }
            _ => Vec::new(),
        }
    }

    fn denial(&self, owner: &Name, domain: &str, kind: RecordType, table: &[RData], ttl_s: u32) -> Record {
        let mut types: Vec<RecordType> = table.iter().map(RData::record_type).collect();
        if kind == RecordType::DS && self.apexes.contains_key(domain) {
            types = vec![RecordType::NS];
        }
        let next = Name::from_labels([&b"\x00"[..]].into_iter().chain(owner.iter())).unwrap();
        let nsec = NSEC::new_cover_self(next, types);
        Record::from_rdata(owner.clone(), ttl_s, RData::DNSSEC(DNSSECRData::NSEC(nsec)))
    }

    fn signature(&self, records: &[Record], apex: &str, key: &Key) -> Record {
        let first = &records[0];
        // Signatures are judged by the machine's time: hickory takes no other.
        let now = u32::try_from(clock::Clock::system().unix().0 / 1_000).unwrap();
        let input = SigInput {
            type_covered: first.record_type(),
            algorithm: Algorithm::ECDSAP256SHA256,
            num_labels: first.name.num_labels(),
            original_ttl: first.ttl,
            sig_expiration: SerialNumber::new(now + 3_600),
            sig_inception: SerialNumber::new(now - 3_600),
            key_tag: key.public.calculate_key_tag().unwrap(),
            signer_name: name(apex),
        };
        let tbs = TBS::from_input(&first.name, DNSClass::IN, &input, records.iter()).unwrap();
        let mut signature = key.secret.sign(&tbs).unwrap();
        if self.broken.contains(&(text(&first.name), first.record_type())) {
            signature[7] ^= 1;
        }
        let data = RData::DNSSEC(DNSSECRData::RRSIG(RRSIG::from_sig(input, signature)));
        Record::from_rdata(first.name.clone(), first.ttl, data)
    }
}

fn base64(bytes: &[u8]) -> String {
    const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let bits = (0..3).fold(0u32, |bits, at| bits << 8 | u32::from(chunk.get(at).copied().unwrap_or(0)));
        for at in 0..4 {
            let sign = SIGNS[(bits >> (18 - 6 * at) & 63) as usize];
            out.push(if at <= chunk.len() { char::from(sign) } else { '=' });
        }
    }
    out
}
