//! DNS from a file. A file may begin from another one and change names.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::Path;

use mail_model::UnixMs;
use sender_check::{Answer, DnsRecord, Level, Listener, MailHost, Names, PublicKey, Sender, Setup, SigningKey, Source};
use toml::{Table, Value};

/// 2026-11-23, when the certificate of the zones is in force.
pub const NOW: UnixMs = UnixMs(1_795_392_000_000);

/// Names, each with its records as `TYPE value`, or with the one word SERVFAIL.
#[derive(Clone, Debug, Default)]
pub struct ZoneFile(BTreeMap<String, Vec<String>>);

/// A file: the zone, who sends, and what must be said.
pub struct Case {
    pub name: String,
    pub zone: ZoneFile,
    pub sender: Sender,
    pub expected: BTreeSet<(String, Level)>,
    /// Whether notes are expected by name, too.
    pub notes: bool,
}

impl Case {
    pub fn load(folder: &Path, name: &str) -> Self {
        let (records, settings, own) = layers(folder, name);
        let level = |word: &str| match word {
            "ok" => Level::Ok,
            "note" => Level::Note,
            "warning" => Level::Warning,
            "unknown" => Level::Unknown,
            "error" => Level::Error,
            other => panic!("{name}: no level {other}"),
        };
        let expected = own.get("expected").and_then(Value::as_table).into_iter().flatten();
        let expected: BTreeSet<_> = expected.map(|(id, word)| (id.clone(), level(word.as_str().unwrap()))).collect();
        let notes = expected.iter().any(|(_, level)| *level <= Level::Note);
        let sender = sender(&settings, folder);
        Self { name: name.to_owned(), zone: ZoneFile(records), sender, expected, notes }
    }
}

type Records = BTreeMap<String, Vec<String>>;

/// The records, the sender's settings and the file's own table, the files it begins from laid below.
fn layers(folder: &Path, name: &str) -> (Records, Table, Table) {
    let text = std::fs::read_to_string(folder.join(format!("{name}.toml"))).unwrap();
    let own: Table = text.parse().unwrap_or_else(|error| panic!("{name}: {error}"));
    let (mut records, mut settings) = match own.get("from").and_then(Value::as_str) {
        Some(base) => {
            let (records, settings, _) = layers(folder, base);
            (records, settings)
        }
        None => Default::default(),
    };
    for (name, lines) in own.get("zone").and_then(Value::as_table).into_iter().flatten() {
        let lines = lines.as_array().unwrap().iter().map(|line| line.as_str().unwrap().to_owned()).collect::<Vec<_>>();
        match lines.is_empty() {
            true => records.remove(name),
            false => records.insert(name.clone(), lines),
        };
    }
    for (key, value) in own.get("sender").and_then(Value::as_table).into_iter().flatten() {
        settings.insert(key.clone(), value.clone());
    }
    (records, settings, own)
}

fn texts(settings: &Table, key: &str) -> Vec<String> {
    let list = settings.get(key).and_then(Value::as_array).into_iter().flatten();
    list.map(|item| item.as_str().unwrap().to_owned()).collect()
}

fn sender(settings: &Table, folder: &Path) -> Sender {
    let word = |key: &str| settings.get(key).and_then(Value::as_str).filter(|word| !word.is_empty());
    let mut sender = Sender::of_domain(word("domain").unwrap()).unwrap();
    for source in texts(settings, "sources") {
        let (address, name) = source.split_once('=').unwrap();
        let ehlo_name = (!name.is_empty()).then(|| name.to_owned());
        sender.sources.push(Source { address: address.parse().ok(), ehlo_name });
    }
    for key in texts(settings, "keys") {
        let (key, later) = key.strip_suffix(" later").map_or((key.as_str(), false), |key| (key, true));
        let (selector, file) = key.split_once('=').unwrap();
        let public = (!file.is_empty()).then(|| {
            let pem = std::fs::read(folder.join("keys").join(file)).unwrap();
            PublicKey::of_private_pem(&pem).unwrap()
        });
        let (domain, selector) = (sender.domain.clone(), selector.to_owned());
        sender.keys.push(SigningKey { domain, selector, public, later });
    }
    if settings.get("configured").and_then(Value::as_bool) == Some(true) {
        let certificate = word("certificate").map(certificate);
        sender.setup = Some(Setup {
            returns: word("returns").map(str::to_owned),
            registration: word("registration").map(str::to_owned),
            listener: word("listener").map(|host| Listener { host: host.to_owned(), certificate }),
        });
    }
    sender
}

