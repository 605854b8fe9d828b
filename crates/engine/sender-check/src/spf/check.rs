//! What is wrong with the SPF of every name that a carrier asks about.

use std::net::IpAddr;

use futures_util::future::join_all;

use super::advice;
use super::evaluate::{Broken, LOOKUPS_MAX, VOIDS_MAX, Verdict, Walk, walk};
use super::expand::Client;
use super::published::{Published, published};
use super::record::{Mechanism, Qualifier, Record, parse};
use crate::finding::{Check, DnsRecord, Finding, Level, Words, words};
use crate::names::Names;
use crate::objection::{AU, Matter, objections};
use crate::sender::{Sender, is_seen_outside};

/// Why a name is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    HeaderFrom,
    ReturnPath,
    Ehlo,
}

/// A name that carriers ask about, and who must pass.
struct Identity {
    domain: String,
    ehlo: String,
    roles: Vec<Role>,
    addresses: Vec<IpAddr>,
    /// Of what is an error here.
    level: Level,
}

impl Identity {
    fn matters(&self) -> Vec<Matter> {
        let of = |role: &Role| match role {
            Role::HeaderFrom => Matter::SpfFrom,
            Role::ReturnPath => Matter::SpfEnvelope,
            Role::Ehlo => Matter::SpfHelo,
        };
        self.roles.iter().map(of).collect()
    }

    fn role_words(&self) -> Words {
        match self.roles.as_slice() {
            [Role::HeaderFrom] => words!("差出人のドメイン", "the From domain"),
            [Role::ReturnPath] => words!("エラーメールの戻り先のドメイン", "the return path's domain"),
            [Role::Ehlo] => words!("送信サーバーの名前", "the sending host's name"),
            _ => words!("差出人と戻り先のドメイン", "the From and return path's domain"),
        }
    }

    fn finding(&self, id: &'static str, level: Level, source: &'static str, found: Words) -> Finding {
        let objected = if level >= Level::Warning { objections(&self.matters()) } else { Vec::new() };
        Finding::new(id, (Check::Spf, &self.domain), level, source, found).objected(objected)
    }

    fn record(&self, value: String) -> DnsRecord {
        DnsRecord::txt(self.domain.as_str(), value)
    }
}

/// SPF of the From domain, the return path's domain and every EHLO name.
pub(crate) async fn check(names: &impl Names, sender: &Sender) -> Vec<Finding> {
    let identities = identities(sender);
    join_all(identities.iter().map(|identity| of_identity(names, identity))).await.concat()
}

fn identities(sender: &Sender) -> Vec<Identity> {
    let addresses = sender.public_addresses();
    let first = sender.sources.iter().find_map(|source| source.ehlo_name.clone()).unwrap_or_default();
    let of = |domain: &str, roles: &[Role]| Identity {
        domain: domain.to_owned(),
        ehlo: first.clone(),
        roles: roles.to_vec(),
        addresses: addresses.clone(),
        level: Level::Error,
    };
    let returns = sender.return_domain();
    let mut identities = if returns == sender.domain {
        vec![of(returns, &[Role::HeaderFrom, Role::ReturnPath])]
    } else {
        vec![of(&sender.domain, &[Role::HeaderFrom]), of(returns, &[Role::ReturnPath])]
    };
    // Answers to registrations leave without a return path: there SPF is asked of the EHLO name.
    let answers = sender.setup.as_ref().is_some_and(|setup| setup.registration.is_some());
    for source in &sender.sources {
        let (Some(name), Some(address)) = (&source.ehlo_name, source.address) else { continue };
        if !is_seen_outside(address) {
            continue;
        }
        if let Some(known) = identities.iter_mut().find(|known| known.domain == *name) {
            if known.roles == [Role::Ehlo] {
                known.addresses.push(address);
            }
            continue;
        }
        let level = if answers { Level::Error } else { Level::Warning };
        let (domain, ehlo) = (name.clone(), name.clone());
        identities.push(Identity { domain, ehlo, roles: vec![Role::Ehlo], addresses: vec![address], level });
    }
    identities
}

async fn of_identity(names: &impl Names, identity: &Identity) -> Vec<Finding> {
    let domain = identity.domain.as_str();
    match published(names, domain).await {
        Published::Failed => vec![Finding::unanswered("spf/unanswered", (Check::Spf, domain), domain, "TXT")],
        Published::None => vec![missing(identity)],
        Published::Several(texts) => vec![several(identity, &texts)],
        Published::One(text) => match parse(&text) {
            Ok(record) => of_record(names, identity, &text, &record).await,
            Err(term) => vec![broken(identity, &text, &Broken::Term { name: domain.to_owned(), term })],
        },
    }
}

fn missing(identity: &Identity) -> Finding {
    let role = identity.role_words();
    let (ja, en) = (role.ja, role.en);
    let found = words!("{ja}に SPF レコードがありません。", "There is no SPF record for {en}.");
    identity
        .finding("spf/none", identity.level, "RFC 7208", found)
        .remedy(words!("次のレコードを公開してください。", "Publish this record."))
        .publish(identity.record(advice::fresh(&identity.addresses)))
}

