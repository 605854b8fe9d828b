//! The keys that mail is signed with: published, equal to ours, long enough, in force.

use data_encoding::BASE64;

use crate::finding::{Check, DnsRecord, Finding, Level, Words, words};
use crate::names::{Answer, Names};
use crate::objection::{GMAIL, Matter, objections};
use crate::public_key::{Algorithm, PublicKey};
use crate::sender::{Sender, SigningKey};
use crate::tags::Tags;

/// Shorter RSA keys are refused by Gmail.
const BITS_MIN: usize = 1024;
/// Shorter ones can be broken by those who have means.
const BITS_GOOD: usize = 2048;

pub(crate) async fn check(names: &impl Names, sender: &Sender) -> Vec<Finding> {
    let domain = sender.domain.as_str();
    let mut findings = Vec::new();
    if sender.keys.iter().all(|key| key.later) {
        findings.push(no_key(domain, sender.setup.is_some()));
    }
    let mut good_rsa = false;
    let mut any_answer = false;
    for key in &sender.keys {
        let (mut of_key, algorithm) = of_key(names, key).await;
        any_answer |= of_key.iter().any(|finding| finding.level != Level::Unknown);
        if of_key.iter().all(|finding| finding.level < Level::Unknown) {
            good_rsa |= algorithm == Some(Algorithm::Rsa) && !key.later;
        }
        findings.append(&mut of_key);
    }
    let only_good_ones = findings.iter().all(|finding| finding.level < Level::Unknown);
    if !good_rsa && any_answer && only_good_ones {
        findings.push(only_ed25519(domain));
    }
    findings
}

fn no_key(domain: &str, configured: bool) -> Finding {
    let found = if configured {
        words!(
            "{domain} の DKIM の鍵で、いま有効なものが設定にありません。メールは署名なしで出ます。",
            "The configuration has no DKIM key for {domain} that is in force: its mail leaves unsigned.",
        )
    } else {
        words!(
            "DKIM のセレクターが分からないため、鍵を確かめていません。",
            "No DKIM selector is known, so no key was looked at.",
        )
    };
    if !configured {
        return Finding::new("dkim/not-asked", (Check::Dkim, domain), Level::Note, "RFC 6376", found).remedy(words!(
            "--selector 名前 か --config ファイル を付けて実行してください。",
            "Run this with --selector NAME or --config FILE.",
        ));
    }
    Finding::new("dkim/none", (Check::Dkim, domain), Level::Error, GMAIL, found)
        .objected(objections(&[Matter::Dkim]))
        .remedy(words!(
            "`todoke dkim new` で鍵を作り、表示されたレコードを公開し、設定の [[dkim_keys]] に書いてください。",
            "Make a key with `todoke dkim new`, publish the record it prints, and name the key in [[dkim_keys]].",
        ))
}

fn only_ed25519(domain: &str) -> Finding {
    let found = words!(
        "Ed25519 の鍵しかありません。検証できない受信側が多く、署名なしと同じ扱いになります。",
        "There are Ed25519 keys only. Many receivers cannot verify them and treat the mail as unsigned.",
    );
    Finding::new("dkim/only-ed25519", (Check::Dkim, domain), Level::Error, "RFC 8463 3", found)
        .objected(objections(&[Matter::Dkim]))
        .remedy(words!(
            "RSA 2048 ビットの鍵を `todoke dkim new` で加えてください。両方で署名します。",
            "Add an RSA key of 2048 bits with `todoke dkim new`. Both sign together.",
        ))
}

/// The findings of one key, and how it signs as far as that is known.
async fn of_key(names: &impl Names, key: &SigningKey) -> (Vec<Finding>, Option<Algorithm>) {
    let name = format!("{}._domainkey.{}", key.selector, key.domain);
    let place = (Check::Dkim, name.as_str());
    let ours = key.public.as_ref().map(|public| public.algorithm);
    let records = match names.txt(&name).await {
        Answer::Failed => return (vec![Finding::unanswered("dkim/unanswered", place, &name, "TXT")], ours),
        answer => answer.records(),
    };
    let findings = match records.as_slice() {
        [] => vec![wrong(
            key,
            &name,
            "dkim/no-record",
            words!("鍵のレコード {name} がありません。", "There is no key record {name}."),
        )],
        [text] => return of_text(key, &name, text),
        _ => vec![wrong(
            key,
            &name,
            "dkim/several",
            words!(
                "{name} にレコードが複数あり、どれが使われるか分かりません。",
                "{name} has several records; nobody knows which is used."
            ),
        )],
    };
    (findings, ours)
}

/// A fault that makes signatures of this key void, a warning as long as there are none; its remedy is our own record, where we know the key.
fn wrong(key: &SigningKey, name: &str, id: &'static str, found: Words) -> Finding {
    let (level, who) =
        if key.later { (Level::Warning, Vec::new()) } else { (Level::Error, objections(&[Matter::Dkim])) };
    let finding = Finding::new(id, (Check::Dkim, name), level, "RFC 6376 3.6.1", found).objected(who);
    match &key.public {
        Some(public) => finding
            .remedy(words!("次のレコードだけを公開してください。", "Publish this record, and no other, at this name."))
            .publish(DnsRecord::txt(name, public.record())),
        None => finding.remedy(words!(
            "`todoke dkim new` が表示したレコードを公開してください。",
            "Publish the record that `todoke dkim new` printed.",
        )),
    }
}