/// A certificate as `host from until`, the days as 2026-11-01; any other text as it is.
fn certificate(text: &str) -> Vec<u8> {
    let [host, from, until] = text.split(' ').collect::<Vec<_>>()[..] else { return text.as_bytes().to_vec() };
    let day = |text: &str| {
        let mut numbers = text.split('-').map(|number| number.parse::<i32>().unwrap());
        let (year, month, day) = (numbers.next().unwrap(), numbers.next().unwrap(), numbers.next().unwrap());
        rcgen::date_time_ymd(year, u8::try_from(month).unwrap(), u8::try_from(day).unwrap())
    };
    let mut parameters = rcgen::CertificateParams::new(vec![host.to_owned()]).unwrap();
    (parameters.not_before, parameters.not_after) = (day(from), day(until));
    let key = rcgen::KeyPair::generate().unwrap();
    parameters.self_signed(&key).unwrap().pem().into_bytes()
}

fn is_below(name: &str, parent: &str) -> bool {
    name.strip_suffix(parent).is_some_and(|head| head.ends_with('.'))
}

impl ZoneFile {
    /// Replaces the records of this name and type. A TXT record replaces those of the same version.
    pub fn publish(&mut self, record: &DnsRecord) {
        let version = |value: &str| value.split([';', ' ']).next().unwrap_or_default().to_owned();
        let (kind, own) = (record.kind, version(&record.value));
        let lines = self.0.entry(record.name.clone()).or_default();
        lines.retain(|line| {
            let (known, value) = line.split_once(' ').unwrap_or((line, ""));
            known != kind || (kind == "TXT" && !version(value).eq_ignore_ascii_case(&own))
        });
        lines.push(format!("{kind} {}", record.value));
    }

    /// Makes every question fail.
    pub fn fail_everywhere(&mut self) {
        self.0.values_mut().for_each(|lines| *lines = vec!["SERVFAIL".to_owned()]);
    }

    fn answer<T>(&self, name: &str, kinds: &[&str], read: impl Fn(&str) -> T) -> Answer<T> {
        let Some(lines) = self.0.get(name) else {
            // A name above others exists.
            let above = self.0.keys().any(|known| is_below(known, name));
            return if above { Answer::Nothing } else { Answer::NoName };
        };
        let word = |line: &String| line.split_once(' ').map(|(kind, value)| (kind.to_owned(), value.to_owned()));
        if lines.iter().any(|line| line == "SERVFAIL" || kinds.iter().any(|kind| *line == format!("SERVFAIL {kind}"))) {
            return Answer::Failed;
        }
        let records = lines.iter().filter_map(word).filter(|(kind, _)| kinds.contains(&kind.as_str()));
        let records: Vec<T> = records.map(|(_, value)| read(&value)).collect();
        if records.is_empty() { Answer::Nothing } else { Answer::Found(records) }
    }
}

impl Names for ZoneFile {
    async fn mx(&self, domain: &str) -> Answer<MailHost> {
        self.answer(domain, &["MX"], |value| {
            let (preference, host) = value.split_once(' ').unwrap();
            MailHost { preference: preference.parse().unwrap(), host: host.trim_end_matches('.').to_owned() }
        })
    }

    async fn addresses(&self, host: &str) -> Answer<IpAddr> {
        self.answer(host, &["A", "AAAA"], |value| value.parse().unwrap())
    }

    async fn txt(&self, name: &str) -> Answer<String> {
        self.answer(name, &["TXT"], str::to_owned)
    }

    async fn ptr(&self, address: IpAddr) -> Answer<String> {
        let name = match address {
            IpAddr::V4(v4) => {
                let [a, b, c, d] = v4.octets();
                format!("{d}.{c}.{b}.{a}.in-addr.arpa")
            }
            IpAddr::V6(v6) => {
                let digits = v6.octets().into_iter().rev().map(|o| format!("{:x}.{:x}.", o & 15, o >> 4));
                digits.collect::<String>() + "ip6.arpa"
            }
        };
        self.answer(&name, &["PTR"], |value| value.trim_end_matches('.').to_owned())
    }
}