fn several(identity: &Identity, texts: &[String]) -> Finding {
    let count = texts.len();
    let found = words!(
        "SPF レコードが {count} つあります。受信側はどれも使わず、認証は失敗します。",
        "There are {count} SPF records. Receivers use none of them, and authentication fails.",
    );
    identity
        .finding("spf/several", identity.level, "RFC 7208 4.5", found)
        .remedy(words!("すべて消して、次の 1 つにまとめてください。", "Delete them all and publish this one."))
        .publish(identity.record(advice::merged(texts)))
}

async fn of_record(names: &impl Names, identity: &Identity, text: &str, record: &Record) -> Vec<Finding> {
    let client = |address| Client { address, domain: &identity.domain, ehlo: &identity.ehlo };
    let whole = walk(names, &client(None)).await;
    match &whole.verdict {
        Verdict::Broken(why) => return vec![broken(identity, text, why)],
        Verdict::Unanswered(name) => {
            return vec![Finding::unanswered("spf/unanswered", (Check::Spf, &identity.domain), name, "TXT/A/MX")];
        }
        _ => {}
    }
    let mut strangers = Vec::new();
    for address in &identity.addresses {
        if walk(names, &client(Some(*address))).await.verdict != Verdict::Pass {
            strangers.push(*address);
        }
    }
    let mut findings = costs(identity, text, &whole);
    findings.extend(ending(identity, text, record));
    findings.extend(outdated(identity, text, record));
    if !strangers.is_empty() {
        findings.push(unnamed(identity, text, &strangers));
    }
    findings.extend(only_ipv6(identity));
    if findings.iter().all(|finding| finding.level < Level::Error) {
        findings.insert(0, good(identity, whole.lookups));
    }
    findings
}

fn good(identity: &Identity, lookups: usize) -> Finding {
    let count = identity.addresses.len();
    let role = identity.role_words();
    let (ja, en) = (role.ja, role.en);
    if count == 0 {
        let found = words!(
            "{ja}の SPF レコードは読めます（DNS への問い合わせ {lookups} 回）。送信元アドレスが分からないため、照合していません。",
            "The SPF record of {en} can be read (lookups: {lookups}). No source address is known to compare it with.",
        );
        return identity.finding("spf/not-compared", Level::Note, "RFC 7208", found).remedy(words!(
            "--source アドレス を付けて実行すると照合します。",
            "Run this with --source ADDRESS to compare.",
        ));
    }
    let found = words!(
        "{ja}の SPF は送信元アドレス {count} 個すべてを認めています（DNS への問い合わせ {lookups} 回）。",
        "SPF of {en} names every source address (addresses: {count}, lookups: {lookups}).",
    );
    identity.finding("spf/pass", Level::Ok, "RFC 7208", found)
}

fn unnamed(identity: &Identity, text: &str, strangers: &[IpAddr]) -> Finding {
    let list = strangers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let found = words!(
        "SPF レコードは送信元アドレス {list} を認めていません。ここから出るメールはなりすましに見えます。",
        "The SPF record does not name the source addresses {list}. Mail from there looks forged.",
    );
    identity
        .finding("spf/not-named", identity.level, "RFC 7208 2.6", found)
        .remedy(words!("レコードを次のものに替えてください。", "Replace the record by this one."))
        .publish(identity.record(advice::with_addresses(text, strangers)))
}

fn costs(identity: &Identity, text: &str, whole: &Walk) -> Vec<Finding> {
    let mut findings = Vec::new();
    let lookups = whole.lookups;
    if lookups > LOOKUPS_MAX {
        let found = words!(
            "SPF レコードの確認に DNS への問い合わせが {lookups} 回かかります。10 回を超えると受信側は認証失敗とします。",
            "The SPF record costs {lookups} lookups. Beyond 10 receivers treat it as failed.",
        );
        let finding = identity.finding("spf/too-many-lookups", identity.level, "RFC 7208 4.6.4", found).remedy(words!(
            "使っていない include・a・mx を消すか、ip4: に置き換えてください。このエンジンだけが送るなら次で足ります。",
            "Remove include, a and mx terms that are not used, or write ip4: instead. If only this engine sends, this is enough.",
        ));
        findings.push(finding.publish(identity.record(advice::fresh(&identity.addresses))));
    }
    if !whole.voids.is_empty() {
        let (level, list) =
            (if whole.voids.len() > VOIDS_MAX { identity.level } else { Level::Warning }, whole.voids.join(", "));
        let found = words!(
            "SPF レコードが、もう存在しない名前を指しています: {list}。3 つ以上あると認証失敗になります。",
            "The SPF record points to names that do not exist any more: {list}. With three or more it fails.",
        );
        let dead = |term: &str| whole.voids.iter().any(|name| term.to_ascii_lowercase().ends_with(&format!(":{name}")));
        let finding = identity.finding("spf/dead-names", level, "RFC 7208 4.6.4", found);
        findings.push(
            finding
                .remedy(words!("その項目を消してください。", "Remove these terms."))
                .publish(identity.record(advice::without(text, &identity.addresses, dead))),
        );
    }
    findings
}

