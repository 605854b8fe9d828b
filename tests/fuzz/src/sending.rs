//! Records of a zone that wants to break the check of our sending: SPF, DKIM, DMARC, MX, PTR, certificates.

use std::collections::HashMap;
use std::net::IpAddr;

use compose::dkim::Record;
use data_encoding::BASE64;
use mail_model::UnixMs;
use sender_check::{
    Answer, Language, Listener, MailHost, Names, PublicKey, Sender, Setup, SigningKey, Source, Style, certificate_ends,
    check, page, summary,
};

/// A zone: each line is a name, a type and a value.
struct Zone(HashMap<String, Vec<(String, String)>>);

impl Zone {
    fn read(text: &str) -> Self {
        let mut zone: HashMap<String, Vec<(String, String)>> = HashMap::new();
        for line in text.lines().take(200) {
            let mut words = line.splitn(3, ' ');
            let (Some(name), Some(kind), Some(value)) = (words.next(), words.next(), words.next()) else { continue };
            zone.entry(name.to_owned()).or_default().push((kind.to_owned(), value.to_owned()));
        }
        Self(zone)
    }

    fn answer<T>(&self, name: &str, kind: &str, read: impl Fn(&str) -> Option<T>) -> Answer<T> {
        let Some(records) = self.0.get(name) else { return Answer::NoName };
        if records.iter().any(|(kind, _)| kind == "FAIL") {
            return Answer::Failed;
        }
        let found: Vec<T> = records.iter().filter(|(known, _)| known == kind).filter_map(|(_, v)| read(v)).collect();
        if found.is_empty() { Answer::Nothing } else { Answer::Found(found) }
    }
}

impl Names for Zone {
    async fn mx(&self, domain: &str) -> Answer<MailHost> {
        self.answer(domain, "MX", |host| Some(MailHost { preference: 10, host: host.to_owned() }))
    }

    async fn addresses(&self, host: &str) -> Answer<IpAddr> {
        self.answer(host, "A", |address| address.parse().ok())
    }

    async fn txt(&self, name: &str) -> Answer<String> {
        self.answer(name, "TXT", |text| Some(text.to_owned()))
    }

    async fn ptr(&self, address: IpAddr) -> Answer<String> {
        self.answer(&address.to_string(), "PTR", |name| Some(name.to_owned()))
    }
}

/// A zone file; what follows a line `---` is the listener's certificate.
pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (zone, certificate) = text.split_once("\n---\n").unwrap_or((&text, ""));
    let zone = Zone::read(zone);
    let mut sender = Sender::of_domain("a.jp").expect("the domain is one");
    let name = |name: &str| Some(name.to_owned());
    sender.sources = vec![
        Source { address: "192.0.2.1".parse().ok(), ehlo_name: name("m.a.jp") },
        Source { address: "2001:db8::1".parse().ok(), ehlo_name: name("n.a.jp") },
    ];
    sender.keys = vec![SigningKey { domain: "a.jp".to_owned(), selector: "s".to_owned(), public: None, later: false }];
    let certificate = (!certificate.is_empty()).then(|| certificate.as_bytes().to_vec());
    let listener = Some(Listener { host: "in.a.jp".to_owned(), certificate });
    sender.setup = Some(Setup { returns: name("b.a.jp"), registration: name("a.jp"), listener });
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime without drivers starts");
    let report = runtime.block_on(check(&zone, &sender, UnixMs(1_795_392_000_000)));
    for language in [Language::Ja, Language::En] {
        let style = Style { language, symbols: true };
        assert!(page(&report, style).contains(&summary(&report, style)));
    }
    let worst = report.findings.iter().map(|finding| finding.level).max();
    assert_eq!(Some(report.level), worst);
}

/// A file that ought to hold a key or a certificate; and the same bytes as what such a file holds.
pub fn keys(data: &[u8]) {
    let letters = BASE64.encode(data);
    for label in ["PRIVATE KEY", "CERTIFICATE"] {
        let wrapped = format!("-----BEGIN {label}-----\n{letters}\n-----END {label}-----\n");
        for pem in [data, wrapped.as_bytes()] {
            if let Ok(record) = Record::of(pem, "a.jp", "s") {
                assert_eq!(record.strings().collect::<String>(), record.text);
                let public = PublicKey::of_private_pem(pem).expect("two readers agree");
                assert_eq!(public.record(), record.text);
                assert!(public.bits().is_some_and(|bits| bits >= 256));
            }
            let _ = certificate_ends(pem);
        }
    }
}