fn of_text(key: &SigningKey, name: &str, text: &str) -> (Vec<Finding>, Option<Algorithm>) {
    let published = match read(text) {
        Ok(published) => published,
        Err(fault) => {
            let (id, found) = match fault {
                Fault::Broken(part) => (
                    "dkim/syntax",
                    words!("鍵のレコードの「{part}」が読めません。", "{part:?} in the key record cannot be read."),
                ),
                Fault::Revoked => (
                    "dkim/revoked",
                    words!("この鍵は取り消されています（p= が空）。", "This key is revoked (p= is empty)."),
                ),
                Fault::NotForMail => (
                    "dkim/not-for-mail",
                    words!(
                        "このレコードはメールの署名に使えません（s= か h=）。",
                        "This record does not allow mail signatures (s= or h=)."
                    ),
                ),
            };
            return (vec![wrong(key, name, id, found)], key.public.as_ref().map(|public| public.algorithm));
        }
    };
    let algorithm = Some(published.key.algorithm);
    if key.public.as_ref().is_some_and(|ours| *ours != published.key) {
        let found = words!(
            "DNS の公開鍵が、こちらの秘密鍵と対になっていません。署名はすべて失敗します。",
            "The public key in DNS does not belong to our private key. Every signature fails.",
        );
        return (vec![wrong(key, name, "dkim/other-key", found)], algorithm);
    }
    let mut findings = length(key, name, &published.key);
    if published.testing {
        let found = words!(
            "鍵のレコードが試験中（t=y）で、署名の効き目がないことがあります。",
            "The key record says that it is being tested (t=y); signatures may count for nothing.",
        );
        let finding = Finding::new("dkim/testing", (Check::Dkim, name), Level::Warning, "RFC 6376 3.6.1", found);
        let record = DnsRecord::txt(name, published.key.record());
        findings.push(finding.remedy(words!("t=y を消してください。", "Remove t=y.")).publish(record));
    }
    if findings.is_empty() {
        let (kind, bits) = (published.key.algorithm.as_str(), published.key.bits().unwrap_or(0));
        let found = if key.public.is_some() {
            words!(
                "鍵は公開され、こちらの秘密鍵と対です（{kind}, {bits} ビット）。",
                "The key is published and belongs to ours ({kind}, {bits} bits)."
            )
        } else {
            words!("鍵は公開されています（{kind}, {bits} ビット）。", "The key is published ({kind}, {bits} bits).")
        };
        findings.push(Finding::new("dkim/published", (Check::Dkim, name), Level::Ok, "RFC 6376", found));
    }
    (findings, algorithm)
}

fn length(key: &SigningKey, name: &str, published: &PublicKey) -> Vec<Finding> {
    let bits = match published.bits() {
        None => {
            let found = words!("公開鍵（p=）が壊れています。", "The public key (p=) is damaged.");
            return vec![wrong(key, name, "dkim/damaged", found)];
        }
        Some(_) if published.algorithm == Algorithm::Ed25519 => return Vec::new(),
        Some(bits) if bits >= BITS_GOOD => return Vec::new(),
        Some(bits) => bits,
    };
    let remedy = words!(
        "`todoke dkim new` で 2048 ビットの鍵を作り、新しいセレクターで公開してください。",
        "Make a key of 2048 bits with `todoke dkim new` and publish it under a new selector.",
    );
    let place = (Check::Dkim, name);
    let finding = if bits < BITS_MIN {
        let found = words!(
            "RSA の鍵が {bits} ビットしかありません。1024 ビット未満は署名なしと見なされます。",
            "The RSA key has only {bits} bits. Below 1024 mail counts as unsigned.",
        );
        Finding::new("dkim/too-short", place, Level::Error, GMAIL, found).objected(objections(&[Matter::DkimLength]))
    } else {
        let found = words!(
            "RSA の鍵が {bits} ビットです。2048 ビットにしてください。",
            "The RSA key has {bits} bits. Use 2048.",
        );
        Finding::new("dkim/short", place, Level::Warning, "RFC 8301 3.2", found)
    };
    vec![finding.remedy(remedy)]
}

struct Published {
    key: PublicKey,
    testing: bool,
}

enum Fault {
    Broken(String),
    Revoked,
    NotForMail,
}

/// Reads a key record, RFC 6376 3.6.1.
fn read(text: &str) -> Result<Published, Fault> {
    let tags = Tags::parse(text).map_err(Fault::Broken)?;
    if tags.get("v").is_some() && !tags.begins_with_version("DKIM1") {
        return Err(Fault::Broken(format!("v={}", tags.get("v").unwrap_or_default())));
    }
    let algorithm = match tags.get("k").unwrap_or("rsa").to_ascii_lowercase().as_str() {
        "rsa" => Algorithm::Rsa,
        "ed25519" => Algorithm::Ed25519,
        other => return Err(Fault::Broken(format!("k={other}"))),
    };
    let letters: String = tags.get("p").ok_or(Fault::Broken("p=".to_owned()))?.split_whitespace().collect();
    if letters.is_empty() {
        return Err(Fault::Revoked);
    }
    let bytes = BASE64.decode(letters.as_bytes()).map_err(|_| Fault::Broken("p=".to_owned()))?;
    let service = tags.get("s").is_none() || tags.items("s", ':').any(|item| item == "*" || item == "email");
    let hash = tags.get("h").is_none() || tags.items("h", ':').any(|item| item.eq_ignore_ascii_case("sha256"));
    if !service || !hash {
        return Err(Fault::NotForMail);
    }
    let testing = tags.items("t", ':').any(|flag| flag.eq_ignore_ascii_case("y"));
    Ok(Published { key: PublicKey { algorithm, bytes }, testing })
}