fn ending(identity: &Identity, text: &str, record: &Record) -> Option<Finding> {
    let (id, level, found) = match record.all().map(|all| all.qualifier) {
        Some(Qualifier::Fail | Qualifier::SoftFail) => return None,
        Some(Qualifier::Pass) => (
            "spf/everybody",
            identity.level,
            words!(
                "SPF レコードが +all で終わり、世界中の誰にでも送信を認めています。",
                "The SPF record ends in +all: it lets anybody in the world send.",
            ),
        ),
        None if record.redirect.is_some() => return None,
        Some(Qualifier::Neutral) | None => (
            "spf/open-end",
            Level::Warning,
            words!(
                "SPF レコードが -all でも ~all でも終わっておらず、なりすましを止められません。",
                "The SPF record ends neither in -all nor in ~all: it stops no forger.",
            ),
        ),
    };
    let finding = identity.finding(id, level, "RFC 7208 5.1", found);
    Some(
        finding
            .remedy(words!("最後を -all にしてください。", "Let it end in -all."))
            .publish(identity.record(advice::closed(text))),
    )
}

fn outdated(identity: &Identity, text: &str, record: &Record) -> Option<Finding> {
    record.directives.iter().find(|directive| matches!(directive.mechanism, Mechanism::Ptr(_)))?;
    let found = words!(
        "SPF レコードに ptr があります。遅く、当てにならず、使わないよう定められています。",
        "The SPF record has ptr: slow, unreliable, and not to be used.",
    );
    let is_ptr = |term: &str| term.trim_start_matches(['+', '-', '~', '?']).to_ascii_lowercase().starts_with("ptr");
    let record = identity.record(advice::without(text, &identity.addresses, is_ptr));
    let finding = identity.finding("spf/ptr", Level::Warning, "RFC 7208 5.5", found);
    Some(finding.remedy(words!("ptr を消してください。", "Remove ptr.")).publish(record))
}

fn only_ipv6(identity: &Identity) -> Option<Finding> {
    let only = !identity.addresses.is_empty() && identity.addresses.iter().all(IpAddr::is_ipv6);
    let asked = identity.roles.contains(&Role::ReturnPath);
    (only && asked).then(|| {
        let found = words!(
            "送信元が IPv6 アドレスだけです。au は SPF に IPv4 アドレスを書くよう求めています。",
            "All sources are IPv6. au asks for IPv4 addresses in SPF.",
        );
        identity
            .finding("spf/ipv6-only", Level::Warning, AU, found)
            .remedy(words!("IPv4 の送信元を加えてください。", "Add a source with an IPv4 address."))
    })
}

fn broken(identity: &Identity, text: &str, why: &Broken) -> Finding {
    let (id, found, record) = match why {
        Broken::Several(name) => (
            "spf/several-included",
            words!(
                "取り込んでいる {name} に SPF レコードが複数あります。",
                "{name}, which the record includes, has several SPF records.",
            ),
            None,
        ),
        Broken::Term { name, term } if *name == identity.domain => (
            "spf/syntax",
            words!(
                "SPF レコードの「{term}」は誤りです。1 か所でも誤りがあると全体が無効になります。",
                "{term:?} in the SPF record is wrong. One wrong term makes all of it void.",
            ),
            Some(advice::without(text, &identity.addresses, |known| known == term)),
        ),
        Broken::Term { name, term } => (
            "spf/syntax-included",
            words!(
                "取り込んでいる {name} の SPF レコードに誤り「{term}」があり、全体が無効になります。",
                "The SPF record of {name}, which is included, has a wrong term {term:?}, which makes all of it void.",
            ),
            None,
        ),
        Broken::Missing(name) => (
            "spf/include-missing",
            words!(
                "SPF レコードが取り込む {name} に SPF レコードがなく、全体が無効になります。",
                "The SPF record includes {name}, which has none. That makes all of it void.",
            ),
            Some(advice::without(text, &identity.addresses, |term| term.to_ascii_lowercase().contains(name.as_str()))),
        ),
        Broken::TooManyHosts(name) => (
            "spf/too-many-hosts",
            words!("mx の {name} にメールサーバーが 10 台を超えてあります。", "mx of {name} has more than 10 hosts."),
            None,
        ),
    };
    let finding = identity.finding(id, identity.level, "RFC 7208 4.6", found);
    match record {
        Some(value) => finding
            .remedy(words!(
                "誤りを正してください。その項目が要らなければ次で足ります。",
                "Mend it. If the term is not needed, this is enough."
            ))
            .publish(identity.record(value)),
        None => finding.remedy(words!(
            "その名前の管理者に直してもらうか、取り込みをやめてください。",
            "Ask whoever runs that name to mend it, or do not include it.",
        )),
    }
}
