//! DMARC (RFC 7489): the record, and whether SPF and DKIM belong to the From domain as it asks.

use crate::finding::{Check, DnsRecord, Finding, Level, words};
use crate::names::{Answer, Names};
use crate::objection::{DOCOMO, GMAIL, Matter, objections};
use crate::sender::Sender;
use crate::tags::{Tags, claims_version};

/// The policies there are.
const POLICIES: [&str; 3] = ["none", "quarantine", "reject"];

/// The domain that an organisation registered: `a.koto.lg.jp` belongs to `koto.lg.jp`.
pub(crate) fn organisation(domain: &str) -> &str {
    psl::domain_str(domain).unwrap_or(domain)
}

pub(crate) async fn check(names: &impl Names, sender: &Sender) -> Vec<Finding> {
    let domain = sender.domain.as_str();
    let organisation = organisation(domain);
    let mut found = at(names, domain).await;
    let mut owner = domain;
    if matches!(&found, Ok(records) if records.is_empty()) && organisation != domain {
        found = at(names, organisation).await;
        owner = organisation;
    }
    let name = format!("_dmarc.{owner}");
    let place = (Check::Dmarc, name.as_str());
    match found.as_deref() {
        Err(()) => vec![Finding::unanswered("dmarc/unanswered", place, &name, "TXT")],
        Ok([]) => vec![missing(domain)],
        Ok([text]) => of_record(names, sender, owner, text).await,
        Ok(several) => {
            let count = several.len();
            let found = words!(
                "DMARC レコードが {count} つあります。受信側はないものとして扱います。",
                "There are {count} DMARC records. Receivers act as if there were none.",
            );
            let finding = Finding::new("dmarc/several", place, Level::Error, "RFC 7489 6.6.3", found);
            let first = several.first().map(String::as_str).unwrap_or_default();
            vec![
                finding
                    .objected(objections(&[Matter::Dmarc]))
                    .remedy(words!(
                        "1 つだけ残してください。たとえば次のものです。",
                        "Keep one only, for instance this."
                    ))
                    .publish(DnsRecord::txt(name.as_str(), first)),
            ]
        }
    }
}

/// The DMARC records at `_dmarc.<domain>`.
async fn at(names: &impl Names, domain: &str) -> Result<Vec<String>, ()> {
    match names.txt(&format!("_dmarc.{domain}")).await {
        Answer::Failed => Err(()),
        answer => Ok(answer.records().into_iter().filter(|text| claims_version(text, "DMARC1")).collect()),
    }
}

fn proposal(domain: &str) -> DnsRecord {
    let value = format!("v=DMARC1; p=none; rua=mailto:postmaster@{domain}");
    DnsRecord::txt(format!("_dmarc.{domain}"), value)
}

fn missing(domain: &str) -> Finding {
    let found = words!(
        "{domain} に DMARC レコードがありません。docomo は受信者に警告を表示し、Gmail・Outlook・iCloud は大量のメールを断ります。",
        "{domain} has no DMARC record. docomo shows its users a warning; Gmail, Outlook and iCloud refuse such mail in bulk.",
    );
    Finding::new("dmarc/none", (Check::Dmarc, domain), Level::Error, DOCOMO, found)
        .objected(objections(&[Matter::Dmarc]))
        .remedy(words!(
            "まず次のレコードを公開し、届く報告を見てから p=quarantine、p=reject に上げてください。",
            "Publish this record first; after reading the reports raise it to p=quarantine and p=reject.",
        ))
        .publish(proposal(domain))
}

async fn of_record(names: &impl Names, sender: &Sender, owner: &str, text: &str) -> Vec<Finding> {
    let name = format!("_dmarc.{owner}");
    let place = (Check::Dmarc, name.as_str());
    let broken = |part: &str| {
        let found = words!(
            "DMARC レコードの「{part}」が誤りです。受信側はないものとして扱います。",
            "{part:?} in the DMARC record is wrong. Receivers act as if there were no record.",
        );
        Finding::new("dmarc/syntax", place, Level::Error, "RFC 7489 6.3", found)
            .objected(objections(&[Matter::Dmarc]))
            .remedy(words!("正しい形は次のとおりです。", "This is how it ought to look."))
            .publish(proposal(owner))
    };
    let tags = match Tags::parse(text) {
        Ok(tags) => tags,
        Err(part) => return vec![broken(&part)],
    };
    if !tags.begins_with_version("DMARC1") {
        return vec![broken(text.split(';').next().unwrap_or_default())];
    }
    let policy = tags.get("p").map(str::to_ascii_lowercase).unwrap_or_default();
    if !POLICIES.contains(&policy.as_str()) {
        return vec![broken(&format!("p={policy}"))];
    }
    let strict = |tag: &str| tags.get(tag).is_some_and(|value| value.eq_ignore_ascii_case("s"));
    let mut findings = alignment(sender, owner, strict("aspf"), strict("adkim"));
    let used = match tags.get("sp").filter(|_| owner != sender.domain) {
        Some(of_children) => of_children.to_ascii_lowercase(),
        None => policy,
    };
    if used == "none" {
        findings.push(watches_only(owner, text));
    }
    findings.extend(reports(names, owner, text, &tags).await);
    if findings.iter().all(|finding| finding.level < Level::Warning) {
        let found = if sender.setup.is_some() {
            words!(
                "DMARC レコードは正しく、SPF と DKIM は差出人のドメインに結び付いています（p={used}）。",
                "The DMARC record is good, and SPF and DKIM belong to the From domain (p={used}).",
            )
        } else {
            words!("DMARC レコードは正しく書かれています（p={used}）。", "The DMARC record is good (p={used}).")
        };
        findings.insert(0, Finding::new("dmarc/good", place, Level::Ok, "RFC 7489", found));
    }
    findings
}

fn watches_only(owner: &str, text: &str) -> Finding {
    let found = words!(
        "DMARC の方針が p=none です。受け取られますが、なりすましは止まりません。",
        "The DMARC policy is p=none. Mail is taken, and forgers are not stopped.",
    );
    let name = format!("_dmarc.{owner}");
    let raised = text.replacen("=none", "=quarantine", 1);
    Finding::new("dmarc/watches-only", (Check::Dmarc, &name), Level::Warning, GMAIL, found)
        .remedy(words!(
            "報告で自分のメールがすべて合格していることを確かめたら、次のものに替えてください。",
            "When the reports show that all your own mail passes, replace it by this one.",
        ))
        .publish(DnsRecord::txt(name.as_str(), raised))
}

/// Whether a domain counts as the From domain.
fn aligned(one: &str, from: &str, strict: bool) -> bool {
    if strict { one == from } else { organisation(one) == organisation(from) }
}

fn alignment(sender: &Sender, owner: &str, strict_spf: bool, strict_dkim: bool) -> Vec<Finding> {
    let from = sender.domain.as_str();
    let name = format!("_dmarc.{owner}");
    let place = (Check::Dmarc, name.as_str());
    // Without a configuration nobody knows the return path.
    if sender.setup.is_none() {
        return Vec::new();
    }
    let returns = sender.return_domain();
    let spf = aligned(returns, from, strict_spf);
    let dkim = sender.keys.iter().any(|key| !key.later && aligned(&key.domain, from, strict_dkim));
    match (spf, dkim) {
        (true, true) => Vec::new(),
        (false, false) => {
            let found = words!(
                "SPF（{returns}）も DKIM も差出人のドメイン {from} に結び付かず、DMARC は必ず失敗します。",
                "Neither SPF ({returns}) nor DKIM belongs to the From domain {from}: DMARC always fails.",
            );
            vec![
                Finding::new("dmarc/not-aligned", place, Level::Error, "RFC 7489 3.1", found)
                    .objected(objections(&[Matter::Alignment]))
                    .remedy(words!(
                        "{from} の DKIM の鍵を `todoke dkim new` で作り、[returns] domain を {from} の下の名前にしてください。",
                        "Make a DKIM key for {from} with `todoke dkim new`, and let [returns] domain be a name below {from}.",
                    )),
            ]
        }
        (false, true) => {
            let found = words!(
                "戻り先のドメイン {returns} が差出人のドメイン {from} に結び付かず、DMARC は DKIM だけが頼りです。",
                "The return path's domain {returns} does not belong to the From domain {from}: DMARC hangs on DKIM alone.",
            );
            let remedy = if strict_spf {
                words!(
                    "DMARC レコードから aspf=s を消すか、[returns] domain を {from} にしてください。",
                    "Remove aspf=s from the DMARC record, or let [returns] domain be {from}."
                )
            } else {
                words!(
                    "[returns] domain を {from} の下の名前にしてください。",
                    "Let [returns] domain be a name below {from}."
                )
            };
            vec![Finding::new("dmarc/spf-not-aligned", place, Level::Warning, "RFC 7489 3.1.2", found).remedy(remedy)]
        }
        (true, false) => {
            let found = words!(
                "差出人のドメイン {from} の DKIM 署名がなく、DMARC は SPF だけが頼りです。転送されると失敗します。",
                "No DKIM signature belongs to the From domain {from}: DMARC hangs on SPF alone and fails when mail is forwarded.",
            );
            vec![Finding::new("dmarc/dkim-not-aligned", place, Level::Warning, DOCOMO, found).remedy(words!(
                "{from} の鍵を `todoke dkim new` で作ってください。",
                "Make a key for {from} with `todoke dkim new`."
            ))]
        }
    }
}

/// Whether aggregate reports are wanted, and may go where they are sent (RFC 7489 7.1).
async fn reports(names: &impl Names, owner: &str, text: &str, tags: &Tags) -> Vec<Finding> {
    let name = format!("_dmarc.{owner}");
    let place = (Check::Dmarc, name.as_str());
    let addresses: Vec<&str> = tags.items("rua", ',').collect();
    if addresses.is_empty() {
        let found = words!(
            "DMARC の報告先（rua=）がなく、失敗やなりすましに気付けません。",
            "The DMARC record asks for no reports (rua=): failures and forgeries stay unseen.",
        );
        let value = format!("{}; rua=mailto:postmaster@{owner}", text.trim_end().trim_end_matches(';').trim_end());
        let finding = Finding::new("dmarc/no-reports", place, Level::Warning, "RFC 7489 7.2", found);
        let remedy = words!("読む人のいる宛先を書いてください。", "Name an address that somebody reads.");
        return vec![finding.remedy(remedy).publish(DnsRecord::txt(name.as_str(), value))];
    }
    let mut findings = Vec::new();
    for address in addresses {
        let target =
            address.split('!').next().unwrap_or(address).rsplit_once('@').map(|(_, host)| host.to_ascii_lowercase());
        let is_mail = address.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("mailto:"));
        let Some(target) = target.filter(|_| is_mail) else {
            let found =
                words!("DMARC の報告先に mailto: でないものがあります。", "A DMARC report address is no mailto:.");
            let remedy = words!("rua=mailto:宛先 の形にしてください。", "Write rua=mailto:ADDRESS.");
            findings.push(
                Finding::new("dmarc/report-address", place, Level::Warning, "RFC 7489 6.3", found).remedy(remedy),
            );
            continue;
        };
        if organisation(&target) == organisation(owner) {
            continue;
        }
        let permission = format!("{owner}._report._dmarc.{target}");
        let answer = names.txt(&permission).await;
        if answer == Answer::Failed || answer.records().iter().any(|text| claims_version(text, "DMARC1")) {
            continue;
        }
        let found = words!(
            "DMARC の報告先 {target} が、{owner} の報告を受け取ると宣言していません。報告は送られません。",
            "{target}, where DMARC reports go, does not say that it takes those of {owner}. None are sent.",
        );
        let finding = Finding::new("dmarc/report-permission", place, Level::Warning, "RFC 7489 7.1", found);
        let remedy =
            words!("{target} の管理者に次のレコードを頼んでください。", "Ask whoever runs {target} for this record.");
        findings.push(finding.remedy(remedy).publish(DnsRecord::txt(permission, "v=DMARC1")));
    }
    findings
}
